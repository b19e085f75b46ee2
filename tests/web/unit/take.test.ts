import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UploadRequestKind as Kind } from '../../../web/src/engine/contract.gen.js';
import { JournalStore } from '../../../web/src/journal/store.js';
import type { EngineSetup, WorkerNotice, WorkerState } from '../../../web/src/protocol/messages.js';
import type { RecorderStats } from '../../../web/src/base/types.js';
import { EngineHost } from '../../../web/src/worker/host.js';
import { FakeEngine } from './fake-engine.js';
import { FakeLocks } from './fake-locks.js';
import { SETUP as WITH_JOURNAL } from './host-fixture.js';

// Text is measured as soon as the stage is loaded.
vi.hoisted(() =>
  Object.assign(globalThis, {
    OffscreenCanvas: class {
      getContext = (): null => null;
    },
  }),
);

const MB = 1 << 20;
const PIECE = 8 * MB;
const HEADER = 4096;
const PART = 5_000_000;

const SETUP: EngineSetup = { ...WITH_JOURNAL, journal: null };
const JOURNAL = WITH_JOURNAL.journal;

/** A browser's Blob, which lies outside the page's memory: here its length is all there is of it. */
class FarBlob {
  readonly size: number;
  constructor(parts: (Uint8Array | FarBlob)[] = []) {
    this.size = parts.reduce((sum, part) => sum + (part instanceof FarBlob ? part.size : part.byteLength), 0);
  }
  slice(from = 0, to = this.size): FarBlob {
    return Object.assign(new FarBlob(), { size: Math.min(to, this.size) - from });
  }
}

class FakeXhr {
  static last: FakeXhr;
  readonly upload: { onprogress?: (event: { loaded: number }) => void } = {};
  onload?: () => void;
  onloadend?: () => void;
  status = 0;
  constructor() {
    FakeXhr.last = this;
  }
  open(): void {}
  send(): void {}
  abort(): void {}
  getResponseHeader(): string {
    return '"etag"';
  }
  done(): void {
    this.status = 200;
    this.onload?.();
    this.onloadend?.();
  }
}

let engine: FakeEngine;
let host: EngineHost;
let told: WorkerNotice[];
let asked: string[];
let estimate: ReturnType<typeof vi.fn<() => Promise<StorageEstimate>>>;

const warnings = (): string[] => told.flatMap((each) => (each.notice === 'warning' ? [each.warning.code] : []));
const warning = (): string =>
  told.flatMap((each) => (each.notice === 'warning' ? [each.warning.message] : []))[0] ?? '';
const state = (): WorkerState | undefined => told.findLast((each) => each.notice === 'state')?.state;
const stats = (): RecorderStats | undefined => told.findLast((each) => each.notice === 'stats')?.stats;

function answer(method: string, path: string): unknown {
  if (path === '/session') return { limits: { max_length_seconds: 3600, max_fps: 60 } };
  if (path === '/recordings') return { id: 'rec_1' };
  if (path.endsWith('/sign'))
    return { expires_at: new Date(Date.now() + 600_000).toISOString(), urls: [{ part: 1, url: 'http://store/1' }] };
  return method === 'POST' ? { upload_id: 'up_1', part_bytes: PART } : {};
}

/** The clock goes on; what was begun meanwhile comes to its end. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** One after the other, as a journal wants them. */
async function record(count: number, bytes = PIECE): Promise<void> {
  for (let each = 0; each < count; each++) {
    engine.record(bytes);
    await pass(20);
  }
}

