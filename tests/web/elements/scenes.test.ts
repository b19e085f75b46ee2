/** Scenes of the studio: what is kept, what comes back, and what is done with rubbish. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Composition } from '../../../web/src/base/types.js';
import { storeOf, type RecorderStore } from '../../../web/elements/index.js';
import { StudioScenes } from '../../../web/pages/studio/studio-scenes.js';
import { getBlob } from '../../../web/pages/studio/blobs.js';
import { readLook, readScenes } from '../../../web/pages/studio/scenes.js';
import { FakeRecorder } from '../fake-recorder.js';
import { audit, button, fakeMedia, one, until } from './fixture.js';

if (customElements.get('studio-scenes') === undefined) {
  customElements.define('studio-scenes', StudioScenes);
}

const SCENES = 'keeptake.studio.scenes';
const LAST = 'keeptake.studio.last';

beforeEach(async () => {
  document.body.replaceChildren();
  await settle();
  localStorage.clear();
  document.documentElement.lang = 'en';
  document.documentElement.style.colorScheme = 'dark';
  document.body.style.cssText = 'background:#12161c;color:#fff';
});
afterEach(() => vi.restoreAllMocks());

interface Page {
  recorder: FakeRecorder;
  store: RecorderStore;
  panel: StudioScenes;
  root: ShadowRoot;
}

/** A page as it is after loading: a recorder of its own, people added as named. */
async function load(...people: string[]): Promise<Page> {
  document.body.replaceChildren();
  const recorder = new FakeRecorder({ server: null });
  const panel = document.createElement('studio-scenes') as StudioScenes;
  panel.recorder = recorder;
  document.body.append(panel);
  await recorder.ready;
  await panel.updateComplete;
  await settle();
  const store = storeOf(recorder);
  for (const id of people) {
    await store.perform('kt-source-add-request', { media: fakeMedia(), options: { id, name: id } });
  }
  return { recorder, store, panel, root: panel.shadowRoot! };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function save({ panel, root }: Page, name: string): Promise<void> {
  const before = panel.scenes.length;
  one<HTMLInputElement>(root, '[name=name]').value = name;
  button(root, 'Save scene').click();
  await until(() => panel.scenes.length === before + 1, 'saved');
  await panel.updateComplete;
}

const compose = (store: RecorderStore, patch: Partial<Composition>): Promise<boolean> =>
  store.perform('kt-composition-request', { composition: { ...store.composition, ...patch } });

async function coloured(color: string): Promise<Blob> {
  const canvas = new OffscreenCanvas(4, 4);
  const context = canvas.getContext('2d')!;
  context.fillStyle = color;
  context.fillRect(0, 0, 4, 4);
  return canvas.convertToBlob();
}

/** Mean colour of what is behind everybody; null while that is no picture. */
function backdrop({ recorder }: Page): number[] | null {
  const { background } = recorder.composition;
  return background?.kind === 'image' ? [...(recorder.pixelOf(background.image) ?? [])].slice(0, 3) : null;
}

test('a scene has layout, looks, background, hooks and names; undo takes it back whole', async () => {
  const page = await load('host', 'guest');
  const { recorder, store, panel, root } = page;
  await compose(store, {
    layout: 'spotlight',
    focus: 'guest',
    sources: [
      { id: 'guest', shape: 'circle' },
      { id: 'host', z: 3 },
    ],
  });
  await store.perform('kt-background-image-request', { image: await coloured('rgb(200 30 40)') });
  await store.perform('kt-hook-show-request', { hook: { text: 'Welcome' } });
  await store.perform('kt-hook-add-request', { hook: { text: 'Later' } });
  await store.perform('kt-name-request', { id: 'guest', name: 'Grace', show: true });
  await save(page, 'Opening');
  await audit(panel);
  const then = structuredClone(recorder.composition);

  await compose(store, {
    layout: 'grid',
    sources: [{ id: 'host' }, { id: 'guest' }],
    background: { kind: 'color', color: '#123456' },
  });
  await store.perform('kt-hook-hide-request', { id: store.hooks[0]!.id });
  await store.perform('kt-hook-show-request', { hook: { text: 'Interlude' } });
  await store.perform('kt-name-request', { id: 'guest', name: 'Somebody', show: false });
  const now = structuredClone(recorder.composition);

  button(root, 'Show scene Opening').click();
  await until(() => recorder.composition.layout === 'spotlight' && recorder.hooks.size === 1, 'shown');
  await until(() => [...recorder.hooks.values()][0]?.text === 'Welcome', 'the hook of the scene');
  expect({ ...recorder.composition, transition: undefined }).toEqual(then);
  expect(backdrop(page)).toEqual([200, 30, 40]);
  expect(recorder.sources.map((s) => s.name)).toEqual(['host', 'Grace']);
  expect(store.shownNames.has('guest')).toBe(true);
  expect(store.hooks.map((h) => h.text)).toEqual(['Welcome', 'Later', 'Interlude']);
  await panel.updateComplete;
  expect(button(root, 'Show scene Opening').getAttribute('aria-current')).toBe('true');

  expect(store.undo()).toBe(true);
  await until(() => [...recorder.hooks.values()][0]?.text === 'Interlude', 'the hook of before');
  expect(recorder.hooks.size).toBe(1);
  expect(recorder.composition).toEqual(now);
  expect(recorder.sources.map((s) => s.name)).toEqual(['host', 'Somebody']);
  expect(store.shownNames.has('guest')).toBe(false);
});

test('scenes are there after the page was loaded again, with their pictures; who comes later gets look and name', async () => {
  let page = await load('host', 'guest');
  await compose(page.store, {
    layout: 'side-by-side',
    sources: [{ id: 'guest', shape: 'rounded', mirror: true }, { id: 'host' }],
  });
  await page.store.perform('kt-background-image-request', { image: await coloured('rgb(10 90 160)') });
  await page.store.perform('kt-name-request', { id: 'guest', name: 'Grace', show: true });
  await page.store.perform('kt-hook-show-request', { hook: { text: 'On Grace', sourceId: 'guest' } });
  await save(page, 'Two');

  page = await load('host');
  expect(page.panel.scenes.map((s) => s.name)).toEqual(['Two']);
  await compose(page.store, { layout: 'grid', background: { kind: 'color', color: '#123456' } });
  await page.panel.apply(0);
  expect(page.store.notices).toEqual([]);
  expect(page.recorder.composition).toMatchObject({ layout: 'side-by-side', sources: [{ id: 'host' }] });
  expect(backdrop(page)).toEqual([10, 90, 160]);
  // Nobody is there for the hook: it waits in the list.
  expect(page.store.hooks.map((h) => [h.text, h.visible])).toEqual([['On Grace', false]]);
  await page.store.perform('kt-source-add-request', { media: fakeMedia(), options: { id: 'guest', name: 'guest' } });
  expect(page.recorder.sources.at(-1)?.name).toBe('Grace');
  expect(page.store.shownNames.has('guest')).toBe(true);
  expect(page.store.look('guest')).toMatchObject({ shape: 'rounded', mirror: true });
});

test('the look of last time stands there again; hooks are ready and not shown; nothing of it can be undone', async () => {
  let page = await load('host');
  await compose(page.store, { layout: 'picture-in-picture', gap: 0.05, sources: [{ id: 'host', shape: 'circle' }] });
  await page.store.perform('kt-background-image-request', { image: await coloured('rgb(70 80 90)') });
  await page.store.perform('kt-hook-show-request', { hook: { text: 'Welcome', subtitle: 'to the tides' } });
  await until(() => localStorage.getItem(LAST)?.includes('to the tides') ?? false, 'written');

  page = await load();
  expect(page.recorder.composition).toMatchObject({ layout: 'picture-in-picture', gap: 0.05, sources: [] });
  expect(backdrop(page)).toEqual([70, 80, 90]);
  expect(page.store.hooks).toMatchObject([{ text: 'Welcome', subtitle: 'to the tides', visible: false }]);
  expect(page.recorder.hooks.size).toBe(0);
  expect(page.store.undo()).toBe(false);
  await page.store.perform('kt-source-add-request', { media: fakeMedia(), options: { id: 'host', name: 'Host' } });
  expect(page.store.look('host')).toMatchObject({ shape: 'circle' });
});

test('the logo of last time comes back with its corner and size, and stays away once it is removed', async () => {
  let page = await load('host');
  const image = await coloured('rgb(9 8 7)');
  await page.store.perform('kt-logo-request', { image, corner: 'bottom-left', size: 0.2 });
  await settle();
  page = await load();
  await until(() => page.recorder.logo !== null, 'shown again');
  expect(page.recorder.logo).toMatchObject({ corner: 'bottom-left', size: 0.2 });
  await page.store.perform('kt-logo-request', { shown: false });
  await settle();
  page = await load();
  await until(() => page.store.logo !== null, 'ready');
  expect([page.recorder.logo, page.store.logo?.shown]).toEqual([null, false]);
  await page.store.perform('kt-logo-request', { image: null });
  await settle();
  for (const rubbish of ['{', '7', '{"kept":true,"corner":"middle","size":"x"}']) {
    localStorage.setItem('keeptake.studio.logo', rubbish);
    page = await load();
    await settle();
    expect([page.store.logo, page.store.notices]).toEqual([null, []]);
  }
});

test('what is no scene in the storage is left out, and what is wrong in one has no effect', async () => {
  const good = { id: 'ok', name: ' Good ', look: { composition: { layout: 'grid', sources: [{ id: 'a' }] } } };
  for (const rubbish of [
    '',
    '{',
    'null',
    '[]',
    '7',
    '{"scenes":7}',
    '{"scenes":[null,7,"x",{},{"id":7}]}',
    '{"scenes":{"a":1}}',
  ]) {
    localStorage.setItem(SCENES, rubbish);
    localStorage.setItem(LAST, rubbish);
    expect(readScenes()).toEqual([]);
    const { store } = await load();
    expect(store.notices).toEqual([]);
  }
  localStorage.setItem(
    SCENES,
    JSON.stringify({ scenes: [null, good, good, { ...good, id: 'bad id' }, { id: 'x', look: { composition: [] } }] }),
  );
  expect(readScenes().map((s) => [s.id, s.name])).toEqual([['ok', 'Good']]);
  const look = readLook({
    composition: {
      layout: 'nonsense',
      gap: 9,
      transition: 'long',
      focus: '../etc',
      background: { kind: 'gradient', from: 'red', to: '#000000' },
      sources: [
        {
          id: 'a',
          z: 1.5,
          radius: -1,
          opacity: 2,
          placement: { x: 0, y: null, width: 1, height: 1 },
          border: { width: 7 },
          shape: 'star',
        },
        { id: 'a', z: 2 },
        { id: 'b', z: 2, placement: { x: 0, y: 0, width: 0.5, height: 0.5 }, fit: 'contain' },
        { id: '<b>' },
        ...Array.from({ length: 40 }, (_, i) => ({ id: `s${i}` })),
      ],
    },
    hooks: [{ id: 'h', text: ' ' }, { id: 'h1', text: 'Hi', color: 'url(x)', duration: -1, visible: 'yes' }, 7],
    names: { a: { name: 'Ada', show: 1 }, '<b>': { name: 'x' }, c: { name: 7 } },
  });
  expect(look?.composition.sources.length).toBe(16);
  expect(look?.composition.sources.slice(0, 3)).toMatchObject([
    { id: 'a' },
    { id: 'b', z: 2, fit: 'contain' },
    { id: 's0' },
  ]);
  expect(Object.keys(look?.composition ?? {})).toEqual(['sources']);
  expect(Object.keys(look?.composition.sources[0] ?? {})).toEqual(['id']);
  expect(look?.hooks).toEqual([{ id: 'h1', text: 'Hi', visible: false }]);
  expect(look?.names).toEqual({ a: { name: 'Ada', show: false } });
});

test('a scene whose picture is gone leaves the background of now, and says so', async () => {
  let page = await load('host');
  await page.store.perform('kt-background-image-request', { image: await coloured('rgb(1 2 3)') });
  await save(page, 'Lost');
  const file = page.panel.scenes[0]!.pictureFile!;
  expect(await getBlob(file)).toBeInstanceOf(Blob);
  const kept = JSON.parse(localStorage.getItem(SCENES)!) as { scenes: { pictureFile: string }[] };
  kept.scenes[0]!.pictureFile = 'backdrop:none';
  localStorage.setItem(SCENES, JSON.stringify(kept));
  page = await load('host');
  await compose(page.store, { background: { kind: 'color', color: '#123456' } });
  await page.panel.apply(0);
  expect(page.recorder.composition.background).toEqual({ kind: 'color', color: '#123456' });
  expect(page.store.notices).toEqual([]);
  await page.panel.updateComplete;
  expect(page.root.textContent).toContain('not in this browser any more');
});

test('scenes are renamed, saved anew, put in order, removed and put back; another tab is heard', async () => {
  const page = await load('host');
  const { panel, root, store } = page;
  for (const name of ['One', 'Two', '']) {
    await save(page, name);
  }
  const names = (): string[] => panel.scenes.map((s) => s.name);
  expect(names()).toEqual(['One', 'Two', 'Scene 3']);
  button(root, 'Rename Two').click();
  await panel.updateComplete;
  one<HTMLInputElement>(root, '[name=rename]').value = 'Second';
  await audit(panel);
  button(root, 'Save name').click();
  expect(names()).toEqual(['One', 'Second', 'Scene 3']);
  await panel.updateComplete;
  button(root, 'Move One').dispatchEvent(new KeyboardEvent('keydown', { key: 'End', bubbles: true }));
  expect(names()).toEqual(['Second', 'Scene 3', 'One']);
  await compose(store, { layout: 'spotlight' });
  await panel.updateComplete;
  button(root, 'Save the picture of now as One').click();
  await until(() => panel.scenes[2]?.look.composition.layout === 'spotlight', 'saved anew');
  expect(panel.scenes[0]?.look.composition.layout).toBe('grid');
  button(root, 'Remove Scene 3').click();
  await panel.updateComplete;
  expect(readScenes().map((s) => s.name)).toEqual(['Second', 'One']);
  button(root, 'Put it back').click();
  expect(readScenes().map((s) => s.name)).toEqual(['Second', 'Scene 3', 'One']);
  localStorage.setItem(SCENES, JSON.stringify({ scenes: JSON.parse(localStorage.getItem(SCENES)!).scenes.slice(1) }));
  dispatchEvent(new StorageEvent('storage', { key: SCENES }));
  expect(names()).toEqual(['Scene 3', 'One']);
});

test('a browser without room says so, and the scenes last as long as the page', async () => {
  const page = await load('host');
  vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError');
  });
  await save(page, 'Short-lived');
  expect(page.root.textContent).toContain('no room');
  await page.panel.apply(0);
  expect(page.store.notices).toEqual([]);
});
