import 'fake-indexeddb/auto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { JournalStore } from '../../../web/src/journal/store.js';
import { fitTitle } from '../../../web/src/page/title.js';
import { hostForEach, type HostFixture, PIECE, refusal, type Answer } from './host-fixture.js';

vi.hoisted(() =>
  Object.assign(globalThis, {
    OffscreenCanvas: class {
      getContext = (): null => null;
    },
  }),
);
afterEach(() => vi.unstubAllGlobals());

describe('a title that is too long', () => {
  const family = '👩‍👩‍👧‍👦';
  const accent = 'e\u0301';
  it.each([
    ['letters', 'x'.repeat(200), 200],
    ['emoji of many code points', family.repeat(200), family.length * 200],
    ['flags', '🇳🇱'.repeat(200), 4 * 200],
    ['marks that combine', accent.repeat(200), 2 * 200],
    ['nothing', '', 0],
  ])('is none with 200 characters: %s', (_name, title, length) => {
    expect(fitTitle(title)).toEqual({ title, cut: false });
    expect(title.length).toBe(length);
  });

  it('is cut between two characters, and without a space at its end', () => {
    expect(fitTitle(family.repeat(201))).toEqual({ title: family.repeat(200), cut: true });
    expect(fitTitle(`${accent.repeat(199)} ${accent}`)).toEqual({ title: accent.repeat(199), cut: true });
    expect(fitTitle('y'.repeat(1_000_000)).title.length).toBe(200);
  });

  it('is cut by code points where the browser knows no characters', () => {
    vi.stubGlobal('Intl', {});
    expect(fitTitle('😀'.repeat(201))).toEqual({ title: '😀'.repeat(200), cut: true });
  });
});

describe('a title that is typed while a take runs', () => {
  const RENAME = 'PATCH /recordings/rec_1';
  let life: HostFixture;
  let server: (path: string, method: string) => Answer | undefined;
  const renames = (): string[] =>
    life.asked.filter(({ method, path }) => `${method} ${path}` === RENAME).map(({ body }) => body);
  const row = async (): Promise<unknown> => {
    const store = await JournalStore.open('keeptake');
    const [first] = await store.rows();
    store.close();
    return first && [first.title, first.titleDue];
  };
  const start = async (): Promise<void> => {
    await life.open();
    expect(await life.settled(life.start())).toBe('done');
  };

  hostForEach((fresh) => {
    life = fresh;
    server = () => undefined;
    life.answer = ({ path, method }) => server(path, method);
  });

  it('is sent at once, and kept with the take', async () => {
    await start();
    life.host.handlers.setTitle({ title: 'Pilot' });
    await life.pass(100);
    expect([renames(), await row()]).toEqual([['{"title":"Pilot"}'], ['Pilot', false]]);
    await life.pass(30_000);
    expect(renames().length).toBe(1);
  });

  it('waits for a server that is away; only the last one counts', async () => {
    await start();
    server = () => 'offline';
    life.host.handlers.setTitle({ title: 'First' });
    life.host.handlers.setTitle({ title: 'Second' });
    await life.pass(1000);
    expect(await row()).toEqual(['Second', true]);
    server = () => undefined;
    life.asked.length = 0;
    await life.pass(6000);
    expect([renames(), await row()]).toEqual([['{"title":"Second"}'], ['Second', false]]);
  });

  it('of a take that began without its server is sent when that comes', async () => {
    server = (path) => (path === '/session' ? undefined : 'offline');
    await start();
    life.host.handlers.setTitle({ title: 'Late' });
    await life.pass(500);
    expect([renames(), await row()]).toEqual([[], ['Late', true]]);
    server = () => undefined;
    life.host.online();
    await life.pass(500);
    expect([renames(), await row()]).toEqual([['{"title":"Late"}'], ['Late', false]]);
  });

  it('is sent before the take is told to be stored; a refusal is no failure', async () => {
    await start();
    life.engine.record(PIECE);
    await life.pass(50);
    server = (_path, method) => (method === 'PATCH' ? 'offline' : undefined);
    life.host.handlers.setTitle({ title: 'Last' });
    await life.pass(100);
    server = (_path, method) => (method === 'PATCH' ? refusal(400, 'bad-request') : undefined);
    life.asked.length = 0;
    life.host.handlers.stop({});
    life.engine.upload.state = 'done';
    await life.pass(1000);
    expect([renames().length, life.state()?.state]).toEqual([1, 'stopped']);
  });
});
