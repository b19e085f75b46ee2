/**
 * The order in which a take becomes safe, as core/include/keeptake/take_store.h has it: a piece of the file is
 * journaled, then counts as recorded, then may be uploaded; what the upload has may be let go of. This side
 * stores, sends and waits; the order is the engine's.
 */

import { COUNTED_FIELDS, JOURNAL_CHECKPOINT_FIELDS, JOURNAL_RECORD_FIELDS, type Pointer } from './contract.gen.js';
import type { EngineRecorder, EngineUploader } from './engine.js';
import { type EngineHeap, type EngineModule, statusError } from './heap.js';
import { fieldsOf, recordOf, type EngineJournal, type JournalRecord } from './journal.js';

const NONE = 0;

/** A piece of the file. */
export interface TakeChunk {
  /** `ChunkKind`. */
  kind: number;
  /** The piece itself: with a record, a view into it. */
  payload: Uint8Array<ArrayBuffer>;
  /** Take time of a cluster. */
  endUs: number;
  /** To be stored; null: it is not journaled. */
  record: JournalRecord | null;
}

/** A piece that counts as recorded. */
export interface CountedChunk {
  offset: number;
  /** 0: the patch of the header. */
  bytes: number;
  /** Where it lies in the journal; null: it does not. */
  place: { sequence: number; offset: number } | null;
  /** `Status`: whether the uploader took it. */
  upload: number;
}

/** What may be let go of, and the record that knows it; null: there is no journal. */
export interface Release {
  record: JournalRecord | null;
  /** Sequences [from, to) to be deleted in the transaction that stores the record. */
  drops: [from: number, to: number][];
}

/** Journal and uploader are given to each call: either may be missing, or end before the take does. */
export class EngineTakeStore {
  readonly #m: EngineModule;
  readonly #s: Pointer<'KtTakeStore'>;
  readonly #heap: EngineHeap;
  readonly #recorder: EngineRecorder;

  /** `keepAll`: as long as there is a journal, nothing is let go of. */
  constructor(heap: EngineHeap, recorder: EngineRecorder, keepAll: boolean) {
    this.#m = heap.module;
    this.#heap = heap;
    this.#recorder = recorder;
    this.#s = this.#m._ktw_take_store_create(+keepAll) as Pointer<'KtTakeStore'>;
    if (this.#s <= 0) throw statusError(this.#s, 'The take cannot begin');
  }

  destroy(): void {
    this.#m._ktw_take_store_destroy(this.#s);
  }

  /** Takes the recorder's oldest waiting piece; null: none waits. Where this throws, it may be asked without the journal. */
  takeChunk(journal: EngineJournal | null): TakeChunk | null {
    const { pointer } = this.#recorder;
    const status = this.#m._ktw_take_store_chunk(this.#s, pointerOf(journal), pointer, this.#heap.scratch);
    if (status > 0) return null;
    if (status < 0) throw statusError(status, 'The next piece of the file cannot be kept');
    const field = fieldsOf(this.#heap);
    const record = recordOf(this.#heap);
    const at = field(JOURNAL_RECORD_FIELDS.payloadOffset);
    const chunk: TakeChunk = {
      kind: field(JOURNAL_RECORD_FIELDS.kind),
      payload: record.bytes.subarray(at, at + field(JOURNAL_RECORD_FIELDS.payloadBytes)),
      endUs: field(JOURNAL_RECORD_FIELDS.endUs),
      record: journal && record,
    };
    const popped = this.#m._ktw_recorder_pop_chunk(pointer);
    if (popped < 0) throw statusError(popped, 'The piece of the file cannot be released');
    return chunk;
  }

  /** The record of that sequence is stored, or never will be. */
  stored(sequence: number, isStored: boolean): void {
    this.#m._ktw_take_store_stored(this.#s, sequence, +isStored);
  }

  /** The next piece that counts as recorded, which `uploader` now has; null: none does yet. */
  count(uploader: EngineUploader | null, nowUs: number): CountedChunk | null {
    const status = this.#m._ktw_take_store_count(this.#s, pointerOf(uploader), nowUs, this.#heap.scratch);
    if (status > 0) return null;
    if (status < 0) throw statusError(status, 'What is recorded cannot be counted');
    const field = fieldsOf(this.#heap);
    const place = { sequence: field(COUNTED_FIELDS.sequence), offset: field(COUNTED_FIELDS.payloadOffset) };
    return {
      offset: field(COUNTED_FIELDS.offset),
      bytes: field(COUNTED_FIELDS.bytes),
      place: field(COUNTED_FIELDS.isStored) === 0 ? null : place,
      upload: field(COUNTED_FIELDS.upload),
    };
  }

  /** The upload has everything before `releasedBytes` for good; null: all is kept all the same. */
  release(journal: EngineJournal | null, releasedBytes: number): Release | null {
    const status = this.#m._ktw_take_store_release(
      this.#s,
      pointerOf(journal),
      this.#recorder.pointer,
      releasedBytes,
      this.#heap.scratch,
    );
    if (status > 0) return null;
    if (status < 0) throw statusError(status, `The journal cannot be trimmed to byte ${releasedBytes}`);
    const field = fieldsOf(this.#heap);
    const drops = Array.from({ length: field(JOURNAL_CHECKPOINT_FIELDS.dropCount) }, (_, index): [number, number] => [
      field(JOURNAL_CHECKPOINT_FIELDS.from0 + 2 * index),
      field(JOURNAL_CHECKPOINT_FIELDS.to0 + 2 * index),
    ]);
    return { record: journal && recordOf(this.#heap), drops };
  }

  /** No more will come: the uploader is told so. */
  finish(uploader: EngineUploader, nowUs: number): void {
    const status = this.#m._ktw_take_store_finish(this.#s, uploader.pointer, nowUs);
    if (status < 0) throw statusError(status, 'The upload cannot be finished');
  }
}

function pointerOf<T extends string>(object: { readonly pointer: Pointer<T> } | null): Pointer<T> {
  return object?.pointer ?? (NONE as Pointer<T>);
}
