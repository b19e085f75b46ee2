/** `<kt-stage>`: geometry, mouse, keyboard. */

import { expect, test } from 'vitest';
import type { Composition } from '../../../web/src/base/types.js';
import { adjustRect, snapRect } from '../../../web/elements/kt-stage.js';
import { layerOrder } from '../../../web/elements/layers.js';
import { audit, button, mount, one, until, type Fixture } from './fixture.js';

type Stage = Fixture<HTMLElementTagNameMap['kt-stage']>;

async function stage(people = 2): Promise<Stage> {
  const fixture = await mount('kt-stage', { people });
  fixture.element.style.cssText = 'inset:auto;left:20px;top:20px;width:800px;height:450px';
  await until(() => fixture.root.querySelectorAll('.host').length === people, 'hosts');
  return fixture;
}

const host = (s: Stage, id: string): HTMLElement => one(s.root, `.host[data-id="${id}"]`);

function point(target: Element, type: string, x: number, y: number): void {
  target.dispatchEvent(
    new PointerEvent(type, {
      clientX: x,
      clientY: y,
      button: 0,
      pointerId: 1,
      bubbles: true,
      composed: true,
      cancelable: true,
    }),
  );
}

/** setPointerCapture wants a pointer that is down; a made-up one is not. */
function allowCapture(target: HTMLElement): void {
  target.setPointerCapture = () => undefined;
}

const placed = (s: Stage, id: string): Composition['sources'][number]['placement'] =>
  s.recorder.composition.sources.find((x) => x.id === id)?.placement;

test('it passes the audit and names everybody', async () => {
  const s = await stage();
  await audit(s.element);
  expect(host(s, 'ada').getAttribute('aria-label')).toBe('Place of Ada');
});

test('rectangles stay inside the canvas and above the least size', () => {
  const rect = { x: 0.5, y: 0.5, width: 0.4, height: 0.4 };
  expect(adjustRect(rect, 'move', 1, -1)).toEqual({ x: 0.6, y: 0, width: 0.4, height: 0.4 });
  expect(adjustRect(rect, 'se', 1, 1)).toEqual({ x: 0.5, y: 0.5, width: 0.5, height: 0.5 });
  const small = adjustRect(rect, 'nw', 1, 1);
  expect(small.width).toBeCloseTo(0.06, 9);
  expect(small.x + small.width).toBeCloseTo(0.9, 9);
  expect(adjustRect(rect, 'ne', 0.05, -0.1).y).toBeCloseTo(0.4, 9);
});

test('edges and centres catch', () => {
  expect(snapRect({ x: 0.009, y: 0.305, width: 0.4, height: 0.4 })).toEqual({ x: 0, y: 0.3, width: 0.4, height: 0.4 });
  expect(snapRect({ x: 0.1, y: 0.1, width: 0.4, height: 0.4 }).x).toBe(0.1);
});

test('the first drag makes the layout free, everybody else stays put', async () => {
  const s = await stage();
  const before = await s.recorder.placedSources();
  const ada = host(s, 'ada');
  allowCapture(ada);
  point(ada, 'pointerdown', 100, 100);
  point(ada, 'pointermove', 102, 101);
  expect(s.recorder.composition.layout).toBe('grid');
  point(ada, 'pointermove', 180, 145);
  point(ada, 'pointerup', 180, 145);
  await until(() => s.recorder.composition.layout === 'free', 'free layout');
  const from = before.find((p) => p.id === 'ada')!;
  expect(placed(s, 'ada')?.x).toBeCloseTo(from.x + 0.1, 3);
  const grace = before.find((p) => p.id === 'grace')!;
  expect(placed(s, 'grace')).toEqual({ x: grace.x, y: grace.y, width: grace.width, height: grace.height });
});

test('a long drag sends few compositions, and the last place is the one that counts', async () => {
  const s = await stage();
  const ada = host(s, 'ada');
  allowCapture(ada);
  point(ada, 'pointerdown', 100, 100);
  for (let i = 1; i <= 60; i += 1) {
    point(ada, 'pointermove', 100 + i * 2, 100);
  }
  point(ada, 'pointerup', 220, 100);
  await until(() => s.recorder.calls.length >= 2, 'last place');
  expect(s.recorder.calls.length).toBeLessThanOrEqual(3);
  expect(placed(s, 'ada')?.x).toBeCloseTo(0.012 + 0.15, 3);
});

test('a corner resizes', async () => {
  const s = await stage();
  const ada = host(s, 'ada');
  ada.focus();
  await s.drawn();
  const corner = one(s.root, '.handle.se');
  allowCapture(corner);
  point(corner, 'pointerdown', 400, 400);
  point(corner, 'pointermove', 320, 355);
  point(corner, 'pointerup', 320, 355);
  await until(() => s.recorder.composition.layout === 'free', 'free layout');
  expect(placed(s, 'ada')?.width).toBeCloseTo(0.5 - 0.024 - 0.1, 3);
});

test('arrow keys move and resize, and say so', async () => {
  const s = await stage();
  const ada = host(s, 'ada');
  ada.focus();
  ada.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }));
  await until(() => placed(s, 'ada') !== undefined, 'move');
  expect(placed(s, 'ada')?.x).toBeCloseTo(0.032, 3);
  ada.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', shiftKey: true, bubbles: true, cancelable: true }));
  await until(() => Math.abs((placed(s, 'ada')?.height ?? 0) - 0.94) < 1e-6, 'resize');
  await s.drawn();
  expect(one(s.root, '[role=status]').textContent).toBe(
    'Ada: 3 % from the left, 2 % from the top, 48 % wide, 94 % high',
  );
});

test('Page Up and Page Down, and the buttons for mouse and finger, change the layer one step at a time', async () => {
  const s = await stage();
  const order = (): string => layerOrder(s.recorder.composition.sources).join(' ');
  const key = (id: string, key: string): boolean =>
    host(s, id).dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  const [first, second] = order().split(' ') as [string, string];
  key(first, 'PageUp');
  await until(() => order() === `${second} ${first}`, 'raised');
  // Who is in front already stays there.
  const sent = s.recorder.calls.length;
  key(first, 'PageUp');
  await s.drawn();
  expect(one(s.root, '[role=status]').textContent).toContain('layer 2 of 2');
  expect(s.recorder.calls.length).toBe(sent);
  expect(s.root.querySelector('.layers')).toBeNull();
  host(s, first).focus();
  await s.drawn();
  await audit(s.element);
  const name = s.store.nameOf(first);
  button(s.root, `Move back ${name}`).click();
  await until(() => order() === `${first} ${second}`, 'back');
  button(s.root, `Bring forward ${name}`).click();
  await until(() => order() === `${second} ${first}`, 'forward');
  expect((s.root.activeElement as HTMLElement | null)?.dataset['id']).toBe(first);
});

test('nobody can be moved once the take is being saved', async () => {
  const s = await stage();
  s.recorder.setState({ state: 'stopping', progress: 0 });
  await s.drawn();
  expect(s.root.querySelector('.host')).toBeNull();
});
