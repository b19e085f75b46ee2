/**
 * The journal's place in IndexedDB: a row per take, its records by sequence number, a picture of its last moment.
 * Used by the worker that records, and by recovery on a page. What stands in a record is the engine's affair
 * (docs/journal.md); what may be trusted after a crash is in docs/recovery.md.
 */

import { storageTrouble, wasEnded } from '../base/dom-errors.js';
import { KeeptakeError } from '../base/errors.js';

export const DEFAULT_DATABASE = 'keeptake';
/** Each step up has its place in {@link migrate}. */
const VERSION = 1;
const TAKES = 'takes';
const RECORDS = 'records';
const PICTURES = 'pictures';
const OPEN_TIMEOUT_MS = 5000;
const READ_TIMEOUT_MS = 10_000;
const READ_BATCH = 64;

export type Durability = 'relaxed' | 'strict';

/**
 * What is known of a take without reading its records. Written with every record, in the same transaction.
 * Fixed at the start: everything before `durationUs`, except what says which recording it goes to.
 */
export interface TakeRow {
  /** 32 hexadecimal digits. */
  id: string;
  recordingId: string | null;
  /** Address of the server; null: none. */
  server: string | null;
  /** Whom it belongs to, as the page says ({@link JournalOptions.scope}). */
  scope?: string;
  /** As the server calls it: what another one does not know is not gone. */
  organisation?: string;
  /** Shows the server that whoever has this row recorded the take. */
  writer?: string;
  /** Under which its recording is made, where `recordingId` is null and there is a `server`. */
  creationKey?: string;
  partBytes: number;
  codec: 'vp9' | 'vp8';
  width: number;
  height: number;
  fps?: number;
  videoBitrate?: number;
  audioBitrate?: number;
  /** The page's own limit, seconds; 0: none. */
  maxLength?: number;
  title: string;
  /** The recording on the server has another one still. */
  titleDue?: boolean;
  /** Unix time, milliseconds. */
  startedAt: number;
  page: { title: string; url: string };
  /** End of the last whole cluster. */
  durationUs: number;
  fileBytes: number;
  /** Bytes before this need no record here, except part 1's. */
  releasedBytes: number;
  /** Bytes from the beginning that the store had acknowledged. */
  safeBytes: number;
  /** Bytes of all records. */
  localBytes: number;
  /** Whole clusters so far; 0: there is nothing to salvage. */
  clusters: number;
  /** The host threw it away: whoever finds it finishes that, and it is never shown. */
  discarding: boolean;
  /** Its first recording was ended by others: what is here is a recording of its own, all of which is sent. */
  renewed?: boolean;
  /** Unix time, milliseconds: it was started over, and is thrown away then; until then that can be undone. */
  discardAt?: number;
}

export interface StoredRecord {
  sequence: number;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Sequence numbers [from, to). */
export type SequenceSpan = readonly [from: number, to: number];

/** Why {@link JournalStore.open} failed, as `context.reason`; `'none'`: this page has no storage at all. */
export type StorageTrouble = 'none' | 'slow' | 'blocked' | 'newer' | 'failed';

/** Brings a database of that version to this one's form; 0: there is nothing yet. In its upgrade transaction only. */
export function migrate(db: IDBDatabase, oldVersion: number): void {
  if (oldVersion < 1) {
    db.createObjectStore(TAKES, { keyPath: 'id' });
    db.createObjectStore(RECORDS);
    db.createObjectStore(PICTURES);
  }
}

export class JournalStore {
  readonly #db: IDBDatabase;
  #held = false;

