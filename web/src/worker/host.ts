/**
 * The engine's host in the worker: owns the recorder, its clock and its loop, the sources, the preview and the
 * upload of the running take. Every request of the page ends here.
 */

import { Status, Tick, VideoCodec } from '../engine/contract.gen.js';
import { type EngineHeap, EngineRecorder, statusError, type EngineFrame } from '../engine/engine.js';
import { abortable } from '../base/abort.js';
import { KeeptakeError } from '../base/errors.js';
import {
  fromPlainError,
  plainError,
  type EngineSetup,
  type Requests,
  type WorkerNotice,
  type WorkerState,
} from '../protocol/messages.js';
import { TokenSource, type AskToken } from '../server/token.js';
import type { RecorderWarning } from '../base/types.js';
import { ApiClient, isLost } from '../server/api.js';
import { Figures } from './figures.js';
import { EngineShare } from './engine-share.js';
import { Preview } from './preview.js';
import { ServerLimits } from '../server/limits.js';
import { Stage } from './stage.js';
import { Take } from './take.js';
import { Turns } from './turns.js';
import { firstPictures, WarmUp } from './warmup.js';

const PROGRESS_MS = 100;
const FAILED = 'Recording failed; what was recorded so far is kept';
/**
 * A picture reaches the canvas later than sound of the same moment reaches the mixer: it waits for its capture
 * interval and is copied. Its timestamp in the take is the slot nearest to its arrival, as often before it as after it
 * (docs/engine.md, cadence). tests/e2e/take.test.mjs measures what is left.
 */
const PICTURE_LATENCY_US = 5_000;

/** Requests of a recorder; the others are recovery's. */
export type HostRequest = Exclude<keyof Requests, 'recover' | 'prepare' | 'salvage' | 'download'>;

type Handlers = {
  [K in HostRequest]: (args: Requests[K]['args']) => Requests[K]['result'] | Promise<Requests[K]['result']>;
};

interface Engine {
  heap: EngineHeap;
  recorder: EngineRecorder;
  stage: Stage;
  warmUp: WarmUp;
}

export class EngineHost {
  readonly #notify: (notice: WorkerNotice) => void;
  readonly #tokens: TokenSource;
  readonly #engines: EngineShare;
  readonly #preview = new Preview();
  #setup: EngineSetup | null = null;
  #engine: Engine | null = null;
  #api: ApiClient | null = null;
  #server = new ServerLimits(null, 0);
  #creationKey: string = crypto.randomUUID();
  #take: Take | null = null;
  /** Its prefix is being stored: the figures are still its. */
  #failedTake: Take | null = null;
  #storing: Promise<void> = Promise.resolve();
  /** A finished take without a server, until the page moves on. */
  #kept: Take | null = null;
  /** A take that is being opened, until its countdown begins. */
  #opening: { done: Promise<void>; control: AbortController } | null = null;
  /** Whoever asked for the running start: answered with the first recorded picture, or with what ended it. */
  #beginning: { resolve: () => void; reject: (error: KeeptakeError) => void } | null = null;
  #state: WorkerState = { state: 'setup' };
  #loopTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #turns = new Turns(() => this.#loop());
  #busyUs = 0;
  #closed = false;
  readonly #figures: Figures;

