/**
 * The engine's host in the worker: owns the recorder, its clock and its loop, the sources, the preview and the
 * upload of the running take. Every request of the page ends here.
 */

import { ChunkKind, Limit, STATS_FIELDS, Status, Tick, VideoCodec } from '../engine/contract.gen.js';
import {
  EngineHeap,
  EngineRecorder,
  statusError,
  uploadPartBytes,
  type EngineFactory,
  type EngineFrame,
  type EngineModule,
} from '../engine/engine.js';
import { KeeptakeError } from '../errors.js';
import {
  plainError,
  type EngineSetup,
  type Requests,
  type RequestType,
  type StoredTake,
  type WorkerNotice,
  type WorkerState,
} from '../messages.js';
import type { Composition, HookOptions, PlacedSource, RecorderWarning } from '../types.js';
import { ApiClient, ApiError, field } from './api.js';
import { ByteLog } from './byte-log.js';
import { Overlays } from './overlays.js';
import { Preview } from './preview.js';
import { Sources, type Source } from './sources.js';
import { TakeUpload, uploadPolicy } from './upload.js';

const STATS_MS = 500;
const STALL_US = 2_000_000;
const TIMELINE_MS = 10_000;
const DEFAULT_MAX_LENGTH_S = 3 * 3600;
const LIMIT_NEAR_US = 60_000_000;
const MAX_THREADS = 4;
const PREVIEW_LATE_US = 100_000;
const FAILED = 'Recording failed; what was recorded so far is kept';
/**
 * A picture reaches the canvas later than sound of the same moment reaches the mixer: it waits for its capture
 * interval and for the next picture of the canvas, each half a frame on average. tests/e2e/take.test.mjs measures
 * what is left.
 */
const PICTURE_LATENCY_US = 20_000;

type Handlers = {
  [K in RequestType]: (args: Requests[K]['args']) => Requests[K]['result'] | Promise<Requests[K]['result']>;
};

interface Engine {
  heap: EngineHeap;
  recorder: EngineRecorder;
  sources: Sources;
  overlays: Overlays;
}

/** What a take has besides the engine's own state. */
interface RunningTake {
  recordingId: string;
  log: ByteLog;
  upload: TakeUpload | null;
  durationUs: number;
  /** The timeline on its way to the server; null: none. */
  sending: Promise<boolean> | null;
  timelineTimer: ReturnType<typeof setInterval> | undefined;
  /** The governor's choice when it was looked at last. */
  pace: { speed: number; fps: number } | null;
  limitTold: boolean;
  retryTold: boolean;
}

export class EngineHost {
  readonly #notify: (notice: WorkerNotice) => void;
  readonly #askToken: () => Promise<string | null>;
  readonly #preview = new Preview();
  #setup: EngineSetup | null = null;
  #engine: Engine | null = null;
  #api: ApiClient | null = null;
  #limits = { maxLength: DEFAULT_MAX_LENGTH_S, maxFps: 60 };
  #limitsRead = false;
  #composition: Composition = { sources: [] };
  #take: RunningTake | null = null;
  #starting: Promise<void> | null = null;
  #state: WorkerState = { state: 'setup' };
  #loopTimer: ReturnType<typeof setTimeout> | undefined;
  #statsTimer: ReturnType<typeof setInterval> | undefined;
  #busyUs = 0;
  #shownUs = 0;
  #showCostUs = 0;
  #closed = false;

  constructor(notify: (notice: WorkerNotice) => void, askToken: () => Promise<string | null>) {
    this.#notify = notify;
    this.#askToken = askToken;
  }

