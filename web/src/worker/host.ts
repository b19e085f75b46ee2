/**
 * One recorder in the worker: makes its engine, its stage, its loop and its takes, and gives each request and notice of
 * the page to the one that it concerns.
 */

import { isTrap, KeeptakeError } from '../base/errors.js';
import type { RecorderWarning } from '../base/types.js';
import { VideoCodec } from '../engine/contract.gen.js';
import { EngineRecorder, type EngineHeap } from '../engine/engine.js';
import type { EngineSetup, Requests, WorkerNotice } from '../protocol/messages.js';
import { ApiClient } from '../server/api.js';
import { ServerLimits } from '../server/limits.js';
import { TokenSource, type AskToken } from '../server/token.js';
import { EngineShare } from './engine-share.js';
import { Figures } from './figures.js';
import { Loop } from './loop.js';
import { Stage } from './stage.js';
import { Takes } from './takes.js';

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

/** What a recorder is made of, from `setup` to `close`. */
interface Parts {
  setup: EngineSetup;
  heap: EngineHeap;
  recorder: EngineRecorder;
  stage: Stage;
  loop: Loop;
  takes: Takes;
}

export class EngineHost {
  readonly #notify: (notice: WorkerNotice) => void;
  readonly #tokens: TokenSource;
  readonly #engines: EngineShare;
  readonly #onTrap: (error: unknown) => void;
  readonly #figures: Figures;
  #hasToken = false;
  /** The page's tab is in the background. */
  #hidden = false;
  #parts: Parts | null = null;
  #closed = false;

  /** `onTrap`: the engine trapped, and is broken for all who share it: each of them is to be told by {@link crashed}. */
  constructor(
    notify: (notice: WorkerNotice) => void,
    askToken: AskToken,
    engines = new EngineShare(),
    onTrap: (error: unknown) => void = (error) => this.crashed(error),
  ) {
    this.#engines = engines;
    this.#onTrap = onTrap;
    this.#notify = notify;
    this.#tokens = new TokenSource((ask, last) => (this.#hasToken ? askToken(ask, last) : null));
    this.#figures = new Figures({
      notify,
      warn: (code, message) => this.#warn(code, message),
      nowUs,
      engine: () => this.#parts && { ...this.#parts, variant: this.#parts.setup.variant },
      takeStats: () => this.#parts?.takes.stats(),
      isRecording: () => this.#parts?.takes.isRecording ?? false,
      look: () => this.#parts?.takes.look(),
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
    setLogo: ({ logo }) => this.#need().stage.setLogo(logo),
    placedSources: () => this.#need().stage.placed(),
    showHook: ({ hook }) => this.#need().stage.showHook(hook),
    hideHook: ({ id }) => this.#parts?.stage.hideHook(id),
    attachPreview: ({ preview, canvas }) => this.#attachPreview(preview, canvas),
    detachPreview: ({ preview }) => this.#parts?.loop.preview.detach(preview),
    mark: ({ label }) => this.#need().takes.mark(label),
    start: (args) => this.#need().takes.begin(args),
    setTitle: ({ title }) => this.#parts?.takes.setTitle(title),
    cancel: () => this.#need().takes.cancel(),
    pause: () => this.#need().takes.pause(),
    resume: () => this.#need().takes.resume(),
    restart: () => this.#need().takes.restart(),
    stop: () => this.#need().takes.stop(),
    leaveForLater: () => this.#need().takes.leaveForLater(),
    reset: () => this.#need().takes.reset(),
    forget: ({ journalId }) => this.#parts?.takes.forget(journalId) ?? false,
    settled: () => this.#parts?.takes.settled(),
    close: () => this.#close(),
  };

