/**
 * The takes of one recorder, one after the other: begun, ended, stored, thrown away. The session in the engine says
 * where a take stands ({@link WorkerState} is what the page hears of it); here is what that asks for.
 */

import { abortable } from '../base/abort.js';
import { isTrap, KeeptakeError } from '../base/errors.js';
import type { RecorderWarning } from '../base/types.js';
import { Status } from '../engine/contract.gen.js';
import { statusError, type EngineFrame, type EngineHeap, type EngineRecorder } from '../engine/engine.js';
import {
  fromPlainError,
  plainError,
  type EngineSetup,
  type Requests,
  type WorkerNotice,
  type WorkerState,
} from '../protocol/messages.js';
import { isLost, type ApiClient } from '../server/api.js';
import type { ServerLimits } from '../server/limits.js';
import { BlobSink } from './blob-sink.js';
import type { EngineClock } from './loop.js';
import type { TakeSink } from './sink.js';
import { Take } from './take.js';
import type { TakeOptions, TakeStats } from './take-options.js';
import { firstPictures, WarmUp } from './warmup.js';

const PROGRESS_MS = 100;
const FAILED = 'Recording failed; what was recorded so far is kept';

/** Whoever asked for a start: answered with the first recorded picture, or with what ended it. */
interface Starter {
  resolve: () => void;
  reject: (error: KeeptakeError) => void;
}

/** A take's life in this worker. */
type Life =
  | { is: 'none' }
  /** Its journal and its place on the server are being made. */
  | { is: 'opening'; take: TakeSink; control: AbortController; done: Promise<void> }
  /** From the countdown to Stop. */
  | { is: 'running'; take: TakeSink; starter: Starter | null }
  /** Stopped: what waits is being stored. */
  | { is: 'storing'; take: TakeSink }
  /** Finished, a file on this machine: here until the page moves on. */
  | { is: 'kept'; take: TakeSink }
  /** What there is of it is being stored; the figures are still its. */
  | { is: 'failed'; take: TakeSink | null; stored: Promise<void> };

const NONE: Life = { is: 'none' };

export interface TakesOptions extends EngineClock {
  heap: EngineHeap;
  recorder: EngineRecorder;
  setup: EngineSetup;
  /** Null: takes stay on this machine. */
  api: ApiClient | null;
  server: ServerLimits;
  notify: (notice: WorkerNotice) => void;
  /** Some source has shown nothing yet. */
  awaits: () => boolean;
  /** Another take begins. */
  onBegin: () => void;
  /** Something failed: whoever is concerned is to be told by {@link Takes.failed}. */
  onFailed: (error: unknown) => void;
  /** The session has moved: the engine's next turn is now. */
  turn: () => void;
}

export class Takes {
  readonly #options: TakesOptions;
  #life: Life = NONE;
  #state: WorkerState = { state: 'setup' };
  #warmUp: WarmUp;
  /** Of the next recording: the same after a try whose answer never came. */
  #creationKey: string = crypto.randomUUID();
  #closed = false;

  constructor(options: TakesOptions) {
    this.#options = options;
    this.#warmUp = this.#prepare();
  }

  // ---- where it stands ------------------------------------------------------------------------------

  get isRecording(): boolean {
    return this.#state.state === 'recording';
  }

  /** Pictures count: a take is being recorded, or begins in a moment. */
  get isLive(): boolean {
    return this.isRecording || this.#life.is === 'opening';
  }

