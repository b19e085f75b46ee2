/** A take in this page alone: neither journal nor server. It is a Blob at the end, and nothing before. */

import { ByteLog } from '../journal/byte-log.js';
import { ChunkKind, Limit } from '../engine/contract.gen.js';
import type { StoredTake } from '../protocol/messages.js';
import type { TakeSink } from './sink.js';
import { BACKLOG_MOST_BYTES, BACKLOG_WARN_BYTES, NO_TAKE, type TakeOptions, type TakeStats } from './take-options.js';

export type BlobSinkOptions = Pick<TakeOptions, 'recorder' | 'creationKey' | 'warn' | 'onNoRoom'>;

export class BlobSink implements TakeSink {
  readonly keyIsFree = true;
  readonly journalId = null;
  readonly progress = null;
  readonly #options: BlobSinkOptions;
  readonly #log = new ByteLog({ headerBytes: Limit.headerBytes });
  #told = { backlog: false, noRoom: false };
  #over = false;

  constructor(options: BlobSinkOptions) {
    this.#options = options;
  }

  get creationKey(): string {
    return this.#options.creationKey;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  abandon(): void {
    this.#over = true;
  }

  drain(): void {
    const { recorder } = this.#options;
    for (let chunk = recorder.takeChunk(); chunk !== null; chunk = recorder.takeChunk()) {
      if (this.#over) continue;
      if (chunk.kind === ChunkKind.patch) this.#log.patch(chunk.bytes);
      else this.#log.append(chunk.bytes);
    }
    this.#watchMemory();
  }

  #watchMemory(): void {
    const held = this.#log.memoryBytes;
    if (held > BACKLOG_WARN_BYTES && !this.#told.backlog) {
      this.#told.backlog = true;
      const megabytes = Math.round(held / 1e6);
      this.#options.warn('backlog', `${megabytes} MB wait in this page's memory, and are sent nowhere.`);
    }
    if (held < BACKLOG_MOST_BYTES || this.#told.noRoom) return;
    this.#told.noRoom = true;
    this.#options.onNoRoom();
  }

  keepAll(): Promise<void> {
    this.drain();
    return Promise.resolve();
  }

  stats(): TakeStats {
    return { ...NO_TAKE, safeIn: null };
  }

  async finish(durationUs: number): Promise<StoredTake> {
    this.drain();
    const { recorder } = this.#options;
    const decoder = new TextDecoder();
    return {
      recordingId: '',
      duration: durationUs / 1e6,
      bytes: this.#log.end,
      timeline: decoder.decode(recorder.timeline(false)),
      scene: decoder.decode(recorder.scene()),
      file: await this.#log.range(0, this.#log.end),
    };
  }

  leave(): boolean {
    return false;
  }

  /** A take that failed is in nobody's reach: it is let go of. */
  storePrefix(): Promise<void> {
    return this.discard();
  }

  discard(): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  forget(): Promise<void> {
    return this.discard();
  }

  close(): void {
    this.#over = true;
  }

  tick(): void {}
  picture(): void {}
  setTitle(): void {}
  wake(): void {}
  look(): void {}
}
