/** `<kt-hooks-panel>`, `<kt-sources-panel>`, `<kt-stats>`. */

import { expect, test } from 'vitest';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import { layerOrder } from '../../../web/elements/layers.js';
import { audit, button, called, fakeMedia, mount, one, until } from './fixture.js';

function fill(root: ShadowRoot, name: string, value: string): void {
  one<HTMLInputElement>(root, `[name=${name}]`).value = value;
}

test('the panels pass the audit', async () => {
  const hooks = await mount('kt-hooks-panel', { people: 2 });
  fill(hooks.root, 'text', 'Welcome');
  button(hooks.root, 'Show hook').click();
  await until(() => hooks.store.hooks.length === 1);
  await hooks.drawn();
  await audit(hooks.element);
  const sources = await mount('kt-sources-panel', { people: 2 });
  sources.recorder.pushStats();
  button(sources.root, 'More for Ada').click();
  await sources.drawn();
  await audit(sources.element);
  await audit((await mount('kt-sources-panel')).element);
  const stats = await mount('kt-stats');
  stats.recorder.pushStats();
  await stats.drawn();
  await audit(stats.element);
});

test('a hook is shown with its options, hidden, shown again and removed', async () => {
  const { recorder, root, store, drawn } = await mount('kt-hooks-panel', { people: 1 });
  fill(root, 'text', ' Ada Byron ');
  fill(root, 'subtitle', 'Countess');
  fill(root, 'source', 'ada');
  button(root, 'Show hook').click();
  await until(() => store.hooks.length === 1);
  await drawn();
  expect(recorder.calls[0]?.[1]).toMatchObject({ text: 'Ada Byron', subtitle: 'Countess', sourceId: 'ada' });
  expect(one<HTMLInputElement>(root, '[name=text]').value).toBe('');
  button(root, 'Hide Ada Byron').click();
  await drawn();
  expect(store.hooks[0]?.visible).toBe(false);
  button(root, 'Show Ada Byron').click();
  await until(() => store.hooks[0]?.visible === true);
  expect(store.hooks.length).toBe(1);
  await drawn();
  button(root, 'Remove Ada Byron').click();
  await until(() => store.hooks.length === 0);
  expect(called(recorder)).toEqual(['showHook', 'hideHook', 'showHook', 'hideHook']);
});

test('a hook is prepared without being shown, Enter included, and shown later', async () => {
  const { recorder, root, store, drawn } = await mount('kt-hooks-panel', { people: 1 });
  fill(root, 'text', 'Welcome');
  one<HTMLFormElement>(root, 'form').requestSubmit();
  await until(() => store.hooks.length === 1);
  fill(root, 'text', 'Thanks');
  button(root, 'Add to list').click();
  await until(() => store.hooks.length === 2);
  expect(called(recorder)).toEqual([]);
  expect(store.hooks.map((h) => [h.text, h.visible])).toEqual([
    ['Welcome', false],
    ['Thanks', false],
  ]);
  await drawn();
  expect(one<HTMLInputElement>(root, '[name=text]').value).toBe('');
  button(root, 'Show Thanks').click();
  await until(() => store.hooks[1]?.visible === true);
  expect([...recorder.hooks.values()].map((h) => h.text)).toEqual(['Thanks']);
});

