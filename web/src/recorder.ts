/** The recorder on the page: a thin, typed face of the engine in its worker. */

import { Capture, type CapturedMedia } from './capture.js';
import { KeeptakeError } from './errors.js';
import {
  fromPlainError,
  type EngineSetup,
  type PageNotice,
  type Reply,
  type Requests,
  type RequestType,
  type StoredTake,
  type WorkerNotice,
  type WorkerState,
} from './messages.js';
import type {
  Composition,
  FinishedTake,
  HookOptions,
  PlacedSource,
  Recorder,
  RecorderEvents,
  RecorderOptions,
  RecorderStats,
  SourceInfo,
  SourceOptions,
  TakeState,
} from './types.js';

const ID = /^[A-Za-z0-9._:-]{1,63}$/;
const SETUP_TIMEOUT_MS = 60_000;

/**
 * Makes a recorder and begins to load its engine; `ready` tells when that is done. Nothing is recorded before
 * {@link Recorder.start}.
 * @throws {KeeptakeError} `'bad-argument'` for options outside their limits, `'unsupported-browser'`
 */
export function createRecorder(options: RecorderOptions): Recorder {
  return new PageRecorder(options);
}

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: KeeptakeError) => void;
}

class PageRecorder implements Recorder {
  readonly ready: Promise<void>;
  readonly canvasSize: { width: number; height: number };

  readonly #options: RecorderOptions;
  readonly #worker: Worker;
  readonly #capture: Capture;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<keyof RecorderEvents, Set<(value: never) => void>>();
  readonly #captured = new Map<string, CapturedMedia>();
  readonly #previews = new WeakMap<HTMLCanvasElement, number>();
  #sources: SourceInfo[] = [];
  #composition: Composition;
  #state: TakeState = { state: 'loading' };
  #stats: RecorderStats | null = null;
  #stopping: Promise<FinishedTake> | null = null;
  #closing: Promise<void> | null = null;
  #lastId = 0;
  #lastPreview = 0;
  #lastHook = 0;

  readonly #online = (): void => this.#tellWorker({ notice: 'online' });
  readonly #wake = (): void => void this.#capture.wake();

