/** A stand-in for the recorder: same interface, coloured figures instead of an engine. For element tests and studio pictures. */

import { Emitter } from '../../web/src/base/emitter.js';
import type { ListenOptions } from '../../web/src/base/emitter.js';
import { KeeptakeError, type KeeptakeErrorCode } from '../../web/src/base/errors.js';
import type { Scene } from '../../web/src/base/scene.js';
import type {
  Composition,
  FinishedTake,
  HookOptions,
  LogoOptions,
  PlacedSource,
  Recorder,
  RecorderEvents,
  RecorderOptions,
  RecorderStats,
  SoundLevel,
  SourceChanges,
  SourceInfo,
  SourceOptions,
  StartOptions,
  TakeState,
} from '../../web/src/base/types.js';
import { drawPicture, placeAll } from './fake-picture.js';

/** Options that only the stand-in knows. */
export interface FakeOptions {
  /** Milliseconds of the state `loading`; default 0. */
  loadMs?: number;
  /** Milliseconds that a stop takes; default 0. */
  saveMs?: number;
  /** Milliseconds of one second of the countdown; default 1000. */
  secondMs?: number;
  /** The finished file. */
  file?: Blob;
}

/** See the file's first line. Public fields let a test look inside and push events. */
export class FakeRecorder implements Recorder {
  state: TakeState = { state: 'loading' };
  sources: SourceInfo[] = [];
  composition: Composition = {
    layout: 'grid',
    background: { kind: 'gradient', from: '#0b3b45', to: '#2fa58f', angle: 135 },
    sources: [],
  };
  stats: RecorderStats | null = null;
  canvasSize: { width: number; height: number };
  readonly ready: Promise<void>;
  /** Every call, as `name` and arguments. */
  readonly calls: [string, ...unknown[]][] = [];
  /** The next call of this name fails with this error. */
  failNext: { name: string; error: KeeptakeError } | null = null;
  readonly hooks = new Map<string, HookOptions>();
  #options: RecorderOptions & FakeOptions;
  readonly #events = new Emitter<RecorderEvents>();
  #elapsed = 0;
  #ticker: ReturnType<typeof setInterval> | null = null;
  /** Ends the start that runs. */
  #endStart: (() => void) | null = null;
  #closed = false;
  #stop: Promise<FinishedTake> | null = null;
  #hookCount = 0;
  #images = new Map<string, Uint8ClampedArray>();

  constructor(options: RecorderOptions & FakeOptions) {
    this.#options = options;
    this.canvasSize = { width: options.width ?? 1280, height: options.height ?? 720 };
    this.composition = options.composition ?? this.composition;
    this.ready = new Promise((resolve) => {
      setTimeout(() => {
        this.setState({ state: 'setup' });
        resolve();
      }, options.loadMs ?? 0);
    });
  }

  on<K extends keyof RecorderEvents>(
    type: K,
    listener: (value: RecorderEvents[K]) => void,
    options?: ListenOptions,
  ): () => void {
    return this.#events.on(type, listener, options);
  }

  /** Sends an event as the engine would. */
  emit<K extends keyof RecorderEvents>(type: K, value: RecorderEvents[K]): void {
    this.#events.emit(type, value);
  }

  setState(state: TakeState): void {
    this.state = state;
    this.emit('state', state);
  }

