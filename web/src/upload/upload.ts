/**
 * Carries out what the engine's uploader asks for: signs, sends, completes and aborts, and tells it how each
 * went. All policy (order, retries, time-outs, part sizes) is the uploader's, in C.
 */

import { Status, UploadFailure, UploadRequestKind } from '../engine/contract.gen.js';
import { EngineUploader, type EngineHeap, type UploadRequest, type UploadStats } from '../engine/engine.js';
import { KeeptakeError } from '../base/errors.js';
import { ApiError, field, isEnded, needsToken, type ApiClient } from '../server/api.js';
import { SpeedMeter } from './speed.js';

const SECOND_US = 1_000_000;

/** The engine's uploader, as {@link TakeUpload} needs it. */
export type UploadPolicy = Pick<EngineUploader, Exclude<keyof EngineUploader, 'heap' | 'pointer'>>;

/** The uploader of one take, with this package's limits. */
export function uploadPolicy(heap: EngineHeap, partBytes: number): EngineUploader {
  return new EngineUploader(heap, {
    partBytes,
    maxInflight: 3,
    firstTailUs: 4 * SECOND_US,
    signTimeoutUs: 15 * SECOND_US,
    stallTimeoutUs: 20 * SECOND_US,
    retryBaseUs: SECOND_US / 2,
    retryMaxUs: 20 * SECOND_US,
    seed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 1,
  });
}

/** The bytes of the file, as far as they are needed. */
export interface UploadSource {
  /** Bytes of the file so far. */
  readonly end: number;
  /**
   * Rejects with RangeError where the bytes are not held any more. A blob, because XMLHttpRequest copies an array
   * before `send` returns: 44 ms for 1.5 MB, in which no picture is recorded.
   */
  range(offset: number, bytes: number): Promise<Blob>;
  /** Bytes before `offset`, except part 1's, are not asked for again. */
  release(offset: number): void;
}

export interface UploadOptions {
  /** Taken: {@link TakeUpload.close} destroys it. */
  policy: UploadPolicy;
  api: Pick<ApiClient, 'call' | 'clockSkewMs'>;
  recordingId: string;
  log: UploadSource;
  /** The upload was begun before, by a page that is gone: what the store has is looked at first. */
  resume?: boolean;
  /** Engine clock, microseconds. */
  nowUs: () => number;
  /** Tells the uploader that no more will come; default: at once. Throws where something is not with it yet. */
  finish?: () => void;
  /** Seconds of take, for Complete. */
  duration: () => number;
}

export class TakeUpload {
  readonly #options: UploadOptions;
  readonly #uploader: UploadPolicy;
  readonly #urls = new Map<number, string>();
  readonly #running = new Map<number, () => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiters: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #lastError: unknown;
  #lastStats: UploadStats;
  #closed = false;
  /** Counts bytes of parts that are on their way, too. */
  readonly speed = new SpeedMeter();

  constructor(options: UploadOptions) {
    this.#options = options;
    this.#uploader = options.policy;
    if (options.resume) this.#uploader.resume(options.nowUs());
    this.#lastStats = this.#uploader.stats(options.nowUs());
  }