test('a hook is edited: in the list, and in the picture while it is shown there', async () => {
  const { recorder, root, store, drawn } = await mount('kt-hooks-panel', { people: 1 });
  await store.perform('kt-hook-add-request', { hook: { text: 'Welcom', color: '#abcdef', sourceId: 'gone' } });
  await drawn();
  expect(button(root, 'Show Welcom').disabled).toBe(true);
  button(root, 'Edit Welcom').click();
  await until(() => one<HTMLInputElement>(root, '[name=text]').value === 'Welcom');
  expect(root.activeElement?.getAttribute('name')).toBe('text');
  await audit(one(root, 'form'));
  fill(root, 'text', 'Welcome');
  button(root, 'Save').click();
  await until(() => store.hooks[0]?.text === 'Welcome');
  // What the form does not know stays: colours of a page's own, a person who is not there now.
  expect(store.hooks[0]).toMatchObject({ color: '#abcdef', sourceId: 'gone', visible: false });
  expect(called(recorder)).toEqual([]);
  await drawn();
  button(root, 'Edit Welcome').click();
  await until(() => one<HTMLInputElement>(root, '[name=text]').value === 'Welcome');
  fill(root, 'source', '');
  button(root, 'Save').click();
  await until(() => store.hooks[0]?.sourceId === undefined);
  await drawn();
  button(root, 'Show Welcome').click();
  await until(() => store.hooks[0]?.visible === true);
  await drawn();
  button(root, 'Edit Welcome').click();
  await until(() => one<HTMLInputElement>(root, '[name=text]').value === 'Welcome');
  fill(root, 'text', 'Welcome all');
  one(root, '[name=text]').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
  await drawn();
  expect(button(root, 'Add to list')).not.toBeNull();
  expect(store.hooks[0]?.text).toBe('Welcome');
  await store.perform('kt-hook-change-request', { id: store.hooks[0]!.id, hook: { text: 'Welcome all' } });
  expect([...recorder.hooks.values()].map((h) => h.text)).toEqual(['Welcome all']);
  recorder.failNext = { name: 'showHook', error: new KeeptakeError('limit', 'Too many.') };
  await store.perform('kt-hook-change-request', { id: store.hooks[0]!.id, hook: { text: 'Refused' } });
  expect(store.hooks[0]?.text).toBe('Welcome all');
  expect(store.hooks.length).toBe(1);
});

test('hooks are put in order with the keys and with the pointer; Escape leaves them', async () => {
  const { root, store, drawn, element } = await mount('kt-hooks-panel');
  for (const text of ['One', 'Two', 'Three']) {
    await store.perform('kt-hook-add-request', { hook: { text } });
  }
  await drawn();
  const order = (): string => store.hooks.map((h) => h.text).join(' ');
  const key = (name: string, key: string): boolean =>
    button(root, `Move ${name}`).dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  key('One', 'ArrowDown');
  expect(order()).toBe('Two One Three');
  await drawn();
  await element.updateComplete;
  expect(root.activeElement?.getAttribute('aria-label')).toBe('Move One');
  expect(root.textContent).toContain('One: place 2 of 3');
  key('One', 'End');
  expect(order()).toBe('Two Three One');
  await drawn();
  key('One', 'ArrowDown');
  expect(order()).toBe('Two Three One');
  const drag = (name: string, by: number, end: 'pointerup' | 'pointercancel' | 'Escape'): void => {
    const grip = button(root, `Move ${name}`);
    const { x, y } = grip.getBoundingClientRect();
    grip.setPointerCapture = () => undefined;
    const point = (type: string, dy: number): boolean =>
      grip.dispatchEvent(
        new PointerEvent(type, { clientX: x + 5, clientY: y + 5 + dy, pointerId: 7, bubbles: true, cancelable: true }),
      );
    point('pointerdown', 0);
    point('pointermove', by / 2);
    point('pointermove', by);
    if (end === 'Escape') {
      document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true }));
      point('pointerup', by);
    } else {
      point(end, by);
    }
  };
  drag('One', -400, 'Escape');
  expect(order()).toBe('Two Three One');
  drag('One', -400, 'pointercancel');
  expect(order()).toBe('Two Three One');
  expect([...root.querySelectorAll<HTMLElement>('li')].map((li) => li.style.transform)).toEqual(['', '', '']);
  drag('Two', 2, 'pointerup');
  expect(order()).toBe('Two Three One');
  drag('One', -400, 'pointerup');
  expect(order()).toBe('One Two Three');
});

test('a list that is full refuses one more, with a word', async () => {
  const { store } = await mount('kt-hooks-panel');
  for (let i = 0; i < 70; i += 1) {
    await store.perform('kt-hook-add-request', { hook: { text: `Hook ${i}` } });
  }
  expect(store.hooks.length).toBe(60);
  expect(store.notices.at(-1)?.message).toContain('60 hooks');
});