/** A take that records; its header is in the log. */
async function start(setup: Partial<EngineSetup> = {}): Promise<void> {
  const opened = host.handlers.setup({ ...SETUP, ...setup, threadPorts: [] });
  await vi.waitFor(() => pass(1).then(() => opened));
  const started = host.handlers.start({ countdown: 0, title: '', page: { title: 'Studio', url: 'http://page/' } });
  await vi.waitFor(() => pass(1).then(() => started));
  await pass(20);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] });
  engine = new FakeEngine(PIECE);
  told = [];
  asked = [];
  estimate = vi.fn(() => Promise.resolve<StorageEstimate>({}));
  vi.stubGlobal('engineOfThisTest', engine.module);
  vi.stubGlobal('indexedDB', new IDBFactory());
  vi.stubGlobal('navigator', { locks: new FakeLocks(), storage: { estimate } });
  vi.stubGlobal('Blob', FarBlob);
  vi.stubGlobal('XMLHttpRequest', FakeXhr);
  vi.stubGlobal('fetch', (url: string, { method }: { method: string }) => {
    const path = url.replace('http://server/api/v1', '');
    asked.push(`${method} ${path}`);
    return Promise.resolve(new Response(JSON.stringify(answer(method, path)), { status: 200 }));
  });
  host = new EngineHost(
    (notice) => told.push(notice),
    () => Promise.resolve(null),
  );
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe('the memory of a take without a journal', () => {
  it('is told of from 128 MB on, once; at 512 MB it is used up', async () => {
    await start();
    await record(15);
    await record(1, PIECE - HEADER);
    expect([engine.totalBytes, warnings()]).toEqual([128 * MB, []]);
    await record(1, 1);
    expect([warnings(), warning()]).toEqual([['backlog'], expect.stringContaining('134 MB')]);
    await record(47);
    await record(1, PIECE - 2);
    expect([engine.totalBytes, warnings(), state()?.state]).toEqual([512 * MB - 1, ['backlog'], 'recording']);
    await record(1, 1);
    expect([warnings(), state()?.state]).toEqual([['backlog', 'limit-reached'], 'stopping']);
  });

  it('ends the take cleanly when it is used up: all of it is stored when the network is back', async () => {
    await start();
    engine.upload.state = 'waiting';
    engine.upload.safeBytes = PART;
    await record(64);
    await pass(500);
    expect(warnings()).toEqual(['backlog', 'upload-retrying', 'limit-reached']);
    expect([state()?.state, engine.stops, engine.finishing]).toEqual(['stopping', 1, true]);
    engine.upload.state = 'done';
    host.online();
    await pass(20);
    expect(state()).toMatchObject({ state: 'stopped', take: { recordingId: 'rec_1', bytes: HEADER + 64 * PIECE } });
    expect(asked.filter((each) => each.startsWith('DELETE'))).toEqual([]);
  });

  it('does not count what the store has, except part 1, which is sent again', async () => {
    await start();
    await record(15);
    for (let turn = 0; turn < 4; turn++) {
      engine.ask(Kind.release, { offset: engine.totalBytes });
      host.online();
      await record(14);
    }
    expect([warnings(), state()?.state, engine.totalBytes]).toEqual([[], 'recording', HEADER + 71 * PIECE]);
    await record(1);
    expect(warnings()).toEqual(['backlog']);
  });

  it('is that of a take which nobody uploads, too', async () => {
    await start({ server: null });
    await record(64);
    expect(warnings()).toEqual(['backlog', 'limit-reached']);
    expect(state()).toMatchObject({
      state: 'stopped',
      take: { bytes: HEADER + 64 * PIECE, file: { size: HEADER + 64 * PIECE } },
    });
  });

  it('does not count what is in the journal; where that is full, it does', async () => {
    await start({ journal: JOURNAL });
    await record(18);
    await pass(500);
    expect([warnings(), stats()?.journalState]).toEqual([[], 'on']);
    vi.spyOn(JournalStore.prototype, 'write').mockRejectedValue(new DOMException('no room', 'QuotaExceededError'));
    await record(15);
    await pass(500);
    expect([warnings(), stats()?.journalState, state()?.state]).toEqual([['journal-full'], 'full', 'recording']);
    await record(3);
    expect(warnings()).toEqual(['journal-full', 'backlog']);
  });
});

describe('a take that is left for later', () => {
  const leave = (): Promise<unknown> => Promise.resolve().then(() => host.handlers.leaveForLater({}));

  it('stays in the journal, where nobody holds it, for recovery', async () => {
    await start({ journal: JOURNAL });
    await expect(leave()).rejects.toMatchObject({ code: 'bad-state' });
    await record(2);
    engine.upload.state = 'waiting';
    await host.handlers.stop({});
    await pass(500);
    expect(state()?.state).toBe('stopping');
    await leave();
    await pass(20);
    expect(state()).toMatchObject({ state: 'failed', error: { code: 'left-for-later' } });
    const store = await JournalStore.open(JOURNAL!.database);
    const rows = await store.rows();
    store.close();
    expect(rows).toMatchObject([{ recordingId: 'rec_1', discarding: false, fileBytes: HEADER + 2 * PIECE }]);
    // Nobody holds it any more: recovery may have it.
    expect((await navigator.locks.query()).held).toEqual([]);
    expect(asked.filter((each) => each.startsWith('DELETE'))).toEqual([]);
  });

  it('is refused where nothing but the page has it, and goes on being stored', async () => {
    await start();
    await record(1);
    engine.upload.state = 'waiting';
    await host.handlers.stop({});
    await pass(500);
    await expect(leave()).rejects.toMatchObject({ code: 'storage-unavailable' });
    engine.upload.state = 'done';
    host.online();
    await pass(20);
    expect(state()?.state).toBe('stopped');
  });
});

