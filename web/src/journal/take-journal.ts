/**
 * The journal of the running take: each record goes into the browser's storage as soon as it is made, and counts
 * once its transaction is complete. Where the storage fails, the take goes on without it.
 */

import {
  type JournalStore,
  lockTake,
  type Durability,
  type SequenceSpan,
  type StoredRecord,
  type TakeRow,
} from './store.js';
import type { EngineHeap } from '../engine/engine.js';
import type { LocalTake } from '../protocol/messages.js';
import { localTake, readSpans } from './journal-file.js';
import type { JournalSpan } from './pieces.js';

/** A storage that is further behind than this is none. */
const MAX_PENDING_BYTES = 32 << 20;
const WRITE_TIMEOUT_MS = 15_000;

/** What changes in the row of a take. */
export type TakeProgress = Partial<
  Pick<
    TakeRow,
    | 'durationUs'
    | 'fileBytes'
    | 'releasedBytes'
    | 'safeBytes'
    | 'clusters'
    | 'recordingId'
    | 'organisation'
    | 'writer'
    | 'partBytes'
    | 'title'
    | 'titleDue'
  >
>;

export interface JournalTrouble {
  state: 'full' | 'off';
  error: unknown;
}

export interface TakeJournalOptions {
  store: JournalStore;
  row: TakeRow;
  durability: Durability;
  /** Told once, when the journal ends before its take. */
  onTrouble: (trouble: JournalTrouble) => void;
  /** Default 15 s. */
  writeTimeoutMs?: number;
}

export class TakeJournal {
  readonly #options: TakeJournalOptions;
  readonly #unlock: () => void;
  #row: TakeRow;
  #state: 'on' | 'full' | 'off' = 'on';
  /** Bytes of each record, by sequence number. */
  readonly #records = new Map<number, number>();
  #pendingBytes = 0;
  #closed = false;

  private constructor(options: TakeJournalOptions, unlock: () => void) {
    this.#options = options;
    this.#row = options.row;
    this.#unlock = unlock;
  }

  /**
   * Takes the lock, then writes the row: a row that is found without its lock is of a take that was cut off. The store
   * is the journal's from here on: where this rejects, it is closed.
   */
  static async open(options: TakeJournalOptions): Promise<TakeJournal> {
    const { store, row, durability, writeTimeoutMs } = options;
    store.hold();
    let unlock = (): void => undefined;
    try {
      unlock = (await lockTake(row.id)) ?? unlock;
      await inTime(store.write(row, [], [], durability), writeTimeoutMs);
    } catch (error) {
      unlock();
      store.close();
      throw error;
    }
    return new TakeJournal(options, unlock);
  }

  /** The take's name in the journal. */
  get id(): string {
    return this.#row.id;
  }

  get state(): 'on' | 'full' | 'off' {
    return this.#state;
  }

  /** Bytes of the take's records. */
  get bytes(): number {
    return this.#row.localBytes;
  }

  /**
   * Hands records and deletions of one moment to the browser, before it returns. Resolves with true once they are
   * kept, with false where the journal has ended; writes are kept in their order.
   */
  async write(
    records: StoredRecord[],
    progress: TakeProgress = {},
    drops: readonly SequenceSpan[] = [],
  ): Promise<boolean> {
    if (this.#state !== 'on' || this.#closed) return false;
    const bytes = records.reduce((sum, record) => sum + record.bytes.length, 0);
    for (const record of records) this.#records.set(record.sequence, record.bytes.length);
    const dropped = drops.reduce((sum, [from, to]) => sum + this.#forget(from, to), 0);
    this.#row = { ...this.#row, ...progress, localBytes: this.#row.localBytes + bytes - dropped };
    this.#pendingBytes += bytes;
    if (this.#pendingBytes > MAX_PENDING_BYTES)
      this.#end(new Error('The browser stores more slowly than the take grows.'));
    if (this.#state !== 'on') return false;
    const written = this.#options.store.write(this.#row, records, drops, this.#options.durability);
    try {
      await this.#inTime(written);
      return true;
    } catch (error) {
      this.#end(error);
      return false;
    } finally {
      this.#pendingBytes -= bytes;
    }
  }

  /** Reads payloads back. Rejects with RangeError where a record is gone. */
  async read(spans: JournalSpan[]): Promise<Uint8Array<ArrayBuffer>[]> {
    return readSpans(this.#options.store, this.#row.id, spans);
  }

  /** A playable file of what has been written so far. */
  local(heap: EngineHeap): Promise<LocalTake> {
    return localTake({ store: this.#options.store, row: this.#row, heap });
  }

  /** A picture of this moment; one that cannot be kept is no loss. */
  async picture(jpeg: ArrayBuffer): Promise<void> {
    if (this.#state === 'on' && !this.#closed)
      await this.#options.store.writePicture(this.#row.id, jpeg).catch(() => undefined);
  }

  /** Something else than the storage is wrong with the journal: it ends here. */
  fail(error: unknown): void {
    this.#end(error);
  }

  /** Notes, before anything else is done, that the take is thrown away. */
  async discard(): Promise<void> {
    await this.#inTime(this.#options.store.discard(this.#row)).catch(() => undefined);
  }

  /** The take is where it belongs: nothing of it is needed here. */
  async remove(): Promise<void> {
    await this.#inTime(this.#options.store.remove(this.#row.id)).catch(() => undefined);
  }

  /** Gives the take back to whoever wants to salvage what is left in the journal. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unlock();
    this.#options.store.close();
  }

  /** Returns the bytes of the records [from, to). */
  #forget(from: number, to: number): number {
    let bytes = 0;
    for (const [sequence, length] of this.#records) {
      if (sequence < from || sequence >= to) continue;
      bytes += length;
      this.#records.delete(sequence);
    }
    return bytes;
  }

  #inTime(work: Promise<void>): Promise<void> {
    return inTime(work, this.#options.writeTimeoutMs);
  }

  #end(error: unknown): void {
    if (this.#state !== 'on') return;
    this.#state = isFull(error) ? 'full' : 'off';
    if (!this.#closed) this.#options.onTrouble({ state: this.#state, error });
  }
}

function inTime(work: Promise<void>, ms = WRITE_TIMEOUT_MS): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The browser did not store anything for ${ms / 1000} s.`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** The quota is used up; or the disk is, which Chromium only says in the text of another error. */
function isFull(error: unknown): boolean {
  return (
    error instanceof DOMException &&
    (error.name === 'QuotaExceededError' || error.message.includes('FILE_ERROR_NO_SPACE'))
  );
}