  pushStats(patch: Partial<RecorderStats> = {}): void {
    const bytes = Math.round(this.#elapsed * 331_000);
    const levels = Object.fromEntries(this.sources.map((s, i) => [s.id, s.audioMuted ? 0 : 0.12 + 0.2 * (i % 3)]));
    this.stats = {
      elapsed: this.#elapsed,
      fps: 30,
      framesEncoded: Math.round(this.#elapsed * 30),
      framesDropped: 0,
      composeMs: 2.1,
      encodeMs: 17.4,
      fileBytes: bytes,
      backlogBytes: Math.min(bytes, 620_000),
      safeBytes: Math.max(0, bytes - 620_000),
      sentBytes: Math.max(0, bytes - 620_000),
      uploadState: 'sending',
      uploadRetries: 0,
      uploadBitrate: 12_000_000,
      safeIn: 4,
      journalState: 'on',
      journalBytes: 9_400_000,
      speed: 8,
      targetFps: 30,
      stalledSources: [],
      levels,
      memoryBytes: 148_000_000,
      variant: 'threaded',
      ...patch,
    };
    this.emit('stats', this.stats);
  }

  async addSource(media: MediaStream | MediaStreamTrack[], options: SourceOptions): Promise<SourceInfo> {
    this.#called('addSource', media, options);
    const tracks = Array.isArray(media) ? media : media.getTracks();
    if (tracks.length === 0) throw refusal('no-tracks', 'There is neither picture nor sound.');
    if (this.sources.some((s) => s.id === options.id)) throw refusal('bad-argument', `${options.id} is taken.`);
    const info: SourceInfo = {
      id: options.id,
      name: options.name ?? '',
      showName: options.showName ?? false,
      kind: options.kind ?? 'camera',
      hasVideo: tracks.some((t) => t.kind === 'video'),
      hasAudio: tracks.some((t) => t.kind === 'audio'),
      audioMuted: false,
      videoMuted: false,
      gain: 1,
      ended: false,
      audioState: 'live',
      videoState: 'live',
    };
    this.#setSources([...this.sources, info]);
    if (!this.composition.sources.some((s) => s.id === info.id)) {
      this.composition = { ...this.composition, sources: [...this.composition.sources, { id: info.id }] };
      this.emit('composition', this.composition);
    }
    return info;
  }

  async replaceSource(id: string, media: MediaStream | MediaStreamTrack[]): Promise<SourceInfo> {
    this.#called('replaceSource', id, media);
    return this.#patch(id, { ended: false });
  }

  async removeSource(id: string): Promise<void> {
    this.#called('removeSource', id);
    this.#patch(id, {});
    this.#setSources(this.sources.filter((s) => s.id !== id));
  }

  async updateSource(id: string, { name, showName, gain, muted }: SourceChanges): Promise<SourceInfo> {
    this.#called('updateSource', id, { name, showName, gain, muted });
    return this.#patch(id, {
      ...(name === undefined ? {} : { name }),
      ...(showName === undefined ? {} : { showName }),
      ...(gain === undefined ? {} : { gain }),
      ...(muted?.audio === undefined ? {} : { audioMuted: muted.audio }),
      ...(muted?.video === undefined ? {} : { videoMuted: muted.video }),
    });
  }

