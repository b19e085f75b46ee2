/**
 * A take's journal as TypeScript sees it: kt_journal_* of core/include/keeptake/journal.h. The writer turns
 * the recorder's chunks into records for a key-value store, the reader turns what is left of them into a take.
 */

import {
  JOURNAL_FILE_FIELDS,
  JOURNAL_GAP_FIELDS,
  JOURNAL_PIECE_FIELDS,
  JOURNAL_RECORD_FIELDS,
  JOURNAL_TAKE_FIELDS,
  Limit,
  Status,
  type Pointer,
} from './contract.gen.js';
import type { EngineRecorder } from './engine.js';
import { type EngineHeap, type EngineModule, statusError } from './heap.js';

/** A value to be stored under its sequence number, copied out of the engine's memory. */
export interface JournalRecord {
  sequence: number;
  bytes: Uint8Array<ArrayBuffer>;
}

export interface JournalOptions {
  /** `Limit.takeIdBytes` bytes. */
  takeId: Uint8Array;
  /** Part size of the upload; records of the first part are never dropped. */
  partBytes: number;
  /** Nothing but old checkpoints is dropped. */
  keepAll: boolean;
}

/** Makes the records of one take. To be destroyed before its recorder. */
export class EngineJournal {
  readonly #m: EngineModule;
  /** Of use to the engine's other calls. */
  readonly pointer: Pointer<'KtJournal'>;
  readonly #heap: EngineHeap;
  readonly #recorder: EngineRecorder;

  /** @throws {KeeptakeError} where an option is out of range or memory is short. */
  constructor(heap: EngineHeap, recorder: EngineRecorder, options: JournalOptions) {
    this.#m = heap.module;
    this.#heap = heap;
    this.#recorder = recorder;
    this.pointer = withTakeId(heap, options.takeId, (pointer) =>
      this.#m._ktw_journal_create(pointer, options.partBytes, +options.keepAll),
    ) as Pointer<'KtJournal'>;
    if (this.pointer <= 0) throw statusError(this.pointer, 'The journal cannot begin');
  }

  destroy(): void {
    this.#m._ktw_journal_destroy(this.pointer);
  }

  /** The timeline's events that are in no record yet; null: none. */
  events(): JournalRecord | null {
    const status = this.#m._ktw_journal_events(this.pointer, this.#recorder.pointer, this.#heap.scratch);
    if (status > 0) return null;
    if (status < 0) throw statusError(status, 'The timeline cannot be journaled');
    return recordOf(this.#heap);
  }
}

/** What a journal's longest valid prefix is. */
export interface RecoveredTake {
  durationUs: number;
  /** Header and whole clusters; the Cues come after them. */
  fileBytes: number;
  /** Of them safe in the store, by the newest checkpoint. */
  releasedBytes: number;
  /** 0: not known. */
  partBytes: number;
  /** Of header and clusters that are here. */
  localBytes: number;
  clusters: number;
  /** Something that was journaled is missing. */
  damaged: boolean;
  /** The take was stopped, and all of it was journaled. */
  finished: boolean;
  /** All of the first part is here, so it can be sent again with its patched header. */
  patchable: boolean;
}

/** A cluster that is here: `bytes` bytes from `recordOffset` of the record on are those at `fileOffset`. */
export interface JournalPiece {
  sequence: number;
  recordOffset: number;
  fileOffset: number;
  bytes: number;
}

/** A playable file of the clusters that are here: header, pieces, cues. */
export interface LocalFile {
  header: Uint8Array<ArrayBuffer>;
  /** Empty without cue points. */
  cues: Uint8Array<ArrayBuffer>;
  pieces: JournalPiece[];
  durationUs: number;
  /** Take time in seconds that is not in it. */
  missing: [from: number, to: number][];
}

/** Reads the records of one take, in any order. */
export class EngineJournalReader {
  readonly #m: EngineModule;
  readonly #r: Pointer<'KtJournalReader'>;
  readonly #heap: EngineHeap;

  /** @throws {KeeptakeError} where `takeId` is not `Limit.takeIdBytes` long or memory is short. */
  constructor(heap: EngineHeap, takeId: Uint8Array) {
    this.#m = heap.module;
    this.#heap = heap;
    this.#r = withTakeId(heap, takeId, (pointer) =>
      this.#m._ktw_journal_reader_create(pointer),
    ) as Pointer<'KtJournalReader'>;
    if (this.#r <= 0) throw statusError(this.#r, 'The journal cannot be read');
  }

  destroy(): void {
    this.#m._ktw_journal_reader_destroy(this.#r);
  }

