/**
 * The bytes of the growing file, kept until the store has them. Small pieces are gathered into blobs, which
 * the browser may keep outside this process's memory. The header is held apart, because it is replaced at
 * the end of the take.
 */

const GATHER_BYTES = 1 << 20;

interface Run {
  offset: number;
  bytes: number;
  blob: Blob;
}

export class ByteLog {
  readonly #headerBytes: number;
  #header: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #runs: Run[] = [];
  #fresh: Uint8Array<ArrayBuffer>[] = [];
  #freshOffset = 0;
  #freshBytes = 0;
  #end = 0;
  #releasedTo = 0;

  /** `headerBytes`: length of the first chunk, the part of the file that is replaced at the end. */
  constructor(headerBytes: number) {
    this.#headerBytes = headerBytes;
  }

  /** Bytes of the file so far. */
  get end(): number {
    return this.#end;
  }

  /** Bytes that are held here. */
  get heldBytes(): number {
    return this.#end - this.#releasedTo + (this.#releasedTo > 0 ? this.#headerBytes : 0);
  }

  append(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#end === 0) {
      if (bytes.length !== this.#headerBytes)
        throw new RangeError(`The first chunk has ${bytes.length} bytes, the header ${this.#headerBytes}.`);
      this.#header = bytes;
      this.#freshOffset = bytes.length;
    } else {
      this.#fresh.push(bytes);
      this.#freshBytes += bytes.length;
      if (this.#freshBytes >= GATHER_BYTES) this.#gather();
    }
    this.#end += bytes.length;
  }

  /** Replaces the header. */
  patch(header: Uint8Array<ArrayBuffer>): void {
    if (header.length !== this.#headerBytes)
      throw new RangeError(`The patch has ${header.length} bytes, the header ${this.#headerBytes}.`);
    this.#header = header;
  }

  /** Bytes [offset, offset + length) as one blob; they must not have been released. */
  range(offset: number, length: number): Blob {
    const end = offset + length;
    const pieces: BlobPart[] = [];
    if (offset < this.#headerBytes) pieces.push(this.#header.subarray(offset, Math.min(end, this.#headerBytes)));
    let covered = Math.max(offset, Math.min(end, this.#headerBytes));
    for (const run of this.#runs) {
      const from = Math.max(covered, run.offset);
      const to = Math.min(end, run.offset + run.bytes);
      if (from !== covered || from >= to) continue;
      pieces.push(run.blob.slice(from - run.offset, to - run.offset));
      covered = to;
    }
    let position = this.#freshOffset;
    for (const bytes of this.#fresh) {
      const from = Math.max(covered, position);
      const to = Math.min(end, position + bytes.length);
      if (from === covered && from < to) {
        pieces.push(bytes.subarray(from - position, to - position));
        covered = to;
      }
      position += bytes.length;
    }
    if (covered !== end)
      throw new RangeError(`Bytes ${covered}..${end} of the file are not held any more.`);
    return new Blob(pieces, { type: 'video/webm' });
  }

  /** Forgets bytes before `offset`, but keeps the first `keepFirst` bytes. */
  release(offset: number, keepFirst: number): void {
    this.#runs = this.#runs.filter((run) => run.offset + run.bytes > offset || run.offset < keepFirst);
    this.#releasedTo = Math.max(this.#releasedTo, offset);
  }

  #gather(): void {
    this.#runs.push({
      offset: this.#freshOffset,
      bytes: this.#freshBytes,
      blob: new Blob(this.#fresh, { type: 'video/webm' }),
    });
    this.#freshOffset += this.#freshBytes;
    this.#freshBytes = 0;
    this.#fresh = [];
  }
}
