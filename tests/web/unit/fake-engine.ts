/**
 * Stands for the engine's Wasm module: a session, a queue of pieces, and an uploader that does what the test says.
 * What the bytes are does not matter here; how many, and where they lie, does.
 */

import {
  CHUNK_FIELDS,
  COUNTED_FIELDS,
  ChunkKind,
  JOURNAL_RECORD_FIELDS,
  Limit,
  REQUEST_FIELDS,
  SESSION_FIELDS,
  SESSION_STATES,
  Status,
  Tick,
  UPLOADER_STATES,
  UPLOAD_STATS_FIELDS,
  type EngineCalls,
} from '../../../web/src/engine/contract.gen.js';
import type { EngineModule, UploadRequest } from '../../../web/src/engine/engine.js';

type SessionState = (typeof SESSION_STATES)[number];
type UploaderState = (typeof UPLOADER_STATES)[number];

const LOOP_US = 10_000;
const RECORD_HEADER_BYTES = 64;
const TEXT_AT = 1024;
const FREE_AT = 2048;
/** A piece lies here, its record begins RECORD_HEADER_BYTES before. */
const PIECE_AT = 1 << 20;

const trap = (): never => {
  throw new WebAssembly.RuntimeError('unreachable');
};

export class FakeEngine {
  session: SessionState = 'setup';
  /** What the uploader says of itself. */
  upload: { state: UploaderState; safeBytes: number; failure?: number } = { state: 'sending', safeBytes: 0 };
  totalBytes = 0;
  /** When it wants its next turn; negative: not by itself. */
  nextUs = (_nowUs: number): number => -1;
  /** How much more the unfinished part needs before it is sent. */
  nextBytes = 0;
  finishing = false;
  /** A start counts down until the test says otherwise. */
  countsDown = false;
  /** Calls of which it does not come back. */
  traps = (_call: string): boolean => false;
  /** It composes pictures. */
  pictures = true;
  stops = 0;
  /** Length of the timeline, packed or not. */
  timelineBytes = 2;
  readonly module: EngineModule;
  readonly #memory: Uint8Array;
  readonly #pieces: { kind: number; bytes: number }[] = [{ kind: ChunkKind.header, bytes: Limit.headerBytes }];
  readonly #requests: UploadRequest[] = [];
  #durationUs = 0;
  #sequence = 0;
  /** Pieces that do not count yet, and what the file and what counts come to. */
  readonly #waiting: { sequence: number; offset: number; bytes: number; state: 'waits' | 'stored' | 'lost' }[] = [];
  #fileBytes = 0;
  #countedBytes = 0;
  /** Where each piece of memory that was not given back begins, and where the next one will. */
  readonly #allocated: number[] = [];
  #free = FREE_AT;

  constructor(largestPiece: number) {
    this.#memory = new Uint8Array(PIECE_AT + largestPiece);
    this.#memory.set(new TextEncoder().encode('{}'), TEXT_AT);
    const calls = this.#calls();
    const call = (name: string | symbol): unknown =>
      name === 'HEAPU8'
        ? this.#memory
        : name === 'then'
          ? undefined
          : this.traps(String(name))
            ? trap
            : (calls[name as keyof EngineCalls] ?? (() => Status.OK));
    this.module = new Proxy({} as EngineModule, { get: (_, name) => call(name) });
  }

  /** A cluster of a quarter of a second waits for whoever asks next. */
  record(bytes: number): void {
    this.#durationUs += 250_000;
    this.#pieces.push({ kind: ChunkKind.cluster, bytes });
  }

  /** The uploader asks for something at its next turn. */
  ask(kind: number, fields: Partial<UploadRequest> = {}): void {
    this.#requests.push({ id: 1, kind, part: 1, count: 1, offset: 0, bytes: 0, ...fields });
  }

