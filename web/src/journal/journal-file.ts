/** A take's file out of its journal: whole, or as much of it as can be played without the store. */

import { Limit } from '../engine/contract.gen.js';
import type { EngineHeap } from '../engine/engine.js';
import { EngineJournalReader, type JournalPiece, type RecoveredTake } from '../engine/journal.js';
import { KeeptakeError } from '../base/errors.js';
import type { JournalStore, TakeRow } from './store.js';
import type { LocalTake } from '../protocol/messages.js';
import { assemble, type JournalSpan, type Piece } from './pieces.js';
import type { UploadSource } from '../upload/upload.js';

export interface JournalFileOptions {
  store: JournalStore;
  row: Pick<TakeRow, 'id' | 'localBytes'>;
  heap: EngineHeap;
  /** Ends the reading, which rejects with its reason. */
  signal?: AbortSignal;
  /** 0..1, of the reading. */
  onProgress?: (progress: number) => void;
}

/** A file whose bytes are here. */
export interface JournalFile {
  file: UploadSource;
  durationUs: number;
  /** Spans of the take in seconds that are not in it. */
  missing: [from: number, to: number][];
}

/** Reads the records of a take. `use` gets null where nothing of it can be played from its beginning on. */
export async function readJournal<T>(
  { store, row, heap, signal, onProgress }: JournalFileOptions,
  use: (reader: EngineJournalReader, take: RecoveredTake | null) => Promise<T>,
): Promise<T> {
  const reader = new EngineJournalReader(heap, takeIdBytes(row.id));
  try {
    let read = 0;
    let told = 0;
    for await (const { bytes } of store.all(row.id)) {
      signal?.throwIfAborted();
      reader.add(bytes);
      read += bytes.length;
      if (read - told < row.localBytes / 50) continue;
      told = read;
      onProgress?.(Math.min(1, read / Math.max(1, row.localBytes)));
    }
    return await use(reader, reader.finish());
  } finally {
    reader.destroy();
  }
}

/** The whole take, of which the store may have what is not here. */
export function wholeFile(
  { store, row }: JournalFileOptions,
  reader: EngineJournalReader,
  take: RecoveredTake,
): JournalFile {
  const parts = layOut(reader.header(), reader.pieces(), reader.cues(), take.fileBytes);
  return { file: source(store, row.id, parts), durationUs: take.durationUs, missing: [] };
}

/**
 * What can be played without the store.
 * @throws {KeeptakeError} `'take-damaged'` where that is nothing
 */
export function localFile({ store, row }: JournalFileOptions, reader: EngineJournalReader): JournalFile {
  const { header, pieces, cues, durationUs, missing } = reader.local();
  if (pieces.length === 0) throw damaged();
  return { file: source(store, row.id, layOut(header, pieces, cues)), durationUs, missing };
}

/** The same as one blob. Changes nothing. */
export function localTake(options: JournalFileOptions): Promise<LocalTake> {
  return readJournal(options, async (reader) => {
    const { file, durationUs, missing } = localFile(options, reader);
    return { file: await file.range(0, file.end), duration: durationUs / 1e6, complete: missing.length === 0, missing };
  });
}

/** Payloads out of the records of a take. */
export async function readSpans(
  store: JournalStore,
  id: string,
  spans: JournalSpan[],
): Promise<Uint8Array<ArrayBuffer>[]> {
  const records = await store.read(
    id,
    spans.map(({ sequence }) => sequence),
  );
  return spans.map(({ sequence, offset, bytes }, index) => {
    const record = records[index];
    if (!(record instanceof ArrayBuffer) || record.byteLength < offset + bytes)
      throw new RangeError(`Record ${sequence} of the journal is gone.`);
    return new Uint8Array(record, offset, bytes);
  });
}

export function damaged(cause?: unknown): KeeptakeError {
  return new KeeptakeError('take-damaged', 'Nothing of this take can be read any more.', { cause });
}

function source(store: JournalStore, id: string, parts: Piece[]): UploadSource {
  const last = parts.at(-1);
  return {
    end: last ? last.offset + last.bytes : 0,
    range: (offset, bytes) => assemble(parts, offset, offset + bytes, (spans) => readSpans(store, id, spans)),
    release: () => undefined,
  };
}

/** Header, clusters and Cues as pieces of a file. `cuesOffset`: default, right after the clusters. */
function layOut(
  header: Uint8Array<ArrayBuffer>,
  clusters: JournalPiece[],
  cues: Uint8Array<ArrayBuffer>,
  cuesOffset?: number,
): Piece[] {
  const pieces: Piece[] = clusters.map(({ sequence, recordOffset, fileOffset, bytes }) => ({
    offset: fileOffset,
    bytes,
    data: null,
    place: { sequence, offset: recordOffset },
  }));
  const last = pieces.at(-1);
  const end = cuesOffset ?? (last ? last.offset + last.bytes : header.length);
  pieces.unshift({ offset: 0, bytes: header.length, data: header, place: null });
  if (cues.length > 0) pieces.push({ offset: end, bytes: cues.length, data: cues, place: null });
  return pieces;
}

function takeIdBytes(id: string): Uint8Array {
  return Uint8Array.from({ length: Limit.takeIdBytes }, (_, index) =>
    Number.parseInt(id.slice(2 * index, 2 * index + 2), 16),
  );
}