  readonly handlers: Handlers = {
    setup: (args) => this.#open(args),
    addSource: (args) => this.#addSource(args),
    replaceSource: (args) => this.#replaceSource(args),
    removeSource: ({ id }) => this.#removeSource(id),
    setMuted: ({ id, audio, video }) => this.#setMuted(id, audio, video),
    setGain: ({ id, gain }) => this.#setGain(id, gain),
    setName: ({ id, name, show }) => this.#setName(id, name, show),
    setComposition: ({ composition }) => this.#setComposition(composition),
    setImage: (args) => this.#setImage(args.id, args.image),
    placedSources: () => this.#placed(),
    showHook: ({ hook }) => this.#showHook(hook),
    hideHook: ({ id }) => this.#engine?.overlays.hideHook(id),
    attachPreview: ({ preview, canvas }) => this.#attachPreview(preview, canvas),
    detachPreview: ({ preview }) => this.#preview.detach(preview),
    start: ({ countdown }) => this.#begin(countdown),
    cancel: () => this.#edge((recorder, now) => recorder.cancel(now), true),
    pause: () => this.#edge((recorder, now, wall) => recorder.pause(now, wall)),
    resume: () => this.#edge((recorder, now, wall) => recorder.resume(now, wall)),
    restart: () => this.#restart(),
    stop: () => this.#edge((recorder, now, wall) => recorder.stop(now, wall)),
    reset: () => this.#edge((recorder, now) => recorder.reset(now), true),
    api: ({ method, path, body }) => this.#needApi().call(method, path, body),
    close: () => this.#close(),
  };

