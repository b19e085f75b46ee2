import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { JournalStore, liveTakes, lockTake, migrate, type TakeRow } from '../../../web/src/journal/store.js';
import { TakeJournal, type JournalTrouble } from '../../../web/src/journal/take-journal.js';
import { FakeLocks } from './fake-locks.js';

const ID = '00112233445566778899aabbccddeeff';

function row(changes: Partial<TakeRow> = {}): TakeRow {
  return {
    id: ID,
    recordingId: 'rec_1',
    server: 'http://server/',
    partBytes: 5 << 20,
    codec: 'vp9',
    width: 1280,
    height: 720,
    title: 'Show',
    startedAt: 1,
    page: { title: 'Studio', url: 'http://page/' },
    durationUs: 0,
    fileBytes: 0,
    releasedBytes: 0,
    safeBytes: 0,
    localBytes: 0,
    clusters: 0,
    discarding: false,
    ...changes,
  };
}

function record(sequence: number, length = 10): { sequence: number; bytes: Uint8Array<ArrayBuffer> } {
  return { sequence, bytes: new Uint8Array(length).fill(sequence) };
}

async function open(
  options: { writeTimeoutMs?: number } = {},
): Promise<{ store: JournalStore; journal: TakeJournal; trouble: JournalTrouble[] }> {
  const store = await JournalStore.open('keeptake');
  const trouble: JournalTrouble[] = [];
  const journal = await TakeJournal.open({
    store,
    row: row(),
    durability: 'relaxed',
    onTrouble: (each) => trouble.push(each),
    ...options,
  });
  return { store, journal, trouble };
}

async function sequences(): Promise<number[]> {
  const store = await JournalStore.open('keeptake');
  const found: number[] = [];
  for await (const { sequence, bytes } of store.all(ID)) {
    expect(bytes.every((byte) => byte === sequence)).toBe(true);
    found.push(sequence);
  }
  store.close();
  return found;
}

/** The database in a version of our choice, as a later package would open it. */
function raw(version: number): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('keeptake', version);
    request.onupgradeneeded = ({ oldVersion }) => migrate(request.result, oldVersion);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error as Error);
  });
}

beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory());
  vi.stubGlobal('navigator', { locks: new FakeLocks() });
});
afterEach(() => vi.unstubAllGlobals());

describe('TakeJournal', () => {
  it('keeps records and row together, in order', async () => {
    const { store, journal } = await open();
    const written = [
      journal.write([record(0)], { fileBytes: 4096 }),
      journal.write([record(1, 20)], { fileBytes: 5000, clusters: 1, durationUs: 250_000 }),
    ];
    expect(await Promise.all(written)).toEqual([true, true]);
    expect(await store.row(ID)).toEqual(row({ fileBytes: 5000, clusters: 1, durationUs: 250_000, localBytes: 30 }));
    expect(journal.bytes).toBe(30);
    expect(await sequences()).toEqual([0, 1]);
  });

  it('stores the record alone, not the buffer it lies in', async () => {
    const { store, journal } = await open();
    await journal.write([{ sequence: 7, bytes: new Uint8Array(1000).fill(7).subarray(10, 20) }]);
    expect((await store.read(ID, [7, 8])).map((each) => each?.byteLength)).toEqual([10, undefined]);
  });

  it('drops what a checkpoint covers with the checkpoint itself', async () => {
    const { store, journal } = await open();
    for (let sequence = 0; sequence < 6; sequence++) await journal.write([record(sequence)]);
    await journal.write([record(6, 5)], { releasedBytes: 99 }, [
      [1, 3],
      [4, 5],
    ]);
    expect(await sequences()).toEqual([0, 3, 5, 6]);
    expect(journal.bytes).toBe(35);
    expect(await store.row(ID)).toMatchObject({ releasedBytes: 99, localBytes: 35 });
  });

  it('reads payloads back, and tells what is gone', async () => {
    const { journal } = await open();
    await journal.write([record(3)]);
    expect((await journal.read([{ sequence: 3, offset: 4, bytes: 2 }])).map((each) => [...each])).toEqual([[3, 3]]);
    await expect(journal.read([{ sequence: 4, offset: 0, bytes: 1 }])).rejects.toThrow(RangeError);
    await expect(journal.read([{ sequence: 3, offset: 9, bytes: 2 }])).rejects.toThrow(RangeError);
  });

  it.each([
    ['quota', 'QuotaExceededError', 'no room'],
    [
      'disk',
      'UnknownError',
      'IO error: .../000003.log: FILE_ERROR_NO_SPACE (ChromeMethodBFE: 3::WritableFileAppend::8)',
    ],
  ])('ends, once told, where the %s is used up: the take goes on without it', async (_what, name, message) => {
    const { store, journal, trouble } = await open();
    const quota = new DOMException(message, name);
    vi.spyOn(store, 'write').mockRejectedValueOnce(quota).mockRejectedValueOnce(quota);
    expect(await Promise.all([journal.write([record(0)]), journal.write([record(1)])])).toEqual([false, false]);
    expect(await journal.write([record(2)])).toBe(false);
    expect(trouble).toEqual([{ state: 'full', error: quota }]);
    expect([journal.state, await sequences()]).toEqual(['full', []]);
  });

  it('ends where the browser takes too long, or closes its database', async () => {
    const slow = await open({ writeTimeoutMs: 20 });
    vi.spyOn(slow.store, 'write').mockReturnValueOnce(new Promise(() => undefined));
    expect(await slow.journal.write([record(0)])).toBe(false);
    expect([slow.journal.state, slow.trouble.length]).toEqual(['off', 1]);
    slow.journal.close();
    const closed = await open();
    closed.store.close();
    expect(await closed.journal.write([record(0)])).toBe(false);
    expect(closed.trouble[0]?.state).toBe('off');
  });

  it('ends where writes pile up', async () => {
    const { store, journal, trouble } = await open();
    vi.spyOn(store, 'write').mockReturnValue(new Promise(() => undefined));
    for (let sequence = 0; sequence < 5; sequence++) void journal.write([record(sequence, 8 << 20)]);
    expect([journal.state, trouble.length]).toEqual(['off', 1]);
  });

  it('holds the lock of its take until it is closed', async () => {
    const { journal } = await open();
    expect(await liveTakes()).toEqual(new Set([ID]));
    expect(await lockTake(ID, 10)).toBeNull();
    journal.close();
    await vi.waitFor(async () => expect(await liveTakes()).toEqual(new Set()));
    expect(await lockTake(ID, 10)).not.toBeNull();
  });

  it('thrown away: the intention stands in the row, the media are gone; then nothing is left', async () => {
    const { store, journal } = await open();
    await journal.write([record(0)]);
    await journal.picture(new ArrayBuffer(3));
    expect((await store.picture(ID))?.byteLength).toBe(3);
    await journal.discard();
    expect([await sequences(), await store.picture(ID), (await store.row(ID))?.discarding]).toEqual([
      [],
      undefined,
      true,
    ]);
    await journal.remove();
    expect(await store.rows()).toEqual([]);
  });

  it('gives no lock away where the row cannot be written', async () => {
    const store = await JournalStore.open('keeptake');
    store.close();
    const opening = TakeJournal.open({ store, row: row(), durability: 'strict', onTrouble: () => undefined });
    await expect(opening).rejects.toThrow();
    expect(await liveTakes()).toEqual(new Set());
  });
});

