/**
 * The bytes of the growing file, until the store has them. Memory keeps a window of the newest ones; what is older
 * is read back from the journal, or, where there is none, gathered into blobs, which the browser may keep outside
 * this process. The header is held apart, because it is replaced at the end of the take.
 */

import { assemble, type JournalPlace, type Piece, type ReadSpans } from './pieces.js';

const GATHER_BYTES = 1 << 20;
const WINDOW_BYTES = 16 << 20;

export interface ByteLogOptions {
  /** Length of the first chunk, the part of the file that is replaced at the end. */
  headerBytes: number;
  /** Reads back what is in the journal alone. */
  read?: ReadSpans;
  /** Default 16 MiB. */
  windowBytes?: number;
}

export class ByteLog {
  readonly #headerBytes: number;
  readonly #windowBytes: number;
  readonly #read: ReadSpans;
  #header: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** In file order: out of the window; leaving it, to be gathered into a blob; in it. */
  #old: Piece[] = [];
  #loose: Piece[] = [];
  #recent: Piece[] = [];
  #looseBytes = 0;
  #recentBytes = 0;
  #end = 0;

  constructor({ headerBytes, read, windowBytes = WINDOW_BYTES }: ByteLogOptions) {
    this.#headerBytes = headerBytes;
    this.#windowBytes = windowBytes;
    this.#read = read ?? (() => Promise.reject(new RangeError('There is no journal to read from.')));
  }

  /** Bytes of the file so far. */
  get end(): number {
    return this.#end;
  }

  /** Bytes that only memory holds, or that it holds besides the journal. */
  get memoryBytes(): number {
    const old = this.#old.reduce((sum, piece) => sum + (piece.data === null ? 0 : piece.bytes), 0);
    return this.#header.length + old + this.#looseBytes + this.#recentBytes;
  }

  append(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#end === 0) {
      if (bytes.length !== this.#headerBytes)
        throw new RangeError(`The first chunk has ${bytes.length} bytes, the header ${this.#headerBytes}.`);
      this.#header = bytes;
    } else {
      this.#recent.push({ offset: this.#end, bytes: bytes.length, data: bytes, place: null });
      this.#recentBytes += bytes.length;
      this.#age();
    }
    this.#end += bytes.length;
  }

  /** The piece that was appended at `offset` is in the journal: memory may let go of it. */
  stored(offset: number, place: JournalPlace): void {
    for (let index = this.#recent.length - 1; index >= 0; index--) {
      const piece = this.#recent[index];
      if (piece?.offset !== offset) continue;
      piece.place = place;
      return;
    }
  }

  /** Replaces the header. */
  patch(header: Uint8Array<ArrayBuffer>): void {
    if (header.length !== this.#headerBytes)
      throw new RangeError(`The patch has ${header.length} bytes, the header ${this.#headerBytes}.`);
    this.#header = header;
  }

  /** Bytes [offset, offset + length) as one blob. Rejects with RangeError where they are not held any more. */
  range(offset: number, length: number): Promise<Blob> {
    const header: Piece = { offset: 0, bytes: this.#header.length, data: this.#header, place: null };
    return assemble([header, ...this.#old, ...this.#loose, ...this.#recent], offset, offset + length, this.#read);
  }

  /** Forgets bytes before `offset`, but keeps the first `keepFirst` bytes. */
  release(offset: number, keepFirst: number): void {
    const kept = (piece: Piece): boolean => piece.offset + piece.bytes > offset || piece.offset < keepFirst;
    this.#old = this.#old.filter(kept);
    this.#loose = this.#loose.filter(kept);
    this.#recent = this.#recent.filter(kept);
    this.#looseBytes = total(this.#loose);
    this.#recentBytes = total(this.#recent);
  }

  #age(): void {
    while (this.#recentBytes > this.#windowBytes) {
      const piece = this.#recent.shift();
      if (!piece) return;
      this.#recentBytes -= piece.bytes;
      if (piece.place) {
        this.#gather();
        this.#old.push({ ...piece, data: null });
      } else {
        this.#loose.push(piece);
        this.#looseBytes += piece.bytes;
        if (this.#looseBytes >= GATHER_BYTES) this.#gather();
      }
    }
  }

  #gather(): void {
    const first = this.#loose[0];
    if (!first) return;
    const data = new Blob(this.#loose.flatMap((piece) => piece.data ?? []));
    this.#old.push({ offset: first.offset, bytes: this.#looseBytes, data, place: null });
    this.#loose = [];
    this.#looseBytes = 0;
  }
}

function total(pieces: Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.bytes, 0);
}
