/** `<kt-layout-picker>`, `<kt-background-picker>`. */

import { expect, test, vi } from 'vitest';
import { freeSources } from '../../../web/elements/free.js';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import { audit, button, called, fakeMedia, mount, one, until } from './fixture.js';

const pick = (root: ShadowRoot, label: string): void =>
  one<HTMLInputElement>(root, `input[aria-label="${label}"]`).click();

test('both pickers pass the audit', async () => {
  const layout = await mount('kt-layout-picker', { people: 2 });
  pick(layout.root, 'Spotlight');
  await layout.drawn();
  await audit(layout.element);
  await audit((await mount('kt-background-picker')).element);
});

test('a layout is set, and the first source is featured where one must be', async () => {
  const { recorder, root, drawn } = await mount('kt-layout-picker', { people: 2 });
  pick(root, 'Side by side');
  await drawn();
  expect(recorder.composition.layout).toBe('side-by-side');
  expect(root.querySelector('select')).toBeNull();
  pick(root, 'Picture in picture');
  await drawn();
  expect(recorder.composition).toMatchObject({ layout: 'picture-in-picture', focus: 'ada' });
  const select = one<HTMLSelectElement>(root, 'select');
  select.value = 'grace';
  select.dispatchEvent(new Event('change'));
  await drawn();
  expect(recorder.composition.focus).toBe('grace');
});

test('a shared screen is featured before people', async () => {
  const { recorder, root, drawn } = await mount('kt-layout-picker', { people: 2 });
  await recorder.addSource(fakeMedia(), { id: 'screen', kind: 'screen' });
  pick(root, 'Screen only');
  await drawn();
  expect(recorder.composition.focus).toBe('screen');
});

test('the free layout begins where everybody stands', async () => {
  const { recorder, root } = await mount('kt-layout-picker', { people: 2 });
  const before = await recorder.placedSources();
  pick(root, 'Free');
  await until(() => recorder.composition.layout === 'free');
  expect(await recorder.placedSources()).toEqual(before);
});

test('from the screen alone to free, everybody else can be seen and taken hold of', async () => {
  const { recorder, root } = await mount('kt-layout-picker', { people: 3 });
  pick(root, 'Screen only');
  await until(() => recorder.composition.layout === 'screen-only');
  pick(root, 'Free');
  await until(() => recorder.composition.layout === 'free');
  const [first, ...others] = recorder.composition.sources;
  expect(first?.placement).toEqual({ x: 0, y: 0, width: 1, height: 1 });
  const lefts = others.map(({ placement, z }) => {
    expect(z).toBeGreaterThan(first?.z ?? 0);
    expect(placement!.x).toBeGreaterThanOrEqual(0);
    expect(placement!.x + placement!.width).toBeLessThanOrEqual(1);
    return placement!.x;
  });
  expect(new Set(lefts).size).toBe(2);
});

test('sixteen who were not in the picture still stand inside it, each at its own place', () => {
  const people = Array.from({ length: 16 }, (_, i) => ({ id: `p${i}` }));
  const lefts = freeSources(people, []).map((s) => s.placement!.x);
  expect(Math.min(...lefts)).toBeGreaterThanOrEqual(0);
  expect(new Set(lefts).size).toBe(16);
});

test('a layout that the engine refuses is shown as it was', async () => {
  const { recorder, root, store, drawn } = await mount('kt-layout-picker', { people: 1 });
  recorder.failNext = { name: 'setComposition', error: new KeeptakeError('bad-composition', 'layout: no.') };
  pick(root, 'Spotlight');
  await until(() => store.notices.length === 1);
  await drawn();
  expect(one<HTMLInputElement>(root, 'input[aria-label="Grid"]').checked).toBe(true);
  expect(store.notices[0]?.code).toBe('bad-composition');
});

test('colours and gradients', async () => {
  const { recorder, root, drawn } = await mount('kt-background-picker');
  pick(root, 'Pine');
  await drawn();
  expect(recorder.composition.background).toEqual({ kind: 'color', color: '#14463c' });
  pick(root, 'Dusk');
  await drawn();
  expect(recorder.composition.background).toMatchObject({ kind: 'gradient', from: '#1d2250', angle: 45 });
  const own = one<HTMLInputElement>(root, 'input[type=color]');
  own.value = '#123456';
  own.dispatchEvent(new Event('change'));
  await drawn();
  expect(recorder.composition.background).toEqual({ kind: 'color', color: '#123456' });
});

test('a picture becomes the background; what is no picture leaves it alone', async () => {
  const { recorder, root, store } = await mount('kt-background-picker');
  const choose = (file: File): void => {
    const data = new DataTransfer();
    data.items.add(file);
    const input = one<HTMLInputElement>(root, 'input[type=file]');
    input.files = data.files;
    input.dispatchEvent(new Event('change'));
  };
  choose(new File(['no picture'], 'a.png', { type: 'image/png' }));
  await until(() => store.notices.length === 1);
  expect(called(recorder)).toEqual([]);
  const canvas = new OffscreenCanvas(4, 4);
  canvas.getContext('2d');
  choose(new File([await canvas.convertToBlob()], 'wall.png'));
  await until(() => recorder.composition.background?.kind === 'image');
  expect(called(recorder)).toEqual(['setImage', 'setComposition']);
  await until(() => root.textContent?.includes('wall.png') ?? false);
});