  constructor(options: RecorderOptions) {
    this.#options = options;
    const setup = engineSetup(options);
    this.canvasSize = { width: setup.width, height: setup.height };
    this.#composition = options.composition ?? { layout: 'grid', sources: [] };
    this.#worker = openWorker(options.assetBase);
    this.#worker.onmessage = (event: MessageEvent<Reply | WorkerNotice>) => this.#take(event.data);
    this.#worker.onerror = (event) => this.#workerFailed(event.message);
    this.#capture = new Capture({
      workletUrl: assetUrl('audio-worklet.js', options.assetBase, workletUrl),
      onFrame: (sourceId, frame) => this.#worker.postMessage({ notice: 'frame', sourceId, frame }, [frame]),
      onEnded: (sourceId) => this.#ended(sourceId),
      onFallback: () =>
        this.#emit('warning', {
          code: 'capture-fallback',
          message: 'This browser gives pictures only while the page is visible; keep it in front.',
        }),
    });
    addEventListener('online', this.#online);
    addEventListener('pointerdown', this.#wake, { capture: true });
    addEventListener('keydown', this.#wake, { capture: true });
    this.ready = this.#open(setup);
    this.ready.catch(() => undefined);
  }

  get state(): TakeState {
    return this.#state;
  }
  get sources(): readonly SourceInfo[] {
    return this.#sources;
  }
  get composition(): Composition {
    return this.#composition;
  }
  get stats(): RecorderStats | null {
    return this.#stats;
  }

  on<K extends keyof RecorderEvents>(type: K, listener: (value: RecorderEvents[K]) => void): () => void {
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set);
    set.add(listener as (value: never) => void);
    return () => set.delete(listener as (value: never) => void);
  }

  async addSource(media: MediaStream | MediaStreamTrack[], options: SourceOptions): Promise<SourceInfo> {
    const { id, name = '', kind = 'camera', showName = false } = options;
    if (!ID.test(id))
      throw new KeeptakeError('bad-argument', `Source id "${id}" must be 1 to 63 of letters, digits and . _ : -`);
    if (this.#captured.has(id)) throw new KeeptakeError('bad-argument', `There is a source "${id}" already.`);
    await this.ready;
    const captured = await this.#capture.open(id, media);
    this.#captured.set(id, captured);
    try {
      await this.#ask('addSource', { id, name, showName, media: captured.media }, captured.transfer);
      await this.#setSources([...this.#sources, sourceInfo(id, name, kind, captured)]);
      if (!this.#composition.sources.some((source) => source.id === id))
        await this.setComposition({ ...this.#composition, sources: [...this.#composition.sources, { id }] });
    } catch (error) {
      captured.close();
      this.#captured.delete(id);
      this.#sources = this.#sources.filter((source) => source.id !== id);
      throw error;
    }
    return this.#info(id);
  }

  async replaceSource(id: string, media: MediaStream | MediaStreamTrack[]): Promise<SourceInfo> {
    const before = this.#info(id);
    const captured = await this.#capture.open(id, media);
    await this.#ask('replaceSource', { id, media: captured.media }, captured.transfer);
    this.#captured.get(id)?.close();
    this.#captured.set(id, captured);
    const { hasVideo, hasAudio } = captured.media;
    await this.#update({ ...before, hasVideo, hasAudio, ended: false });
    return this.#info(id);
  }

  async removeSource(id: string): Promise<void> {
    this.#info(id);
    await this.setComposition({
      ...this.#composition,
      sources: this.#composition.sources.filter((source) => source.id !== id),
      ...(this.#composition.focus === id ? { focus: undefined } : {}),
    });
    await this.#ask('removeSource', { id });
    this.#captured.get(id)?.close();
    this.#captured.delete(id);
    await this.#setSources(this.#sources.filter((source) => source.id !== id));
  }

  async setMuted(id: string, muted: { audio?: boolean; video?: boolean }): Promise<void> {
    const info = this.#info(id);
    const audio = muted.audio ?? info.audioMuted;
    const video = muted.video ?? info.videoMuted;
    await this.#ask('setMuted', { id, audio, video });
    await this.#update({ ...info, audioMuted: audio, videoMuted: video });
  }

  async setGain(id: string, gain: number): Promise<void> {
    if (!(gain >= 0 && gain <= 8)) throw new KeeptakeError('bad-argument', `Gain ${gain} is outside 0..8.`);
    const info = this.#info(id);
    await this.#ask('setGain', { id, gain });
    await this.#update({ ...info, gain });
  }

  async setName(id: string, name: string, show: boolean): Promise<void> {
    const info = this.#info(id);
    await this.#ask('setName', { id, name, show });
    await this.#update({ ...info, name });
  }

  async setComposition(composition: Composition): Promise<void> {
    await this.ready;
    await this.#ask('setComposition', { composition });
    this.#composition = composition;
    this.#emit('composition', composition);
  }

  async setImage(id: string, image: ImageBitmapSource): Promise<void> {
    if (!ID.test(id)) throw new KeeptakeError('bad-argument', `Image id "${id}" is not valid.`);
    let bitmap: ImageBitmap;
    try {
      bitmap = await createImageBitmap(image);
    } catch (cause) {
      throw new KeeptakeError('bad-argument', 'The browser cannot read that image.', { cause });
    }
    await this.#ask('setImage', { id, image: bitmap }, [bitmap]);
  }

  placedSources(): Promise<PlacedSource[]> {
    return this.#ask('placedSources', {});
  }

  async showHook(hook: HookOptions): Promise<string> {
    const id = hook.id ?? `hook-${++this.#lastHook}`;
    if (!ID.test(id)) throw new KeeptakeError('bad-argument', `Hook id "${id}" is not valid.`);
    await this.#ask('showHook', { hook: { ...hook, id } });
    return id;
  }

  async hideHook(id: string): Promise<void> {
    await this.#ask('hideHook', { id });
  }

  attachPreview(canvas: HTMLCanvasElement): () => void {
    let preview = this.#previews.get(canvas);
    let offscreen: OffscreenCanvas | undefined;
    if (preview === undefined) {
      try {
        canvas.width = this.canvasSize.width;
        canvas.height = this.canvasSize.height;
        offscreen = canvas.transferControlToOffscreen();
      } catch (cause) {
        throw new KeeptakeError('bad-argument', 'This canvas is in use already: give each recorder a canvas of its own.', {
          cause,
        });
      }
      preview = ++this.#lastPreview;
      this.#previews.set(canvas, preview);
    }
    const id = preview;
    const attached = this.ready.then(() =>
      this.#ask('attachPreview', { preview: id, ...(offscreen ? { canvas: offscreen } : {}) }, offscreen ? [offscreen] : []),
    );
    attached.catch(() => undefined);
    return () => void attached.then(() => this.#ask('detachPreview', { preview: id })).catch(() => undefined);
  }

  async start({ countdown = 3 }: { countdown?: number } = {}): Promise<void> {
    if (!(countdown >= 0 && countdown <= 60))
      throw new KeeptakeError('bad-argument', `Countdown ${countdown} is outside 0..60 seconds.`);
    await this.ready;
    await this.#capture.wake();
    this.#stopping = null;
    await this.#ask('start', { countdown });
  }

  async cancel(): Promise<void> {
    await this.#ask('cancel', {});
  }
  async pause(): Promise<void> {
    await this.#ask('pause', {});
  }
  async resume(): Promise<void> {
    await this.#ask('resume', {});
  }
  async restart(): Promise<void> {
    await this.#ask('restart', {});
  }

  stop(): Promise<FinishedTake> {
    this.#stopping ??= this.#stop().catch((error: unknown) => {
      if (error instanceof KeeptakeError && error.code === 'bad-state') this.#stopping = null;
      throw error;
    });
    return this.#stopping;
  }

  async reset(): Promise<void> {
    await this.#ask('reset', {});
    this.#stopping = null;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #stop(): Promise<FinishedTake> {
    const over = new Promise<FinishedTake>((resolve, reject) => {
      const off = this.on('state', (state) => {
        if (state.state === 'stopped') resolve(state.take);
        else if (state.state === 'failed') reject(state.error);
        else return;
        off();
      });
    });
    over.catch(() => undefined);
    if (this.#state.state === 'stopped') return this.#state.take;
    if (this.#state.state !== 'stopping') await this.#ask('stop', {});
    return over;
  }

  async #open(setup: EngineSetup): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new KeeptakeError('engine-load-failed', 'The recording engine did not start within 60 s.')),
        SETUP_TIMEOUT_MS,
      );
    });
    try {
      await Promise.race([this.#ask('setup', setup), late]);
      await this.#ask('setComposition', { composition: this.#composition });
      this.#setState({ state: 'setup' });
    } catch (error) {
      const failure = error instanceof KeeptakeError ? error : new KeeptakeError('engine-load-failed', String(error));
      this.#setState({ state: 'failed', error: failure });
      throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  async #close(): Promise<void> {
    removeEventListener('online', this.#online);
    removeEventListener('pointerdown', this.#wake, { capture: true });
    removeEventListener('keydown', this.#wake, { capture: true });
    const running = this.#state.state;
    if (running === 'recording' || running === 'paused') await this.stop().catch(() => undefined);
    await Promise.race([
      this.#ask('close', {}).catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, 2000)),
    ]);
    for (const captured of this.#captured.values()) captured.close();
    this.#captured.clear();
    await this.#capture.close();
    this.#worker.terminate();
    this.#rejectAll(new KeeptakeError('closed', 'The recorder is closed.'));
  }

  #ask<K extends RequestType>(
    type: K,
    args: Requests[K]['args'],
    transfer: Transferable[] = [],
  ): Promise<Requests[K]['result']> {
    const id = ++this.#lastId;
    return new Promise<Requests[K]['result']>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage({ id, type, args }, transfer);
    });
  }

  #tellWorker(notice: PageNotice): void {
    this.#worker.postMessage(notice);
  }

  #take(message: Reply | WorkerNotice): void {
    if ('reply' in message) {
      const waiting = this.#waiting.get(message.reply);
      this.#waiting.delete(message.reply);
      if (message.ok) waiting?.resolve(message.value);
      else waiting?.reject(fromPlainError(message.error));
      return;
    }
    switch (message.notice) {
      case 'state':
        return this.#setState(this.#takeState(message.state));
      case 'stats':
        this.#stats = message.stats;
        return this.#emit('stats', message.stats);
      case 'warning':
        if (message.warning.code === 'source-ended' && message.warning.sourceId) this.#markEnded(message.warning.sourceId);
        return this.#emit('warning', message.warning);
      case 'token':
        return void this.#giveToken(message.id);
    }
  }

  #takeState(state: WorkerState): TakeState {
    if (state.state === 'stopped') return { state: 'stopped', take: this.#finished(state.take) };
    if (state.state === 'failed') return { state: 'failed', error: fromPlainError(state.error) };
    return state;
  }

  #finished(stored: StoredTake): FinishedTake {
    const path = `/recordings/${stored.recordingId}/playback`;
    const file = stored.file;
    return {
      recordingId: stored.recordingId,
      duration: stored.duration,
      bytes: stored.bytes,
      ...(file ? { file } : {}),
      playbackUrl: async ({ expiresSeconds = 3600, download = false } = {}) => {
        if (file) return URL.createObjectURL(file);
        const answer = (await this.#ask('api', {
          method: 'POST',
          path,
          body: { expires_seconds: expiresSeconds, download },
        })) as { url: string };
        return answer.url;
      },
      timeline: () => Promise.resolve(JSON.parse(stored.timeline) as unknown),
      scene: () => Promise.resolve(JSON.parse(stored.scene) as unknown),
    };
  }

  #setState(state: TakeState): void {
    this.#state = state;
    this.#emit('state', state);
    if (state.state === 'failed') this.#emit('error', state.error);
  }

  #emit<K extends keyof RecorderEvents>(type: K, value: RecorderEvents[K]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])])
      (listener as (value: RecorderEvents[K]) => void)(value);
  }

  async #giveToken(id: number): Promise<void> {
    const token = this.#options.server?.token;
    try {
      const value = typeof token === 'function' ? await token() : (token ?? null);
      this.#tellWorker({ notice: 'token', id, token: value });
    } catch (error) {
      this.#tellWorker({ notice: 'token', id, token: null, error: String(error) });
    }
  }

  #workerFailed(message: string): void {
    const error = new KeeptakeError('engine-failed', `The recording engine stopped: ${message || 'it could not be loaded'}.`);
    this.#rejectAll(error);
    this.#setState({ state: 'failed', error });
  }

  #rejectAll(error: KeeptakeError): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }

  #info(id: string): SourceInfo {
    const info = this.#sources.find((source) => source.id === id);
    if (!info) throw new KeeptakeError('no-such-source', `There is no source "${id}".`, { context: { id } });
    return info;
  }

  #update(info: SourceInfo): Promise<void> {
    return this.#setSources(this.#sources.map((source) => (source.id === info.id ? info : source)));
  }

  #setSources(sources: SourceInfo[]): Promise<void> {
    this.#sources = sources;
    this.#emit('sources', sources);
    return Promise.resolve();
  }

  #ended(sourceId: string): void {
    this.#tellWorker({ notice: 'ended', sourceId });
  }

  #markEnded(sourceId: string): void {
    const info = this.#sources.find((source) => source.id === sourceId);
    if (info && !info.ended) void this.#update({ ...info, ended: true });
  }
}

