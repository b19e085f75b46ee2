/**
 * What one take has on the server: its recording, its upload, its timeline and the signs of life. Opened at the start
 * of the take, or later, when a server that is away by then comes; what was recorded meanwhile is sent then.
 */

import { Status } from '../engine/contract.gen.js';
import { uploadPartBytes, type EngineUploader, type UploadStats } from '../engine/engine.js';
import { KeeptakeError } from '../base/errors.js';
import { ApiError, isRefusal, tokenTrouble, type Api, type TokenTrouble } from '../server/api.js';
import { SignsOfLife } from '../server/life.js';
import { makeRecording, openUpload, type Limits } from '../server/recording.js';
import type { TakeOptions } from './take-options.js';
import { TimelineSender } from '../server/timeline-sender.js';
import { TakeUpload, uploadPolicy, type UploadSource } from '../upload/upload.js';
import { isUploadEnd, uploadEnd, type UploadEnd } from '../upload/upload-end.js';

/** Waits between tries to reach a server that was away at the start; the last one is kept to. */
const LATE_RETRIES_MS = [1000, 2000, 4000, 8000, 15_000];
const TITLE_RETRY_US = 5_000_000;
/** After Stop nobody waits longer for a server that has never come, as for one that went (docs/upload.md). */
const GIVE_UP_MS = 600_000;

export interface TakeServerOptions
  extends Pick<TakeOptions, 'heap' | 'setup' | 'creationKey' | 'liveSeconds' | 'nowUs' | 'warn'> {
  api: NonNullable<TakeOptions['api']>;
  /** What the server allows: asked of it where that is not known yet. */
  limits: () => Limits | Promise<Limits>;
  /** The bytes of the take. */
  log: UploadSource;
  /** Seconds of take, for Complete. */
  duration: () => number;
  /** All that is recorded is with the uploader: tells it so. */
  finishUpload: (uploader: EngineUploader) => void;
  /** Recording and upload are there: what was recorded before is to be counted now. */
  onOpen: () => void;
  /** Others ended the upload, or the server refuses the take for good; false: the take cannot go on without it. */
  onEnded: (ended: UploadEnd) => void;
  /** The upload has failed in another way, which is final. */
  onFailed: (error: unknown) => void;
}

export class TakeServer {
  readonly #options: TakeServerOptions;
  #recordingId = '';
  #writer = '';
  /** Asked as this take's recorder. */
  #own: Api;
  #partBytes: number;
  #upload: TakeUpload | null = null;
  /** The upload's own, which destroys it. */
  #uploader: EngineUploader | null = null;
  #life: SignsOfLife | null = null;
  #timeline: TimelineSender | null = null;
  /** What the uploader said last, and why nothing more is sent. */
  #ended: UploadEnd | null = null;
  /** One try at a time. */
  #opening: Promise<void> | null = null;
  /** It was away at the start and has not come yet: how often it was tried, and the last answer. */
  #late: { tries: number; error: unknown } | null = null;
  #hurry: () => void = () => undefined;
  /** Whoever waits for a server that is late. */
  #waiters: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #recordedBytes = 0;
  /** What the store had acknowledged when the host was told that sending is held up, and why; null: it is not. */
  #heldUp: { sentBytes: number; why: TokenTrouble | 'retrying' } | null = null;
  /** Not on the server yet. */
  #title: { title: string; done: () => void } | null = null;
  #titleSending = false;
  #titleAtUs = 0;
  /** The page does not wait for the store. */
  #left = false;
  #over = false;

  constructor(options: TakeServerOptions) {
    this.#options = options;
    this.#own = options.api;
    this.#partBytes = 0;
  }

  /** Empty where the server has none of this take, or has not answered. */
  get recordingId(): string {
    return this.#recordingId;
  }
  get writer(): string {
    return this.#writer;
  }
  /** Of the upload's parts; known from {@link TakeServerOptions.onOpen} on. */
  get partBytes(): number {
    return this.#partBytes;
  }
  get ended(): UploadEnd | null {
    return this.#ended;
  }
  /** Nobody was asked under the take's creation key, or nobody answered: another take may use it. */
  get keyIsFree(): boolean {
    return this.#recordingId === '' && this.#opening === null;
  }

  // ---- beginning ------------------------------------------------------------------------------------

