import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import { JournalStore, lockTake, type TakeRow } from '../../../web/src/journal/store.js';
import { openRecovery } from '../../../web/src/page/recovery.js';
import { FakeLocks } from './fake-locks.js';

interface Told {
  id: number;
  type?: string;
  notice?: string;
  args?: unknown;
}

/** Stands for recovery's worker. */
class FakeWorker {
  static all: FakeWorker[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly told: Told[] = [];
  constructor() {
    FakeWorker.all.push(this);
  }
  #address = 0;
  postMessage({ to, ...message }: Told & { to: number }): void {
    this.#address = to;
    this.told.push(message);
    if (message.type === 'recover') this.tell({ reply: message.id, ok: true });
  }
  tell(data: unknown): void {
    queueMicrotask(() => this.onmessage?.({ data: { from: this.#address, ...(data as object) } }));
  }
  terminate(): void {
    this.onmessage = null;
  }
}

const BASE: TakeRow = {
  id: '',
  recordingId: null,
  server: null,
  partBytes: 5 << 20,
  codec: 'vp8',
  width: 320,
  height: 180,
  title: 'Show',
  startedAt: 0,
  page: { title: 'Studio', url: 'http://page/' },
  durationUs: 2_500_000,
  fileBytes: 900,
  releasedBytes: 0,
  safeBytes: 300,
  localBytes: 700,
  clusters: 10,
  discarding: false,
};
const A = 'aa'.repeat(16);
const B = 'bb'.repeat(16);
const C = 'cc'.repeat(16);

let store: JournalStore;
/** What the server knows, and what it was asked. */
let server: { recordings: Map<string, Record<string, unknown>>; asked: string[]; down: boolean; forbidden?: string };

async function put(id: string, changes: Partial<TakeRow> = {}): Promise<void> {
  await store.write({ ...BASE, id, ...changes }, [{ sequence: 0, bytes: new Uint8Array(4) }], [], 'relaxed');
}

let session = 'acme';

function answer(method: string, path: string): [number, unknown] {
  if (`${method} ${path}` === server.forbidden) return [403, { error: { code: 'forbidden', message: 'Not for you.' } }];
  if (path === '/session') return [200, { organisation: session }];
  const [, id = '', rest = ''] = /\/recordings\/([^/]+)(.*)$/.exec(path) ?? [];
  const recording = server.recordings.get(id);
  if (!recording) return [404, { error: { code: 'not-found', message: 'No such recording.' } }];
  if (method === 'DELETE' && rest === '') server.recordings.delete(id);
  return [200, rest === '/playback' ? { url: `play:${id}` } : recording];
}

const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof KeeptakeError ? error.code : String(error)),
  );

beforeEach(async () => {
  FakeWorker.all = [];
  server = { recordings: new Map(), asked: [], down: false };
  vi.stubGlobal('indexedDB', new IDBFactory());
  vi.stubGlobal('navigator', { locks: new FakeLocks() });
  vi.stubGlobal('document', { baseURI: 'http://page/' });
  vi.stubGlobal('Worker', FakeWorker);
  vi.stubGlobal('fetch', (url: string, { method }: { method: string }) => {
    const path = url.replace('http://server/api/v1', '');
    server.asked.push(`${method} ${path}`);
    if (server.down) return Promise.reject(new TypeError('offline'));
    const [status, body] = answer(method, path);
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  });
  store = await JournalStore.open('keeptake');
});
afterEach(() => vi.unstubAllGlobals());

const open = (): ReturnType<typeof openRecovery> => openRecovery({ server: { url: 'http://server/' } });

describe('list', () => {
  it('shows every take that can be salvaged, newest first, and who has it', async () => {
    await put(A, { startedAt: 1000, recordingId: 'rec_a', durationUs: 61_500_000 });
    await put(B, { startedAt: 3000 });
    await put(C, { startedAt: 2000 });
    await store.writePicture(B, new Uint8Array([1, 2, 3]).buffer);
    await lockTake(C);
    server.down = true;
    const takes = await open().list();
    expect(takes.map(({ id, live }) => [id, live])).toEqual([
      [B, false],
      [C, true],
      [A, false],
    ]);
    expect(takes[2]).toEqual({
      id: A,
      recordingId: 'rec_a',
      title: 'Show',
      startedAt: new Date(1000),
      duration: 61.5,
      bytes: 900,
      safeBytes: 300,
      localBytes: 700,
      picture: null,
      live: false,
      elsewhere: false,
      server: null,
      page: { title: 'Studio', url: 'http://page/' },
      codec: 'vp8',
      width: 320,
      height: 180,
    });
    expect([takes[0]?.picture?.type, takes[0]?.picture?.size]).toEqual(['image/jpeg', 3]);
    expect([server.asked, FakeWorker.all]).toEqual([[], []]);
  });

  it('shows takes of its own scope only; those of another server are called so', async () => {
    await put(A, { scope: 'anna', recordingId: 'rec_a', server: 'http://server' });
    await put(B, { scope: 'ben' });
    await put(C, { scope: 'anna', recordingId: 'rec_c', server: 'http://old-server/' });
    const recovery = openRecovery({ server: { url: 'http://server/' }, scope: 'anna' });
    const listed = await recovery.list();
    expect(listed.map(({ id, elsewhere }) => [id, elsewhere]).sort()).toEqual([
      [A, false],
      [C, true],
    ]);
    expect(await open().list()).toEqual([]);
    expect(await code(recovery.startOver(B))).toBe('no-such-take');
  });

  it('tells a storage that does not open now from none at all', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const opened: { close: () => void }[] = [];
    const requests: { result?: unknown; onsuccess?: () => void }[] = [];
    vi.stubGlobal('indexedDB', { open: () => (requests.push({}), requests.at(-1)) });
    const listing = code(open().list());
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await listing).toBe('storage-unavailable');
    // One that opens after all is closed, so that it is in nobody's way.
    const close = vi.fn();
    opened.push({ close });
    Object.assign(requests[0]!, { result: { close } });
    requests[0]?.onsuccess?.();
    expect(close).toHaveBeenCalledTimes(1);
    vi.useRealTimers();
  });

  it('is empty without storage', async () => {
    vi.stubGlobal('indexedDB', {
      open: () => {
        throw new DOMException('denied', 'SecurityError');
      },
    });
    expect(await open().list()).toEqual([]);
  });

  it('a storage that fails to open, time and again, or to read is no empty one', async () => {
    const real = indexedDB;
    const failing = (): unknown => {
      const request: { onerror?: () => void; error: DOMException } = {
        error: new DOMException('disk', 'UnknownError'),
      };
      queueMicrotask(() => request.onerror?.());
      return request;
    };
    const opened = vi.fn(failing);
    vi.stubGlobal('indexedDB', { open: opened });
    await expect(open().list()).rejects.toMatchObject({
      code: 'storage-unavailable',
      retryable: true,
      context: { reason: 'failed' },
    });
    expect(opened).toHaveBeenCalledTimes(3);
    vi.stubGlobal('indexedDB', real);
    vi.spyOn(JournalStore.prototype, 'rows').mockRejectedValueOnce(new DOMException('gone', 'AbortError'));
    await expect(open().list()).rejects.toMatchObject({ code: 'storage-unavailable', retryable: true });
  });
});

describe('what nobody can salvage', () => {
  const cleared = (): Promise<void> => vi.waitFor(async () => expect(await store.rows()).toEqual([]));

  it('a take that was being thrown away is finished, here and on the server', async () => {
    server.recordings.set('rec_a', { state: 'recording', upload: { uploaded_bytes: 5 } });
    await put(A, { recordingId: 'rec_a', discarding: true });
    expect(await open().list()).toEqual([]);
    await cleared();
    expect(server.asked).toEqual([
      'GET /recordings/rec_a',
      'DELETE /recordings/rec_a/upload',
      'DELETE /recordings/rec_a',
    ]);
    for await (const record of store.all(A)) expect(record).toBeUndefined();
  });

  it('is not gone because a server that never had it says so', async () => {
    await put(A, { recordingId: 'rec_a', discarding: true, server: 'http://old-server/' });
    await put(B, { recordingId: 'rec_b', discarding: true, server: 'http://server/', organisation: 'acme' });
    session = 'other';
    await open().list();
    await vi.waitFor(() => expect(server.asked).toEqual(['GET /recordings/rec_b', 'GET /session']));
    expect((await store.rows()).map(({ id }) => id)).toEqual([A, B]);
    session = 'acme';
    await open().list();
    await vi.waitFor(async () => expect((await store.rows()).map(({ id }) => id)).toEqual([A]));
  });

  it('who may not abort it leaves it to somebody who may; a co-host who may not delete has done enough', async () => {
    server.recordings.set('rec_a', { state: 'recording' });
    await put(A, { recordingId: 'rec_a', discarding: true });
    server.forbidden = 'DELETE /recordings/rec_a/upload';
    await open().list();
    await vi.waitFor(() => expect(server.asked.at(-1)).toBe('DELETE /recordings/rec_a/upload'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await store.rows()).length).toBe(1);
    server.forbidden = 'DELETE /recordings/rec_a';
    await open().list();
    await cleared();
  });

  it('waits for the server', async () => {
    server.down = true;
    await put(A, { recordingId: 'rec_a', discarding: true });
    await open().list();
    await vi.waitFor(() => expect(server.asked).toEqual(['GET /recordings/rec_a']));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await store.rows()).length).toBe(1);
    server.down = false;
    await open().list();
    await cleared();
  });

