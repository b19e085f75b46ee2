/**
 * The engine as TypeScript sees it: loads one of the two Wasm variants and turns the flat C calls of
 * wasm/bindings.c into typed ones. Runs in the worker (and in Node, for tests). No heap view outlives a call.
 */

import { KeeptakeError } from '../base/errors.js';
import {
  CHUNK_FIELDS,
  FRAME_FIELDS,
  PLACED_FIELDS,
  REQUEST_FIELDS,
  SESSION_FIELDS,
  SESSION_STATES,
  STATUS_TEXT,
  Status,
  UPLOADER_STATES,
  UPLOAD_STATS_FIELDS,
  type Pointer,
} from './contract.gen.js';
import { type EngineHeap, type EngineModule, statusError } from './heap.js';

export { EngineHeap, type EngineFactory, type EngineModule, statusError } from './heap.js';

export type EngineVariant = 'threaded' | 'single-threaded';

export interface EngineFrame {
  pointer: Pointer<'KtFrame'>;
  planes: readonly [number, number, number];
  strides: readonly [number, number, number];
  width: number;
  height: number;
}

export interface EngineChunk {
  kind: number;
  sequence: number;
  offset: number;
  bytes: Uint8Array<ArrayBuffer>;
  startUs: number;
  endUs: number;
  keyframe: boolean;
  crc32: number;
}

export interface EngineSession {
  state: (typeof SESSION_STATES)[number];
  failure: number;
  countdownEndUs: number;
  takeUs: number;
  limitReached: boolean;
}

export interface EngineRecorderConfig {
  width: number;
  height: number;
  fps: number;
  codec: number;
  videoBitrate: number;
  audioBitrate: number;
  keyframeUs: number;
  speed: number;
  threads: number;
  governor: boolean;
  maxLengthUs: number;
  maxFps: number;
  /** Added to the times of sound: how much later pictures arrive than sound of the same moment. */
  audioLeadUs: number;
}

/** kt_recorder_* of core/include/keeptake/recorder.h. `nowUs` is the engine clock, `wallUs` Unix time. */
export class EngineRecorder {
  readonly #m: EngineModule;
  readonly #r: Pointer<'KtRecorder'>;

