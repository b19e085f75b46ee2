/** Puts ranges of the take file together out of pieces that lie in memory or in the journal. */

/** Where bytes lie in the journal. */
export interface JournalPlace {
  sequence: number;
  /** Of the first byte, in the record. */
  offset: number;
}

export interface JournalSpan extends JournalPlace {
  bytes: number;
}

/** Reads spans of records, in their order. Rejects with RangeError where one is not there any more. */
export type ReadSpans = (spans: JournalSpan[]) => Promise<Uint8Array<ArrayBuffer>[]>;

/** Bytes [offset, offset + bytes) of the file: in `data`, or where that is null at `place`. */
export interface Piece {
  offset: number;
  bytes: number;
  data: Uint8Array<ArrayBuffer> | Blob | null;
  place: JournalPlace | null;
}

/** So much is read from the journal at once, and then handed to the browser as a Blob. */
const BATCH_BYTES = 8 << 20;

/**
 * Bytes [from, to) as one blob. `pieces` are in file order; what they leave out is a RangeError.
 */
export async function assemble(pieces: Iterable<Piece>, from: number, to: number, read: ReadSpans): Promise<Blob> {
  const parts: BlobPart[] = [];
  let spans: JournalSpan[] = [];
  let waiting = 0;
  const flush = async (): Promise<void> => {
    if (spans.length === 0) return;
    parts.push(new Blob(await read(spans)));
    spans = [];
    waiting = 0;
  };
  let covered = from;
  for (const { offset, bytes, data, place } of [...pieces]) {
    if (covered >= to || offset > covered) break;
    const end = Math.min(to, offset + bytes);
    if (end <= covered) continue;
    const at = covered - offset;
    if (data !== null) {
      await flush();
      parts.push(data instanceof Blob ? data.slice(at, end - offset) : data.subarray(at, end - offset));
    } else if (place !== null) {
      spans.push({ sequence: place.sequence, offset: place.offset + at, bytes: end - covered });
      waiting += end - covered;
      if (waiting >= BATCH_BYTES) await flush();
    } else break;
    covered = end;
  }
  await flush();
  if (covered !== to) throw new RangeError(`Bytes ${covered}..${to} of the file are not held any more.`);
  return new Blob(parts, { type: 'video/webm' });
}