  constructor(notify: (notice: WorkerNotice) => void, askToken: AskToken, engines = new EngineShare()) {
    this.#engines = engines;
    this.#notify = notify;
    this.#tokens = new TokenSource((ask, last) => (this.#setup?.hasToken ? askToken(ask, last) : null));
    this.#figures = new Figures({
      notify,
      warn: (code, message) => this.#warn(code, message),
      nowUs: this.#nowUs,
      engine: () => this.#engine && this.#setup && { ...this.#engine, variant: this.#setup.variant },
      takeStats: () => (this.#take ?? this.#failedTake)?.stats(),
      isRecording: () => this.#take !== null && this.#state.state === 'recording',
      look: () => this.#take?.look(),
    });
  }

  readonly handlers: Handlers = {
    setup: (args) => this.#open(args),
    addSource: (args) => this.#need().stage.addSource(args),
    replaceSource: (args) => this.#need().stage.replaceSource(args),
    removeSource: ({ id }) => this.#need().stage.removeSource(id),
    connectSound: ({ id, audio }) => this.#need().stage.connectSound(id, audio),
    updateSource: ({ id, changes }) => this.#need().stage.updateSource(id, changes),
    setComposition: ({ composition }) => this.#need().stage.setComposition(composition),
    setImage: ({ id, image }) => this.#need().stage.setImage(id, image),
    removeImage: ({ id }) => this.#need().stage.removeImage(id),
    mark: ({ label }) => this.#mark(label),
    setLogo: ({ logo }) => this.#need().stage.setLogo(logo),
    placedSources: () => this.#need().stage.placed(),
    showHook: ({ hook }) => this.#need().stage.showHook(hook),
    hideHook: ({ id }) => this.#engine?.stage.hideHook(id),
    attachPreview: ({ preview, canvas }) => this.#attachPreview(preview, canvas),
    detachPreview: ({ preview }) => this.#preview.detach(preview),
    start: (args) => this.#begin(args),
    setTitle: ({ title }) => this.#take?.setTitle(title),
    cancel: () => this.#cancel(),
    pause: () => this.#edge((recorder, now, wall) => recorder.pause(now, wall)),
    resume: () => this.#edge((recorder, now, wall) => recorder.resume(now, wall)),
    restart: () => this.#restart(),
    stop: () => this.#stop(),
    leaveForLater: () => this.#leaveForLater(),
    reset: () => this.#reset(),
    forget: ({ journalId }) => this.#forget(journalId),
    settled: () => this.#storing,
    close: () => this.#close(),
  };

  /** Pictures of a page without MediaStreamTrackProcessor. */
  takeFrame(sourceId: string, frame: VideoFrame): void {
    if (this.#engine) this.#engine.stage.takeFrame(sourceId, frame);
    else frame.close();
  }

  /** A track of the source ended on the page. */
  sourceEnded(sourceId: string): void {
    this.#engine?.stage.ended(sourceId);
  }

  picturesMuted(sourceId: string, muted: boolean): void {
    this.#engine?.stage.picturesMuted(sourceId, muted);
  }

  wantLevels(want: boolean): void {
    this.#figures.wantLevels(want);
  }

  pageHidden(hidden: boolean): void {
    this.#preview.hidden = hidden;
  }

  forgetPreview(preview: number): void {
    this.#preview.forget(preview);
  }

  online(): void {
    (this.#take ?? this.#failedTake)?.wake();
  }

  /** What waits for a token goes on with this one. */
  newToken(token: string): void {
    this.#tokens.set(token);
    (this.#take ?? this.#failedTake)?.wake();
  }

  /** The page may be gone in a moment: what is recorded goes into the journal now. */
  async flush(): Promise<void> {
    const flushed = this.#setup?.flushed;
    try {
      if (this.#take && this.#state.state === 'recording') {
        this.#engine?.recorder.flush();
        await this.#take.keepAll();
      }
    } catch (error) {
      this.#failed(error);
    }
    if (flushed) Atomics.add(new Int32Array(flushed), 0, 1);
  }

  /** Of the canvas: VP8 knows only BT.601. */
  get #matrix(): VideoMatrixCoefficients {
    return this.#setup?.codec === 'vp8' ? 'smpte170m' : 'bt709';
  }

  /** An error that nobody caught: the take ends with what there is. */
  crashed(error: unknown): void {
    this.#failed(error);
  }

  #nowUs = (): number => Math.round(performance.now() * 1000);
  #wallUs = (): number => Date.now() * 1000;

  #need(): Engine {
    if (!this.#engine) throw new KeeptakeError('closed', 'The recorder is closed.');
    return this.#engine;
  }

  // ---- life -----------------------------------------------------------------------------------------

  async #open({ threadPorts, ...setup }: Requests['setup']['args']): Promise<{ variant: EngineSetup['variant'] }> {
    const heap = await this.#engines.use(setup, threadPorts);
    if (this.#closed) {
      this.#engines.release(heap);
      throw new KeeptakeError('closed', 'The recorder is closed.');
    }
    this.#setup = setup;
    if (setup.server !== null) this.#api = new ApiClient({ base: setup.server, token: this.#tokens });
    this.#server = new ServerLimits(this.#api, setup.maxLength);
    await this.#server.ask().catch(() => {
      // The first take asks again and says what is wrong; a preview needs no server.
    });
    const recorder = new EngineRecorder(heap, {
      width: setup.width,
      height: setup.height,
      fps: setup.fps,
      codec: VideoCodec[setup.codec],
      videoBitrate: setup.videoBitrate,
      audioBitrate: setup.audioBitrate,
      keyframeUs: setup.keyframeInterval * 1e6,
      speed: setup.speed,
      threads: setup.threads,
      governor: setup.governor,
      maxLengthUs: this.#server.limits.maxLength * 1e6,
      maxFps: this.#server.limits.maxFps,
      audioLeadUs: PICTURE_LATENCY_US,
    });
    const stage = new Stage({
      heap,
      recorder,
      width: setup.width,
      height: setup.height,
      fps: setup.fps,
      nowUs: this.#nowUs,
      wallUs: this.#wallUs,
      onBusy: (us) => (this.#busyUs += us),
      // Also while it begins: the cadence learns the source's rate from every picture.
      recording: () => this.#state.state === 'recording' || this.#opening !== null,
      onPicture: () => {
        if (this.#state.state === 'recording') this.#schedule();
      },
      warn: (code, message, sourceId) => this.#warn(code, message, sourceId),
    });
    const warmUp = new WarmUp((last) => recorder.warmUp(last));
    this.#engine = { heap, recorder, stage, warmUp };
    this.#figures.begin();
    this.#loop();
    return { variant: setup.variant };
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#loopTimer);
    this.#turns.close();
    this.#figures.close();
    this.#engine?.stage.close();
    this.#engine?.warmUp.stop();
    // What is being started removes itself; a countdown leaves nothing behind either.
    this.#opening?.control.abort();
    await this.#opening?.done.catch(() => undefined);
    this.#began(new KeeptakeError('closed', 'The recorder is closed.'));
    const take = this.#take;
    this.#take = null;
    if (take && this.#state.state === 'countdown') await this.#throwAway(take);
    else take?.close();
    this.#kept?.close();
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.#engine) {
      this.#engine.recorder.destroy();
      this.#engines.release(this.#engine.heap);
    }
    this.#engine = null;
  }

  // ---- the loop -------------------------------------------------------------------------------------

  #loop = (): void => {
    if (this.#closed || !this.#engine) return;
    const { recorder } = this.#engine;
    const began = this.#nowUs();
    const busy = this.#busyUs;
    this.#busyUs = 0;
    try {
      const flags = recorder.tick(began, this.#wallUs(), busy);
      if (flags & Tick.canvas) {
        const canvas = recorder.canvas();
        if (canvas) this.#show(this.#engine, canvas);
      }
      if (flags & Tick.chunk) this.#drain();
      if (flags & Tick.canvas && this.#state.state === 'recording') this.#began();
      this.#take?.tick(this.#state.state === 'paused');
    } catch (error) {
      this.#failed(error);
    }
    this.#followState();
    this.#busyUs += this.#nowUs() - began;
    this.#schedule();
  };

  /** The loop's next turn, by the engine's word. One that is due comes after what waits, without a timer's least wait. */
  #schedule(): void {
    clearTimeout(this.#loopTimer);
    if (this.#closed || !this.#engine) return;
    const now = this.#nowUs();
    const waitMs = (this.#engine.recorder.nextUs(now) - now) / 1000;
    if (waitMs > 0) this.#loopTimer = setTimeout(this.#loop, Math.min(waitMs, 1000));
    else this.#turns.ask();
  }

  #show({ recorder, heap }: { recorder: EngineRecorder; heap: EngineHeap }, canvas: EngineFrame): void {
    const take = this.#state.state === 'recording' ? this.#take : null;
    const dueUs = recorder.nextUs(this.#nowUs());
    this.#preview.offer({ heap, frame: canvas, matrix: this.#matrix, nowUs: this.#nowUs, dueUs }, () =>
      take?.picture(heap, canvas, this.#matrix),
    );
  }

  /** Chunks of a take that is thrown away go nowhere. */
  #drain(): void {
    if (this.#take) return this.#take.drain();
    const { recorder } = this.#need();
    while (recorder.takeChunk() !== null);
  }

  /** Tells the page of a new state and does what entering it asks for. */
  #followState(): void {
    const { recorder } = this.#need();
    const session = recorder.session(this.#nowUs());
    const limitUs = this.#server.limits.maxLength * 1e6;
    // Only reset leads out of a failure, also where the engine was too broken to note it.
    if (this.#state.state === 'failed' && session.state !== 'setup') return;
    switch (session.state) {
      case 'countdown': {
        const remaining = Math.max(1, Math.ceil((session.countdownEndUs - this.#nowUs()) / 1e6));
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
          recorder.stop(this.#nowUs(), this.#wallUs());
          return this.#followState();
        }
        if (session.state === 'recording' && this.#take && this.#server.isLimitNear(session.takeUs)) {
          this.#warn(
            'limit-near',
            'One minute is left until the greatest length of a take; it will be stopped and kept.',
          );
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
        return this.#failed(statusError(session.failure, FAILED));
      default:
        return;
    }
  }

  #tell(state: WorkerState): void {
    this.#state = state;
    this.#notify({ notice: 'state', state });
    if (state.state === 'setup') this.#prepare();
    if (state.state === 'setup') this.#began(startAborted());
    else if (state.state === 'failed') this.#began(fromPlainError(state.error));
    // Paused or stopped before its first picture: it began all the same.
    else if (state.state !== 'countdown' && state.state !== 'recording') this.#began();
  }

  /** The next take's encoder is made while nothing is recorded. */
  #prepare(): void {
    const engine = this.#engine;
    if (!engine) return;
    engine.warmUp.stop();
    engine.warmUp = new WarmUp((last) => engine.recorder.warmUp(last));
  }

  /** Answers the start that is waited for: the take records, or `error` ended it. */
  #began(error?: KeeptakeError): void {
    const waiting = this.#beginning;
    this.#beginning = null;
    if (error) waiting?.reject(error);
    else waiting?.resolve();
  }

  #warn(code: RecorderWarning['code'], message: string, sourceId?: string): void {
    this.#notify({ notice: 'warning', warning: { code, message, ...(sourceId === undefined ? {} : { sourceId }) } });
  }

  // ---- the take -------------------------------------------------------------------------------------

  /** Resolves with the first recorded picture; rejects with `'aborted'` where the take was ended before. */
  async #begin(args: Requests['start']['args']): Promise<void> {
    if (this.#opening || this.#beginning) throw new KeeptakeError('bad-state', 'A take is being started.');
    const control = new AbortController();
    const done = this.#start(args, control.signal);
    this.#opening = { done, control };
    try {
      await done;
    } finally {
      this.#opening = null;
    }
    // The countdown has begun in this very turn: nothing was told yet.
    await new Promise<void>((resolve, reject) => {
      this.#beginning = { resolve, reject };
      clearTimeout(this.#loopTimer);
      this.#loop();
    });
  }

  /** Ends a take that is being opened or counted down to. */
  #cancel(): void {
    if (this.#opening) return this.#opening.control.abort();
    this.#edge((recorder, now) => recorder.cancel(now), true);
  }

  #stop(): void {
    if (this.#opening || this.#state.state === 'countdown') {
      this.#cancel();
      throw new KeeptakeError('aborted', 'The take was stopped before anything was recorded.');
    }
    this.#edge((recorder, now, wall) => recorder.stop(now, wall));
  }

  #getReady(): Promise<void> {
    const { stage, warmUp } = this.#need();
    return firstPictures(warmUp, () => !this.#closed && stage.awaited().length > 0);
  }

  /** Opens the take and begins its countdown. */
  async #start({ countdown, title, page }: Requests['start']['args'], signal: AbortSignal): Promise<void> {
    if (this.#state.state !== 'setup')
      throw new KeeptakeError('bad-state', `A take cannot start while the state is "${this.#state.state}".`);
    const { heap, recorder } = this.#need();
    const setup = this.#setup;
    if (!setup) return;
    const take: Take = new Take({
      heap,
      recorder,
      api: this.#api,
      creationKey: this.#creationKey,
      onRecording: () => this.#keyUsed(take),
      organisation: () => this.#server.organisation,
      liveSeconds: () => this.#server.liveSeconds,
      setup: { ...setup, title },
      limits: () => this.#server.limits,
      askLimits: () => this.#server.ask(),
      page,
      nowUs: this.#nowUs,
      warn: (code, message, reason) =>
        this.#notify({ notice: 'warning', warning: { code, message, ...(reason ? { reason } : {}) } }),
      onFailed: (error) => {
        if (this.#take === take) this.#failed(error);
      },
      onNoRoom: () => {
        if (this.#take === take) this.#noRoom();
      },
    });
    this.#take = take;
    this.#failedTake = null;
    this.#figures.newTake();
    this.#server.newTake();
    const opened = Promise.all([take.open(), countdown > 0 || this.#getReady()]).then(() => undefined);
    try {
      await abortable(opened, signal);
      recorder.start(this.#nowUs(), this.#wallUs(), countdown * 1e6);
    } catch (error) {
      if (this.#take === take) this.#take = null;
      // Only where the answer never came there may be a recording that the next start has to find again; one that
      // was answered is removed.
      if (!isLost(error) || !take.keyIsFree) this.#creationKey = crypto.randomUUID();
      take.abandon();
      // Nobody waits for the server: what it is being asked for is removed once it has answered.
      const discarded = opened.catch(() => undefined).then(() => take.discard());
      if (this.#closed) await discarded;
      throw signal.aborted && !this.#closed ? startAborted() : error;
    }
  }

  /** Stores everything that waits, then tells the page where the take is. */
  async #finish(takeUs: number): Promise<void> {
    const take = this.#take;
    const { recorder } = this.#need();
    if (!take) return;
    const progress = setInterval(() => {
      if (take.progress !== null) this.#tell({ state: 'stopping', progress: Math.min(0.99, take.progress) });
    }, PROGRESS_MS);
    try {
      const stored = await take.finish(takeUs);
      if (this.#closed) return;
      recorder.stopped(this.#nowUs());
      this.#tell({ state: 'stopped', take: stored });
      if (stored.file) this.#kept = take;
    } catch (error) {
      if (this.#closed) return;
      recorder.fail(this.#nowUs(), this.#wallUs(), Status.ERR_STORAGE);
      this.#tell({ state: 'failed', error: plainError(error) });
    } finally {
      clearInterval(progress);
      this.#keyUsed(take);
      if (this.#kept !== take) take.close();
      if (this.#take === take) this.#take = null;
    }
  }

  /** Engine or upload failed before Stop: what there is so far is a valid prefix, so it is stored as it is. */
  #failed(error: unknown): void {
    const { state } = this.#state;
    if (!this.#engine || state === 'stopping' || state === 'stopped' || state === 'failed') return;
    const take = this.#take;
    let takeUs = 0;
    try {
      const { recorder } = this.#engine;
      recorder.fail(this.#nowUs(), this.#wallUs(), Status.ERR_STORAGE);
      takeUs = recorder.session(this.#nowUs()).takeUs;
    } catch {
      // The engine itself may be broken: what it gave before is what there is.
    }
    this.#take = null;
    this.#failedTake = take;
    this.#tell({ state: 'failed', error: plainError(error) });
    if (!take) return;
    this.#keyUsed(take);
    this.#storing = take.storePrefix(takeUs);
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

  /** What is thrown away is removed from the server when that answers; nobody waits for it. */
  #restart(): void {
    if (this.#opening || this.#state.state === 'countdown') return this.#cancel();
    const take = this.#take;
    this.#edge((recorder, now, wall) => recorder.restart(now, wall));
    this.#take = null;
    if (take) void this.#throwAway(take);
  }

  /** Its key may be used again where nobody can have made a recording with it that is still to be removed. */
  #throwAway(take: Take): Promise<void> {
    if (!take.keyIsFree) this.#keyUsed(take);
    return take.discard();
  }

  #keyUsed(take: Take): void {
    if (this.#creationKey === take.creationKey) this.#creationKey = crypto.randomUUID();
  }

  #leaveForLater(): void {
    if (this.#state.state !== 'stopping' || !this.#take)
      throw new KeeptakeError(
        'bad-state',
        `A take cannot be left for later while the state is "${this.#state.state}".`,
      );
    if (!this.#take.leave())
      throw new KeeptakeError(
        'storage-unavailable',
        "The browser's storage does not have all of the take: it is stored from this page alone.",
      );
  }

  #reset(): void {
    this.#edge((recorder, now) => recorder.reset(now), true);
    // What was recorded without a server may be in this page alone: the journal keeps it until the page forgets it.
    this.#kept?.close();
    this.#kept = null;
  }

  async #forget(journalId: string): Promise<boolean> {
    const kept = this.#kept;
    if (kept?.journalId !== journalId) return false;
    this.#kept = null;
    await kept.forget();
    return true;
  }

  /** One edge of the session; `discards`: a take that was begun is thrown away. */
  #edge(act: (recorder: EngineRecorder, nowUs: number, wallUs: number) => void, discards = false): void {
    const { recorder } = this.#need();
    act(recorder, this.#nowUs(), this.#wallUs());
    if (discards && this.#take) {
      const take = this.#take;
      this.#take = null;
      void this.#throwAway(take);
    }
    clearTimeout(this.#loopTimer);
    this.#loop();
  }

  #mark(label: string | null): number {
    const { recorder } = this.#need();
    const now = this.#nowUs();
    recorder.mark(label === null ? {} : { label }, now, this.#wallUs());
    return recorder.session(now).takeUs / 1e6;
  }

  #attachPreview(id: number, canvas: OffscreenCanvas | undefined): void {
    const engine = this.#need();
    this.#preview.attach(id, canvas);
    const picture = engine.recorder.canvas();
    if (picture) this.#show(engine, picture);
  }
}
const startAborted = () => new KeeptakeError('aborted', 'The take was ended before it began to record.');