describe('JournalStore', () => {
  it('walks over more records than a batch, of one take only', async () => {
    const store = await JournalStore.open('keeptake');
    const many = Array.from({ length: 150 }, (_, index) => record(index * 2, 3));
    await store.write(row(), many, [], 'relaxed');
    await store.write(row({ id: 'ff'.repeat(16) }), [record(1)], [], 'relaxed');
    const found: number[] = [];
    for await (const { sequence } of store.all(ID)) found.push(sequence);
    expect(found).toEqual(many.map(({ sequence }) => sequence));
  });

  it('says so where the browser gives no storage', async () => {
    vi.stubGlobal('indexedDB', {
      open: () => {
        throw new DOMException('denied', 'SecurityError');
      },
    });
    await expect(JournalStore.open('keeptake')).rejects.toMatchObject({
      code: 'storage-unavailable',
      context: { reason: 'none' },
      retryable: false,
    });
  });

  it('an open that succeeds too late is an error to try again after, and leaves no connection', async () => {
    const db = { close: vi.fn() };
    const request: { onsuccess?: () => void; result: typeof db } = { result: db };
    vi.stubGlobal('indexedDB', { open: () => request });
    await expect(JournalStore.open('keeptake', 5)).rejects.toMatchObject({
      context: { reason: 'slow' },
      retryable: true,
    });
    request.onsuccess?.();
    expect(db.close).toHaveBeenCalledOnce();
  });

  it('a newer database is no missing storage', async () => {
    (await raw(9)).close();
    await expect(JournalStore.open('keeptake')).rejects.toMatchObject({
      context: { reason: 'newer' },
      retryable: false,
    });
  });

  it('says that another tab keeps an older version open', async () => {
    const listeners: Record<string, () => void> = {};
    vi.stubGlobal('indexedDB', { open: () => listeners });
    const opened = JournalStore.open('keeptake', 5);
    listeners['onblocked']?.();
    await expect(opened).rejects.toMatchObject({ context: { reason: 'blocked' }, retryable: true });
  });

  it('lets go of the database when a later version wants it', async () => {
    const store = await JournalStore.open('keeptake');
    await store.write(row(), [record(0)], [], 'relaxed');
    const db = await raw(2);
    expect([...db.objectStoreNames]).toEqual(['pictures', 'records', 'takes']);
    await expect(store.rows()).rejects.toThrow();
    db.close();
  });

  it('a running take keeps it until it is over', async () => {
    const { journal } = await open();
    let upgraded = false;
    const next = raw(2).then((db) => ((upgraded = true), db));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([upgraded, await journal.write([record(0)])]).toEqual([false, true]);
    journal.close();
    (await next).close();
  });

  it('a journal that cannot begin closes its store', async () => {
    const store = await JournalStore.open('keeptake');
    const close = vi.spyOn(store, 'close');
    vi.spyOn(store, 'write').mockRejectedValue(new Error('no room'));
    await expect(
      TakeJournal.open({ store, row: row(), durability: 'relaxed', onTrouble: () => undefined }),
    ).rejects.toThrow('no room');
    expect([close.mock.calls.length, (await liveTakes()).size]).toEqual([1, 0]);
  });
});