  /** The take that pieces, titles and figures belong to. */
  get #current(): TakeSink | null {
    const life = this.#life;
    return life.is === 'opening' || life.is === 'running' || life.is === 'storing' ? life.take : null;
  }

  /** The same, or the one that failed last. */
  get #latest(): TakeSink | null {
    return this.#life.is === 'failed' ? this.#life.take : this.#current;
  }

  stats(): TakeStats | undefined {
    return this.#latest?.stats();
  }

  look(): void {
    this.#current?.look();
  }

  wake(): void {
    this.#latest?.wake();
  }

  setTitle(title: string): void {
    this.#current?.setTitle(title);
  }

  /** Resolves when nothing of a take that failed is being stored any more. */
  settled(): Promise<void> {
    return this.#life.is === 'failed' ? this.#life.stored : Promise.resolve();
  }

  // ---- turns of the loop ----------------------------------------------------------------------------

  /** Takes what the engine gave. */
  turned({ picture, chunks }: { picture: boolean; chunks: boolean }): void {
    const take = this.#current;
    if (chunks) this.#drain(take);
    if (picture && this.isRecording) this.#begun();
    take?.tick(this.#state.state === 'paused');
  }

  /** Pieces of a take that is thrown away go nowhere. */
  #drain(take: TakeSink | null): void {
    const { recorder } = this.#options;
    if (take) take.drain();
    else while (recorder.takeChunk() !== null);
  }

  picture(frame: EngineFrame, matrix: VideoMatrixCoefficients): void {
    if (this.isRecording) this.#current?.picture(this.#options.heap, frame, matrix);
  }

  /** The page may be gone in a moment: what is recorded is kept now. */
  async keepAll(): Promise<void> {
    const take = this.#current;
    if (!take || !this.isRecording) return;
    try {
      this.#options.recorder.flush();
      await take.keepAll();
    } catch (error) {
      this.#options.onFailed(error);
    }
  }

  /** Tells the page of a new state and does what entering it asks for. */
  follow(): void {
    const { recorder, server, nowUs, wallUs } = this.#options;
    const session = recorder.session(nowUs());
    const limitUs = server.limits.maxLength * 1e6;
    // Only reset leads out of a failure, also where the engine was too broken to note it.
    if (this.#state.state === 'failed' && session.state !== 'setup') return;
    switch (session.state) {
      case 'countdown': {
        const remaining = Math.max(1, Math.ceil((session.countdownEndUs - nowUs()) / 1e6));
        if (this.#state.state !== 'countdown' || this.#state.remaining !== remaining)
          this.#tell({ state: 'countdown', remaining });
        return;
      }
      case 'setup':
      case 'recording':
      case 'paused':
        if (this.#state.state !== session.state) this.#tell({ state: session.state });
        if (session.state === 'recording' && session.takeUs >= limitUs) {
          // The server's limit was not known yet when the engine was made.
          recorder.stop(nowUs(), wallUs());
          return this.follow();
        }
        if (session.state === 'recording' && this.#current && server.isLimitNear(session.takeUs)) {
          const message = 'One minute is left until the greatest length of a take; it will be stopped and kept.';
          this.#warn('limit-near', message);
        }
        return;
      case 'stopping':
        if (this.#state.state === 'stopping') return;
        this.#tell({ state: 'stopping', progress: 0 });
        if (session.limitReached || session.takeUs >= limitUs) {
          const length = Math.round(session.takeUs / 1e6);
          this.#warn(
            'limit-reached',
            `The take has reached its greatest length of ${length} s; it was stopped and kept.`,
          );
        }
        void this.#finish(session.takeUs);
        return;
      case 'failed':
        return this.failed(statusError(session.failure, FAILED));
      default:
        return;
    }
  }

  #tell(state: WorkerState): void {
    this.#state = state;
    this.#options.notify({ notice: 'state', state });
    if (state.state === 'setup') this.#warmUp = this.#prepare();
    // Paused or stopped before its first picture: it began all the same.
    if (state.state === 'paused' || state.state === 'stopping') this.#begun();
  }

  #warn(code: RecorderWarning['code'], message: string): void {
    this.#options.notify({ notice: 'warning', warning: { code, message } });
  }

  /** The next take's encoder is made while nothing is recorded. */
  #prepare(): WarmUp {
    this.#warmUp?.stop();
    return new WarmUp((last) => this.#options.recorder.warmUp(last));
  }

  // ---- beginning ------------------------------------------------------------------------------------

  /** Resolves with the first recorded picture; rejects with `'aborted'` where the take was ended before. */
  async begin({ countdown, title, page }: Requests['start']['args']): Promise<void> {
    const life = this.#life;
    if (life.is === 'opening' || (life.is === 'running' && life.starter))
      throw new KeeptakeError('bad-state', 'A take is being started.');
    if (this.#state.state !== 'setup')
      throw new KeeptakeError('bad-state', `A take cannot start while the state is "${this.#state.state}".`);
    const take = this.#sink(title, page);
    const control = new AbortController();
    this.#options.onBegin();
    this.#options.server.newTake();
    const opening = { is: 'opening' as const, take, control, done: Promise.resolve() };
    this.#life = opening;
    opening.done = this.#open(take, countdown, control.signal);
    await opening.done;
    // The countdown has begun in this very turn: nothing was told yet.
    await new Promise<void>((resolve, reject) => {
      this.#life = { is: 'running', take, starter: { resolve, reject } };
      this.#options.turn();
    });
  }

  #sink(title: string, page: Requests['start']['args']['page']): TakeSink {
    const { heap, recorder, api, server, setup, nowUs, notify } = this.#options;
    const isIt = (act: () => void): void => {
      if (this.#current === take) act();
    };
    const options: TakeOptions = {
      heap,
      recorder,
      api,
      creationKey: this.#creationKey,
      onRecording: () => this.#keyUsed(take),
      organisation: () => server.organisation,
      liveSeconds: () => server.liveSeconds,
      setup: { ...setup, title },
      limits: () => server.limits,
      askLimits: () => server.ask(),
      page,
      nowUs,
      warn: (code, message, reason) =>
        notify({ notice: 'warning', warning: { code, message, ...(reason ? { reason } : {}) } }),
      onFailed: (error) => isIt(() => this.#options.onFailed(error)),
      onNoRoom: () => isIt(() => this.#noRoom()),
    };
    const take: TakeSink = api || setup.journal ? new Take(options) : new BlobSink(options);
    return take;
  }

  /** Opens the take and begins its countdown. */
  async #open(take: TakeSink, countdown: number, signal: AbortSignal): Promise<void> {
    const { recorder, awaits, nowUs, wallUs } = this.#options;
    const ready = countdown > 0 || firstPictures(this.#warmUp, () => !this.#closed && awaits());
    const opened = Promise.all([take.open(), ready]).then(() => undefined);
    try {
      await abortable(opened, signal);
      recorder.start(nowUs(), wallUs(), countdown * 1e6);
    } catch (error) {
      if (this.#current === take) this.#life = NONE;
      // Only where the answer never came there may be a recording that the next start has to find again; one that
      // was answered is removed.
      if (!isLost(error) || !take.keyIsFree) this.#creationKey = crypto.randomUUID();
      take.abandon();
      // Nobody waits for the server: what it is being asked for is removed once it has answered.
      const discarded = opened.catch(() => undefined).then(() => take.discard());
      if (this.#closed) await discarded;
      throw signal.aborted && !this.#closed && !(error instanceof KeeptakeError) ? startAborted() : error;
    }
  }

  /** Answers the start that is waited for: the take records, or `error` ended it. */
  #begun(error?: KeeptakeError): void {
    if (this.#life.is !== 'running' || !this.#life.starter) return;
    const { take, starter } = this.#life;
    this.#life = { is: 'running', take, starter: null };
    if (error) starter.reject(error);
    else starter.resolve();
  }

  // ---- edges of the session -------------------------------------------------------------------------

  pause(): void {
    this.#edge((recorder, now, wall) => recorder.pause(now, wall));
  }

  resume(): void {
    this.#edge((recorder, now, wall) => recorder.resume(now, wall));
  }

  /** Ends a take that is being opened or counted down to. */
  cancel(): void {
    if (this.#life.is === 'opening') return this.#life.control.abort();
    this.#edge((recorder, now) => recorder.cancel(now), true);
  }

  stop(): void {
    if (this.#life.is === 'opening' || this.#state.state === 'countdown') {
      this.cancel();
      throw new KeeptakeError('aborted', 'The take was stopped before anything was recorded.');
    }
    this.#edge((recorder, now, wall) => recorder.stop(now, wall));
  }

  /** What is thrown away is removed from the server when that answers; nobody waits for it. */
  restart(): void {
    if (this.#life.is === 'opening' || this.#state.state === 'countdown') return this.cancel();
    this.#edge((recorder, now, wall) => recorder.restart(now, wall), true);
  }

  reset(): void {
    const life = this.#life;
    this.#edge((recorder, now) => recorder.reset(now), true);
    // What was recorded without a server may be in this page alone: the journal keeps it until the page forgets it.
    if (life.is !== 'kept') return;
    life.take.close();
    if (this.#life === life) this.#life = NONE;
  }

  mark(label: string | null): number {
    const { recorder, nowUs, wallUs } = this.#options;
    const now = nowUs();
    recorder.mark(label === null ? {} : { label }, now, wallUs());
    return recorder.session(now).takeUs / 1e6;
  }

  /** One edge of the session; `discards`: a take that was begun is thrown away. */
  #edge(act: (recorder: EngineRecorder, nowUs: number, wallUs: number) => void, discards = false): void {
    const { recorder, nowUs, wallUs, turn } = this.#options;
    act(recorder, nowUs(), wallUs());
    const take = this.#current;
    if (discards && take) {
      this.#begun(startAborted());
      this.#life = NONE;
      void this.#throwAway(take);
    }
    turn();
  }

  /** Neither journal nor memory takes more: the take ends cleanly, and is sent when that works again. */
  #noRoom(): void {
    if (this.#state.state !== 'recording' && this.#state.state !== 'paused') return;
    this.#warn(
      'limit-reached',
      'There is no room on this machine for more that is unsent; the take was stopped and kept.',
    );
    this.#edge((recorder, now, wall) => recorder.stop(now, wall));
  }

  // ---- ends -----------------------------------------------------------------------------------------

  /** Stores everything that waits, then tells the page where the take is. */
  async #finish(takeUs: number): Promise<void> {
    const { recorder, nowUs, wallUs } = this.#options;
    const take = this.#current;
    if (!take) return;
    const storing: Life = { is: 'storing', take };
    this.#life = storing;
    let then: Life = NONE;
    const progress = setInterval(() => {
      if (take.progress !== null) this.#tell({ state: 'stopping', progress: Math.min(0.99, take.progress) });
    }, PROGRESS_MS);
    try {
      const stored = await take.finish(takeUs);
      if (this.#closed) return;
      recorder.stopped(nowUs());
      if (stored.file) then = { is: 'kept', take };
      this.#tell({ state: 'stopped', take: stored });
    } catch (error) {
      if (this.#closed) return;
      this.#tell({ state: 'failed', error: plainError(error) });
      if (isTrap(error)) this.#options.onFailed(error);
      else recorder.fail(nowUs(), wallUs(), Status.ERR_STORAGE);
    } finally {
      clearInterval(progress);
      this.#keyUsed(take);
      if (this.#life === storing) this.#life = then;
      if (then.is !== 'kept') take.close();
    }
  }

  /** Engine or upload failed before Stop: what there is so far is a valid prefix, so it is stored as it is. */
  failed(cause: unknown): void {
    const { state } = this.#state;
    if (this.#closed || state === 'stopping' || state === 'stopped' || state === 'failed') return;
    const { recorder, nowUs, wallUs } = this.#options;
    const error = plainError(cause);
    const life = this.#life;
    let takeUs = 0;
    try {
      recorder.fail(nowUs(), wallUs(), Status.ERR_STORAGE);
      takeUs = recorder.session(nowUs()).takeUs;
    } catch {
      // The engine itself may be broken: what it gave before is what there is.
    }
    this.#begun(fromPlainError(error));
    this.#life = { is: 'failed', take: null, stored: Promise.resolve() };
    this.#tell({ state: 'failed', error });
    if (life.is === 'opening') life.control.abort(fromPlainError(error));
    if (life.is !== 'running') return;
    this.#keyUsed(life.take);
    this.#life = { is: 'failed', take: life.take, stored: life.take.storePrefix(takeUs) };
  }

  /** Its key may be used again where nobody can have made a recording with it that is still to be removed. */
  #throwAway(take: TakeSink): Promise<void> {
    if (!take.keyIsFree) this.#keyUsed(take);
    return take.discard();
  }

  #keyUsed(take: TakeSink): void {
    if (this.#creationKey === take.creationKey) this.#creationKey = crypto.randomUUID();
  }

  leaveForLater(): void {
    if (this.#life.is !== 'storing') {
      const { state } = this.#state;
      throw new KeeptakeError('bad-state', `A take cannot be left for later while the state is "${state}".`);
    }
    if (!this.#life.take.leave())
      throw new KeeptakeError(
        'storage-unavailable',
        "The browser's storage does not have all of the take: it is stored from this page alone.",
      );
  }

  /** True: the take was this worker's to remove. */
  async forget(journalId: string): Promise<boolean> {
    const life = this.#life;
    if (life.is !== 'kept' || life.take.journalId !== journalId) return false;
    this.#life = NONE;
    await life.take.forget();
    return true;
  }

  /** What is being started removes itself; a countdown leaves nothing behind either. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#warmUp.stop();
    if (this.#life.is === 'opening') {
      const { control, done } = this.#life;
      control.abort();
      await done.catch(() => undefined);
    }
    this.#begun(new KeeptakeError('closed', 'The recorder is closed.'));
    const life = this.#life;
    // A take that failed closes itself when it is stored.
    if (life.is === 'none' || life.is === 'opening' || life.is === 'failed') return;
    if (life.is === 'running') this.#life = NONE;
    if (life.is === 'running' && this.#state.state === 'countdown') await this.#throwAway(life.take);
    else life.take.close();
  }
}

const startAborted = (): KeeptakeError => new KeeptakeError('aborted', 'The take was ended before it began to record.');
