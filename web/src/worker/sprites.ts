/** Rasterises names and hooks: text to straight-alpha RGBA at the canvas's own size. */

import { Limit } from '../engine/contract.gen.js';
import type { HookOptions } from '../types.js';

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
  const text = fitText(name, font, Math.max(size * 3, tileWidth - 4 * pad));
  if (text.label === '') return null;
  return draw(text.width + 2 * pad, size + 1.1 * pad, (context, width, height) => {
    context.fillStyle = 'rgb(12 14 18 / 72%)';
    context.beginPath();
    context.roundRect(0, 0, width, height, height * 0.28);
    context.fill();
    context.font = font;
    context.fillStyle = '#fff';
    context.textBaseline = 'middle';
    context.fillText(text.label, pad, height / 2 + size * 0.04);
  });
}

/** A banner for a tile of `tileWidth` pixels. */
export function hookSprite(hook: HookOptions, tileWidth: number, canvasHeight: number): Sprite {
  const size = Math.max(14, Math.round(canvasHeight / 24));
  const small = Math.round(size * 0.62);
  const pad = Math.round(size * 0.7);
  const bar = Math.max(3, Math.round(size * 0.16));
  const room = Math.max(size * 5, tileWidth * 0.9 - 2 * pad - bar);
  const font = `700 ${size}px ${FONT}`;
  const smallFont = `500 ${small}px ${FONT}`;
  const line = fitText(hook.text, font, room);
  const second = hook.subtitle ? fitText(hook.subtitle, smallFont, room) : null;
  const textWidth = Math.max(line.width, second?.width ?? 0);
  const textHeight = size + (second ? small * 1.45 : 0);
  return draw(textWidth + 2 * pad + bar, textHeight + 1.3 * pad, (context, width, height) => {
    context.fillStyle = cssColor(hook.background, 'rgb(16 19 26 / 90%)');
    context.beginPath();
    context.roundRect(0, 0, width, height, Math.round(size * 0.3));
    context.fill();
    context.save();
    context.clip();
    context.fillStyle = '#ff4d5e';
    context.fillRect(0, 0, bar, height);
    context.restore();
    context.fillStyle = cssColor(hook.color, '#fff');
    context.textBaseline = 'top';
    context.font = font;
    context.fillText(line.label, pad + bar, pad * 0.65);
    if (!second) return;
    context.globalAlpha = 0.82;
    context.font = smallFont;
    context.fillText(second.label, pad + bar, pad * 0.65 + size * 1.2);
  });
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

const measuring = new OffscreenCanvas(1, 1).getContext('2d');

function fitText(text: string, font: string, room: number): { label: string; width: number } {
  if (!measuring) return { label: text, width: room };
  measuring.font = font;
  let characters = [...text.trim()].slice(0, 200);
  let label = characters.join('');
  while (characters.length > 1 && measuring.measureText(label).width > room) {
    characters = characters.slice(0, -1);
    label = `${characters.join('').trimEnd()}…`;
  }
  return { label, width: measuring.measureText(label).width };
}

/** A colour that cannot be parsed leaves fillStyle as it was, so the fallback is set first. */
function cssColor(color: string | undefined, fallback: string): string {
  return color !== undefined && /^#[0-9a-f]{3,8}$/i.test(color) ? color : fallback;
}