  /** False, and nothing changed, where the record is damaged or another take's. */
  add(record: Uint8Array): boolean {
    const status = this.#heap.withMemory(Math.max(1, record.length), (pointer) => {
      this.#heap.bytes(pointer, record.length).set(record);
      return this.#m._ktw_journal_reader_add(this.#r, pointer, record.length);
    });
    if (status === Status.ERR_FORMAT) return false;
    if (status < 0) throw statusError(status, 'A record of the journal cannot be read');
    return true;
  }

  /** The take up to the first thing that is missing; null where nothing was recorded. No record can be added afterwards. */
  finish(): RecoveredTake | null {
    const status = this.#m._ktw_journal_reader_finish(this.#r, this.#heap.scratch);
    if (status === Status.ERR_NOT_FOUND) return null;
    if (status < 0) throw statusError(status, 'The take cannot be put together');
    const field = fieldsOf(this.#heap);
    return {
      durationUs: field(JOURNAL_TAKE_FIELDS.durationUs),
      fileBytes: field(JOURNAL_TAKE_FIELDS.fileBytes),
      releasedBytes: field(JOURNAL_TAKE_FIELDS.releasedBytes),
      partBytes: field(JOURNAL_TAKE_FIELDS.partBytes),
      localBytes: field(JOURNAL_TAKE_FIELDS.localBytes),
      clusters: field(JOURNAL_TAKE_FIELDS.clusters),
      damaged: field(JOURNAL_TAKE_FIELDS.damaged) !== 0,
      finished: field(JOURNAL_TAKE_FIELDS.finished) !== 0,
      patchable: field(JOURNAL_TAKE_FIELDS.patchable) !== 0,
    };
  }

  /** The clusters of the take that are here, in file order. */
  pieces(): JournalPiece[] {
    return this.#pieces(0);
  }

  /** The first bytes of the finished file, patched. */
  header(): Uint8Array<ArrayBuffer> {
    return this.#header(0);
  }

  /** What follows the clusters, from `fileBytes` on; empty without cue points. */
  cues(): Uint8Array<ArrayBuffer> {
    return this.#cues(0);
  }

  /** The timeline up to the take's end, closed by a stop event; zlib. */
  timeline(): Uint8Array<ArrayBuffer> {
    return this.#taken(this.#m._ktw_journal_reader_timeline(this.#r, this.#heap.scratch), 'timeline');
  }

  /** Scene JSON of that timeline. */
  scene(): Uint8Array<ArrayBuffer> {
    return this.#taken(this.#m._ktw_journal_reader_scene(this.#r, this.#heap.scratch), 'scene');
  }

  /** What can be had without the store. */
  local(): LocalFile {
    return {
      header: this.#header(1),
      cues: this.#cues(1),
      pieces: this.#pieces(1),
      durationUs: this.#file(1, JOURNAL_FILE_FIELDS.durationUs),
      missing: this.#missing(),
    };
  }

  #file(local: number, index: number): number {
    const status = this.#m._ktw_journal_reader_file(this.#r, local, this.#heap.scratch);
    if (status < 0) throw statusError(status, 'The take was not put together yet');
    return fieldsOf(this.#heap)(index);
  }

  #header(local: number): Uint8Array<ArrayBuffer> {
    return this.#heap.copy(this.#file(local, JOURNAL_FILE_FIELDS.header), Limit.headerBytes);
  }

  #cues(local: number): Uint8Array<ArrayBuffer> {
    const bytes = this.#file(local, JOURNAL_FILE_FIELDS.cuesBytes);
    return this.#heap.copy(this.#file(local, JOURNAL_FILE_FIELDS.cues), bytes);
  }

  #pieces(local: number): JournalPiece[] {
    const count = this.#file(local, JOURNAL_FILE_FIELDS.pieceCount);
    const fields = Object.keys(JOURNAL_PIECE_FIELDS).length;
    return this.#rows(count, fields, (pointer) => this.#m._ktw_journal_reader_pieces(this.#r, local, pointer)).map(
      (row) => ({
        sequence: row[JOURNAL_PIECE_FIELDS.sequence] ?? 0,
        recordOffset: row[JOURNAL_PIECE_FIELDS.recordOffset] ?? 0,
        fileOffset: row[JOURNAL_PIECE_FIELDS.fileOffset] ?? 0,
        bytes: row[JOURNAL_PIECE_FIELDS.bytes] ?? 0,
      }),
    );
  }

  #missing(): [number, number][] {
    const count = this.#file(1, JOURNAL_FILE_FIELDS.gapCount);
    const fields = Object.keys(JOURNAL_GAP_FIELDS).length;
    return this.#rows(count, fields, (pointer) => this.#m._ktw_journal_reader_gaps(this.#r, pointer)).map((row) => [
      (row[JOURNAL_GAP_FIELDS.fromUs] ?? 0) / 1e6,
      (row[JOURNAL_GAP_FIELDS.toUs] ?? 0) / 1e6,
    ]);
  }

  /** `count` rows of `fields` doubles that `fill` writes. */
  #rows(count: number, fields: number, fill: (pointer: number) => number): Float64Array[] {
    if (count === 0) return [];
    return this.#heap.withMemory(count * fields * 8, (pointer) => {
      const status = fill(pointer);
      if (status < 0) throw statusError(status, 'The take was not put together yet');
      const all = new Float64Array(this.#heap.buffer, pointer, count * fields).slice();
      return Array.from({ length: count }, (_, row) => all.subarray(row * fields, (row + 1) * fields));
    });
  }

  #taken(status: number, what: string): Uint8Array<ArrayBuffer> {
    if (status < 0) throw statusError(status, `The recovered ${what} cannot be written`);
    return this.#heap.taken();
  }
}

/** The record that the last call left, whose first fields all kinds of scratch records share. */
export function recordOf(heap: EngineHeap): JournalRecord {
  const field = fieldsOf(heap);
  return {
    sequence: field(JOURNAL_RECORD_FIELDS.sequence),
    bytes: heap.copy(field(JOURNAL_RECORD_FIELDS.data), field(JOURNAL_RECORD_FIELDS.bytes)),
  };
}

/** Reads fields of the scratch record as the last call left it. */
export function fieldsOf(heap: EngineHeap): (index: number) => number {
  const record = heap.record().slice();
  return (index) => record[index] ?? 0;
}

function withTakeId(heap: EngineHeap, takeId: Uint8Array, use: (pointer: number) => number): number {
  if (takeId.length !== Limit.takeIdBytes) {
    throw statusError(Status.ERR_ARG, `A take id has ${Limit.takeIdBytes} bytes, not ${takeId.length}`);
  }
  return heap.withMemory(takeId.length, (pointer) => {
    heap.bytes(pointer, takeId.length).set(takeId);
    return use(pointer);
  });
}
