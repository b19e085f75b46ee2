import 'fake-indexeddb/auto';
import { describe, expect, it, vi } from 'vitest';
import { JournalStore, type TakeRow } from '../../../web/src/journal/store.js';
import { hostForEach, type HostFixture, PIECE, refusal, type Answer } from './host-fixture.js';

vi.hoisted(() =>
  Object.assign(globalThis, {
    OffscreenCanvas: class {
      getContext = (): null => null;
    },
  }),
);

const HEADER = 4096;
let life: HostFixture;
/** What the server says to everything; undefined: it is there. */
let server: (path: string) => Answer | undefined;
const keys = (): (string | null)[] =>
  life.asked.filter(({ path }) => path === '/recordings').map(({ headers }) => headers.get('Idempotency-Key'));

async function rows(): Promise<TakeRow[]> {
  const store = await JournalStore.open('keeptake');
  const found = await store.rows();
  store.close();
  return found;
}

async function record(count: number): Promise<void> {
  for (let each = 0; each < count; each++) {
    life.engine.record(PIECE);
    await life.pass(20);
  }
}

const stop = (): void => void Promise.resolve(life.host.handlers.stop({})).catch(() => undefined);

hostForEach((fresh) => {
  life = fresh;
  server = () => 'offline';
  life.answer = ({ path }) => server(path);
});

describe('a start without its server', () => {
  it('begins in the journal, and all of it is sent when the server comes', async () => {
    await life.open();
    expect(await life.settled(life.start())).toBe('done');
    await record(3);
    await life.pass(1000);
    expect([life.state()?.state, life.warnings()]).toEqual(['recording', ['upload-retrying']]);
    const bytes = HEADER + 3 * PIECE;
    expect(life.stats()).toMatchObject({
      uploadState: 'waiting',
      safeBytes: 0,
      backlogBytes: bytes,
      safeIn: null,
      journalState: 'on',
    });
    expect(await rows()).toMatchObject([{ recordingId: null, server: 'http://server', fileBytes: bytes, clusters: 3 }]);
    const [row] = await rows();
    expect(life.engine.totalBytes).toBe(0);

    server = () => undefined;
    await life.pass(16_000);
    expect([life.engine.totalBytes, ...new Set(keys())]).toEqual([bytes, row?.creationKey]);
    expect(await rows()).toMatchObject([{ recordingId: 'rec_1', writer: 'wr_1', organisation: 'acme' }]);
    await life.pass(16_000);
    expect(life.calls()).toContain('POST /recordings/rec_1/alive');
    life.engine.upload.safeBytes = bytes;
    await record(1);
    stop();
    life.engine.upload.state = 'done';
    await life.pass(1000);
    expect(life.state()).toMatchObject({ state: 'stopped', take: { recordingId: 'rec_1' } });
    expect([life.engine.totalBytes, await rows()]).toEqual([HEADER + 4 * PIECE, []]);
  });

  it('does not wait for one that never answers, which is heard when it does', async () => {
    let give = (_: [number, unknown]): void => undefined;
    server = () => undefined;
    await life.open();
    life.answer = ({ path }) => (path === '/recordings' ? new Promise((resolve) => (give = resolve)) : undefined);
    const starting = life.start();
    expect(await life.settled(starting, 4800)).toBe('pending');
    expect(await life.settled(starting, 400)).toBe('done');
    await record(1);
    give([201, { id: 'rec_slow', writer: 'wr_slow' }]);
    await life.pass(100);
    expect([life.engine.totalBytes, keys().length, (await rows())[0]?.recordingId]).toEqual([
      HEADER + PIECE,
      1,
      'rec_slow',
    ]);
  });

  it('is tried at once when the network is back', async () => {
    await life.open();
    expect(await life.settled(life.start())).toBe('done');
    await life.pass(20_000);
    server = () => undefined;
    life.host.online();
    await life.pass(50);
    expect((await rows())[0]?.recordingId).toBe('rec_1');
  });

  it('waits for a token as for a network', async () => {
    await life.open({ hasToken: true });
    expect(await life.settled(life.start())).toBe('done');
    server = () => refusal(401, 'unauthorized');
    await life.pass(2000);
    expect([life.state()?.state, life.warnings()]).toEqual(['recording', ['upload-retrying', 'unauthorized']]);
    server = () => undefined;
    life.host.newToken('fresh');
    await life.pass(50);
    expect((await rows())[0]?.recordingId).toBe('rec_1');
  });

  it('that refuses the take once it comes: the take is a file at Stop', async () => {
    await life.open();
    expect(await life.settled(life.start())).toBe('done');
    await record(2);
    server = () => refusal(403, 'recording-disabled');
    await life.pass(3000);
    expect([life.state()?.state, life.warnings()]).toEqual(['recording', ['upload-retrying', 'upload-ended']]);
    stop();
    await life.pass(1000);
    expect(life.state()).toMatchObject({ state: 'stopped', take: { recordingId: '', bytes: HEADER + 2 * PIECE } });
    expect(await rows()).toMatchObject([{ recordingId: null, clusters: 2 }]);
  });

  it('is sent after Stop, too', async () => {
    await life.open();
    expect(await life.settled(life.start())).toBe('done');
    await record(1);
    stop();
    await life.pass(60_000);
    expect(life.state()?.state).toBe('stopping');
    server = () => undefined;
    life.host.online();
    life.engine.upload.state = 'done';
    await life.pass(1000);
    expect(life.state()).toMatchObject({ state: 'stopped', take: { recordingId: 'rec_1' } });
  });

  it('that stays away is given up after ten minutes: the take stays in the journal', async () => {
    await life.open();
    expect(await life.settled(life.start())).toBe('done');
    await record(1);
    stop();
    await life.pass(595_000);
    expect(life.state()?.state).toBe('stopping');
    await life.pass(10_000);
    expect(life.state()).toMatchObject({ state: 'failed', error: { code: 'upload-failed', retryable: true } });
    expect(await rows()).toMatchObject([{ recordingId: null, discarding: false, clusters: 1 }]);
    // Its key is the journal's: another take must not get its recording.
    await life.host.handlers.reset({});
    expect(await life.settled(life.start())).toBe('done');
    expect(new Set((await rows()).map(({ creationKey }) => creationKey)).size).toBe(2);
  });

  it('thrown away leaves nothing, and its key to the next one', async () => {
    server = (path) => (path === '/session' ? undefined : 'offline');
    await life.open();
    expect(await life.settled(life.start())).toBe('done');
    await record(1);
    life.host.handlers.restart({});
    await life.pass(100);
    expect(await rows()).toEqual([]);
    server = () => undefined;
    expect(await life.settled(life.start())).toBe('done');
    expect(new Set(keys()).size).toBe(1);
    await life.pass(20_000);
    expect((await rows()).map(({ recordingId }) => recordingId)).toEqual(['rec_1']);
  });

  it.each<[string, Answer, boolean]>([
    ['server-unreachable', 'offline', false],
    ['recording-disabled', refusal(403, 'recording-disabled'), true],
    ['unauthorized', refusal(401, 'unauthorized'), true],
  ])('%s fails where nothing can be kept, or the server says no', async (code, answer, journal) => {
    server = () => answer;
    await life.open(journal ? {} : { journal: null });
    expect([await life.settled(life.start()), life.state()?.state, await rows()]).toEqual([code, undefined, []]);
  });

  it('fails where the journal does not open', async () => {
    await life.open();
    const open = vi.spyOn(JournalStore, 'open').mockRejectedValue(new Error('no storage'));
    expect(await life.settled(life.start())).toBe('server-unreachable');
    open.mockRestore();
  });
});