  constructor(
    readonly heap: EngineHeap,
    config: EngineRecorderConfig,
  ) {
    this.#m = heap.module;
    const result = this.#m._ktw_recorder_create(
      config.width,
      config.height,
      config.fps,
      config.codec,
      config.videoBitrate,
      config.audioBitrate,
      config.keyframeUs,
      config.speed,
      config.threads,
      config.governor ? 1 : 0,
      config.maxLengthUs,
      config.maxFps,
      config.audioLeadUs,
    );
    if (result <= 0) {
      throw statusError(
        result,
        `The engine cannot record ${config.width} x ${config.height} at ${config.fps} frames/s`,
      );
    }
    this.#r = result as Pointer<'KtRecorder'>;
  }

  /** The C object, for what reads it (EngineJournal). */
  get pointer(): Pointer<'KtRecorder'> {
    return this.#r;
  }

  destroy(): void {
    this.#m._ktw_recorder_destroy(this.#r);
  }

  addSource(id: string, name: string, hasVideo: boolean, hasAudio: boolean, nowUs: number, wallUs: number): number {
    const handle = this.heap.withText(id, (idPointer) =>
      this.heap.withText(name, (namePointer) =>
        this.#m._ktw_recorder_add_source(this.#r, idPointer, namePointer, +hasVideo, +hasAudio, nowUs, wallUs),
      ),
    );
    if (handle < 0) throw statusError(handle, `Source "${id}" cannot be added`);
    return handle;
  }

  removeSource(handle: number, nowUs: number, wallUs: number): void {
    this.#check(this.#m._ktw_recorder_remove_source(this.#r, handle, nowUs, wallUs), 'The source cannot be removed');
  }

  /** A frame to fill, or null where all are in use (drop the picture). */
  acquireFrame(format: number, width: number, height: number, matrix: number, fullRange: boolean): EngineFrame | null {
    const status = this.#m._ktw_recorder_acquire_frame(
      this.#r,
      format,
      width,
      height,
      matrix,
      +fullRange,
      this.heap.scratch,
    );
    if (status === Status.ERR_LIMIT) return null;
    this.#check(status, `A picture of ${width} x ${height} cannot be taken`);
    return this.#readFrame();
  }

  pushFrame(handle: number, frame: EngineFrame, nowUs: number): void {
    this.#check(this.#m._ktw_recorder_push_frame(this.#r, handle, frame.pointer, nowUs), 'The picture was refused');
  }

  /** The source stands still on purpose and is not stalled. */
  keepPicture(handle: number, nowUs: number): void {
    this.#m._ktw_recorder_keep_picture(this.#r, handle, nowUs);
  }

  /** The source is a shared screen: the encoder is tuned for it where it covers most of the picture. */
  setScreen(handle: number, screen: boolean): void {
    this.#check(this.#m._ktw_recorder_set_screen(this.#r, handle, +screen), 'The source is not known');
  }

  dropFrame(frame: EngineFrame): void {
    this.#m._ktw_drop_frame(frame.pointer);
  }

  pushAudio(handle: number, ptsUs: number, rateHz: number, channels: number, pcm: number, frames: number): number {
    return this.#m._ktw_recorder_push_audio(this.#r, handle, ptsUs, rateHz, channels, pcm, frames);
  }

  setGain(handle: number, gain: number): void {
    this.#check(this.#m._ktw_recorder_set_gain(this.#r, handle, gain), `Gain ${gain} is outside 0..8`);
  }

  setMuted(handle: number, audio: boolean, video: boolean, nowUs: number, wallUs: number): void {
    this.#check(
      this.#m._ktw_recorder_set_muted(this.#r, handle, +audio, +video, nowUs, wallUs),
      'The source cannot be muted',
    );
  }

  setComposition(json: string, nowUs: number, wallUs: number): void {
    this.heap.withText(json, (pointer, bytes) =>
      this.heap.withError((error, errorBytes, read) => {
        const status = this.#m._ktw_recorder_set_composition(this.#r, pointer, bytes, nowUs, wallUs, error, errorBytes);
        if (status < 0) {
          const sentence = read() || (STATUS_TEXT[status] ?? 'refused');
          throw new KeeptakeError('bad-composition', sentence, { context: { status } });
        }
      }),
    );
  }

  setImage(id: string, rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): void {
    this.#withPixels(id, rgba, (idPointer, pixels) => {
      const status = this.#m._ktw_recorder_set_image(this.#r, idPointer, pixels, width, height);
      this.#check(status, `Image "${id}" (${width} x ${height}) cannot be used`);
    });
  }

  /** False: there is none of that id. */
  removeImage(id: string): boolean {
    return this.heap.withText(id, (pointer) => this.#m._ktw_recorder_remove_image(this.#r, pointer)) === Status.OK;
  }

  /** Notes `data`, an object, in the timeline of a take that runs. */
  mark(data: object, nowUs: number, wallUs: number): void {
    const status = this.heap.withText(JSON.stringify(data), (pointer) =>
      this.#m._ktw_recorder_mark(this.#r, pointer, nowUs, wallUs),
    );
    this.#check(status, 'There is no take to mark');
  }

  showSprite(
    sprite: { id: string; kind: number; sourceId: string; text: string },
    rgba: Uint8Array | Uint8ClampedArray,
    size: { width: number; height: number },
    nowUs: number,
    wallUs: number,
  ): void {
    this.#withPixels(sprite.id, rgba, (id, pixels) =>
      this.heap.withText(sprite.sourceId, (source) =>
        this.heap.withText(sprite.text, (text) => {
          const status = this.#m._ktw_recorder_show_sprite(
            this.#r,
            id,
            sprite.kind,
            source,
            text,
            pixels,
            size.width,
            size.height,
            nowUs,
            wallUs,
          );
          this.#check(status, `"${sprite.text}" cannot be shown`);
        }),
      ),
    );
  }

  /** False where no such sprite is shown. */
  hideSprite(id: string, nowUs: number, wallUs: number): boolean {
    return (
      this.heap.withText(id, (pointer) => this.#m._ktw_recorder_hide_sprite(this.#r, pointer, nowUs, wallUs)) ===
      Status.OK
    );
  }

  /** Index into the composition's sources, and the rectangle, in drawing order. */
  placed(nowUs: number): { source: number; x: number; y: number; width: number; height: number }[] {
    const count = this.#m._ktw_recorder_placed(this.#r, nowUs, this.heap.scratch);
    const fields = Object.keys(PLACED_FIELDS).length;
    const record = this.heap.record();
    const at = (row: number, field: number): number => record[row * fields + field] ?? 0;
    return Array.from({ length: Math.max(0, count) }, (_, row) => ({
      source: at(row, PLACED_FIELDS.source),
      x: at(row, PLACED_FIELDS.x),
      y: at(row, PLACED_FIELDS.y),
      width: at(row, PLACED_FIELDS.width),
      height: at(row, PLACED_FIELDS.height),
    }));
  }

  /** Encodes one picture that nobody sees; true while more are of use. `last`: makes the take's encoder instead. Setup only. */
  warmUp(last: boolean): boolean {
    return this.#m._ktw_recorder_warm_up(this.#r, Number(last)) === 1;
  }

  start(nowUs: number, wallUs: number, countdownUs: number): void {
    this.#check(this.#m._ktw_recorder_start(this.#r, nowUs, wallUs, countdownUs), 'The take cannot start');
  }

  cancel(nowUs: number): void {
    this.#check(this.#m._ktw_recorder_cancel(this.#r, nowUs), 'There is no countdown to cancel');
  }

  pause(nowUs: number, wallUs: number): void {
    this.#check(this.#m._ktw_recorder_pause(this.#r, nowUs, wallUs), 'The take cannot be paused');
  }

  resume(nowUs: number, wallUs: number): void {
    this.#check(this.#m._ktw_recorder_resume(this.#r, nowUs, wallUs), 'The take cannot be resumed');
  }

  stop(nowUs: number, wallUs: number): void {
    this.#check(this.#m._ktw_recorder_stop(this.#r, nowUs, wallUs), 'The take cannot be stopped');
  }

  stopped(nowUs: number): void {
    this.#check(this.#m._ktw_recorder_stopped(this.#r, nowUs), 'The take is not being stopped');
  }

  restart(nowUs: number, wallUs: number): void {
    this.#check(this.#m._ktw_recorder_restart(this.#r, nowUs, wallUs), 'There is no take to restart');
  }

  fail(nowUs: number, wallUs: number, why: number): void {
    this.#m._ktw_recorder_fail(this.#r, nowUs, wallUs, why);
  }

  reset(nowUs: number): void {
    this.#check(this.#m._ktw_recorder_reset(this.#r, nowUs), 'The take is not over yet');
  }

  /** Tick flags; throws where the take failed. */
  tick(nowUs: number, wallUs: number, busyUs: number): number {
    const flags = this.#m._ktw_recorder_tick(this.#r, nowUs, wallUs, busyUs);
    if (flags < 0) throw statusError(flags, 'Recording failed; what was recorded so far is kept');
    return flags;
  }

  nextUs(nowUs: number): number {
    return this.#m._ktw_recorder_next_us(this.#r, nowUs);
  }

  /** The last composed picture, null before the first. Its memory is good until the next tick. */
  canvas(): EngineFrame | null {
    if (this.#m._ktw_recorder_canvas(this.#r, this.heap.scratch) !== Status.OK) return null;
    return this.#readFrame();
  }

  /** Takes the oldest waiting chunk, its bytes copied out; null where none waits. */
  takeChunk(): EngineChunk | null {
    const status = this.#m._ktw_recorder_peek_chunk(this.#r, this.heap.scratch);
    if (status > 0) return null;
    this.#check(status, 'The next piece of the file cannot be read');
    const record = this.heap.record();
    const field = (index: number): number => record[index] ?? 0;
    const chunk: EngineChunk = {
      kind: field(CHUNK_FIELDS.kind),
      sequence: field(CHUNK_FIELDS.sequence),
      offset: field(CHUNK_FIELDS.offset),
      bytes: this.heap.copy(field(CHUNK_FIELDS.data), field(CHUNK_FIELDS.bytes)),
      startUs: field(CHUNK_FIELDS.startUs),
      endUs: field(CHUNK_FIELDS.endUs),
      keyframe: field(CHUNK_FIELDS.keyframe) !== 0,
      crc32: field(CHUNK_FIELDS.crc32),
    };
    this.#check(this.#m._ktw_recorder_pop_chunk(this.#r), 'The piece of the file cannot be released');
    return chunk;
  }

  /** Ends the open cluster, so that all that was encoded waits as chunks. The take goes on. */
  flush(): void {
    this.#check(this.#m._ktw_recorder_flush(this.#r), 'The open piece of the file cannot be ended');
  }

  session(nowUs: number): EngineSession {
    this.#m._ktw_recorder_session(this.#r, nowUs, this.heap.scratch);
    const record = this.heap.record();
    return {
      state: SESSION_STATES[record[SESSION_FIELDS.state] ?? 0] ?? 'failed',
      failure: record[SESSION_FIELDS.failure] ?? 0,
      countdownEndUs: record[SESSION_FIELDS.countdownEndUs] ?? 0,
      takeUs: record[SESSION_FIELDS.takeUs] ?? 0,
      limitReached: record[SESSION_FIELDS.limitReached] !== 0,
    };
  }

  /** STATS_FIELDS, then the peaks of the handles; a copy. */
  stats(nowUs: number): Float64Array {
    this.#m._ktw_recorder_stats(this.#r, nowUs, this.heap.scratch);
    return this.heap.record().slice();
  }

  timeline(compressed: boolean): Uint8Array<ArrayBuffer> {
    return this.#taken(this.#m._ktw_recorder_timeline(this.#r, +compressed, this.heap.scratch), 'timeline');
  }

  scene(): Uint8Array<ArrayBuffer> {
    return this.#taken(this.#m._ktw_recorder_scene(this.#r, this.heap.scratch), 'scene');
  }

  #taken(status: number, what: string): Uint8Array<ArrayBuffer> {
    this.#check(status, `The ${what} cannot be written`);
    return this.heap.taken();
  }

  #readFrame(): EngineFrame {
    const record = this.heap.record();
    const field = (index: number): number => record[index] ?? 0;
    return {
      pointer: field(FRAME_FIELDS.handle) as Pointer<'KtFrame'>,
      planes: [field(FRAME_FIELDS.plane0), field(FRAME_FIELDS.plane1), field(FRAME_FIELDS.plane2)],
      strides: [field(FRAME_FIELDS.stride0), field(FRAME_FIELDS.stride1), field(FRAME_FIELDS.stride2)],
      width: field(FRAME_FIELDS.width),
      height: field(FRAME_FIELDS.height),
    };
  }

  #withPixels(id: string, rgba: Uint8Array | Uint8ClampedArray, use: (id: number, pixels: number) => void): void {
    this.heap.withText(id, (idPointer) =>
      this.heap.withMemory(rgba.length, (pixels) => {
        this.heap.bytes(pixels, rgba.length).set(rgba);
        use(idPointer, pixels);
      }),
    );
  }

  #check(status: number, what: string): void {
    if (status < 0) throw statusError(status, what);
  }
}