describe('the room for the journal', () => {
  const GB = 1000 * MB;
  it.each([
    ['is told of where less is left than is unsent', 60 * MB, GB, GB - 50 * MB, ['backlog']],
    ['is enough where all that is unsent fits once more', 60 * MB, GB, GB - 70 * MB, []],
    ['is enough from 256 MB on', 400 * MB, GB, GB - 257 * MB, []],
    ['is not known everywhere', 400 * MB, undefined, undefined, []],
  ])('%s', async (_name, unsent, quota, usage, expected) => {
    await start({ journal: JOURNAL });
    engine.totalBytes = unsent;
    estimate.mockResolvedValue({ quota, usage });
    await pass(10_100);
    expect([warnings(), estimate.mock.calls.length > 0]).toEqual([expected, true]);
    if (expected.length > 0) expect(warning()).toContain('room for 52 MB more');
    await pass(60_000);
    expect(warnings(), 'told once').toEqual(expected);
  });

  it('is looked at every ten seconds, and a browser that cannot say is no trouble', async () => {
    await start({ journal: JOURNAL });
    engine.totalBytes = 60 * MB;
    estimate.mockRejectedValue(new TypeError('no estimate'));
    await pass(10_100);
    const before = estimate.mock.calls.length;
    await pass(30_000);
    expect(estimate.mock.calls.length - before).toBe(3);
    estimate.mockResolvedValue({ quota: GB, usage: GB - MB });
    await pass(10_000);
    expect([warnings(), state()?.state]).toEqual([['backlog'], 'recording']);
  });

  it('does not matter to a take without one', async () => {
    await start();
    engine.totalBytes = 60 * MB;
    estimate.mockResolvedValue({ quota: GB, usage: GB });
    await pass(20_000);
    expect([warnings(), estimate.mock.calls.length]).toEqual([[], 0]);
  });
});

describe('safeIn', () => {
  /** A part is on its way for three seconds, at 8 Mbit/s. */
  async function send(): Promise<void> {
    engine.ask(Kind.sign);
    host.online();
    await pass(20);
    engine.ask(Kind.put, { id: 2, bytes: 100 });
    host.online();
    await pass(0);
    for (let step = 1; step <= 30; step++) {
      await pass(100);
      FakeXhr.last.upload.onprogress?.({ loaded: step * 100_000 });
    }
  }
  /** As the next figures say. */
  async function safeIn(): Promise<number | null | undefined> {
    told = [];
    await pass(500);
    return stats()?.safeIn;
  }
  /** Seconds, at the rate that the same figures name. */
  const sending = (bytes: number): number => (bytes * 8) / Number(stats()?.uploadBitrate);
  /** So much is recorded and not sent. The part that grows is sent after another second at 4 Mbit/s. */
  function unsent(bytes: number): void {
    engine.totalBytes = 2 * PART - 700_000;
    engine.nextBytes = 500_000;
    engine.upload.safeBytes = engine.totalBytes - bytes;
  }

  it('is 0 where all is safe, also offline', async () => {
    await start();
    engine.upload.safeBytes = engine.totalBytes;
    expect(await safeIn()).toBe(0);
    engine.upload.state = 'waiting';
    expect(await safeIn()).toBe(0);
  });

  it.each(['sending', 'completing'] as const)('is what sending takes: %s', async (uploader) => {
    await start();
    await send();
    if (uploader === 'completing') FakeXhr.last.done();
    unsent(4_000_000);
    engine.upload.state = uploader;
    expect(await safeIn()).toBeCloseTo(sending(4_000_000), 6);
    expect(Math.abs(sending(4_000_000) - 4)).toBeLessThan(1);
  });

  it('counts what the unfinished part waits: until there is enough of it, or time for it', async () => {
    await start();
    await send();
    FakeXhr.last.done();
    unsent(1_000_000);
    expect(await safeIn(), 'one more second is recorded').toBeCloseTo(sending(1_000_000) + 1, 6);
    engine.nextUs = (nowUs) => nowUs + 400_000;
    expect(await safeIn(), 'it is sent before').toBeCloseTo(sending(1_000_000) + 0.4, 6);
    engine.nextUs = (nowUs) => nowUs + 60_000_000;
    expect(await safeIn(), 'it would be sent later').toBeCloseTo(sending(1_000_000) + 1, 6);
    engine.nextUs = (nowUs) => nowUs - 1;
    expect(await safeIn(), 'it is due').toBeCloseTo(sending(1_000_000), 6);
  });

  it('is null where nobody can say: nothing was sent yet, sending is held up, has ended', async () => {
    await start();
    unsent(1_000_000);
    expect(await safeIn()).toBeNull();
    await send();
    unsent(1_000_000);
    expect(await safeIn()).not.toBeNull();
    for (const uploader of ['waiting', 'failed'] as const) {
      engine.upload.state = uploader;
      expect([await safeIn(), uploader]).toEqual([null, uploader]);
    }
  });

  it('stays true of a take that failed: what the store lacks is not called safe', async () => {
    await start();
    await send();
    unsent(1_000_000);
    engine.upload.state = 'failed';
    await pass(1000);
    expect(state()?.state).toBe('failed');
    expect(await safeIn()).toBeNull();
    expect(stats()?.backlogBytes).toBe(1_000_000);
  });

  it('is null without a server', async () => {
    await start({ server: null });
    await record(1);
    expect(await safeIn()).toBeNull();
  });
});
