import 'fake-indexeddb/auto';
import { describe, expect, it, vi } from 'vitest';
import { Status, UploadRequestKind } from '../../../web/src/engine/contract.gen.js';
import { JournalStore, liveTakes, type TakeRow } from '../../../web/src/journal/store.js';
import { TakeJournal } from '../../../web/src/journal/take-journal.js';
import { hostForEach, type HostFixture, PIECE, refusal, type Answer } from './host-fixture.js';

vi.hoisted(() =>
  Object.assign(globalThis, {
    OffscreenCanvas: class {
      getContext = (): null => null;
    },
  }),
);

const ALIVE = 'POST /recordings/rec_1/alive';
const HEADER = 4096;
let life: HostFixture;
let alive: () => Answer | undefined;

const signs = (): number => life.calls().filter((call) => call === ALIVE).length;

async function row(): Promise<TakeRow | undefined> {
  const store = await JournalStore.open('keeptake');
  const rows = await store.rows();
  store.close();
  return rows[0];
}

/** One after the other, as a journal wants them. */
async function record(count: number): Promise<void> {
  for (let each = 0; each < count; each++) {
    life.engine.record(PIECE);
    await life.pass(20);
  }
}

async function start(setup: Parameters<HostFixture['open']>[0] = {}): Promise<void> {
  await life.open(setup);
  expect(await life.settled(life.start())).toBe('done');
}

async function stop(): Promise<void> {
  void Promise.resolve(life.host.handlers.stop({})).catch(() => undefined);
  await life.pass(1000);
}

hostForEach((fresh) => {
  life = fresh;
  alive = () => undefined;
  life.answer = ({ path }) => (path.endsWith('/alive') ? alive() : undefined);
});

describe('signs of life', () => {
  it('are given every quarter of the time, also while the take is paused and while it is stored', async () => {
    await start();
    await life.pass(61_000);
    expect(signs()).toBe(4);
    life.engine.session = 'paused';
    await life.pass(60_000);
    expect(signs()).toBe(8);
    await stop();
    expect(life.state()?.state).toBe('stopping');
    await life.pass(60_000);
    expect(signs()).toBe(12);
    life.engine.upload.state = 'done';
    life.host.online();
    await life.pass(1000);
    expect(life.state()?.state).toBe('stopped');
    await life.pass(60_000);
    expect(signs()).toBe(12);
  });

  it('are one request at a time', async () => {
    alive = () => new Promise(() => undefined);
    await start();
    await life.pass(120_000);
    expect(signs()).toBe(1);
  });

  it('end with the take', async () => {
    await start();
    life.host.handlers.restart({});
    await life.pass(60_000);
    expect(signs()).toBe(0);
  });

  it.each<[string, Answer]>([
    ['a proxy', [404, { message: 'no such page' }]],
    ['a server that is restarted', refusal(503, 'store-unreachable')],
    ['a token that has ended', refusal(401, 'unauthorized')],
    ['a network that is down', 'offline'],
  ])('may be refused by %s: nothing ends', async (_name, answer) => {
    alive = () => answer;
    await start();
    await life.pass(31_000);
    expect([signs() >= 2, life.state()?.state, life.warnings()]).toEqual([true, 'recording', []]);
    expect(life.stats()?.uploadState).toBe('sending');
  });
});