function sourceInfo(id: string, name: string, kind: 'camera' | 'screen', captured: CapturedMedia): SourceInfo {
  return {
    id,
    name,
    kind,
    hasVideo: captured.media.hasVideo,
    hasAudio: captured.media.hasAudio,
    audioMuted: false,
    videoMuted: false,
    gain: 1,
    ended: false,
  };
}

// Bundlers find worker, worklet and engine by these very expressions.
const workletUrl = (): URL => new URL('./audio-worklet.js', import.meta.url);
const engineFiles = {
  threaded: {
    module: () => new URL('./engine/keeptake-engine-mt.mjs', import.meta.url),
    wasm: () => new URL('./engine/keeptake-engine-mt.wasm', import.meta.url),
  },
  'single-threaded': {
    module: () => new URL('./engine/keeptake-engine-st.mjs', import.meta.url),
    wasm: () => new URL('./engine/keeptake-engine-st.wasm', import.meta.url),
  },
};

function assetUrl(file: string, base: string | URL | undefined, own: () => URL): string {
  return (base === undefined ? own() : new URL(file, new URL(base, document.baseURI))).href;
}

function openWorker(base: string | URL | undefined): Worker {
  if (base !== undefined)
    return new Worker(new URL('worker.js', new URL(base, document.baseURI)), { type: 'module', name: 'keeptake' });
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'keeptake' });
}

