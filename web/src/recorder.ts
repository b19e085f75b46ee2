/** The recorder on the page: a thin, typed face of the engine in its worker. */

import { assetUrl, workletUrl } from './assets.js';
import { Capture, isScreen, type CapturedMedia } from './capture.js';
import { WorkerChannel } from './channel.js';
import { KeeptakeError } from './errors.js';
import { finishedTake } from './finished.js';
import { DEFAULT_DATABASE } from './journal-store.js';
import { askToPersist, LeaveGuard } from './leave.js';
import {
  fromPlainError,
  type EngineSetup,
  type Requests,
  type RequestType,
  type WorkerNotice,
  type WorkerState,
} from './messages.js';
import { abortable } from './abort.js';
import { engineSetup } from './options.js';
import { TokenSource } from './token.js';
import { forgetTake } from './unfinished.js';
import type {
  AudioState,
  Composition,
  CompositionSource,
  FinishedTake,
  HookOptions,
  PlacedSource,
  Recorder,
  RecorderEvents,
  RecorderOptions,
  RecorderStats,
  RecorderWarning,
  SourceInfo,
  SourceOptions,
  StartOptions,
  TakeState,
} from './types.js';
import { ApiClient } from './worker/api.js';

const ID = /^[A-Za-z0-9._:-]{1,63}$/;
/** Of each try. The last one is longest: a slow network must bring two megabytes of engine in it. */
const START_TIMEOUTS_S = [10, 10, 40] as const;

/**
 * Makes a recorder and begins to load its engine; `ready` tells when that is done. Nothing is recorded before
 * {@link Recorder.start}.
 * @throws {KeeptakeError} `'bad-argument'` for options outside their limits, `'unsupported-browser'`
 */
export function createRecorder(options: RecorderOptions): Recorder {
  return new PageRecorder(options);
}

/** States of a source's sound that the host must hear of. */
const SOUND_TROUBLE: Partial<Record<AudioState, (name: string) => string>> = {
  'held-back': (name) => `The browser holds back the sound of "${name}": click anywhere in the page.`,
  muted: (name) => `The system, the browser or a switch on the device has muted "${name}": nothing of it is heard.`,
  stalled: (name) => `No sound arrives from "${name}": its device may be gone or used elsewhere.`,
  silent: (name) => `"${name}" has been silent for ten seconds: is it the right microphone, and switched on?`,
};

class PageRecorder implements Recorder {
  readonly ready: Promise<void>;
  readonly canvasSize: { width: number; height: number };

  readonly #channel: WorkerChannel;
  readonly #tokens: TokenSource;
  /** Of finished takes, which outlive the worker. */
  readonly #api: ApiClient | null;
  /** Of the journal. */
  readonly #database: string;
  readonly #leave: LeaveGuard;
  readonly #capture: Capture;
  readonly #listeners = new Map<keyof RecorderEvents, Set<(value: never) => void>>();
  readonly #keepsJournal: boolean;
  readonly #captured = new Map<string, CapturedMedia>();
  /** `turn`: counts the attachments of a canvas; only the newest one may end it. */
  readonly #previews = new WeakMap<HTMLCanvasElement, { id: number; turn: number }>();
  readonly #lostPreviews = new FinalizationRegistry<number>((preview) => this.#forgetPreview(preview));
  #sources: SourceInfo[] = [];
  #composition: Composition;
  /** As last asked for; ahead of `#composition` until the engine has answered. */
  #wanted: Composition;
  /** Ids of sources that are being added. */
  readonly #adding = new Set<string>();
  /** Counts the replacements of a source: the newest one stands. */
  readonly #replacing = new Map<string, number>();
  #state: TakeState = { state: 'loading' };
  #stats: RecorderStats | null = null;
  #stopping: Promise<FinishedTake> | null = null;
  /** The start that has not reached its worker yet; aborted: it never does. */
  #starting: AbortController | null = null;
  #closing: Promise<void> | null = null;
  #lastPreview = 0;
  #lastHook = 0;

  readonly #online = (): void => this.#channel.tell({ notice: 'online' });
  readonly #wake = (): void => void this.#capture.wake();