  async setMuted(id: string, muted: { audio?: boolean; video?: boolean }): Promise<void> {
    this.#called('setMuted', id, muted);
    this.#patch(id, {
      ...(muted.audio === undefined ? {} : { audioMuted: muted.audio }),
      ...(muted.video === undefined ? {} : { videoMuted: muted.video }),
    });
  }

  async setGain(id: string, gain: number): Promise<void> {
    this.#called('setGain', id, gain);
    if (!(gain >= 0 && gain <= 8)) throw refusal('bad-argument', `Gain ${gain} is outside 0..8.`);
    this.#patch(id, { gain });
  }

  async setName(id: string, name: string, show: boolean): Promise<void> {
    this.#called('setName', id, name, show);
    this.#patch(id, { name, showName: show });
  }

  async setComposition(composition: Composition): Promise<void> {
    this.#called('setComposition', composition);
    this.composition = composition;
    this.emit('composition', composition);
  }

  async setImage(id: string, image: ImageBitmapSource): Promise<void> {
    this.#called('setImage', id, image);
    // The page may close it at once.
    const pixel = new OffscreenCanvas(1, 1).getContext('2d');
    pixel?.drawImage(image as ImageBitmap, 0, 0, 1, 1);
    this.#images.set(id, pixel?.getImageData(0, 0, 1, 1).data ?? new Uint8ClampedArray(4));
  }

  /** What a picture of that id looks like: its mean colour. */
  pixelOf(id: string): Uint8ClampedArray | undefined {
    return this.#images.get(id);
  }

  /** As last set; null: none. */
  logo: LogoOptions | null = null;

  async setLogo(logo: LogoOptions | null): Promise<void> {
    this.#called('setLogo', logo);
    this.logo = logo;
  }

  async placedSources(): Promise<PlacedSource[]> {
    const { layout, focus, sources } = this.composition;
    if (layout === 'free') {
      return sources.map((s) => ({ id: s.id, ...(s.placement ?? { x: 0.1, y: 0.1, width: 0.3, height: 0.3 }) }));
    }
    return placeAll(
      layout,
      sources.map((s) => s.id),
      focus,
    );
  }

  async showHook(hook: HookOptions): Promise<string> {
    this.#called('showHook', hook);
    const id = hook.id ?? `hook-${(this.#hookCount += 1)}`;
    this.hooks.set(id, hook);
    return id;
  }

  async hideHook(id: string): Promise<void> {
    this.#called('hideHook', id);
    this.hooks.delete(id);
  }

  attachPreview(canvas: HTMLCanvasElement): () => void {
    canvas.width = this.canvasSize.width;
    canvas.height = this.canvasSize.height;
    const context = canvas.getContext('2d');
    const paint = async (): Promise<void> => {
      const placed = await this.placedSources();
      if (context) drawPicture(context, this, placed);
    };
    const timer = setInterval(() => void paint(), 100);
    return () => clearInterval(timer);
  }

  async setTitle(title: string): Promise<void> {
    this.#called('setTitle', title);
  }

  async start(options: StartOptions = {}): Promise<void> {
    this.#called('start', options);
    if (this.#endStart !== null) throw refusal('bad-state', 'A take is being started.');
    this.#only('setup');
    if (options.signal?.aborted) throw startAborted();
    const ended = new Promise<never>((_, reject) => {
      this.#endStart = () => {
        this.#endStart = null;
        this.setState({ state: 'setup' });
        reject(startAborted());
      };
    });
    ended.catch(() => undefined);
    options.signal?.addEventListener('abort', () => this.#endStart?.(), { once: true });
    for (let left = options.countdown ?? 3; left > 0; left -= 1) {
      this.setState({ state: 'countdown', remaining: left });
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, this.#options.secondMs ?? 1000))]);
    }
    this.#endStart = null;
    this.#elapsed = 0;
    this.#stop = null;
    this.setState({ state: 'recording' });
    this.#tick();
  }

  async cancel(): Promise<void> {
    this.#called('cancel');
    this.#only('countdown');
    this.#end();
  }

  /** Back to setup, whether a start led here or a test. */
  #end(): void {
    if (this.#endStart === null) this.setState({ state: 'setup' });
    else this.#endStart();
  }

  async removeImage(id: string): Promise<void> {
    this.#called('removeImage', id);
    this.#images.delete(id);
  }

  async mark(label?: string): Promise<number> {
    this.#called('mark', label);
    this.#only('recording', 'paused');
    return this.stats?.elapsed ?? 0;
  }

  async pause(): Promise<void> {
    this.#called('pause');
    this.#only('recording');
    this.setState({ state: 'paused' });
  }

  async resume(): Promise<void> {
    this.#called('resume');
    this.#only('paused');
    this.setState({ state: 'recording' });
  }

  async restart(): Promise<void> {
    this.#called('restart');
    this.#only('countdown', 'recording', 'paused');
    this.#halt();
    this.#end();
  }

  stop(): Promise<FinishedTake> {
    try {
      this.#called('stop');
    } catch (error) {
      return Promise.reject(error as Error);
    }
    const { state } = this;
    if (state.state === 'failed') return Promise.reject(state.error);
    if (state.state === 'countdown') {
      this.#end();
      return Promise.reject(startAborted());
    }
    if (state.state === 'setup' || state.state === 'loading')
      return Promise.reject(refusal('bad-state', 'There is no take to stop.'));
    this.#stop ??= state.state === 'stopped' ? Promise.resolve(state.take) : this.#finish();
    return this.#stop;
  }

  setToken(token: string): void {
    this.#called('setToken', token);
  }

  sendNow(): void {
    this.#called('sendNow');
  }

  async leaveForLater(): Promise<void> {
    this.#called('leaveForLater');
    this.#only('stopping');
    this.setState({ state: 'failed', error: new KeeptakeError('left-for-later', 'The take was left for later.') });
  }

  async reset(): Promise<void> {
    this.#called('reset');
    this.#only('setup', 'stopped', 'failed');
    this.#elapsed = 0;
    this.#stop = null;
    this.setState({ state: 'setup' });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#called('close');
    this.#halt();
    this.#closed = true;
  }

  /** How often the page forgot a finished take. */
  forgotten = 0;

  /** The take as it would be now. */
  take(): FinishedTake {
    const file = this.#options.file;
    return {
      recordingId: 'fake-1',
      duration: this.#elapsed,
      bytes: file?.size ?? 0,
      ...(file ? { file } : {}),
      playbackUrl: async () => '/api/fake/take.webm',
      timeline: async () => ({ version: 1, canvas: this.canvasSize, events: [] }),
      scene: async () => emptyScene(this.#elapsed, this.canvasSize),
      forget: async () => {
        this.forgotten += 1;
      },
    };
  }

  async #finish(): Promise<FinishedTake> {
    this.#halt();
    this.setState({ state: 'stopping', progress: 0 });
    const steps = this.#options.saveMs ? 20 : 0;
    for (let i = 0; i < steps; i += 1) {
      this.setState({ state: 'stopping', progress: i / steps });
      const bytes = Math.round(this.#elapsed * 331_000);
      this.pushStats({ safeBytes: Math.round((bytes * (10 + i / 2)) / steps), uploadState: 'completing' });
      await new Promise((resolve) => setTimeout(resolve, (this.#options.saveMs ?? 0) / steps));
    }
    const take = this.take();
    this.setState({ state: 'stopped', take });
    return take;
  }

  #tick(): void {
    this.#halt();
    this.#ticker = setInterval(() => {
      if (this.state.state === 'recording') {
        this.#elapsed += 0.5;
      }
      this.pushStats();
    }, 500);
  }

  #halt(): void {
    if (this.#ticker !== null) {
      clearInterval(this.#ticker);
      this.#ticker = null;
    }
  }

  #called(name: string, ...values: unknown[]): void {
    this.calls.push([name, ...values]);
    if (this.#closed) throw refusal('closed', 'The recorder is closed.');
    if (this.failNext?.name === name) {
      const { error } = this.failNext;
      this.failNext = null;
      throw error;
    }
  }

  #only(...states: TakeState['state'][]): void {
    if (!states.includes(this.state.state)) throw refusal('bad-state', `Not while the state is "${this.state.state}".`);
  }

  #setSources(sources: SourceInfo[]): void {
    this.sources = sources;
    this.emit('sources', sources);
  }

  #patch(id: string, patch: Partial<SourceInfo>): SourceInfo {
    const old = this.sources.find((s) => s.id === id);
    if (old === undefined) {
      throw new KeeptakeError('no-such-source', `There is no source ${id}.`);
    }
    const info = { ...old, ...patch };
    this.#setSources(this.sources.map((s) => (s.id === id ? info : s)));
    return info;
  }
}

