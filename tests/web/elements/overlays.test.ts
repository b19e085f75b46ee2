/** Names in the picture, without an engine. */

import { expect, test } from 'vitest';
import { SpriteKind } from '../../../web/src/engine/contract.gen.js';
import { Overlays, type OverlaysOptions } from '../../../web/src/worker/overlays.js';
import type { Source } from '../../../web/src/worker/sources.js';

test('a name that is cleared leaves the picture, and comes back when there is one again', () => {
  const shown = new Set<string>();
  const source = { id: 'ada', name: 'Ada', showName: true } as Source;
  const overlays = new Overlays({
    recorder: {
      showSprite: ({ id }: { id: string }) => shown.add(id),
      hideSprite: (id: string) => shown.delete(id),
      placed: () => [],
    },
    sources: { all: () => [source] },
    width: 640,
    height: 360,
    nowUs: () => 0,
    wallUs: () => 0,
    composed: () => ['ada'],
  } as unknown as OverlaysOptions);
  overlays.redraw();
  expect([...shown]).toEqual(['name:ada']);
  for (const name of ['', '  ']) {
    source.name = name;
    overlays.renamed(source);
    expect([...shown]).toEqual([]);
    source.name = 'Ada';
    overlays.renamed(source);
    expect([...shown]).toEqual(['name:ada']);
  }
});

interface Remembered {
  overlays: Overlays;
  shown: Map<string, { width: number; height: number; rgba: Uint8ClampedArray }>;
  kinds: Map<string, number>;
}

/** Overlays over an engine that only remembers which sprites are shown. */
function remembering(): Remembered {
  const kinds = new Map<string, number>();
  const shown = new Map<string, { width: number; height: number; rgba: Uint8ClampedArray }>();
  const overlays = new Overlays({
    recorder: {
      showSprite: (
        what: { id: string; kind: number },
        rgba: Uint8ClampedArray,
        size: { width: number; height: number },
      ) => {
        kinds.set(what.id, what.kind);
        shown.set(what.id, { width: size.width, height: size.height, rgba });
      },
      hideSprite: (id: string) => shown.delete(id),
      placed: () => [{ source: 0, x: 0, y: 0, width: 0.25, height: 0.25 }],
    },
    sources: { all: () => [] },
    width: 1280,
    height: 720,
    nowUs: () => 0,
    wallUs: () => 0,
    composed: () => ['ada'],
  } as unknown as OverlaysOptions);
  return { overlays, shown, kinds };
}

test('of two hooks at one place only the later one is shown; another place keeps its own', () => {
  const { overlays, shown } = remembering();
  overlays.showHook({ id: 'a', text: 'A rather long hook' });
  overlays.showHook({ id: 'ada', text: 'Ada', sourceId: 'ada' });
  overlays.showHook({ id: 'b', text: 'Short' });
  expect([...shown.keys()]).toEqual(['ada', 'b']);
  expect(() => overlays.showHook({ id: 'c', text: ' ' })).toThrow();
  expect([...shown.keys()]).toEqual(['ada', 'b']);
  overlays.redraw();
  expect([...shown.keys()]).toEqual(['ada', 'b']);
});

test('a long hook takes more lines, at most three and a second text of two, and stays within the picture', () => {
  const { overlays, shown } = remembering();
  const heightOf = (text: string, subtitle = '', sourceId?: string): number => {
    overlays.showHook({ id: 'x', text, subtitle, ...(sourceId === undefined ? {} : { sourceId }) });
    const { width, height } = shown.get('x')!;
    expect(width).toBeLessThanOrEqual(sourceId === undefined ? 0.9 * 1280 + 2 : 320);
    return height;
  };
  const one = heightOf('Short');
  const two = heightOf('A text of about seventy or eighty characters goes on to a second line of it');
  const most = heightOf('word '.repeat(200));
  expect(two).toBeGreaterThan(one);
  expect(most).toBeGreaterThan(two);
  expect(heightOf('word '.repeat(400))).toBe(most);
  expect(most - one).toBeLessThanOrEqual(2 * 36 + 2);
  expect(heightOf('word '.repeat(200), 'and more '.repeat(200))).toBeLessThan(360);
  expect(heightOf('word '.repeat(200), 'and more '.repeat(200), 'ada')).toBeLessThanOrEqual(110);
});

test('what is written from right to left has its bar on the right', () => {
  const { overlays, shown } = remembering();
  const red = (text: string): { left: boolean; right: boolean } => {
    overlays.showHook({ id: 'x', text, background: '#102030' });
    const { width, height, rgba } = shown.get('x')!;
    const at = (x: number): boolean => (rgba[(Math.floor(height / 2) * width + x) * 4] ?? 0) > 200;
    return { left: at(1), right: at(width - 2) };
  };
  expect(red('Ada')).toEqual({ left: true, right: false });
  expect(red('شكرا جزيلا')).toEqual({ left: false, right: true });
});

test('a logo stands in its corner at its share of the height, never too wide, and keeps what it lets through', () => {
  const { overlays, shown, kinds } = remembering();
  const picture = (width: number, height: number): ImageBitmap => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d')!;
    context.fillStyle = '#ff0000';
    context.fillRect(0, 0, width / 2, height);
    return canvas.transferToImageBitmap();
  };
  overlays.setLogo({ image: picture(400, 200), corner: 'bottom-right', size: 0.1 });
  const logo = shown.get('corner:logo')!;
  expect([logo.width, logo.height, kinds.get('corner:logo')]).toEqual([144, 72, SpriteKind.bottomRight]);
  const alpha = (x: number): number => logo.rgba[(36 * logo.width + x) * 4 + 3] ?? -1;
  expect([alpha(10), alpha(130)]).toEqual([255, 0]);
  overlays.setLogo({ image: picture(4000, 20), corner: 'top-left', size: 0.5 });
  expect(shown.get('corner:logo')!.width).toBeLessThanOrEqual(0.6 * 1280);
  expect(shown.get('corner:logo')!.height).toBeGreaterThanOrEqual(2);
  expect(kinds.get('corner:logo')).toBe(SpriteKind.topLeft);
  overlays.setLogo(null);
  expect([...shown.keys()]).toEqual([]);
});