  /** Makes recording and upload, or as much of them as is missing. While a try runs it is that one's promise. */
  open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { api, setup, creationKey, heap, limits } = this.#options;
    if (this.#recordingId === '') {
      const known = await limits();
      this.#partBytes = uploadPartBytes(heap.module, known.maxLength * 1e6, setup.videoBitrate + setup.audioBitrate);
      const { recordingId, writer } = await makeRecording(api, setup, known, creationKey, () => this.#over);
      this.#recordingId = recordingId;
      this.#writer = writer;
      this.#own = api.as(writer);
    }
    if (this.#over) return;
    this.#partBytes = (await openUpload(this.#own, this.#recordingId)) || this.#partBytes;
    if (this.#over) return;
    this.#begin();
    void this.#sendTitle();
    this.#options.onOpen();
    this.#upload?.go();
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  #begin(): void {
    const { heap, log, nowUs, duration, liveSeconds } = this.#options;
    const uploader = uploadPolicy(heap, this.#partBytes);
    this.#uploader = uploader;
    const upload = new TakeUpload({
      policy: uploader,
      finish: () => this.#options.finishUpload(uploader),
      api: this.#own,
      recordingId: this.#recordingId,
      log,
      nowUs,
      duration,
    });
    this.#upload = upload;
    this.#timeline = new TimelineSender(this.#own, this.#recordingId);
    this.#late = null;
    if (this.#writer === '') return;
    this.#life = new SignsOfLife({
      api: this.#own,
      recordingId: this.#recordingId,
      liveSeconds: liveSeconds(),
      onEnded: (error) => this.#failed(error),
    });
  }

  /** It is away: it is tried until it comes, or refuses the take. `error`: what {@link open} said; a try may still run. */
  openLater(error: unknown): void {
    this.#late = { tries: 1, error };
    void this.#keepTrying();
  }

  async #keepTrying(): Promise<void> {
    for (let wait = 0; this.#late && !this.#over; wait++) {
      if (!this.#opening) await this.#pause(LATE_RETRIES_MS[Math.min(wait, LATE_RETRIES_MS.length - 1)] ?? 0);
      if (this.#over) return;
      try {
        await this.open();
      } catch (error) {
        if (this.#over || !this.#late) return;
        this.#late = { tries: this.#late.tries + 1, error };
        if (error instanceof ApiError ? isRefusal(error) : true) return this.#end(error);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** The network is said to be back, or there is a new token. */
  wake(): void {
    this.#hurry();
    void this.#sendTitle();
    this.#upload?.wake();
  }

  // ---- recording ------------------------------------------------------------------------------------

  /** Another title: sent until the server has it or refuses it. `done`: it has it. */
  setTitle(title: string, done: () => void): void {
    this.#title = { title, done };
    void this.#sendTitle();
  }

  async #sendTitle(): Promise<void> {
    const due = this.#title;
    if (!due || this.#recordingId === '' || this.#titleSending || this.#ended) return;
    this.#titleSending = true;
    this.#titleAtUs = this.#options.nowUs();
    try {
      await this.#own.call('PATCH', `/recordings/${this.#recordingId}`, { title: due.title });
      if (this.#title === due) this.#title = null;
      due.done();
    } catch (error) {
      if (this.#title === due && isRefusal(error)) this.#title = null;
    } finally {
      this.#titleSending = false;
    }
    // Typed meanwhile.
    if (this.#title && this.#title !== due) await this.#sendTitle();
  }

  /** Takes what is recorded as long as the upload goes on; null: there is none. */
  get uploader(): EngineUploader | null {
    return this.#upload?.isOpen ? this.#uploader : null;
  }

  /** That many bytes more are in the log, and with {@link uploader}. */
  recorded(bytes: number): void {
    this.#recordedBytes += bytes;
    const failure = this.#upload?.failure;
    if (failure) this.#failed(failure);
    else this.#upload?.go();
  }

  /** The timeline so far, unless one is on its way; how many bytes are sent. */
  sendTimeline(body: () => Uint8Array | null): number {
    if (!this.#timeline || this.#timeline.busy || this.#ended) return 0;
    const bytes = body();
    if (bytes) void this.#timeline.send(bytes);
    return bytes?.length ?? 0;
  }

  /** There is an upload that takes bytes, and a timeline. */
  get isOpen(): boolean {
    return this.#upload !== null;
  }

  /** Tells the host how sending goes. A failure is final. */
  look(): void {
    const failure = this.#upload?.failure;
    if (failure) return this.#failed(failure);
    if (this.#ended || this.#over) return;
    if (this.#title && this.#options.nowUs() - this.#titleAtUs > TITLE_RETRY_US) void this.#sendTitle();
    const { state, sentBytes } = this.stats;
    const error = this.#late ? this.#late.error : this.#upload?.lastError;
    const reason = tokenTrouble(error);
    const why = reason ?? 'retrying';
    if (state === 'waiting' && (this.#heldUp === null || (reason !== null && this.#heldUp.why !== why))) {
      this.#heldUp = { sentBytes, why };
      const said = error instanceof Error ? ` ${error.message}` : '';
      if (reason) this.#options.warn('unauthorized', NO_TOKEN[reason] + GOES_ON, reason);
      else this.#options.warn('upload-retrying', (this.#late ? AWAY : HELD_UP) + said);
    } else if (state === 'sending' && this.#heldUp !== null && sentBytes > this.#heldUp.sentBytes) {
      // Not before: what is on its way again may be held up again.
      this.#heldUp = null;
      this.#options.warn('upload-recovered', 'Sending works again.');
    }
  }

  /** An upload that others ended is no reason to end the take; another failure is. */
  #failed(error: unknown): void {
    const upload = this.#upload;
    if (!upload || this.#over || upload.stats.state === 'done') return;
    if (isUploadEnd(error)) this.#end(error);
    else this.#options.onFailed(error);
  }

  #end(error: unknown): void {
    if (this.#over || this.#ended) return;
    const ended = uploadEnd(error, this.stats);
    this.#ended = ended;
    this.#late = null;
    this.#life?.stop();
    this.#timeline?.close();
    this.#upload?.close();
    this.#upload = null;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(ended.error);
    this.#options.onEnded(ended);
  }

  // ---- figures --------------------------------------------------------------------------------------

  /** Of an upload that has ended: nothing more is in the store, whatever is recorded. */
  get stats(): UploadStats {
    const totalBytes = this.#recordedBytes;
    if (this.#ended) {
      const { stats } = this.#ended;
      return { ...stats, totalBytes, backlogBytes: totalBytes - stats.safeBytes };
    }
    if (this.#upload) return this.#upload.stats;
    return {
      state: this.#late ? 'waiting' : 'idle',
      failure: Status.OK,
      totalBytes,
      safeBytes: 0,
      sentBytes: 0,
      backlogBytes: totalBytes,
      retries: this.#late?.tries ?? 0,
      nextUs: -1,
      nextBytes: 0,
    };
  }

  /** Bits per second. */
  get bitrate(): number {
    return this.#upload?.speed.bitrate(this.#options.nowUs()) ?? 0;
  }

  /** Seconds until what is recorded is in the store: what sending takes, and what the unfinished part waits. */
  get safeIn(): number | null {
    const { setup, nowUs } = this.#options;
    const upload = this.#upload;
    if (!upload) return null;
    const { backlogBytes, nextBytes, state, nextUs } = upload.stats;
    if (backlogBytes === 0) return 0;
    const now = nowUs();
    const bitrate = upload.speed.bitrate(now);
    if (state === 'waiting' || state === 'failed' || bitrate === 0) return null;
    const sending = (backlogBytes * 8) / bitrate;
    if (upload.speed.running > 0 || state === 'completing') return sending;
    const enough = (nextBytes * 8) / (setup.videoBitrate + setup.audioBitrate);
    return sending + Math.min(enough, nextUs >= 0 ? Math.max(0, (nextUs - now) / 1e6) : Infinity);
  }

  // ---- the end --------------------------------------------------------------------------------------

  /**
   * Stores the whole take, and its timeline, which the take itself does not depend on.
   * @throws {KeeptakeError} `'upload-failed'`, `'closed'`; {@link ended} says whether others ended the upload
   */
  async finish(timeline: Uint8Array | null, noTimeline: unknown): Promise<void> {
    if (!this.#upload) await this.#opened();
    const [upload, sender] = [this.#upload, this.#timeline];
    if (!upload || !sender) throw closedError();
    const sent = timeline ? sender.send(timeline) : Promise.resolve(false);
    try {
      await upload.finish();
    } catch (error) {
      if (this.#left) throw leftForLater(error);
      this.#failed(error);
      throw this.ended?.error ?? error;
    }
    await this.#sendTitle();
    if ((await sent) || (timeline && (await sender.store(timeline))) || this.#over) return;
    const error = sender.error ?? noTimeline;
    const why = error instanceof Error ? error.message : String(error);
    this.#options.warn('timeline-lost', `The take is stored, but its timeline is not. ${why}`);
  }

  /** Ends the waiting of {@link finish}, which rejects with `'left-for-later'`. */
  leave(): void {
    this.#left = true;
    this.#timeline?.close();
    this.#upload?.close();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(leftForLater());
  }

  /** The same for a take that failed: false where it is not stored, and stays in the journal. */
  async storePrefix(timeline: Uint8Array | null): Promise<boolean> {
    const [upload, sender] = [this.#upload, this.#timeline];
    if (!upload || !sender) return false;
    const sent = timeline ? sender.send(timeline) : Promise.resolve(true);
    await upload.finish();
    if (!(await sent) && timeline) await sender.store(timeline);
    return true;
  }

  /** Resolves once recording and upload are there; a server that stays away is given up at last. */
  #opened(): Promise<void> {
    if (!this.#late || this.#over) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const cause = this.#late?.error;
        const why = cause instanceof Error ? ` ${cause.message}` : '';
        const context = { safeBytes: 0, totalBytes: this.#recordedBytes, gone: false };
        reject(
          new KeeptakeError('upload-failed', `The server did not come, so nothing of the take is stored there.${why}`, {
            cause,
            context,
          }),
        );
      }, GIVE_UP_MS);
      this.#waiters.push({
        resolve: () => (clearTimeout(timer), resolve()),
        reject: (error) => (clearTimeout(timer), reject(error as Error)),
      });
      this.#hurry();
    });
  }

  /** Nothing more is begun. To be followed by {@link discard} or {@link close}. */
  abandon(): void {
    this.#over = true;
    this.#life?.stop();
    this.#hurry();
  }

  /** Removes recording and upload; false where the recording is still on the server. */
  async discard(): Promise<boolean> {
    this.abandon();
    // What it is being asked for is removed once it has answered.
    await this.#opening?.catch(() => undefined);
    let aborted = true;
    try {
      await this.#upload?.abort();
    } catch {
      // The recording's deletion below aborts the upload on the server's side too.
      aborted = false;
    }
    return this.#delete(aborted);
  }

  async #delete(aborted: boolean): Promise<boolean> {
    if (this.#recordingId === '') return true;
    // Others had it finished from what had arrived: that is theirs.
    if (this.#ended && this.#ended.stats.safeBytes > 0) return true;
    try {
      await this.#own.call('DELETE', `/recordings/${this.#recordingId}`);
      return true;
    } catch (error) {
      // A co-host may not delete: nothing is left in the store, the recording stays in the list as aborted.
      if (aborted && error instanceof ApiError && error.code === 'forbidden') return true;
      if (error instanceof ApiError && error.apiCode === 'not-found') return true;
      const why = error instanceof Error ? error.message : String(error);
      this.#options.warn('discard-failed', `The discarded take could not be removed from the server. ${why}`);
      return false;
    }
  }

  /** Ends every request. */
  close(): void {
    this.abandon();
    this.#timeline?.close();
    this.#upload?.close();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(closedError());
  }
}

const NO_TOKEN: Record<TokenTrouble, string> = {
  missing: 'The server wants a token, and the page gives none.',
  expired: 'The token has expired.',
  unknown: 'The server does not know the token: it is wrong, or was deleted.',
  forbidden: 'The token does not allow this: its role is too small, or the page may not use it.',
};
const GOES_ON = ' Recording goes on, and is sent with another token.';
const HELD_UP = 'Sending is held up; recording goes on and is sent later.';
const AWAY = 'The server is away: the take is kept on this machine, and sent when the server comes.';

function leftForLater(cause?: unknown): KeeptakeError {
  return new KeeptakeError('left-for-later', 'The take was left for later: it is kept on this machine.', { cause });
}

function closedError(): KeeptakeError {
  return new KeeptakeError('closed', 'The upload was ended before it was complete.');
}