/** A picture of one colour, `#00` and the number in green and blue. */
async function numbered(number: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(4, 4);
  const context = canvas.getContext('2d')!;
  context.fillStyle = `rgb(200 ${number} ${255 - number})`;
  context.fillRect(0, 0, 4, 4);
  return canvas.convertToBlob();
}

test('a logo: chosen, moved to a corner, made larger, hidden and taken away; what is no picture leaves it', async () => {
  const { element, recorder, root, store, drawn } = await mount('kt-logo-picker');
  const choose = (file: File): void => {
    const data = new DataTransfer();
    data.items.add(file);
    const input = one<HTMLInputElement>(root, 'input[type=file]');
    input.files = data.files;
    input.dispatchEvent(new Event('change'));
  };
  choose(new File([await numbered(30)], 'logo.png', { type: 'image/png' }));
  await until(() => recorder.logo !== null, 'shown');
  expect(recorder.logo).toMatchObject({ corner: 'top-right', size: 0.12 });
  await drawn();
  await audit(element);
  one<HTMLInputElement>(root, '[aria-label="Bottom left"]').click();
  await until(() => recorder.logo?.corner === 'bottom-left', 'moved');
  const size = one<HTMLInputElement>(root, 'input[type=range]');
  size.value = '25';
  size.dispatchEvent(new Event('change'));
  await until(() => recorder.logo?.size === 0.25, 'larger');
  choose(new File(['no picture'], 'a.png', { type: 'image/png' }));
  await until(() => store.notices.length === 1, 'told');
  expect(store.notices[0]?.message).toContain('a.png');
  expect(recorder.logo).toMatchObject({ corner: 'bottom-left', size: 0.25 });
  one<HTMLInputElement>(root, '[role=switch]').click();
  await until(() => recorder.logo === null, 'hidden');
  expect(store.logo).toMatchObject({ corner: 'bottom-left', size: 0.25, shown: false });
  one<HTMLInputElement>(root, '[role=switch]').click();
  await until(() => recorder.logo !== null, 'shown again');
  const drawing =
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="red"/></svg>';
  choose(new File([drawing], 'logo.svg', { type: 'image/svg+xml' }));
  await until(() => (recorder.logo?.image as ImageBitmap | undefined)?.width === 1920, 'a drawing');
  recorder.failNext = { name: 'setLogo', error: new KeeptakeError('bad-argument', 'No.') };
  await store.perform('kt-logo-request', { corner: 'top-left' });
  expect(store.logo?.corner).toBe('bottom-left');
  await drawn();
  button(root, 'Remove the logo').click();
  await until(() => store.logo === null && recorder.logo === null, 'taken away');
});

test('any number of background pictures take few of the places of the engine; undo shows the picture of then', async () => {
  const { recorder, store } = await mount('kt-background-picker');
  const shown = (): number | null => {
    const background = recorder.composition.background;
    return background?.kind === 'image' ? (recorder.pixelOf(background.image)?.[1] ?? -1) : null;
  };
  // What the picture looked like before each change, the newest last.
  const before: (number | null)[] = [];
  // Each change is a gesture of its own.
  const clock = vi.spyOn(performance, 'now');
  let now = 0;
  clock.mockImplementation(() => (now += 10_000));
  try {
    for (let i = 1; i <= 10; i += 1) {
      before.push(shown());
      await store.perform('kt-background-image-request', { image: await numbered(i * 10) });
      expect(shown()).toBe(i * 10);
      if (i % 3 === 0) {
        before.push(shown());
        const composition = { ...store.composition, background: { kind: 'color', color: '#123456' } as const };
        await store.perform('kt-composition-request', { composition });
      }
    }
    const ids = recorder.calls.filter(([name]) => name === 'setImage').map(([, id]) => id);
    expect(new Set(ids).size).toBeLessThanOrEqual(4);
    for (const wanted of before.reverse()) {
      const was = store.composition;
      expect(store.undo()).toBe(true);
      await until(() => store.composition !== was && store.composition === recorder.composition, 'undone');
      expect(shown()).toBe(wanted);
    }
    expect(store.undo()).toBe(false);
  } finally {
    clock.mockRestore();
  }
});

test('colours and gradients are two groups: arrow keys stay in the one they are in', async () => {
  const { root } = await mount('kt-background-picker');
  const names = (label: string): (string | null)[] =>
    [...one(root, `[role=radiogroup][aria-label="${label}"]`).querySelectorAll('[type=radio]')].map((r) =>
      r.getAttribute('name'),
    );
  const [colours, gradients] = [names('Background colour'), names('Background gradient')];
  expect(new Set(colours).size).toBe(1);
  expect(new Set(gradients).size).toBe(1);
  expect(colours[0]).not.toBe(gradients[0]);
});