  it('a take in its countdown is left alone while its page lives', async () => {
    await put(A, { clusters: 0 });
    const unlock = await lockTake(A);
    await open().list();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect((await store.rows()).length).toBe(1);
    unlock?.();
    await open().list();
    await cleared();
  });

  it('a finished take on the server is not touched', async () => {
    server.recordings.set('rec_a', { state: 'complete' });
    await put(A, { recordingId: 'rec_a', discarding: true });
    await open().list();
    await cleared();
    expect(server.asked).toEqual(['GET /recordings/rec_a']);
  });

  it('a take that only the server has is finished by the server', async () => {
    server.recordings.set('rec_a', { state: 'recording', upload: { uploaded_bytes: 5 } });
    await put(A, { recordingId: 'rec_a', clusters: 0 });
    await open().list();
    await cleared();
    expect(server.asked).toEqual(['GET /recordings/rec_a', 'POST /recordings/rec_a/salvage']);
  });
});

describe('startOver', () => {
  it('leaves nothing', async () => {
    server.recordings.set('rec_a', { state: 'recording' });
    await put(A, { recordingId: 'rec_a' });
    await open().startOver(A);
    expect([await store.rows(), server.recordings.size]).toEqual([[], 0]);
  });

  it('can be undone for a while, with all that was there', async () => {
    server.recordings.set('rec_a', { state: 'recording' });
    await put(A, { recordingId: 'rec_a' });
    const before = await store.row(A);
    const recovery = open();
    const { undo } = await recovery.startOver(A, { undoSeconds: 60 });
    expect([await recovery.list(), await code(recovery.startOver(A)), server.asked]).toEqual([[], 'no-such-take', []]);
    expect([await undo(), await undo()]).toEqual([true, false]);
    expect([(await recovery.list()).length, await store.row(A), server.asked]).toEqual([1, before, []]);
    expect((await store.read(A, [0]))[0]?.byteLength).toBe(4);
    expect(await code(recovery.startOver(A, { undoSeconds: -1 }))).toBe('bad-argument');
  });

  it('is carried out when the time to undo is over, by this page or the next', async () => {
    await put(A);
    await put(B);
    const [first, gone] = [open(), open()];
    const { undo } = await first.startOver(A, { undoSeconds: 0.05 });
    await gone.startOver(B, { undoSeconds: 0.05 });
    await gone.close();
    await vi.waitFor(async () => expect((await store.rows()).map(({ id }) => id)).toEqual([B]));
    expect(await undo()).toBe(false);
    expect(await first.list()).toEqual([]);
    await vi.waitFor(async () => expect(await store.rows()).toEqual([]));
  });

  it('offline: nothing is left here but the intention', async () => {
    server.down = true;
    await put(A, { recordingId: 'rec_a' });
    await open().startOver(A);
    expect(await store.rows()).toMatchObject([{ id: A, discarding: true }]);
    for await (const record of store.all(A)) expect(record).toBeUndefined();
    expect(await code(open().startOver(A))).toBe('no-such-take');
  });

  it('refuses a take that lives, and one that is not there', async () => {
    await put(A);
    await lockTake(A);
    expect(await code(open().startOver(A))).toBe('take-live');
    expect(await code(open().startOver(B))).toBe('no-such-take');
  });
});