  /** Pictures of a page without MediaStreamTrackProcessor. */
  takeFrame(sourceId: string, frame: VideoFrame): void {
    if (this.#parts) this.#parts.stage.takeFrame(sourceId, frame);
    else frame.close();
  }

  /** A track of the source ended on the page. */
  sourceEnded(sourceId: string): void {
    this.#parts?.stage.ended(sourceId);
  }

  picturesMuted(sourceId: string, muted: boolean): void {
    this.#parts?.stage.picturesMuted(sourceId, muted);
  }

  wantLevels(want: boolean): void {
    this.#figures.wantLevels(want);
  }

  pageHidden(hidden: boolean): void {
    this.#hidden = hidden;
    if (this.#parts) this.#parts.loop.preview.hidden = hidden;
  }

  forgetPreview(preview: number): void {
    this.#parts?.loop.preview.forget(preview);
  }

  online(): void {
    this.#parts?.takes.wake();
  }

  /** What waits for a token goes on with this one. */
  newToken(token: string): void {
    this.#tokens.set(token);
    this.#parts?.takes.wake();
  }

  /** The page may be gone in a moment: what is recorded goes into the journal now. */
  async flush(): Promise<void> {
    const flushed = this.#parts?.setup.flushed;
    await this.#parts?.takes.keepAll();
    if (flushed) Atomics.add(new Int32Array(flushed), 0, 1);
  }

  /** An error that nobody caught: the take ends with what there is. */
  crashed(error: unknown): void {
    // What trapped once is not called again: the page goes on in a fresh worker.
    if (isTrap(error)) this.#parts?.loop.close();
    this.#parts?.takes.failed(error);
  }

  /** Something of this recorder failed; a trap is everybody's. */
  #failed(error: unknown): void {
    if (isTrap(error)) this.#onTrap(error);
    else this.crashed(error);
  }

  #need(): Parts {
    if (!this.#parts) throw new KeeptakeError('closed', 'The recorder is closed.');
    return this.#parts;
  }

  #warn(code: RecorderWarning['code'], message: string, sourceId?: string): void {
    this.#notify({ notice: 'warning', warning: { code, message, ...(sourceId === undefined ? {} : { sourceId }) } });
  }

  async #open({ threadPorts, ...setup }: Requests['setup']['args']): Promise<{ variant: EngineSetup['variant'] }> {
    const heap = await this.#engines.use(setup, threadPorts);
    this.#hasToken = setup.hasToken;
    const api = setup.server === null ? null : new ApiClient({ base: setup.server, token: this.#tokens });
    const server = new ServerLimits(api, setup.maxLength);
    await server.ask().catch(() => {
      // The first take asks again and says what is wrong; a preview needs no server.
    });
    try {
      if (this.#closed) throw new KeeptakeError('closed', 'The recorder is closed.');
      const recorder = recorderOf(heap, setup, server);
      this.#parts = { setup, heap, recorder, ...this.#partsOf(heap, recorder, setup, api, server) };
    } catch (error) {
      this.#engines.release(heap);
      throw error;
    }
    this.#parts.loop.preview.hidden = this.#hidden;
    this.#figures.begin();
    this.#parts.loop.turn();
    return { variant: setup.variant };
  }

  #partsOf(
    heap: EngineHeap,
    recorder: EngineRecorder,
    setup: EngineSetup,
    api: ApiClient | null,
    server: ServerLimits,
  ): Pick<Parts, 'stage' | 'loop' | 'takes'> {
    const engine = { heap, recorder, nowUs, wallUs };
    // VP8 knows only BT.601.
    const matrix = setup.codec === 'vp8' ? 'smpte170m' : 'bt709';
    const loop: Loop = new Loop({
      ...engine,
      matrix,
      onTurn: (gave) => takes.turned(gave),
      onFailed: (error) => this.#failed(error),
      after: () => takes.follow(),
      besides: (frame) => takes.picture(frame, matrix),
    });
    const stage: Stage = new Stage({
      ...engine,
      width: setup.width,
      height: setup.height,
      fps: setup.fps,
      onBusy: (us) => loop.busy(us),
      // Also while it begins: the cadence learns the source's rate from every picture.
      recording: () => takes.isLive,
      onPicture: () => {
        if (takes.isRecording) loop.schedule();
      },
      warn: (code, message, sourceId) => this.#warn(code, message, sourceId),
    });
    const takes: Takes = new Takes({
      ...engine,
      setup,
      api,
      server,
      notify: this.#notify,
      awaits: () => stage.awaited().length > 0,
      onBegin: () => this.#figures.newTake(),
      onFailed: (error) => this.#failed(error),
      turn: () => loop.turn(),
    });
    return { stage, loop, takes };
  }

  #attachPreview(id: number, canvas: OffscreenCanvas | undefined): void {
    const { loop } = this.#need();
    loop.preview.attach(id, canvas);
    loop.show();
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#figures.close();
    const parts = this.#parts;
    if (!parts) return;
    parts.loop.close();
    parts.stage.close();
    await parts.takes.close();
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#parts = null;
    parts.recorder.destroy();
    this.#engines.release(parts.heap);
  }
}

const nowUs = (): number => Math.round(performance.now() * 1000);
const wallUs = (): number => Date.now() * 1000;

function recorderOf(heap: EngineHeap, setup: EngineSetup, { limits }: ServerLimits): EngineRecorder {
  return new EngineRecorder(heap, {
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
    maxLengthUs: limits.maxLength * 1e6,
    maxFps: limits.maxFps,
    audioLeadUs: PICTURE_LATENCY_US,
  });
}