describe('an upload that others end', () => {
  /** What the store is known to have, and how many bytes of it are left. */
  const SAFE = 1000;
  it.each<[string, [number, unknown], number]>([
    ['salvaged', refusal(409, 'salvaged'), SAFE],
    ['aborted', refusal(410, 'gone'), 0],
    ['deleted', refusal(404, 'not-found'), 0],
  ])('%s: the take goes on in the journal, and is given as a file at Stop', async (_name, answer, left) => {
    await start();
    await record(2);
    life.engine.upload.safeBytes = SAFE;
    alive = () => answer;
    await life.pass(15_100);
    expect([life.state()?.state, life.warnings()]).toEqual(['recording', ['upload-ended']]);
    const asked = life.calls().length;
    await record(3);
    await life.pass(60_000);
    const bytes = HEADER + 5 * PIECE;
    expect(life.stats()).toMatchObject({
      uploadState: 'failed',
      safeBytes: left,
      backlogBytes: bytes - left,
      safeIn: null,
      journalState: 'on',
    });
    expect(await row()).toMatchObject({ fileBytes: bytes, clusters: 5, safeBytes: left });
    await stop();
    const state = life.state();
    const take = state?.state === 'stopped' ? state.take : undefined;
    expect([take?.recordingId, take?.file?.size, take?.bytes, take?.missing]).toEqual(['', bytes, bytes, undefined]);
    const kept = await row();
    expect([kept?.id, kept?.discarding, life.calls().length, life.warnings()]).toEqual([
      take?.journalId,
      false,
      asked,
      ['upload-ended'],
    ]);
    // It is the page's: kept through reset, until it is forgotten.
    expect((await liveTakes()).size).toBe(1);
    await life.host.handlers.reset({});
    expect([(await row())?.id, (await liveTakes()).size]).toEqual([take?.journalId, 0]);
  });

  it('what the store had confirmed is missing in the file, and said to be', async () => {
    await start();
    await record(9);
    const released = 7 * PIECE;
    life.engine.ask(UploadRequestKind.release, { offset: released });
    life.engine.upload.safeBytes = released;
    life.host.online();
    await life.pass(100);
    alive = () => refusal(404, 'not-found');
    await life.pass(15_100);
    const file = new Blob(['local']);
    const local = vi
      .spyOn(TakeJournal.prototype, 'local')
      .mockResolvedValue({ file, duration: 2, complete: false, missing: [[1.25, 1.5]] });
    await stop();
    local.mockRestore();
    expect(life.state()).toMatchObject({
      state: 'stopped',
      take: { recordingId: '', bytes: 5, duration: 2, missing: [[1.25, 1.5]] },
    });
  });

  it('where nothing of it can be read any more, the take fails for the reason that it had', async () => {
    await start();
    await record(9);
    life.engine.ask(UploadRequestKind.release, { offset: 7 * PIECE });
    life.host.online();
    await life.pass(100);
    alive = () => refusal(410, 'gone');
    await life.pass(15_100);
    const local = vi.spyOn(TakeJournal.prototype, 'local').mockRejectedValue(new Error('disk'));
    await stop();
    local.mockRestore();
    expect(life.state()).toMatchObject({ state: 'failed', error: { code: 'upload-failed', context: { gone: true } } });
    expect(await row()).toMatchObject({ discarding: false });
  });

  it('is the same where the uploader meets it, also after Stop', async () => {
    await start();
    await record(1);
    await stop();
    life.engine.upload = { state: 'failed', safeBytes: 0, failure: Status.ERR_NOT_FOUND };
    life.host.online();
    await life.pass(1000);
    const state = life.state();
    expect([state?.state, life.warnings()]).toEqual(['stopped', ['upload-ended']]);
    expect(state?.state === 'stopped' && state.take.file?.size).toBe(HEADER + PIECE);
    expect(await row()).toMatchObject({ clusters: 1, discarding: false });
  });

  it('another failure of the upload ends the take', async () => {
    await start();
    await record(1);
    life.engine.upload = { state: 'failed', safeBytes: 0, failure: Status.ERR_REFUSED };
    await life.pass(1000);
    expect([life.state()?.state, life.warnings()]).toEqual(['failed', []]);
  });

  it('what a take had when it failed is stored: that is told when it is done', async () => {
    await start();
    await record(2);
    life.host.crashed(new Error('trap'));
    await life.pass(1000);
    expect(life.state()?.state).toBe('failed');
    const settled = Promise.resolve(life.host.handlers.settled({}));
    expect([await life.settled(settled, 5000), life.engine.finishing]).toEqual(['pending', true]);
    life.engine.upload.state = 'done';
    life.host.online();
    expect(await life.settled(settled)).toBe('done');
  });

  it('a take whose engine traps while it is stored has failed, and says so', async () => {
    await start();
    await record(1);
    life.engine.traps = (call) => /take_store_(chunk|count|finish)|recorder_fail/.test(call);
    life.host.handlers.stop({});
    await life.pass(1000);
    expect(life.state()).toMatchObject({ state: 'failed', error: { context: { trapped: true } } });
    life.engine.traps = () => false;
  });

  it('ends a take that has no journal', async () => {
    await start({ journal: null });
    alive = () => refusal(410, 'gone');
    await life.pass(15_100);
    expect([life.state()?.state, life.warnings()]).toEqual(['failed', []]);
  });

  it('ends the take when the journal ends, too', async () => {
    await start();
    alive = () => refusal(410, 'gone');
    await life.pass(15_100);
    expect(life.state()?.state).toBe('recording');
    vi.spyOn(JournalStore.prototype, 'write').mockRejectedValue(new DOMException('no room', 'QuotaExceededError'));
    await record(1);
    vi.restoreAllMocks();
    expect([life.state()?.state, life.warnings()]).toEqual(['failed', ['upload-ended']]);
  });

  it('leaves a take that others had finished to them when its host throws his away', async () => {
    await start();
    life.engine.upload.safeBytes = SAFE;
    alive = () => refusal(409, 'salvaged');
    await life.pass(15_100);
    life.host.handlers.restart({});
    await life.pass(1000);
    expect(life.calls().filter((call) => call.startsWith('DELETE'))).toEqual([]);
    expect(await row()).toBeUndefined();
  });
});