  /** After `close` those of the end. */
  get stats(): UploadStats {
    if (!this.#closed) this.#lastStats = this.#uploader.stats(this.#options.nowUs());
    return this.#lastStats;
  }

  /** Why the upload ended without being complete; null while it goes on or where it is done. */
  get failure(): KeeptakeError | null {
    const stats = this.stats;
    return stats.state === 'failed' ? this.#failureOf(stats) : null;
  }

  /** The last failure of a request, for messages. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /**
   * That many bytes more are in the log.
   * @throws {KeeptakeError} `'upload-failed'` where the upload has ended, `'limit'` where the take is too long for it
   */
  append(bytes: number): void {
    this.#mustGoOn();
    this.#uploader.append(this.#options.nowUs(), bytes);
    this.#pump();
  }

  /** The uploader was given more: sends it. Throws as {@link append}. */
  go(): void {
    this.#mustGoOn();
    this.#pump();
  }

  /** It can still be given more. */
  get isOpen(): boolean {
    return !this.#closed && this.failure === null;
  }

  /** Sends the rest, patches part 1, completes. Rejects with `'upload-failed'` once retries are spent. */
  async finish(): Promise<void> {
    const { nowUs, finish = () => this.#uploader.finish(nowUs()) } = this.#options;
    this.#mustGoOn();
    finish();
    await this.#settled();
  }

  /** Aborts the multipart upload; resolves when the store has dropped the parts. */
  async abort(): Promise<void> {
    if (this.#closed) throw closedError();
    this.#uploader.abort(this.#options.nowUs());
    await this.#settled();
  }

  /** The network is said to be back. */
  wake(): void {
    if (this.#closed) return;
    this.#uploader.wake(this.#options.nowUs());
    this.#pump();
  }

  /** Ends every request. Whoever waits for `finish` or `abort` is told `'closed'`. */
  close(): void {
    if (this.#closed) return;
    this.#lastStats = this.stats;
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const cancel of [...this.#running.values()]) cancel();
    this.#uploader.destroy();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(closedError());
  }

  #mustGoOn(): void {
    if (this.#closed) throw closedError();
    const failure = this.failure;
    if (failure) throw failure;
  }

  #settled(): Promise<void> {
    const done = new Promise<void>((resolve, reject) => this.#waiters.push({ resolve, reject }));
    this.#pump();
    return done;
  }

  #pump(): void {
    if (this.#closed) return;
    // One moment for the last question and the figures: what is due in between would be missed.
    let now = this.#options.nowUs();
    for (let request = this.#uploader.next(now); request !== null; request = this.#uploader.next(now)) {
      this.#carryOut(request);
      now = this.#options.nowUs();
    }
    const stats = this.#uploader.stats(now);
    this.#settle(stats);
    clearTimeout(this.#timer);
    if (stats.nextUs >= 0) {
      const delay = Math.max(1, (stats.nextUs - this.#options.nowUs()) / 1000);
      this.#timer = setTimeout(() => this.#pump(), delay);
    }
  }

  #settle(stats: UploadStats): void {
    if (stats.state !== 'done' && stats.state !== 'aborted' && stats.state !== 'failed') return;
    const waiters = this.#waiters.splice(0);
    if (stats.state !== 'failed') {
      for (const waiter of waiters) waiter.resolve();
      return;
    }
    const error = this.#failureOf(stats);
    for (const waiter of waiters) waiter.reject(error);
  }

  #failureOf({ safeBytes, totalBytes, failure }: UploadStats): KeeptakeError {
    const why = this.#lastError instanceof Error ? ` ${this.#lastError.message}` : '';
    return new KeeptakeError(
      'upload-failed',
      `The take could not be stored whole: ${safeBytes} of ${totalBytes} bytes are safe.${why}`,
      {
        cause: this.#lastError,
        context: { safeBytes, totalBytes, gone: failure === Status.ERR_NOT_FOUND },
        retryable: failure !== Status.ERR_NOT_FOUND,
      },
    );
  }

  #carryOut(request: UploadRequest): void {
    switch (request.kind) {
      case UploadRequestKind.create:
        return this.#ask(request, 'POST', '/upload', {}, (answer) => {
          if (typeof field(answer, 'upload_id') !== 'string') throw new Error('The answer names no upload.');
          this.#uploader.created(this.#options.nowUs(), request.id);
        });
      case UploadRequestKind.sign:
        return this.#sign(request);
      case UploadRequestKind.put:
        return this.#put(request);
      case UploadRequestKind.cancel:
        return this.#running.get(request.id)?.();
      case UploadRequestKind.complete:
        return this.#ask(
          request,
          'POST',
          '/upload/complete',
          { parts: this.#uploader.parts(), bytes: this.#options.log.end, duration: this.#options.duration() },
          (answer) => {
            if (field(answer, 'state') !== 'complete')
              throw new Error('The answer does not say that the take is complete.');
            this.#uploader.completed(this.#options.nowUs(), request.id);
          },
        );
      case UploadRequestKind.abort:
        return this.#ask(request, 'DELETE', '/upload', undefined, () =>
          this.#uploader.aborted(this.#options.nowUs(), request.id),
        );
      case UploadRequestKind.list:
        return this.#list(request);
      case UploadRequestKind.release:
        return this.#options.log.release(request.offset);
      default:
        this.#uploader.failed(this.#options.nowUs(), request.id, UploadFailure.refused);
    }
  }

  #sign(request: UploadRequest): void {
    const parts = Array.from({ length: request.count }, (_, index) => request.part + index);
    this.#ask(request, 'POST', '/upload/sign', { parts }, (answer) => {
      const urls = field(answer, 'urls');
      const expires = Date.parse(String(field(answer, 'expires_at')));
      if (!Array.isArray(urls) || !Number.isFinite(expires)) throw new Error('The answer holds no addresses.');
      for (const entry of urls as unknown[]) this.#urls.set(Number(field(entry, 'part')), String(field(entry, 'url')));
      const nowUs = this.#options.nowUs();
      const leftMs = expires - (Date.now() + this.#options.api.clockSkewMs);
      this.#uploader.signed(nowUs, request.id, nowUs + leftMs * 1000);
    });
  }

  #list(request: UploadRequest): void {
    this.#ask(request, 'GET', '/upload/parts', undefined, (answer) => {
      const parts = field(answer, 'parts');
      if (!Array.isArray(parts)) throw new Error('The answer holds no list of parts.');
      for (const entry of parts as unknown[]) {
        const [part, bytes] = [Number(field(entry, 'part')), Number(field(entry, 'bytes'))];
        this.#uploader.listedPart(request.id, part, bytes, String(field(entry, 'etag')));
      }
      this.#uploader.listed(this.#options.nowUs(), request.id);
    });
  }

  /** One API call in the uploader's name. */
  #ask(request: UploadRequest, method: string, path: string, body: unknown, done: (answer: unknown) => void): void {
    const control = new AbortController();
    this.#running.set(request.id, () => control.abort());
    const fullPath = `/recordings/${this.#options.recordingId}${path}`;
    this.#options.api.call(method, fullPath, body, { signal: control.signal }).then(
      (answer) => this.#finished(request.id, () => done(answer)),
      (error: unknown) => this.#failed(request.id, error, control.signal.aborted),
    );
  }

  #put(request: UploadRequest): void {
    const url = this.#urls.get(request.part);
    if (url === undefined) return this.#uploader.failed(this.#options.nowUs(), request.id, UploadFailure.expired);
    // Until the bytes are there; a cancel is answered at once, also where the journal never does.
    this.#running.set(request.id, () => {
      this.#running.delete(request.id);
      this.#tellFailed(request, UploadFailure.cancelled, new Error('The bytes to send could not be read in time.'));
    });
    const waits = (): boolean => this.#running.has(request.id) && !this.#closed;
    this.#options.log.range(request.offset, request.bytes).then(
      (body) => {
        if (waits()) this.#send(request, url, body);
      },
      (error: unknown) => {
        // Bytes that were safe once and are not any more cannot be sent again; reading can be tried again.
        const why = error instanceof RangeError ? UploadFailure.gone : UploadFailure.network;
        if (waits()) this.#tellFailed(request, why, error);
      },
    );
  }

  #tellFailed(request: UploadRequest, why: number, error: unknown): void {
    this.#finished(request.id, () => {
      this.#lastError = error;
      this.#uploader.failed(this.#options.nowUs(), request.id, why);
    });
  }

  #send(request: UploadRequest, url: string, body: Blob): void {
    const xhr = new XMLHttpRequest();
    const { nowUs } = this.#options;
    let cancelled = false;
    let counted = 0;
    const count = (loaded: number): void => {
      this.speed.sent(nowUs(), loaded - counted);
      counted = Math.max(counted, loaded);
    };
    this.#running.set(request.id, () => {
      cancelled = true;
      xhr.abort();
    });
    const fail = (why: number, error: Error): void =>
      this.#tellFailed(request, cancelled ? UploadFailure.cancelled : why, error);
    xhr.upload.onprogress = (event) => {
      if (this.#closed) return;
      count(event.loaded);
      this.#uploader.progress(nowUs(), request.id, event.loaded);
    };
    xhr.onloadend = () => this.speed.end(nowUs());
    xhr.onload = () => {
      const etag = xhr.getResponseHeader('ETag');
      if (xhr.status === 200 && etag !== null)
        return this.#finished(request.id, () => {
          count(request.bytes);
          if (!this.#uploader.putDone(nowUs(), request.id, etag))
            throw new Error('The store answered with an ETag that cannot be one.');
        });
      const [why, message] = putFailure(xhr.status, xhr.responseText);
      fail(why, new Error(message));
    };
    xhr.onerror = () => fail(UploadFailure.network, new Error('The store cannot be reached.'));
    xhr.onabort = () => fail(UploadFailure.cancelled, new Error('The request to the store stood still.'));
    try {
      xhr.open('PUT', url);
    } catch (error) {
      // Not an address: one can be asked for anew.
      return this.#tellFailed(request, UploadFailure.expired, error);
    }
    this.speed.begin(nowUs());
    xhr.send(body);
  }

  #finished(id: number, tell: () => void): void {
    this.#running.delete(id);
    if (this.#closed) return;
    try {
      tell();
    } catch (error) {
      this.#lastError = error;
      this.#uploader.failed(this.#options.nowUs(), id, UploadFailure.network);
    }
    this.#pump();
  }

  #failed(id: number, error: unknown, cancelled: boolean): void {
    this.#finished(id, () => {
      this.#lastError = error;
      this.#uploader.failed(this.#options.nowUs(), id, cancelled ? UploadFailure.cancelled : apiFailure(error));
    });
  }
}