test('a hook takes the place of the one that is there, and the list says so', async () => {
  const { recorder, store } = await mount('kt-hooks-panel', { people: 1 });
  const show = (text: string, sourceId?: string): Promise<boolean> =>
    store.perform('kt-hook-show-request', { hook: { text, ...(sourceId === undefined ? {} : { sourceId }) } });
  await show('A rather long hook');
  await show('On Ada', 'ada');
  await show('Short');
  expect([...recorder.hooks.values()].map((h) => h.text)).toEqual(['On Ada', 'Short']);
  expect(store.hooks.map((h) => h.visible)).toEqual([false, true, true]);
  recorder.failNext = { name: 'showHook', error: new KeeptakeError('limit', 'Too many.') };
  await show('Refused');
  expect(store.hooks.map((h) => h.visible)).toEqual([false, true, true]);
});

test('a hook on somebody who leaves is not called on screen any more', async () => {
  const { recorder, store } = await mount('kt-hooks-panel', { people: 2 });
  await store.perform('kt-hook-show-request', { hook: { text: 'On Ada', sourceId: 'ada' } });
  await recorder.removeSource('ada');
  expect(store.hooks.map((h) => h.visible)).toEqual([false]);
  expect(recorder.hooks.size).toBe(0);
});

test('an empty hook is not sent', async () => {
  const { recorder, root, drawn } = await mount('kt-hooks-panel');
  fill(root, 'text', '   ');
  button(root, 'Show hook').click();
  await drawn();
  expect(called(recorder)).toEqual([]);
});

test('a hook that hides by itself is marked hidden', async () => {
  const { root, store, recorder } = await mount('kt-hooks-panel');
  one<HTMLInputElement>(root, '[name=auto]').click();
  await until(() => !one<HTMLInputElement>(root, '[name=seconds]').disabled);
  fill(root, 'text', 'Soon gone');
  fill(root, 'seconds', '1');
  button(root, 'Show hook').click();
  await until(() => store.hooks[0]?.visible === true);
  expect(recorder.calls[0]?.[1]).toMatchObject({ duration: 1 });
  await until(() => store.hooks[0]?.visible === false, 'hidden after a second');
});

test('mute, shape, name tag, volume and leaving', async () => {
  const { recorder, root, store, drawn } = await mount('kt-sources-panel', { people: 2 });
  button(root, 'Mute Ada').click();
  await drawn();
  expect(recorder.sources[0]?.audioMuted).toBe(true);
  expect(button(root, 'Mute Ada').getAttribute('aria-pressed')).toBe('true');
  button(root, 'Hide picture of Grace').click();
  await drawn();
  expect(recorder.sources[1]?.videoMuted).toBe(true);
  button(root, 'More for Ada').click();
  await drawn();
  button(root, 'Circle').click();
  await drawn();
  expect(store.look('ada').shape).toBe('circle');
  const tag = [...root.querySelectorAll<HTMLLabelElement>('.switch')].find((l) => l.textContent?.includes('Name tag'));
  tag?.querySelector('input')?.click();
  await drawn();
  expect(recorder.calls.at(-1)).toEqual(['setName', 'ada', 'Ada', true]);
  const volume = one<HTMLInputElement>(root, 'input[aria-label="Volume of Ada"]');
  volume.value = '150';
  volume.dispatchEvent(new Event('input'));
  await drawn();
  expect(recorder.sources[0]?.gain).toBe(1.5);
  button(root, 'Remove Ada').click();
  await until(() => recorder.sources.length === 1);
  expect(recorder.composition.sources.map((s) => s.id)).toEqual(['grace']);
});