export interface UploadRequest {
  id: number;
  kind: number;
  part: number;
  count: number;
  offset: number;
  bytes: number;
}

export interface UploadStats {
  state: (typeof UPLOADER_STATES)[number];
  failure: number;
  totalBytes: number;
  safeBytes: number;
  sentBytes: number;
  backlogBytes: number;
  retries: number;
  nextUs: number;
  /** So many must come before the unfinished part is sent. */
  nextBytes: number;
}

export interface EngineUploaderConfig {
  partBytes: number;
  maxInflight: number;
  firstTailUs: number;
  signTimeoutUs: number;
  stallTimeoutUs: number;
  retryBaseUs: number;
  retryMaxUs: number;
  seed: number;
}

/** kt_uploader_* of core/include/keeptake/uploader.h. */
export class EngineUploader {
  readonly #m: EngineModule;
  /** Of use to the engine's other calls. */
  readonly pointer: Pointer<'KtUploader'>;

  constructor(
    readonly heap: EngineHeap,
    config: EngineUploaderConfig,
  ) {
    this.#m = heap.module;
    const result = this.#m._ktw_uploader_create(
      config.partBytes,
      config.maxInflight,
      config.firstTailUs,
      config.signTimeoutUs,
      config.stallTimeoutUs,
      config.retryBaseUs,
      config.retryMaxUs,
      config.seed,
    );
    if (result <= 0) throw statusError(result, `An upload in parts of ${config.partBytes} bytes cannot begin`);
    this.pointer = result as Pointer<'KtUploader'>;
  }

  destroy(): void {
    this.#m._ktw_uploader_destroy(this.pointer);
  }

  append(nowUs: number, bytes: number): void {
    this.#event('append', this.#m._ktw_uploader_append(this.pointer, nowUs, bytes));
  }
  finish(nowUs: number): void {
    this.#event('finish', this.#m._ktw_uploader_finish(this.pointer, nowUs));
  }
  abort(nowUs: number): void {
    this.#event('abort', this.#m._ktw_uploader_abort(this.pointer, nowUs));
  }
  wake(nowUs: number): void {
    this.#m._ktw_uploader_wake(this.pointer, nowUs);
  }
  /** Continues an upload that exists: before the first append. */
  resume(nowUs: number): void {
    this.#event('resume', this.#m._ktw_uploader_resume(this.pointer, nowUs));
  }
  created(nowUs: number, id: number): void {
    this.#m._ktw_uploader_created(this.pointer, nowUs, id);
  }
  signed(nowUs: number, id: number, expiresUs: number): void {
    this.#m._ktw_uploader_signed(this.pointer, nowUs, id, expiresUs);
  }
  progress(nowUs: number, id: number, sentBytes: number): void {
    this.#m._ktw_uploader_progress(this.pointer, nowUs, id, sentBytes);
  }
  /** False, and nothing changed, where `etag` cannot be one. */
  putDone(nowUs: number, id: number, etag: string): boolean {
    return (
      this.heap.withText(etag, (pointer) => this.#m._ktw_uploader_put_done(this.pointer, nowUs, id, pointer)) !==
      Status.ERR_ARG
    );
  }
  listedPart(id: number, part: number, bytes: number, etag: string): void {
    this.heap.withText(etag, (pointer) => this.#m._ktw_uploader_listed_part(this.pointer, id, part, bytes, pointer));
  }
  listed(nowUs: number, id: number): void {
    this.#m._ktw_uploader_listed(this.pointer, nowUs, id);
  }
  completed(nowUs: number, id: number): void {
    this.#m._ktw_uploader_completed(this.pointer, nowUs, id);
  }
  aborted(nowUs: number, id: number): void {
    this.#m._ktw_uploader_aborted(this.pointer, nowUs, id);
  }
  failed(nowUs: number, id: number, why: number): void {
    this.#m._ktw_uploader_failed(this.pointer, nowUs, id, why);
  }

  next(nowUs: number): UploadRequest | null {
    if (this.#m._ktw_uploader_next(this.pointer, nowUs, this.heap.scratch) !== Status.OK) return null;
    const record = this.heap.record();
    return {
      id: record[REQUEST_FIELDS.id] ?? 0,
      kind: record[REQUEST_FIELDS.kind] ?? 0,
      part: record[REQUEST_FIELDS.part] ?? 0,
      count: record[REQUEST_FIELDS.count] ?? 0,
      offset: record[REQUEST_FIELDS.offset] ?? 0,
      bytes: record[REQUEST_FIELDS.bytes] ?? 0,
    };
  }

  /** The part list for Complete. */
  parts(): { part: number; etag: string }[] {
    const count = this.#m._ktw_uploader_part_count(this.pointer);
    return Array.from({ length: count }, (_, index) => ({
      part: index + 1,
      etag: this.heap.text(this.#m._ktw_uploader_part_etag(this.pointer, index + 1)),
    }));
  }

  stats(nowUs: number): UploadStats {
    this.#m._ktw_uploader_stats(this.pointer, nowUs, this.heap.scratch);
    const record = this.heap.record();
    const field = (index: number): number => record[index] ?? 0;
    return {
      state: UPLOADER_STATES[field(UPLOAD_STATS_FIELDS.state)] ?? 'failed',
      failure: field(UPLOAD_STATS_FIELDS.failure),
      totalBytes: field(UPLOAD_STATS_FIELDS.totalBytes),
      safeBytes: field(UPLOAD_STATS_FIELDS.safeBytes),
      sentBytes: field(UPLOAD_STATS_FIELDS.sentBytes),
      backlogBytes: field(UPLOAD_STATS_FIELDS.backlogBytes),
      retries: field(UPLOAD_STATS_FIELDS.retries),
      nextUs: field(UPLOAD_STATS_FIELDS.nextUs),
      nextBytes: field(UPLOAD_STATS_FIELDS.nextBytes),
    };
  }

  #event(what: string, status: number): void {
    if (status < 0) throw statusError(status, `The upload refused "${what}"`);
  }
}

/** Bytes the part size must have for a take of that length and rate. */
export function uploadPartBytes(module: EngineModule, maxLengthUs: number, totalBps: number): number {
  return module._ktw_upload_part_bytes(maxLengthUs, totalBps);
}