function closedError(): KeeptakeError {
  return new KeeptakeError('closed', 'The upload was ended before it was complete.');
}

/** Only the server itself can say that a recording does not exist: a proxy's 404 while it is restarted does not. */
function apiFailure(error: unknown): number {
  if (!(error instanceof ApiError) || error.status === 0 || error.status === 408) return UploadFailure.network;
  // A new token mends it: it is waited for, and never counts as refused.
  if (needsToken(error)) return UploadFailure.network;
  if (error.status >= 500 || error.status === 429) return UploadFailure.server;
  if (isEnded(error) || error.code === 'not-found') return UploadFailure.gone;
  if (error.status === 404 || error.status === 410) return UploadFailure.server;
  return UploadFailure.refused;
}

/** What a store's answer to a PUT means, and a sentence for it. */
function putFailure(status: number, body: string): [number, string] {
  const code = /<Code>([^<]{1,64})<\/Code>/.exec(body)?.[1] ?? '';
  const sentence = `The store answered ${status}${code === '' ? '' : ` ${code}`}.`;
  if (status === 200) return [UploadFailure.network, 'The store answered without an ETag.'];
  if (code === 'NoSuchUpload') return [UploadFailure.gone, sentence];
  // An answer without a store's error code was given by something that stands between.
  if (status === 404 && code === '') return [UploadFailure.server, sentence];
  if (status === 401 || status === 403) return [UploadFailure.expired, sentence];
  if (status === 400 && (code === 'RequestTimeout' || code === 'BadDigest')) return [UploadFailure.network, sentence];
  if (status >= 500 || status === 429 || status === 408) return [UploadFailure.server, sentence];
  return [UploadFailure.refused, sentence];
}