test('people are put in another order and to the front; undo brings the order back', async () => {
  const { recorder, root, store, drawn } = await mount('kt-sources-panel', { people: 3 });
  const ids = (): string => recorder.composition.sources.map((s) => s.id).join(' ');
  await store.perform('kt-composition-request', {
    composition: { ...store.composition, sources: [{ id: 'ada', shape: 'circle' }, { id: 'grace' }, { id: 'edsger' }] },
  });
  await drawn();
  const grip = button(root, 'Move Ada');
  grip.dispatchEvent(new KeyboardEvent('keydown', { key: 'End', bubbles: true, cancelable: true }));
  await until(() => ids() === 'grace edsger ada', 'moved');
  expect(store.look('ada').shape).toBe('circle');
  await drawn();
  expect([...root.querySelectorAll('li')].map((li) => li.getAttribute('aria-label'))).toEqual([
    'Grace',
    'Edsger',
    'Ada',
  ]);
  button(root, 'More for Grace').click();
  await drawn();
  await audit(root.host);
  button(root, 'To the front').click();
  await until(() => (store.look('grace').z ?? 0) === 2, 'in front');
  expect(ids()).toBe('grace edsger ada');
  button(root, 'To the back').click();
  await until(() => layerOrder(recorder.composition.sources)[0] === 'grace', 'at the back');
  expect(store.undo()).toBe(true);
});

test('a removed source that this page owns is stopped', async () => {
  const { store, recorder } = await mount('kt-sources-panel');
  const media = document.createElement('canvas').captureStream();
  let disposed = 0;
  await store.perform('kt-source-add-request', {
    media,
    options: { id: 'x' },
    owned: true,
    dispose: () => (disposed += 1),
  });
  await store.perform('kt-source-remove-request', { id: 'x' });
  expect(media.getTracks().every((t) => t.readyState === 'ended')).toBe(true);
  expect(disposed).toBe(1);
  expect(recorder.sources).toEqual([]);
});

test('everybody with sound has a meter, named after them; nobody else has', async () => {
  const { recorder, root, drawn } = await mount('kt-sources-panel', { people: 1 });
  await recorder.addSource(fakeMedia(false), { id: 'still', name: 'Still' });
  await drawn();
  const meters = [...root.querySelectorAll('kt-level')];
  expect(meters.map((meter) => meter.label)).toEqual(['Level of Ada']);
  recorder.emit('levels', { ada: { peak: 1, input: 1, clipped: false } });
  expect(one(meters[0]!.shadowRoot!, '[role=meter]').getAttribute('aria-valuenow')).toBe('100');
});

test('figures, and the warning of dropped frames', async () => {
  const { element, recorder, root, drawn } = await mount('kt-stats');
  expect(root.querySelector('dl')).toBeNull();
  recorder.pushStats({ framesDropped: 3, fps: 29.6, backlogBytes: 1_260_000, safeIn: 4.2 });
  await drawn();
  expect([...root.querySelectorAll('dd')].map((d) => d.textContent)).toEqual([
    '30',
    '3',
    '17.4 ms',
    '1.3 MB',
    '4 s',
    '148 MB',
  ]);
  expect([...root.querySelectorAll('dd.warn')].map((d) => d.textContent)).toEqual(['3']);
  element.compact = true;
  await drawn();
  expect(root.querySelectorAll('dd').length).toBe(4);
});

test('a recorder takes over what another one held: volumes, too, and one that is refused does not hold up the others', async () => {
  const first = await mount('kt-sources-panel', { people: 0 });
  const media = [fakeMedia(), fakeMedia(), fakeMedia()];
  for (const [i, each] of media.entries()) {
    await first.store.perform('kt-source-add-request', { media: each, options: { id: `p${i}` }, owned: true });
  }
  await first.store.perform('kt-gain-request', { id: 'p2', gain: 0.25 });
  await first.store.perform('kt-mute-request', { id: 'p2', audio: true });
  const second = await mount('kt-sources-panel', { people: 0 });
  const add = second.recorder.addSource.bind(second.recorder);
  second.recorder.addSource = (stream, options) =>
    options.id === 'p0'
      ? Promise.reject(new KeeptakeError('limit', 'No room for another source.'))
      : add(stream, options);
  await second.store.adopt(first.store);
  expect(second.recorder.sources.map(({ id, gain, audioMuted }) => [id, gain, audioMuted])).toEqual([
    ['p1', 1, false],
    ['p2', 0.25, true],
  ]);
  expect(media.map((each) => each.getTracks().every((track) => track.readyState === 'live'))).toEqual([
    false,
    true,
    true,
  ]);
  expect([second.store.notices.map(({ code }) => code), first.store.media.size]).toEqual([['limit'], 0]);
});