  constructor(options: RecorderOptions) {
    const setup = engineSetup(options);
    this.canvasSize = { width: setup.width, height: setup.height };
    this.#composition = options.composition ?? { layout: 'grid', sources: [] };
    this.#wanted = this.#composition;
    this.#tokens = new TokenSource(options.server?.token);
    this.#database = setup.journal?.database ?? DEFAULT_DATABASE;
    this.#api = setup.server === null ? null : new ApiClient({ base: setup.server, token: this.#tokens });
    this.#channel = new WorkerChannel({
      assetBase: options.assetBase,
      tokens: this.#tokens,
      onNotice: (notice) => this.#take(notice),
      onDeath: (message) => this.#workerFailed(message),
    });
    this.#keepsJournal = setup.journal !== null;
    this.#leave = new LeaveGuard(() => this.#channel.tell({ notice: 'flush' }), setup.flushed);
    this.#capture = new Capture({
      workletUrl: assetUrl('audio-worklet.js', options.assetBase, workletUrl),
      onFrame: (sourceId, frame) => this.#channel.tell({ notice: 'frame', sourceId, frame }, [frame]),
      onEnded: (sourceId) => this.#ended(sourceId),
      onSoundEnded: (sourceId) =>
        this.#warnOfSound('sound-ended', sourceId, (name) => `The microphone of "${name}" ended; its picture goes on.`),
      onSound: (sourceId, audio) => this.#connectSound(sourceId, audio),
      onAudioState: (sourceId, state) => this.#followSound(sourceId, state),
      onSoundLeftOut: (sourceId, reason) => this.#warnOfSound('sound-left-out', sourceId, (name) => `Of "${name}", ${reason}.`),
      onNewPicture: (sourceId, stream) => void this.#renewPicture(sourceId, stream),
      onPicturesMuted: (sourceId, muted) => this.#channel.tell({ notice: 'pictures-muted', sourceId, muted }),
      onFallback: () =>
        this.#emit('warning', {
          code: 'capture-fallback',
          message: 'This browser gives pictures only while the page is visible; keep it in front.',
        }),
    });
    addEventListener('online', this.#online);
    addEventListener('pointerdown', this.#wake, { capture: true });
    addEventListener('keydown', this.#wake, { capture: true });
    this.ready = this.#open(options, setup);
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
    const wanted = type === 'levels' && !this.#listeners.get(type)?.size;
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set);
    set.add(listener as (value: never) => void);
    if (wanted) this.#wantLevels(true);
    return () => {
      if (set.delete(listener as (value: never) => void) && type === 'levels' && set.size === 0) this.#wantLevels(false);
    };
  }

  async addSource(media: MediaStream | MediaStreamTrack[], options: SourceOptions): Promise<SourceInfo> {
    const { id, name = '', showName = false } = options;
    if (!ID.test(id))
      throw new KeeptakeError('bad-argument', `Source id "${id}" must be 1 to 63 of letters, digits and . _ : -`);
    if (this.#captured.has(id) || this.#adding.has(id))
      throw new KeeptakeError('bad-argument', `There is a source "${id}" already.`);
    this.#adding.add(id);
    let captured: CapturedMedia | null = null;
    try {
      await this.ready;
      captured = await this.#capture.open(id, media, options.channels);
      const kind = options.kind ?? kindOf(media);
      const screen = kind === 'screen';
      await this.#ask('addSource', { id, name, showName, screen, media: captured.media }, captured.transfer);
      this.#captured.set(id, captured);
      this.#setSources([...this.#sources, sourceInfo(id, name, kind, captured)]);
      captured.begin();
      await this.#compose(id);
    } catch (error) {
      captured?.close();
      if (this.#captured.delete(id)) {
        this.#setSources(this.#sources.filter((source) => source.id !== id));
        await this.#ask('removeSource', { id }).catch(() => undefined);
      }
      throw error;
    } finally {
      this.#adding.delete(id);
    }
    return this.#info(id);
  }

  async replaceSource(id: string, media: MediaStream | MediaStreamTrack[]): Promise<SourceInfo> {
    this.#info(id);
    const turn = (this.#replacing.get(id) ?? 0) + 1;
    this.#replacing.set(id, turn);
    const captured = await this.#capture.open(id, media);
    if (this.#replacing.get(id) !== turn) {
      captured.close();
      throw new KeeptakeError('bad-state', `Source "${id}" was replaced again meanwhile.`, { context: { id } });
    }
    try {
      await this.#ask('replaceSource', { id, media: captured.media }, captured.transfer);
      this.#info(id);
    } catch (error) {
      captured.close();
      throw error;
    }
    this.#captured.get(id)?.close();
    this.#captured.set(id, captured);
    captured.begin();
    const { hasVideo, hasAudio } = captured.media;
    this.#update(id, { hasVideo, hasAudio, ended: false, audioState: captured.audioState(), videoState: hasVideo ? 'live' : 'none' });
    return this.#info(id);
  }

  async removeSource(id: string): Promise<void> {
    this.#info(id);
    await this.setComposition({
      ...this.#wanted,
      sources: this.#wanted.sources.filter((source) => source.id !== id),
      ...(this.#wanted.focus === id ? { focus: undefined } : {}),
    });
    await this.#ask('removeSource', { id });
    this.#captured.get(id)?.close();
    this.#captured.delete(id);
    this.#setSources(this.#sources.filter((source) => source.id !== id));
  }

  async setMuted(id: string, muted: { audio?: boolean; video?: boolean }): Promise<void> {
    this.#info(id);
    const { audio, video } = muted;
    const now = await this.#ask('setMuted', { id, ...(audio === undefined ? {} : { audio }), ...(video === undefined ? {} : { video }) });
    this.#update(id, { audioMuted: now.audio, videoMuted: now.video });
  }

  async setGain(id: string, gain: number): Promise<void> {
    if (!(gain >= 0 && gain <= 8)) throw new KeeptakeError('bad-argument', `Gain ${gain} is outside 0..8.`);
    this.#info(id);
    await this.#ask('setGain', { id, gain });
    this.#update(id, { gain });
  }

  async setName(id: string, name: string, show: boolean): Promise<void> {
    this.#info(id);
    await this.#ask('setName', { id, name, show });
    this.#update(id, { name });
  }

  /** Takes a new source into the picture, where it is not there in the form that is right for it. */
  async #compose(id: string): Promise<void> {
    const { sources } = this.#wanted;
    if (!sources.some((source) => source.id === id))
      await this.setComposition({ ...this.#wanted, sources: [...sources, { id }] });
    else if (this.#wanted !== this.#fitted(this.#wanted)) await this.setComposition(this.#wanted);
  }

  /** The composition itself, or one that says of shared screens that all of them is shown. */
  #fitted(composition: Composition): Composition {
    const isCropped = ({ id, fit }: CompositionSource): boolean =>
      fit === undefined && this.#sources.some((source) => source.id === id && source.kind === 'screen');
    if (!composition.sources.some(isCropped)) return composition;
    return {
      ...composition,
      sources: composition.sources.map((source) => (isCropped(source) ? { ...source, fit: 'contain' } : source)),
    };
  }

  async setComposition(asked: Composition): Promise<void> {
    const composition = this.#fitted(asked);
    this.#wanted = composition;
    try {
      await this.ready;
      await this.#ask('setComposition', { composition });
    } catch (error) {
      if (this.#wanted === composition) this.#wanted = this.#composition;
      throw error;
    }
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
      preview = { id: ++this.#lastPreview, turn: 0 };
      this.#previews.set(canvas, preview);
      this.#lostPreviews.register(canvas, preview.id);
    }
    const attachment = preview;
    const { id } = attachment;
    const turn = ++attachment.turn;
    const attached = this.ready.then(() =>
      this.#ask('attachPreview', { preview: id, ...(offscreen ? { canvas: offscreen } : {}) }, offscreen ? [offscreen] : []),
    );
    attached.catch(() => undefined);
    const detach = (): unknown => (turn === attachment.turn ? this.#ask('detachPreview', { preview: id }) : undefined);
    return () => void attached.then(detach).catch(() => undefined);
  }

  #forgetPreview(preview: number): void {
    if (!this.#channel.dead) this.#channel.tell({ notice: 'forget-preview', preview });
  }

  async start(options: StartOptions = {}): Promise<void> {
    const { countdown = 3, title, signal } = options;
    if (!(countdown >= 0 && countdown <= 60))
      throw new KeeptakeError('bad-argument', `Countdown ${countdown} is outside 0..60 seconds.`);
    if (this.#starting) throw new KeeptakeError('bad-state', 'A take is being started.');
    if (signal?.aborted) throw startAborted(signal.reason);
    const starting = new AbortController();
    this.#starting = starting;
    let sent = false;
    const end = (): void => (sent ? void this.#ask('cancel', {}).catch(() => undefined) : starting.abort(startAborted(signal?.reason)));
    signal?.addEventListener('abort', end);
    try {
      await abortable(this.ready.then(() => this.#capture.wake()), starting.signal);
      this.#starting = null;
      this.#stopping = null;
      sent = true;
      await this.#ask('start', { countdown, title: title ?? null, page: { title: document.title, url: location.href } });
    } catch (error) {
      if (signal?.aborted && error instanceof KeeptakeError && error.code === 'aborted') throw startAborted(signal.reason);
      throw error;
    } finally {
      signal?.removeEventListener('abort', end);
      if (this.#starting === starting) this.#starting = null;
    }
  }

  async cancel(): Promise<void> {
    if (!this.#endStarting()) await this.#ask('cancel', {});
  }
  async pause(): Promise<void> {
    await this.#ask('pause', {});
  }
  async resume(): Promise<void> {
    await this.#ask('resume', {});
  }
  async restart(): Promise<void> {
    if (!this.#endStarting()) await this.#ask('restart', {});
  }

  stop(): Promise<FinishedTake> {
    this.#stopping ??= this.#stop().catch((error: unknown) => {
      if (error instanceof KeeptakeError && (error.code === 'bad-state' || error.code === 'aborted')) this.#stopping = null;
      throw error;
    });
    return this.#stopping;
  }

  async reset(): Promise<void> {
    await this.#ask('reset', {});
    this.#stopping = null;
  }

  setToken(token: string): void {
    this.#tokens.set(token);
    if (!this.#channel.dead) this.#channel.tell({ notice: 'new-token', token });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends a start that waits for the engine; false where there is none. */
  #endStarting(): boolean {
    this.#starting?.abort(startAborted());
    return this.#starting !== null;
  }

  async #stop(): Promise<FinishedTake> {
    if (this.#state.state === 'stopped') return this.#state.take;
    if (this.#state.state === 'failed') throw this.#state.error;
    if (this.#endStarting()) throw new KeeptakeError('aborted', 'The take was stopped before anything was recorded.');
    let off = (): void => undefined;
    const over = new Promise<FinishedTake>((resolve, reject) => {
      off = this.on('state', (state) => {
        if (state.state === 'stopped') resolve(state.take);
        else if (state.state === 'failed') reject(state.error);
      });
    });
    over.catch(() => undefined);
    try {
      if (this.#state.state !== 'stopping')
        await this.#ask('stop', {}).catch((error: unknown) => {
          // The take ended by itself a moment ago, at its limit or by a failure: that is what is told.
          const { state } = this.state;
          if (state !== 'stopping' && state !== 'stopped' && state !== 'failed') throw error;
        });
      return await over;
    } finally {
      off();
    }
  }

  async #open(options: RecorderOptions, setup: EngineSetup): Promise<void> {
    try {
      await this.#startEngine(options, setup);
      await this.#ask('setComposition', { composition: this.#composition });
      if (this.#listeners.get('levels')?.size) this.#wantLevels(true);
      this.#setState({ state: 'setup' });
      // Here, where a person who is asked for permission holds up nothing.
      if (this.#keepsJournal) askToPersist();
    } catch (error) {
      const failure = error instanceof KeeptakeError ? error : new KeeptakeError('engine-load-failed', String(error));
      if (!this.#channel.dead) this.#die(failure);
      throw failure;
    }
  }

  /** Browsers lose a worker now and then while its threads start: a fresh one is tried, then one without threads. */
  async #startEngine(options: RecorderOptions, setup: EngineSetup): Promise<void> {
    const limits = options.startTimeouts ?? START_TIMEOUTS_S;
    for (const [attempt, seconds] of limits.entries()) {
      const last = attempt === limits.length - 1;
      const single = last && attempt > 0 && setup.variant === 'threaded';
      const late = new KeeptakeError('engine-load-failed', `The recording engine did not start within ${seconds} s, try ${attempt + 1} of ${limits.length}.`);
      const asked = this.#ask('setup', single ? engineSetup({ ...options, variant: 'single-threaded' }) : setup);
      try {
        return await within(asked, seconds * 1000, late);
      } catch (error) {
        if (error !== late || last || this.#channel.dead) throw error;
        this.#channel.restart(late);
        const next = attempt + 2 === limits.length && setup.variant === 'threaded' ? 'with one thread' : 'again';
        this.#emit('warning', { code: 'engine-restarted', message: `The recording engine did not start within ${seconds} s; it is tried ${next}.` });
      }
    }
  }

  async #close(): Promise<void> {
    removeEventListener('online', this.#online);
    removeEventListener('pointerdown', this.#wake, { capture: true });
    removeEventListener('keydown', this.#wake, { capture: true });
    this.#endStarting();
    const { state } = this.#state;
    if (state === 'recording' || state === 'paused' || state === 'stopping') await this.stop().catch(() => undefined);
    await Promise.race([
      this.#ask('close', {}).catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, 2000)),
    ]);
    this.#leave.watch(false);
    for (const captured of this.#captured.values()) captured.close();
    this.#captured.clear();
    await this.#capture.close();
    this.#channel.end(new KeeptakeError('closed', 'The recorder is closed.'));
  }

  #ask<K extends RequestType>(
    type: K,
    args: Requests[K]['args'],
    transfer: Transferable[] = [],
  ): Promise<Requests[K]['result']> {
    return this.#channel.ask(type, args, transfer);
  }

  #take(notice: WorkerNotice): void {
    switch (notice.notice) {
      case 'state':
        return this.#setState(this.#takeState(notice.state));
      case 'stats':
        this.#stats = notice.stats;
        this.#followPictures(notice.stats.stalledSources);
        return this.#emit('stats', notice.stats);
      case 'sound':
        return this.#capture.soundTold(notice.sourceId, notice.sound);
      case 'levels':
        return this.#emit('levels', notice.levels);
      case 'warning':
        if (notice.warning.code === 'source-ended' && notice.warning.sourceId) this.#markEnded(notice.warning.sourceId);
        return this.#emit('warning', notice.warning);
    }
  }

  #takeState(state: WorkerState): TakeState {
    if (state.state === 'stopped')
      return {
        state: 'stopped',
        take: finishedTake(state.take, this.#api, () => this.#forget(state.take.journalId)),
      };
    if (state.state === 'failed') return { state: 'failed', error: fromPlainError(state.error) };
    return state;
  }

  /** Also after `close`: the worker has the take until `reset`, the page itself can remove it later. */
  async #forget(journalId: string | undefined): Promise<void> {
    if (journalId === undefined) return;
    const own = !this.#channel.dead && (await this.#channel.ask('forget', { journalId }).catch(() => false));
    if (!own) await forgetTake(this.#database, journalId);
  }

  #setState(state: TakeState): void {
    this.#state = state;
    this.#leave.watch(state.state === 'recording' || state.state === 'paused' || state.state === 'stopping');
    this.#emit('state', state);
    if (state.state === 'failed') this.#emit('error', state.error);
  }

  #emit<K extends keyof RecorderEvents>(type: K, value: RecorderEvents[K]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])])
      try {
        (listener as (value: RecorderEvents[K]) => void)(value);
      } catch (error) {
        // The page's own mistake: it is told, and the others still hear.
        reportError(error);
      }
  }

  #workerFailed(message: string): void {
    if (this.#channel.dead) return;
    const loading = this.#state.state === 'loading';
    this.#die(
      new KeeptakeError(
        loading ? 'engine-load-failed' : 'engine-failed',
        `The recording engine stopped: ${message || 'it could not be loaded'}.`,
      ),
    );
  }

  /** Nothing more can be asked of the worker. */
  #die(error: KeeptakeError): void {
    this.#channel.end(error);
    this.#setState({ state: 'failed', error });
  }

  #info(id: string): SourceInfo {
    const info = this.#sources.find((source) => source.id === id);
    if (!info) throw new KeeptakeError('no-such-source', `There is no source "${id}".`, { context: { id } });
    return info;
  }

  #update(id: string, changes: Partial<SourceInfo>): void {
    this.#setSources(this.#sources.map((source) => (source.id === id ? { ...source, ...changes } : source)));
  }

  #setSources(sources: SourceInfo[]): void {
    this.#sources = sources;
    this.#emit('sources', sources);
  }

  // ---- sound ----------------------------------------------------------------------------------------

  #wantLevels(want: boolean): void {
    if (!this.#channel.dead) this.#channel.tell({ notice: 'want-levels', want });
  }

  #connectSound(id: string, audio: MessagePort | null): void {
    this.#ask('connectSound', { id, audio }, audio ? [audio] : []).then(
      () => this.#sources.some((source) => source.id === id) && this.#update(id, { hasAudio: audio !== null }),
      () => audio?.close(),
    );
  }

  /** Notes the state of a source's sound, and says so where the host must act or need not any more. */
  #followSound(id: string, audioState: AudioState): void {
    const info = this.#sources.find((source) => source.id === id);
    if (!info) return;
    this.#update(id, { audioState });
    const trouble = SOUND_TROUBLE[audioState];
    if (trouble) {
      if (info.audioMuted) return;
      this.#silent.add(id);
      this.#warnOfSound(audioState === 'silent' ? 'sound-silent' : 'sound-stalled', id, trouble);
    } else if (audioState === 'live' && this.#silent.delete(id)) {
      this.#warnOfSound('sound-recovered', id, (name) => `"${name}" is heard again.`);
    } else if (audioState === 'ended') this.#silent.add(id);
  }

  #warnOfSound(code: RecorderWarning['code'], sourceId: string, sentence: (name: string) => string): void {
    const name = this.#sources.find(({ id }) => id === sourceId)?.name || sourceId;
    this.#emit('warning', { code, message: sentence(name), sourceId });
  }

  #followPictures(stalled: string[]): void {
    for (const { id, videoState } of this.#sources) {
      const now = stalled.includes(id) ? 'stalled' : 'live';
      if ((videoState === 'live' || videoState === 'stalled') && videoState !== now) this.#update(id, { videoState: now });
    }
  }

  /** The page has put another picture track into the source's stream. */
  async #renewPicture(id: string, stream: MediaStream): Promise<void> {
    if (this.#renewing.has(id)) return;
    this.#renewing.add(id);
    try {
      await this.replaceSource(id, stream);
    } catch {
      // Tried again at the next look, unless the source is gone.
    } finally {
      this.#renewing.delete(id);
    }
  }
  readonly #renewing = new Set<string>();
  /** Sources of whose missing sound the page was told. */
  readonly #silent = new Set<string>();

  #ended(sourceId: string): void {
    this.#channel.tell({ notice: 'ended', sourceId });
  }

  #markEnded(sourceId: string): void {
    const info = this.#sources.find((source) => source.id === sourceId);
    if (info && !info.ended) this.#update(sourceId, { ended: true, ...(info.hasVideo ? { videoState: 'ended' } : {}) });
  }
}

function kindOf(media: MediaStream | MediaStreamTrack[]): 'camera' | 'screen' {
  return (Array.isArray(media) ? media : media.getTracks()).some(isScreen) ? 'screen' : 'camera';
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
    audioState: captured.audioState(),
    videoState: captured.media.hasVideo ? 'live' : 'none',
  };
}

/** What `promise` gives, or `late` once `ms` have passed. */
async function within<T>(promise: Promise<T>, ms: number, late: KeeptakeError): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), ms);
  });
  try {
    await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
    promise.catch(() => undefined);
  }
}

function startAborted(cause?: unknown): KeeptakeError {
  return new KeeptakeError('aborted', 'The take was ended before it began to record.', { cause });
}