  /** Pictures of a page without MediaStreamTrackProcessor. */
  takeFrame(sourceId: string, frame: VideoFrame): void {
    const source = this.#engine?.sources.get(sourceId);
    if (source && this.#engine) void this.#engine.sources.takeFrame(source, frame);
    else frame.close();
  }

  /** A track of the source ended on the page. */
  sourceEnded(sourceId: string): void {
    const source = this.#engine?.sources.get(sourceId);
    if (source) this.#ended(source);
  }

  online(): void {
    this.#take?.upload?.wake();
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

  #needApi(): ApiClient {
    if (!this.#api) throw new KeeptakeError('bad-state', 'This recorder was opened without a server.');
    return this.#api;
  }

  #source(id: string): Source {
    const source = this.#need().sources.get(id);
    if (!source) throw new KeeptakeError('no-such-source', `There is no source "${id}".`, { context: { id } });
    return source;
  }

  // ---- life -----------------------------------------------------------------------------------------

  async #open(setup: EngineSetup): Promise<{ variant: EngineSetup['variant'] }> {
    const threads = setup.variant === 'threaded' ? Math.min(MAX_THREADS, Math.max(1, navigator.hardwareConcurrency)) : 1;
    const module = await loadEngine(setup, threads);
    const heap = new EngineHeap(module);
    this.#setup = setup;
    if (setup.server !== null)
      this.#api = new ApiClient({ base: setup.server, token: setup.hasToken ? this.#askToken : null });
    await this.#readLimits().catch(() => {
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
      threads,
      governor: setup.governor,
      maxLengthUs: this.#limits.maxLength * 1e6,
      maxFps: this.#limits.maxFps,
      audioLeadUs: PICTURE_LATENCY_US,
    });
    const sources = new Sources({
      heap,
      recorder,
      fps: setup.fps,
      nowUs: this.#nowUs,
      onBusy: (us) => (this.#busyUs += us),
      onEnded: (source) => this.#ended(source),
    });
    const overlays = new Overlays({
      recorder,
      sources,
      width: setup.width,
      height: setup.height,
      nowUs: this.#nowUs,
      wallUs: this.#wallUs,
      composed: () => this.#composition.sources.map(({ id }) => id),
    });
    this.#engine = { heap, recorder, sources, overlays };
    this.#statsTimer = setInterval(() => this.#tellStats(), STATS_MS);
    this.#loop();
    return { variant: setup.variant };
  }

  /** What this take may be: the page's wish within the server's limits. */
  async #readLimits(): Promise<void> {
    const own = this.#setup?.maxLength || Infinity;
    this.#limits.maxLength = Math.min(own, DEFAULT_MAX_LENGTH_S);
    if (!this.#api) return;
    const limits = field(await this.#api.call('GET', '/session'), 'limits');
    this.#limitsRead = true;
    const maxLength = Math.min(own, Number(field(limits, 'max_length_seconds')) || DEFAULT_MAX_LENGTH_S);
    this.#limits = { maxLength, maxFps: Number(field(limits, 'max_fps')) || 60 };
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#loopTimer);
    clearInterval(this.#statsTimer);
    this.#engine?.overlays.close();
    this.#engine?.sources.close();
    // What is being started removes itself; a countdown leaves nothing behind either.
    await this.#starting?.catch(() => undefined);
    const take = this.#take;
    this.#take = null;
    clearInterval(take?.timelineTimer);
    if (take && this.#state.state === 'countdown') await this.#discard(take);
    take?.upload?.close();
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#engine?.recorder.destroy();
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
      if (flags & Tick.chunk) this.#drainChunks();
    } catch (error) {
      this.#failed(error);
    }
    this.#followState();
    const ended = this.#nowUs();
    this.#busyUs += ended - began;
    const wait = (recorder.nextUs(ended) - ended) / 1000;
    this.#loopTimer = setTimeout(this.#loop, Math.max(0, Math.min(wait, 1000)));
  };

  /**
   * Shows the picture, unless drawing it would make the next one late: the take goes first, and the eye is content
   * with ten pictures a second. One that cannot be shown is no reason to end a take.
   */
  #show({ recorder, heap }: { recorder: EngineRecorder; heap: EngineHeap }, canvas: EngineFrame): void {
    const began = this.#nowUs();
    const late = began + this.#showCostUs > recorder.nextUs(began);
    if (late && began - this.#shownUs < PREVIEW_LATE_US) return;
    this.#shownUs = began;
    try {
      this.#preview.draw(heap, canvas, this.#matrix);
    } catch {
      // The next one is tried again.
    }
    this.#showCostUs += (this.#nowUs() - began - this.#showCostUs) / 8;
  }

  #drainChunks(): void {
    const { recorder } = this.#need();
    const take = this.#take;
    for (let chunk = recorder.takeChunk(); chunk !== null; chunk = recorder.takeChunk()) {
      if (!take) continue;
      if (chunk.kind === ChunkKind.patch) {
        take.log.patch(chunk.bytes);
      } else {
        take.log.append(chunk.bytes);
        take.upload?.append(chunk.bytes.length);
      }
    }
  }

  /** Tells the page of a new state and does what entering it asks for. */
  #followState(): void {
    const { recorder } = this.#need();
    const session = recorder.session(this.#nowUs());
    const limitUs = this.#limits.maxLength * 1e6;
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
        return this.#warnOfLimit(session.takeUs, session.state);
      case 'stopping':
        if (this.#state.state === 'stopping') return;
        this.#tell({ state: 'stopping', progress: 0 });
        if (session.limitReached || session.takeUs >= limitUs) {
          const length = Math.round(session.takeUs / 1e6);
          this.#warn('limit-reached', `The take has reached its greatest length of ${length} s; it was stopped and kept.`);
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
  }

  #warn(code: RecorderWarning['code'], message: string, sourceId?: string): void {
    this.#notify({ notice: 'warning', warning: { code, message, ...(sourceId === undefined ? {} : { sourceId }) } });
  }

  #warnOfLimit(takeUs: number, state: string): void {
    const limitUs = this.#limits.maxLength * 1e6;
    if (state !== 'recording' || !this.#take || this.#take.limitTold) return;
    if (limitUs < 2 * LIMIT_NEAR_US || takeUs < limitUs - LIMIT_NEAR_US) return;
    this.#take.limitTold = true;
    this.#warn('limit-near', 'One minute is left until the greatest length of a take; it will be stopped and kept.');
  }

  // ---- the take -------------------------------------------------------------------------------------

  /** Remembers the start that is under way, for `close`. */
  #begin(countdown: number): Promise<void> {
    const starting = this.#start(countdown);
    if (this.#starting) return starting;
    this.#starting = starting;
    const over = (): void => void (this.#starting = null);
    starting.then(over, over);
    return starting;
  }

  async #start(countdown: number): Promise<void> {
    if (this.#state.state !== 'setup')
      throw new KeeptakeError('bad-state', `A take cannot start while the state is "${this.#state.state}".`);
    if (this.#take) throw new KeeptakeError('bad-state', 'A take is being started.');
    const take: RunningTake = {
      recordingId: '',
      log: new ByteLog(Limit.headerBytes),
      upload: null,
      durationUs: 0,
      sending: null,
      timelineTimer: undefined,
      pace: null,
      limitTold: false,
      retryTold: false,
    };
    this.#take = take;
    try {
      if (this.#api) await this.#openUpload(take, this.#api);
      if (this.#closed) throw new KeeptakeError('closed', 'The recorder is closed.');
      this.#edge((recorder, now, wall) => recorder.start(now, wall, countdown * 1e6));
    } catch (error) {
      this.#take = null;
      const discarded = this.#discard(take);
      if (this.#closed) await discarded;
      throw error;
    }
    if (take.upload)
      take.timelineTimer = setInterval(() => {
        if (!take.sending) void this.#sendTimeline(take);
      }, TIMELINE_MS);
  }

  async #openUpload(take: RunningTake, api: ApiClient): Promise<void> {
    const setup = this.#setup;
    if (!setup) return;
    if (!this.#limitsRead) await this.#readLimits();
    const { maxLength, maxFps } = this.#limits;
    const recording = await api.call('POST', '/recordings', {
      title: setup.title,
      codec: setup.codec,
      width: setup.width,
      height: setup.height,
      fps: Math.min(setup.fps, maxFps),
      video_bitrate: setup.videoBitrate,
      audio_bitrate: setup.audioBitrate,
      max_length_seconds: maxLength,
    });
    take.recordingId = String(field(recording, 'id'));
    const { heap } = this.#need();
    const created = await api.call('POST', `/recordings/${take.recordingId}/upload`, {});
    const offered = Number(field(created, 'part_bytes'));
    const own = uploadPartBytes(heap.module, maxLength * 1e6, setup.videoBitrate + setup.audioBitrate);
    const partBytes = offered > 0 ? offered : own;
    take.upload = new TakeUpload({
      policy: uploadPolicy(heap, partBytes),
      api,
      recordingId: take.recordingId,
      partBytes,
      log: take.log,
      nowUs: this.#nowUs,
      duration: () => take.durationUs / 1e6,
    });
  }

  /** Stores everything that waits, then tells the page where the take is. */
  async #finish(takeUs: number): Promise<void> {
    const take = this.#take;
    const { recorder } = this.#need();
    if (!take) return;
    take.durationUs = takeUs;
    clearInterval(take.timelineTimer);
    const progress = setInterval(() => this.#tellProgress(take), 100);
    try {
      this.#drainChunks();
      if (take.upload) await this.#storeWhole(take, take.upload);
      if (this.#closed) return;
      const decoder = new TextDecoder();
      const stored: StoredTake = {
        recordingId: take.recordingId,
        duration: takeUs / 1e6,
        bytes: take.log.end,
        timeline: decoder.decode(recorder.timeline(false)),
        scene: decoder.decode(recorder.scene()),
      };
      if (!take.upload) stored.file = take.log.range(0, take.log.end);
      recorder.stopped(this.#nowUs());
      this.#tell({ state: 'stopped', take: stored });
    } catch (error) {
      if (this.#closed) return;
      recorder.fail(this.#nowUs(), this.#wallUs(), Status.ERR_STORAGE);
      this.#tell({ state: 'failed', error: plainError(error) });
    } finally {
      clearInterval(progress);
      take.upload?.close();
      if (this.#take === take) this.#take = null;
    }
  }

  #tellProgress(take: RunningTake): void {
    const stats = take.upload?.stats;
    if (stats && stats.totalBytes > 0)
      this.#tell({ state: 'stopping', progress: Math.min(0.99, stats.safeBytes / stats.totalBytes) });
  }

  /** The whole take, and its timeline, which the take itself does not depend on. */
  async #storeWhole(take: RunningTake, upload: TakeUpload): Promise<void> {
    const sent = this.#sendTimeline(take);
    await upload.finish();
    if ((await sent) || this.#closed || (await this.#sendTimeline(take))) return;
    this.#warn('timeline-lost', 'The take is stored, but the server did not accept its timeline.');
  }

  /**
   * Sends the timeline as it is now; false where that failed. One at a time, so that an older one cannot land on
   * a newer.
   */
  #sendTimeline(take: RunningTake): Promise<boolean> {
    const before = take.sending;
    const sent = (async (): Promise<boolean> => {
      try {
        const body = this.#need().recorder.timeline(true);
        await before;
        const path = `/recordings/${take.recordingId}/timeline`;
        await this.#needApi().call('PUT', path, body, { contentType: 'application/zlib' });
        return true;
      } catch {
        return false;
      }
    })();
    take.sending = sent;
    void sent.then(() => {
      if (take.sending === sent) take.sending = null;
    });
    return sent;
  }

  /** Engine or upload failed before Stop: what there is so far is a valid prefix, so it is stored as it is. */
  #failed(error: unknown): void {
    const { state } = this.#state;
    if (!this.#engine || state === 'stopping' || state === 'stopped' || state === 'failed') return;
    const take = this.#take;
    clearInterval(take?.timelineTimer);
    try {
      const { recorder } = this.#engine;
      recorder.fail(this.#nowUs(), this.#wallUs(), Status.ERR_STORAGE);
      if (take) take.durationUs = recorder.session(this.#nowUs()).takeUs;
      this.#drainChunks();
    } catch {
      // The engine itself may be broken: what it gave before is what there is.
    }
    this.#take = null;
    this.#tell({ state: 'failed', error: plainError(error) });
    if (take) void this.#storePrefix(take);
  }

  async #storePrefix(take: RunningTake): Promise<void> {
    const { upload } = take;
    if (take.log.end === 0) return this.#discard(take);
    const sent = this.#sendTimeline(take);
    try {
      await upload?.finish();
    } catch {
      // The page knows already; the parts that are in the store stay there.
    }
    await sent;
    upload?.close();
  }

  async #restart(): Promise<void> {
    const take = this.#take;
    this.#edge((recorder, now, wall) => recorder.restart(now, wall));
    this.#take = null;
    if (take) await this.#discard(take);
  }

  /** Removes a take from the store. */
  async #discard(take: RunningTake): Promise<void> {
    clearInterval(take.timelineTimer);
    let aborted = true;
    try {
      await take.upload?.abort();
    } catch {
      // The recording's deletion below aborts the upload on the server's side too.
      aborted = false;
    }
    take.upload?.close();
    if (!this.#api || take.recordingId === '') return;
    try {
      await this.#api.call('DELETE', `/recordings/${take.recordingId}`);
    } catch (error) {
      // A co-host may not delete: nothing is left in the store, the recording stays in the list as aborted.
      if (aborted && error instanceof ApiError && error.code === 'forbidden') return;
      const why = error instanceof Error ? error.message : String(error);
      this.#warn('discard-failed', `The discarded take could not be removed from the server. ${why}`);
    }
  }

  /** One edge of the session; `discards`: a take that was begun is thrown away. */
  #edge(act: (recorder: EngineRecorder, nowUs: number, wallUs: number) => void, discards = false): void {
    const { recorder } = this.#need();
    act(recorder, this.#nowUs(), this.#wallUs());
    if (discards && this.#take) {
      const take = this.#take;
      this.#take = null;
      void this.#discard(take);
    }
    clearTimeout(this.#loopTimer);
    this.#loop();
  }

  // ---- sources, composition, overlays ---------------------------------------------------------------

  #addSource({ id, name, showName, media }: Requests['addSource']['args']): void {
    const { recorder, sources, overlays } = this.#need();
    const handle = recorder.addSource(id, name, media.hasVideo, media.hasAudio, this.#nowUs(), this.#wallUs());
    sources.add({ id, handle, name, showName }, media);
    overlays.redraw();
  }

  #replaceSource({ id, media }: Requests['replaceSource']['args']): void {
    const { recorder, sources } = this.#need();
    const source = this.#source(id);
    if (source.hasVideo !== media.hasVideo || source.hasAudio !== media.hasAudio) {
      const [now, wall] = [this.#nowUs(), this.#wallUs()];
      recorder.removeSource(source.handle, now, wall);
      source.handle = recorder.addSource(id, source.name, media.hasVideo, media.hasAudio, now, wall);
      if (media.hasAudio) recorder.setGain(source.handle, source.gain);
      recorder.setMuted(source.handle, source.audioMuted, source.videoMuted, now, wall);
    }
    sources.connect(source, media);
  }

  #setGain(id: string, gain: number): void {
    const source = this.#source(id);
    if (source.hasAudio) this.#need().recorder.setGain(source.handle, gain);
    source.gain = gain;
  }

  #removeSource(id: string): void {
    const { recorder, sources, overlays } = this.#need();
    const source = this.#source(id);
    overlays.removed(source);
    sources.remove(source);
    recorder.removeSource(source.handle, this.#nowUs(), this.#wallUs());
  }

  #ended(source: Source): void {
    if (source.ended) return;
    source.ended = true;
    this.#warn('source-ended', `"${source.name || source.id}" ended: its last picture is shown. The take goes on.`, source.id);
  }

  #setMuted(id: string, audio: boolean, video: boolean): void {
    const source = this.#source(id);
    this.#need().recorder.setMuted(source.handle, audio, video, this.#nowUs(), this.#wallUs());
    source.audioMuted = audio;
    source.videoMuted = video;
  }

  #setName(id: string, name: string, show: boolean): void {
    const source = this.#source(id);
    source.name = name;
    source.showName = show;
    this.#need().overlays.renamed(source);
  }

  #setComposition(composition: Composition): void {
    this.#need().recorder.setComposition(JSON.stringify(composition), this.#nowUs(), this.#wallUs());
    this.#composition = composition;
    this.#need().overlays.redraw();
  }

  #setImage(id: string, image: ImageBitmap): void {
    const { recorder } = this.#need();
    const setup = this.#setup;
    if (!setup) return;
    const scale = Math.min(1, Math.max(setup.width / image.width, setup.height / image.height));
    const width = Math.max(1, Math.round(image.width * scale));
    const height = Math.max(1, Math.round(image.height * scale));
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    if (!context) throw new KeeptakeError('unsupported-browser', 'This browser gives no 2D canvas in a worker.');
    context.drawImage(image, 0, 0, width, height);
    image.close();
    recorder.setImage(id, context.getImageData(0, 0, width, height).data, width, height);
  }

  #placed(): PlacedSource[] {
    return this.#need()
      .recorder.placed(this.#nowUs())
      .flatMap(({ source, x, y, width, height }) => {
        const id = this.#composition.sources[source]?.id;
        return id === undefined ? [] : [{ id, x, y, width, height }];
      });
  }

  #showHook(hook: HookOptions & { id: string }): void {
    if (hook.sourceId !== undefined) this.#source(hook.sourceId);
    this.#need().overlays.showHook(hook);
  }

  #attachPreview(id: number, canvas: OffscreenCanvas | undefined): void {
    const engine = this.#need();
    this.#preview.attach(id, canvas);
    const picture = engine.recorder.canvas();
    if (picture) this.#show(engine, picture);
  }

  // ---- figures --------------------------------------------------------------------------------------

  #tellStats(): void {
    if (!this.#engine || !this.#setup) return;
    const { recorder, sources, heap } = this.#engine;
    const now = this.#nowUs();
    const figures = recorder.stats(now);
    const at = (index: number): number => figures[index] ?? 0;
    const upload = this.#take?.upload?.stats;
    this.#warnOfStalls(now);
    this.#warnOfUpload();
    this.#warnOfPace(at(STATS_FIELDS.speed), at(STATS_FIELDS.targetFps));
    this.#notify({
      notice: 'stats',
      stats: {
        elapsed: at(STATS_FIELDS.takeUs) / 1e6,
        fps: at(STATS_FIELDS.fps),
        framesEncoded: at(STATS_FIELDS.frames),
        framesDropped: at(STATS_FIELDS.framesDropped),
        composeMs: at(STATS_FIELDS.composeMs),
        encodeMs: at(STATS_FIELDS.encodeMs),
        fileBytes: at(STATS_FIELDS.fileBytes),
        backlogBytes: upload?.backlogBytes ?? 0,
        safeBytes: upload?.safeBytes ?? 0,
        uploadState: upload?.state ?? 'idle',
        uploadRetries: upload?.retries ?? 0,
        uploadBitrate: 0,
        safeIn: null,
        journalState: 'off',
        journalBytes: 0,
        speed: at(STATS_FIELDS.speed),
        targetFps: at(STATS_FIELDS.targetFps),
        stalledSources: sources.all().filter((source) => source.stallTold).map((source) => source.id),
        levels: Object.fromEntries(
          sources.all().map((source) => [source.id, at(STATS_FIELDS.peak0 + source.handle)]),
        ),
        memoryBytes: heap.buffer.byteLength,
        variant: this.#setup.variant,
      },
    });
  }

  #warnOfStalls(nowUs: number): void {
    const { recorder, sources } = this.#need();
    for (const source of sources.all()) {
      if (!source.hasVideo || source.videoMuted || source.ended || source.stallTold) continue;
      if (source.mayStandStill) {
        recorder.keepPicture(source.handle, nowUs);
        continue;
      }
      if (nowUs - source.lastFrameUs < STALL_US) continue;
      source.stallTold = true;
      this.#warn('source-stalled', `"${source.name || source.id}" sends no pictures; its last one is shown.`, source.id);
    }
  }

  #warnOfPace(speed: number, fps: number): void {
    const take = this.#take;
    if (!take || this.#state.state !== 'recording') return;
    const before = take.pace ?? { speed, fps };
    take.pace = { speed, fps };
    if (fps < before.fps) this.#warn('governor', `This machine is busy: ${fps} pictures a second are recorded.`);
    else if (speed > before.speed) this.#warn('governor', 'This machine is busy: pictures are encoded with less effort.');
  }

  #warnOfUpload(): void {
    const take = this.#take;
    const stats = take?.upload?.stats;
    if (!take || !stats) return;
    const failure = take.upload?.failure;
    if (failure) return this.#failed(failure);
    if (stats.state === 'waiting' && !take.retryTold) {
      take.retryTold = true;
      const why = take.upload?.lastError instanceof Error ? ` ${take.upload.lastError.message}` : '';
      this.#warn('upload-retrying', `Sending is held up; recording goes on and is sent later.${why}`);
    } else if (stats.state === 'sending' && take.retryTold) {
      take.retryTold = false;
      this.#warn('upload-recovered', 'Sending works again.');
    }
  }
}

async function loadEngine(setup: EngineSetup, threads: number): Promise<EngineModule> {
  try {
    const imported = (await import(/* @vite-ignore */ /* webpackIgnore: true */ setup.engineUrl)) as {
      default: EngineFactory;
    };
    return await imported.default({
      locateFile: (file: string) => (file.endsWith('.wasm') ? setup.wasmUrl : new URL(file, setup.engineUrl).href),
      mainScriptUrlOrBlob: setup.engineUrl,
      // One more encoder may be made before the threads of the last one are back.
      pthreadPoolSize: 2 * threads,
    });
  } catch (cause) {
    throw new KeeptakeError(
      'engine-load-failed',
      `The recording engine could not be loaded from ${setup.engineUrl}: ${String(cause)}. ` +
        'Check that the package\'s files are served and that the page\'s policy allows wasm-unsafe-eval.',
      { cause, context: { url: setup.engineUrl } },
    );
  }
}