  private constructor(db: IDBDatabase) {
    this.#db = db;
    // A page that lies open must not keep a newer one out; one that works on a take ends that first.
    db.onversionchange = () => {
      if (!this.#held) db.close();
    };
  }

  /**
   * @throws {KeeptakeError} `'storage-unavailable'`, with `context.reason` ({@link StorageTrouble}); `retryable` where it may be there
   * in a moment. An open that succeeds later than that is closed again.
   */
  static open(name: string, timeoutMs = OPEN_TIMEOUT_MS): Promise<JournalStore> {
    return new Promise((resolve, reject) => {
      let request: IDBOpenDBRequest;
      try {
        request = indexedDB.open(name, VERSION);
      } catch (cause) {
        // Not even asked: a page without an origin of its own, or a browser that has no storage.
        return reject(unavailable('none', 'The browser gives this page no storage.', cause));
      }
      let blocked = false;
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        if (blocked)
          reject(
            unavailable(
              'blocked',
              'Another tab with an older version of this page keeps the storage. Close it, then try again.',
            ),
          );
        else reject(unavailable('slow', `The browser did not open its storage within ${timeoutMs / 1000} s.`));
      }, timeoutMs);
      request.onblocked = () => (blocked = true);
      request.onupgradeneeded = ({ oldVersion }) => migrate(request.result, oldVersion);
      request.onerror = () => {
        clearTimeout(timer);
        reject(openError(request.error));
      };
      request.onsuccess = () => {
        clearTimeout(timer);
        if (late) request.result.close();
        else resolve(new JournalStore(request.result));
      };
    });
  }

  /**
   * From now on another page that wants to upgrade or delete the database waits until this is closed: the bytes of a
   * take that somebody works on would be out of reach.
   */
  hold(): this {
    this.#held = true;
    return this;
  }

  close(): void {
    this.#db.close();
  }

  rows(): Promise<TakeRow[]> {
    return this.#ask<TakeRow[]>(TAKES, (store) => store.getAll());
  }

  row(id: string): Promise<TakeRow | undefined> {
    return this.#ask<TakeRow | undefined>(TAKES, (store) => store.get(id));
  }

  picture(id: string): Promise<ArrayBuffer | undefined> {
    return this.#ask<ArrayBuffer | undefined>(PICTURES, (store) => store.get(id));
  }

  /**
   * The row, records and deletions of one moment in one transaction, which is committed at once: all of it has been
   * handed to the browser when this returns, and has been kept when the promise resolves.
   */
  write(row: TakeRow, records: StoredRecord[], drops: readonly SequenceSpan[], durability: Durability): Promise<void> {
    return this.#change([TAKES, RECORDS], durability, (transaction) => {
      const store = transaction.objectStore(RECORDS);
      for (const { sequence, bytes } of records) store.put(wholeBuffer(bytes), [row.id, sequence]);
      for (const [from, to] of drops) if (to > from) store.delete(sequences(row.id, from, to));
      transaction.objectStore(TAKES).put(row);
    });
  }

  writePicture(id: string, jpeg: ArrayBuffer): Promise<void> {
    return this.#change([PICTURES], 'relaxed', (transaction) => void transaction.objectStore(PICTURES).put(jpeg, id));
  }

  /** Notes that the take is thrown away and drops its media; the row stays until {@link remove}. */
  discard(row: TakeRow): Promise<void> {
    return this.#change([TAKES, RECORDS, PICTURES], 'strict', (transaction) => {
      transaction.objectStore(TAKES).put({ ...row, discarding: true });
      transaction.objectStore(RECORDS).delete(sequences(row.id, 0, Infinity));
      transaction.objectStore(PICTURES).delete(row.id);
    });
  }

  /** Removes everything of a take. */
  remove(id: string): Promise<void> {
    return this.#change([TAKES, RECORDS, PICTURES], 'relaxed', (transaction) => {
      transaction.objectStore(TAKES).delete(id);
      transaction.objectStore(RECORDS).delete(sequences(id, 0, Infinity));
      transaction.objectStore(PICTURES).delete(id);
    });
  }

  /** The records of those numbers, undefined where one is not there. */
  async read(id: string, numbers: readonly number[]): Promise<(ArrayBuffer | undefined)[]> {
    const transaction = this.#db.transaction(RECORDS, 'readonly');
    const store = transaction.objectStore(RECORDS);
    return Promise.all(numbers.map((number) => answered<ArrayBuffer | undefined>(store.get([id, number]))));
  }

  /** Every record of a take in order of its number, a batch in memory at a time. */
  async *all(id: string): AsyncGenerator<StoredRecord> {
    for (let from = 0; ; ) {
      const range = sequences(id, from, Infinity);
      const transaction = this.#db.transaction(RECORDS, 'readonly');
      const store = transaction.objectStore(RECORDS);
      const [keys, values] = await Promise.all([
        answered(store.getAllKeys(range, READ_BATCH)),
        answered<unknown[]>(store.getAll(range, READ_BATCH)),
      ]);
      for (const [index, key] of keys.entries()) {
        from = Number((key as unknown[])[1]) + 1;
        const value = values[index];
        if (value instanceof ArrayBuffer) yield { sequence: from - 1, bytes: new Uint8Array(value) };
      }
      if (keys.length < READ_BATCH) return;
    }
  }

  // Async: a closed database throws.
  async #ask<T>(name: string, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    return answered(ask(this.#db.transaction(name, 'readonly').objectStore(name)));
  }

  /** `change` runs before this returns. */
  #change(names: string[], durability: Durability, change: (transaction: IDBTransaction) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      // A closed database throws here.
      const transaction = this.#db.transaction(names, 'readwrite', { durability });
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('The browser gave up a write.'));
      change(transaction);
      transaction.commit();
    });
  }
}

