/** Rasterises names and hooks: text to straight-alpha RGBA at the canvas's own size. */

import { Limit } from '../engine/contract.gen.js';
import type { HookOptions } from '../base/types.js';
import { isRightToLeft, textLines } from './text-lines.js';

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

export interface Sprite {
  width: number;
  height: number;
  rgba: Uint8ClampedArray;
}

/** A name tag for a tile of `tileWidth` pixels on a canvas of `canvasHeight`. */
export function nameSprite(name: string, tileWidth: number, canvasHeight: number): Sprite | null {
  const size = Math.max(11, Math.round(canvasHeight / 36));
  const pad = Math.round(size * 0.55);
  const font = `600 ${size}px ${FONT}`;
  const room = Math.max(size * 3, tileWidth - 4 * pad);
  const text = textLines(name.replace(/\s+/g, ' '), { measure: measureIn(font), room, most: 1 });
  const label = text.lines[0];
  if (label === undefined) return null;
  return draw(text.width + 2 * pad, size + 1.1 * pad, (context, width, height) => {
    context.fillStyle = 'rgb(12 14 18 / 72%)';
    context.beginPath();
    context.roundRect(0, 0, width, height, height * 0.28);
    context.fill();
    context.font = font;
    context.fillStyle = '#fff';
    context.textBaseline = 'middle';
    context.fillText(label, pad, height / 2 + size * 0.04);
  });
}

/** Lines of a hook and of its second text, where the tile is high enough. */
const HOOK_LINES = 3;
const SUBTITLE_LINES = 2;
const LEADING = 1.2;
/** Of the tile's height, that a hook may cover. */
const HOOK_SHARE = 0.5;

/**
 * A banner for a tile of `tile` pixels. Long texts take up to three lines, fewer on a small tile, and end in an
 * ellipsis where that is not enough. What is written from right to left stands on the right.
 */
export function hookSprite(hook: HookOptions, tile: { width: number; height: number }, canvasHeight: number): Sprite {
  const size = Math.max(14, Math.round(canvasHeight / 24));
  const small = Math.round(size * 0.62);
  const pad = Math.round(size * 0.7);
  const bar = Math.max(3, Math.round(size * 0.16));
  const room = Math.min(Limit.spriteMaxSide, Math.max(size * 5, tile.width * 0.9)) - 2 * pad - bar;
  const left = tile.height * HOOK_SHARE - 1.3 * pad;
  const text = block(hook.text, `700 ${size}px ${FONT}`, size * LEADING, { room, height: left, most: HOOK_LINES });
  const second = block(hook.subtitle ?? '', `500 ${small}px ${FONT}`, small * LEADING, {
    room,
    height: left - text.height,
    most: SUBTITLE_LINES,
  });
  const space = second.lines.length > 0 ? small * 0.25 : 0;
  const wide = Math.max(text.width, second.width) + 2 * pad + bar;
  const high = text.height + second.height + space + 1.3 * pad - size * (LEADING - 1);
  return draw(wide, high, (context, width, height) => {
    const rightToLeft = isRightToLeft(hook.text);
    panel(context, { width, height, radius: Math.round(size * 0.3), bar, rightToLeft }, hook);
    context.fillStyle = cssColor(hook.color, '#fff');
    context.direction = rightToLeft ? 'rtl' : 'ltr';
    context.textAlign = rightToLeft ? 'right' : 'left';
    context.textBaseline = 'top';
    const x = rightToLeft ? width - pad - bar : pad + bar;
    write(context, text, x, pad * 0.65);
    context.globalAlpha = 0.82;
    write(context, second, x, pad * 0.65 + text.height + space);
  });
}

interface Block {
  lines: string[];
  font: string;
  leading: number;
  width: number;
  height: number;
}

function block(
  text: string,
  font: string,
  leading: number,
  { room, height, most }: { room: number; height: number; most: number },
): Block {
  const fits = Math.max(1, Math.min(most, Math.floor(height / leading)));
  const { lines, width } = textLines(text, { measure: measureIn(font), room, most: fits });
  return { lines, font, leading, width, height: lines.length * leading };
}

function write(
  context: OffscreenCanvasRenderingContext2D,
  { lines, font, leading }: Block,
  x: number,
  y: number,
): void {
  context.font = font;
  lines.forEach((line, i) => context.fillText(line, x, y + i * leading));
}

function panel(
  context: OffscreenCanvasRenderingContext2D,
  {
    width,
    height,
    radius,
    bar,
    rightToLeft,
  }: { width: number; height: number; radius: number; bar: number; rightToLeft: boolean },
  hook: HookOptions,
): void {
  context.fillStyle = cssColor(hook.background, 'rgb(16 19 26 / 90%)');
  context.beginPath();
  context.roundRect(0, 0, width, height, radius);
  context.fill();
  context.save();
  context.clip();
  context.fillStyle = '#ff4d5e';
  context.fillRect(rightToLeft ? width - bar : 0, 0, bar, height);
  context.restore();
}

function draw(
  wantedWidth: number,
  wantedHeight: number,
  paint: (context: OffscreenCanvasRenderingContext2D, width: number, height: number) => void,
): Sprite {
  const width = clamp(wantedWidth);
  const height = clamp(wantedHeight);
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('This browser gives no 2D canvas in a worker.');
  paint(context, width, height);
  return { width, height, rgba: context.getImageData(0, 0, width, height).data };
}

/** Even, so that chroma lines up. */
function clamp(side: number): number {
  return Math.min(Limit.spriteMaxSide, Math.max(2, Math.ceil(side / 2) * 2));
}

let measuring: OffscreenCanvasRenderingContext2D | null = null;

function measureIn(font: string): (text: string) => number {
  measuring ??= new OffscreenCanvas(1, 1).getContext('2d');
  return (text) => {
    if (!measuring) return text.length;
    measuring.font = font;
    return measuring.measureText(text).width;
  };
}

/** A colour that cannot be parsed leaves fillStyle as it was, so the fallback is set first. */
function cssColor(color: string | undefined, fallback: string): string {
  return color !== undefined && /^#[0-9a-f]{3,8}$/i.test(color) ? color : fallback;
}