describe('salvage', () => {
  const asked = (): Promise<Told> =>
    vi.waitFor(
      () => FakeWorker.all[0]?.told.find(({ type }) => type === 'salvage') ?? Promise.reject(new Error('not yet')),
    );

  it('tells its progress and gives the take, which can be played after close', async () => {
    server.recordings.set('rec_a', {});
    const recovery = open();
    const seen: unknown[] = [];
    const salvage = recovery.salvage(A, { onProgress: (progress) => seen.push(progress) });
    const { id } = await asked();
    FakeWorker.all[0]?.tell({ notice: 'salvage', id: A, progress: { phase: 'sending', progress: 0.5 } });
    FakeWorker.all[0]?.tell({ notice: 'salvage', id: B, progress: { phase: 'sending', progress: 0.9 } });
    FakeWorker.all[0]?.tell({
      reply: id,
      ok: true,
      value: { recordingId: 'rec_a', duration: 2, bytes: 9, timeline: '{"events":[]}', scene: '{}' },
    });
    const take = await salvage;
    await recovery.close();
    expect(seen).toEqual([{ phase: 'sending', progress: 0.5 }]);
    expect([take.duration, await take.timeline(), await take.playbackUrl()]).toEqual([2, { events: [] }, 'play:rec_a']);
  });

  it('of a take without a server: it stays until it is forgotten', async () => {
    await put(A);
    const recovery = open();
    const salvage = recovery.salvage(A);
    const { id } = await asked();
    const file = new Blob(['webm']);
    FakeWorker.all[0]?.tell({
      reply: id,
      ok: true,
      value: { recordingId: '', duration: 2, bytes: 4, timeline: '{}', scene: '{}', file },
    });
    const take = await salvage;
    await recovery.close();
    expect((await store.rows()).length).toBe(1);
    await take.forget();
    expect([await store.rows(), await take.file?.text()]).toEqual([[], 'webm']);
  });

  it('can be prepared for, and a failure of that is no failure', async () => {
    const recovery = open();
    const ready = recovery.prepare();
    const { id } = await vi.waitFor(
      () => FakeWorker.all[0]?.told.find(({ type }) => type === 'prepare') ?? Promise.reject(new Error('not yet')),
    );
    FakeWorker.all[0]?.tell({ reply: id, ok: false, error: { code: 'engine-load-failed', message: 'x', context: {} } });
    await expect(ready).resolves.toBeUndefined();
    expect(FakeWorker.all.length).toBe(1);
    await recovery.close();
    await expect(recovery.prepare()).resolves.toBeUndefined();
  });

  it('can be aborted, and says so as the page did', async () => {
    const control = new AbortController();
    const salvage = open().salvage(A, { signal: control.signal });
    const { id } = await asked();
    control.abort(new Error('the host went to lunch'));
    expect(FakeWorker.all[0]?.told.at(-1)).toEqual({ notice: 'stop-salvage', id: A });
    FakeWorker.all[0]?.tell({ reply: id, ok: false, error: { code: 'closed', message: 'x', context: {} } });
    await expect(salvage).rejects.toThrow('lunch');
  });

  it('a download that nobody waits for any more is aborted for its page; the next one is asked for anew', async () => {
    const recovery = open();
    expect(await code(recovery.download(A, { signal: AbortSignal.abort() }))).toBe('aborted');
    const control = new AbortController();
    const download = code(recovery.download(A, { signal: control.signal }));
    await vi.waitFor(() => expect(FakeWorker.all[0]?.told.map(({ type }) => type)).toContain('download'));
    control.abort();
    expect(await download).toBe('aborted');
    void recovery.download(A).catch(() => undefined);
    await vi.waitFor(() => expect(FakeWorker.all[0]?.told.filter(({ type }) => type === 'download').length).toBe(2));
    await recovery.close();
  });

  it('asked for twice it runs once, and who leaves does not stop the other', async () => {
    const recovery = open();
    const [first, second] = [new AbortController(), new AbortController()];
    const seen: string[] = [];
    const salvages = [first, second].map(({ signal }, index) =>
      recovery.salvage(A, { signal, onProgress: ({ phase }) => seen.push(`${index} ${phase}`) }).then(
        ({ duration }) => duration,
        (error: unknown) => error,
      ),
    );
    const { id } = await asked();
    await new Promise((resolve) => setTimeout(resolve));
    FakeWorker.all[0]?.tell({ notice: 'salvage', id: A, progress: { phase: 'sending', progress: 0.5 } });
    await new Promise((resolve) => setTimeout(resolve));
    second.abort('enough');
    expect(await salvages[1]).toBe('enough');
    const told = FakeWorker.all[0]?.told ?? [];
    expect([
      told.filter(({ type }) => type === 'salvage').length,
      told.filter(({ notice }) => notice === 'stop-salvage').length,
    ]).toEqual([1, 0]);
    FakeWorker.all[0]?.tell({
      reply: id,
      ok: true,
      value: { recordingId: 'rec_a', duration: 2, bytes: 9, timeline: '{}', scene: '{}' },
    });
    expect([await salvages[0], seen]).toEqual([2, ['0 sending', '1 sending']]);
  });

  it('asked for again while it is being stopped, it begins again after that', async () => {
    const recovery = open();
    const control = new AbortController();
    const stopped = code(recovery.salvage(A, { signal: control.signal }));
    const { id } = await asked();
    control.abort('stop');
    const again = recovery.salvage(A);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const worker = FakeWorker.all[0];
    const requests = (): Told[] => worker?.told.filter(({ type }) => type === 'salvage') ?? [];
    expect(requests().length).toBe(1);
    worker?.tell({ reply: id, ok: false, error: { code: 'closed', message: 'x', context: {} } });
    expect(await stopped).toBe('stop');
    const next = await vi.waitFor(() => requests()[1] ?? Promise.reject(new Error('not yet')));
    worker?.tell({
      reply: next.id,
      ok: true,
      value: { recordingId: 'rec_a', duration: 3, bytes: 9, timeline: '{}', scene: '{}' },
    });
    expect((await again).duration).toBe(3);
  });

  it('a worker that crashes ends what it was asked, and is replaced', async () => {
    const recovery = open();
    const salvage = code(recovery.salvage(A));
    await asked();
    FakeWorker.all[0]?.tell({
      notice: 'crashed',
      error: { code: 'engine-failed', message: 'unreachable', context: {} },
    });
    expect(await salvage).toBe('engine-failed');
    const again = code(recovery.salvage(A));
    const { id } = await vi.waitFor(
      () => FakeWorker.all[1]?.told.find(({ type }) => type === 'salvage') ?? Promise.reject(new Error('not yet')),
    );
    FakeWorker.all[1]?.tell({
      reply: id,
      ok: true,
      value: { recordingId: 'rec_a', duration: 2, bytes: 9, timeline: '{}', scene: '{}' },
    });
    expect(await again).toBe('done');
  });

  it('ends with close', async () => {
    const recovery = open();
    const salvage = code(recovery.salvage(A));
    await asked();
    await recovery.close();
    expect([await salvage, await code(recovery.list()), await code(recovery.download(A))]).toEqual([
      'closed',
      'closed',
      'closed',
    ]);
  });
});