function unavailable(reason: StorageTrouble, message: string, cause?: unknown): KeeptakeError {
  const retryable = reason !== 'none' && reason !== 'newer';
  return new KeeptakeError('storage-unavailable', message, { cause, context: { reason }, retryable });
}

function openError(error: DOMException | null): KeeptakeError {
  switch (storageTrouble(error)) {
    // What private windows and settings that forbid storage answer.
    case 'none':
      return unavailable('none', 'The browser gives this page no storage.', error);
    case 'newer':
      return unavailable('newer', 'The storage is of a newer version of this page. Reload the page.', error);
    default:
      return unavailable(
        'failed',
        `The browser could not open its storage: ${error?.message ?? 'no reason given'}`,
        error,
      );
  }
}

/** Whether this error says that there is no storage, and so nothing in it. */
export function isNoStorage(error: unknown): boolean {
  return error instanceof KeeptakeError && error.context['reason'] === 'none';
}

/** What went wrong while reading, as an error to try again after; `work` has ten seconds. */
export async function readInTime<T>(work: Promise<T>, timeoutMs = READ_TIMEOUT_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came for ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw unavailable(
      'failed',
      `The browser could not read its storage: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  } finally {
    clearTimeout(timer);
  }
}

function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('The browser could not read its storage.'));
  });
}

function sequences(id: string, from: number, to: number): IDBKeyRange {
  return IDBKeyRange.bound([id, from], [id, to], false, true);
}

/** What is put is cloned: not more than the record itself. */
function wholeBuffer(bytes: Uint8Array<ArrayBuffer>): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  return byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);
}

/** A take's name as a lock: whoever holds it has the take. */
export function lockName(id: string): string {
  return `keeptake:${id}`;
}

/**
 * Takes the lock of a take; the returned function gives it back. Null where another page still has it after
 * `patienceMs`. Browsers and pages without Web Locks have no other pages to fear that we could know of.
 */
export async function lockTake(id: string, patienceMs = 1000): Promise<(() => void) | null> {
  const locks = (navigator as Partial<Pick<Navigator, 'locks'>>).locks;
  if (!locks) return () => undefined;
  return new Promise((resolve, reject) => {
    locks
      .request(
        lockName(id),
        { signal: AbortSignal.timeout(patienceMs) },
        () => new Promise<void>((release) => resolve(release)),
      )
      .catch((error: unknown) => {
        if (wasEnded(error)) resolve(null);
        else reject(error as Error);
      });
  });
}

/** Ids of the takes that some page has at this moment. */
export async function liveTakes(): Promise<Set<string>> {
  const locks = (navigator as Partial<Pick<Navigator, 'locks'>>).locks;
  const { held = [] } = (await locks?.query()) ?? {};
  return new Set(held.flatMap(({ name }) => (name?.startsWith('keeptake:') ? [name.slice('keeptake:'.length)] : [])));
}