  #calls(): { [K in keyof EngineCalls]?: (...args: number[]) => number } {
    return {
      _ktw_malloc: (bytes = 0) => this.#allocate(bytes),
      _ktw_free: (pointer = 0) => this.#release(pointer),
      _ktw_upload_part_bytes: () => 5 << 20,
      _ktw_recorder_create: () => 1,
      _ktw_recorder_next_us: (_recorder, nowUs = 0) => nowUs + LOOP_US,
      _ktw_recorder_tick: () =>
        this.session === 'recording'
          ? (this.pictures ? Tick.canvas : 0) | (this.#pieces.length > 0 ? Tick.chunk : 0)
          : 0,
      _ktw_recorder_canvas: () => Status.AGAIN,
      _ktw_recorder_start: () => this.#enter(this.countsDown ? 'countdown' : 'recording'),
      _ktw_recorder_cancel: () => this.#enter('setup'),
      _ktw_recorder_restart: () => this.#enter('setup'),
      _ktw_recorder_reset: () => this.#enter('setup'),
      _ktw_recorder_stop: () => ((this.stops += 1), this.#enter('stopping')),
      _ktw_recorder_stopped: () => this.#enter('stopped'),
      _ktw_recorder_fail: () => this.#enter('failed'),
      _ktw_recorder_session: (_recorder, _nowUs, at = 0) =>
        this.#write(at, [
          [SESSION_FIELDS.state, SESSION_STATES.indexOf(this.session)],
          [SESSION_FIELDS.takeUs, this.#durationUs],
        ]),
      _ktw_recorder_stats: (_recorder, _nowUs, at = 0) => this.#write(at, []),
      _ktw_recorder_peek_chunk: (_recorder, at = 0) => this.#peek(at),
      _ktw_recorder_pop_chunk: () => (this.#pieces.shift(), Status.OK),
      _ktw_recorder_timeline: (_recorder, _zlib, at = 0) =>
        this.#write(at, [
          [0, TEXT_AT],
          [1, this.timelineBytes],
        ]),
      _ktw_recorder_scene: (_recorder, at = 0) =>
        this.#write(at, [
          [0, TEXT_AT],
          [1, 2],
        ]),
      _ktw_journal_create: () => 1,
      _ktw_journal_events: () => Status.AGAIN,
      _ktw_take_store_create: () => 1,
      _ktw_take_store_chunk: (_store, journal = 0, _recorder, at = 0) => this.#takeChunk(journal !== 0, at),
      _ktw_take_store_stored: (_store, sequence, isStored) => {
        const chunk = this.#waiting.find((one) => one.sequence === sequence);
        if (chunk) chunk.state = isStored ? 'stored' : 'lost';
        return Status.OK;
      },
      _ktw_take_store_count: (_store, uploader = 0, _nowUs, at = 0) => this.#count(uploader !== 0, at),
      _ktw_take_store_release: (_store, _journal, _recorder, _bytes, at = 0) => this.#write(at, []),
      _ktw_take_store_finish: () => ((this.finishing = true), Status.OK),
      _ktw_uploader_create: () => 1,
      _ktw_uploader_append: (_uploader, _nowUs, bytes = 0) => ((this.totalBytes += bytes), Status.OK),
      _ktw_uploader_finish: () => ((this.finishing = true), Status.OK),
      _ktw_uploader_next: (_uploader, _nowUs, at = 0) => this.#next(at),
      _ktw_uploader_part_count: () => 0,
      _ktw_uploader_stats: (_uploader, nowUs = 0, at = 0) => this.#uploadStats(nowUs, at),
    };
  }

  #allocate(bytes: number): number {
    if (this.#free + bytes > PIECE_AT - RECORD_HEADER_BYTES) return 0;
    this.#allocated.push(this.#free);
    this.#free += (bytes + 7) & ~7;
    return this.#allocated.at(-1) ?? 0;
  }

  /** The last one is to be had again. */
  #release(pointer: number): number {
    if (pointer === this.#allocated.at(-1)) this.#free = this.#allocated.pop() ?? FREE_AT;
    return Status.OK;
  }

  #enter(state: SessionState): number {
    this.session = state;
    return Status.OK;
  }

  /** Doubles of a scratch record; those that are not named are 0. */
  #write(at: number, fields: [index: number, value: number][]): number {
    const record = new Float64Array(this.#memory.buffer, at, 32).fill(0);
    for (const [index, value] of fields) record[index] = value;
    return Status.OK;
  }

  #peek(at: number): number {
    const piece = this.#pieces[0];
    if (!piece) return Status.AGAIN;
    return this.#write(at, [
      [CHUNK_FIELDS.kind, piece.kind],
      [CHUNK_FIELDS.data, PIECE_AT],
      [CHUNK_FIELDS.bytes, piece.bytes],
      [CHUNK_FIELDS.endUs, this.#durationUs],
    ]);
  }

  /** As kt_take_store_chunk; the piece stays with the recorder. */
  #takeChunk(journaled: boolean, at: number): number {
    const piece = this.#pieces[0];
    if (!piece) return Status.AGAIN;
    const sequence = journaled ? this.#sequence++ : -1;
    const header = journaled ? RECORD_HEADER_BYTES : 0;
    const bytes = piece.kind === ChunkKind.patch ? 0 : piece.bytes;
    this.#waiting.push({ sequence, offset: this.#fileBytes, bytes, state: journaled ? 'waits' : 'lost' });
    this.#fileBytes += bytes;
    return this.#write(at, [
      [JOURNAL_RECORD_FIELDS.sequence, sequence],
      [JOURNAL_RECORD_FIELDS.data, PIECE_AT - header],
      [JOURNAL_RECORD_FIELDS.bytes, header + piece.bytes],
      [JOURNAL_RECORD_FIELDS.payloadOffset, header],
      [JOURNAL_RECORD_FIELDS.payloadBytes, piece.bytes],
      [JOURNAL_RECORD_FIELDS.kind, piece.kind],
      [JOURNAL_RECORD_FIELDS.endUs, this.#durationUs],
    ]);
  }

  /** As kt_take_store_count. */
  #count(uploading: boolean, at: number): number {
    const chunk = this.#waiting[0]?.state === 'waits' ? undefined : this.#waiting.shift();
    this.#countedBytes += chunk?.bytes ?? 0;
    if (uploading) this.totalBytes = this.#countedBytes;
    if (!chunk) return Status.AGAIN;
    return this.#write(at, [
      [COUNTED_FIELDS.offset, chunk.offset],
      [COUNTED_FIELDS.bytes, chunk.bytes],
      [COUNTED_FIELDS.isStored, chunk.state === 'stored' ? 1 : 0],
      [COUNTED_FIELDS.sequence, chunk.sequence],
      [COUNTED_FIELDS.payloadOffset, RECORD_HEADER_BYTES],
    ]);
  }

  #next(at: number): number {
    const request = this.#requests.shift();
    if (!request) return Status.AGAIN;
    const fields = Object.entries(REQUEST_FIELDS) as [keyof UploadRequest, number][];
    return this.#write(
      at,
      fields.map(([name, index]) => [index, request[name]]),
    );
  }

  #uploadStats(nowUs: number, at: number): number {
    const { state, safeBytes, failure = Status.OK } = this.upload;
    return this.#write(at, [
      [UPLOAD_STATS_FIELDS.state, UPLOADER_STATES.indexOf(state)],
      [UPLOAD_STATS_FIELDS.totalBytes, this.totalBytes],
      [UPLOAD_STATS_FIELDS.failure, failure],
      [UPLOAD_STATS_FIELDS.safeBytes, safeBytes],
      [UPLOAD_STATS_FIELDS.backlogBytes, this.totalBytes - safeBytes],
      [UPLOAD_STATS_FIELDS.nextUs, this.nextUs(nowUs)],
      [UPLOAD_STATS_FIELDS.nextBytes, this.nextBytes],
    ]);
  }
}