function engineSetup(options: RecorderOptions): EngineSetup {
  if (typeof Worker === 'undefined' || typeof VideoFrame === 'undefined' || typeof AudioWorkletNode === 'undefined')
    throw new KeeptakeError('unsupported-browser', 'This browser lacks workers, VideoFrame or AudioWorklet.');
  const variant = options.variant ?? (globalThis.crossOriginIsolated ? 'threaded' : 'single-threaded');
  const { width = 1280, height = 720, fps = 30, videoBitrate = 2_500_000, audioBitrate = 128_000 } = options;
  const whole = (name: string, value: number, least: number, most: number): void => {
    if (!Number.isInteger(value) || value < least || value > most)
      throw new KeeptakeError('bad-argument', `${name} ${value} is not a whole number from ${least} to ${most}.`, {
        context: { [name]: value },
      });
  };
  whole('width', width, 16, 1920);
  whole('height', height, 16, 1920);
  if (width % 2 !== 0 || height % 2 !== 0 || width * height > 1920 * 1080)
    throw new KeeptakeError('bad-argument', `Canvas ${width} x ${height} must be even and at most 1920 x 1080 pixels.`);
  whole('fps', fps, 1, 60);
  whole('videoBitrate', videoBitrate, 50_000, 50_000_000);
  whole('audioBitrate', audioBitrate, 6_000, 510_000);
  const files = engineFiles[variant];
  const name = variant === 'threaded' ? 'mt' : 'st';
  return {
    engineUrl: assetUrl(`engine/keeptake-engine-${name}.mjs`, options.assetBase, files.module),
    wasmUrl: assetUrl(`engine/keeptake-engine-${name}.wasm`, options.assetBase, files.wasm),
    variant,
    server: options.server ? new URL(options.server.url, document.baseURI).href : null,
    hasToken: options.server?.token !== undefined,
    title: options.title ?? '',
    width,
    height,
    fps,
    codec: options.codec ?? 'vp9',
    videoBitrate,
    audioBitrate,
    keyframeInterval: options.keyframeInterval ?? 2,
    maxLength: options.maxLength ?? 0,
    speed: options.speed ?? 0,
    governor: options.governor ?? true,
  };
}