function refusal(code: KeeptakeErrorCode, message: string): KeeptakeError {
  return new KeeptakeError(code, message);
}

function startAborted(): KeeptakeError {
  return refusal('aborted', 'The take was ended before it began to record.');
}

/** Same signature as the package's. */
export function createRecorder(options: RecorderOptions): Recorder {
  const query = new URLSearchParams(location.search);
  const number = (name: string): number => Number(query.get(name) ?? 0);
  const recorder = new FakeRecorder({ ...options, loadMs: number('load-ms'), saveMs: number('save-ms') || 400 });
  (globalThis as { fakeRecorder?: FakeRecorder }).fakeRecorder = recorder;
  if (query.has('levels')) {
    // Somebody who speaks, for pictures of the page.
    setInterval(() => {
      const peak = 0.12 + 0.3 * Math.abs(Math.sin(performance.now() / 700));
      const heard = (muted: boolean): SoundLevel => ({ peak: muted ? 0 : peak, input: peak, clipped: false });
      recorder.emit('levels', Object.fromEntries(recorder.sources.map((s) => [s.id, heard(s.audioMuted)])));
    }, 50);
  }
  return recorder;
}

export { openCamera, openScreen } from '../../web/src/capture/devices.js';
export { openRecordings } from '../../web/src/page/recordings.js';
export { openRecovery } from './fake-recovery.js';

/** The scene of a take in which nobody was. */
export function emptyScene(duration: number, canvas: { width: number; height: number }): Scene {
  return {
    version: 1,
    canvas,
    duration,
    wall_start: '2026-01-01T00:00:00.000Z',
    background: [],
    sources: [],
    transitions: [],
    pauses: [],
    hooks: [],
    gaps: [],
  };
}
