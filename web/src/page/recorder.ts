/** The recorder on the page: a thin, typed face of the engine in its worker. */

import { abortable } from '../base/abort.js';
import { WorkerChannel } from '../protocol/channel.js';
import { Emitter, type ListenOptions } from '../base/emitter.js';
import { startEngine } from './engine-start.js';
import { KeeptakeError } from '../base/errors.js';
import { finishedTake } from './finished.js';
import { DEFAULT_DATABASE } from '../journal/store.js';
import { askToPersist, LeaveGuard } from './leave.js';
import {
  fromPlainError,
  type EngineSetup,
  type Requests,
  type RequestType,
  type WorkerNotice,
  type WorkerState,
} from '../protocol/messages.js';
import { engineSetup } from './options.js';
import { PageStage } from './page-stage.js';
import { Previews } from './previews.js';
import { fitTitle, TITLE_CHARACTERS } from './title.js';
import { TokenSource } from '../server/token.js';
import { forgetTake } from '../journal/unfinished.js';
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
  SourceChanges,
  SourceInfo,
  SourceOptions,
  StartOptions,
  TakeState,
} from '../base/types.js';
import { ApiClient } from '../server/api.js';

/** So long {@link Recorder.reset} waits until what an engine that broke had recorded is stored; the journal has it, too. */
const LAST_WORDS_MS = 10_000;

/** Characters of a mark's label. */
const MAX_LABEL = 200;

/**
 * Makes a recorder and begins to load its engine; `ready` tells when that is done. Nothing is recorded before
 * {@link Recorder.start}.
 * @throws {KeeptakeError} `'bad-argument'` for options outside their limits, `'unsupported-browser'`
 */
export function createRecorder(options: RecorderOptions): Recorder {
  return new PageRecorder(options);
}

class PageRecorder implements Recorder {
  readonly canvasSize: { width: number; height: number };

  readonly #channel: WorkerChannel;
  readonly #tokens: TokenSource;
  /** Of finished takes, which outlive the worker. */
  readonly #api: ApiClient | null;
  /** Of the journal. */
  readonly #database: string;
  readonly #leave: LeaveGuard;
  readonly #events = new Emitter<RecorderEvents>((type, wanted) => {
    if (type === 'levels') this.#wantLevels(wanted);
  });
  readonly #emit = this.#events.emit;
  readonly #keepsJournal: boolean;
  /** Of takes that are begun without one. */
  #title: string;
  readonly #reopen: () => Promise<void>;
  #ready: Promise<void>;
  readonly #stage: PageStage;
  readonly #previews: Previews;
  #state: TakeState = { state: 'loading' };
  #stats: RecorderStats | null = null;
  #stopping: Promise<FinishedTake> | null = null;
  /** The start that has not reached its worker yet; aborted: it never does. */
  #starting: AbortController | null = null;
  #closing: Promise<void> | null = null;

  readonly #online = (): void => this.#channel.tell({ notice: 'online' });
  readonly #wake = (): void => void this.#stage.wake();

  constructor(options: RecorderOptions) {
    const setup = engineSetup(options);
    this.canvasSize = { width: setup.width, height: setup.height };
    this.#tokens = new TokenSource(options.server?.token);
    this.#database = setup.journal?.database ?? DEFAULT_DATABASE;
    this.#api = setup.server === null ? null : new ApiClient({ base: setup.server, token: this.#tokens });
    this.#channel = new WorkerChannel({
      assetBase: options.assetBase,
      share: options.shareWorker ?? false,
      tokens: this.#tokens,
      onNotice: (notice) => this.#take(notice),
      onDeath: (message) => this.#workerFailed(message),
      onThreadFailed: (message) => this.#threadFailed(message),
    });
    this.#keepsJournal = setup.journal !== null;
    this.#title = setup.title;
    this.#leave = new LeaveGuard(() => this.#channel.tell({ notice: 'flush' }), setup.flushed);
    const ready = (): Promise<void> => this.#ready;
    this.#previews = new Previews(this.#channel, ready, this.canvasSize);
    const { assetBase, composition } = options;
    this.#stage = new PageStage({ channel: this.#channel, emit: this.#emit, ready, assetBase, composition });
    addEventListener('online', this.#online);
    addEventListener('pointerdown', this.#wake, { capture: true });
    addEventListener('keydown', this.#wake, { capture: true });
    this.#reopen = () => this.#open(options, setup, true);
    this.#ready = this.#open(options, setup, false);
    this.#ready.catch(() => undefined);
  }

  get ready(): Promise<void> {
    return this.#ready;
  }
  get state(): TakeState {
    return this.#state;
  }
  get sources(): readonly SourceInfo[] {
    return this.#stage.sources;
  }
  get composition(): Composition {
    return this.#stage.composition;
  }
  get stats(): RecorderStats | null {
    return this.#stats;
  }

  on<K extends keyof RecorderEvents>(
    type: K,
    listener: (value: RecorderEvents[K]) => void,
    options?: ListenOptions,
  ): () => void {
    return this.#events.on(type, listener, options);
  }

  addSource(media: MediaStream | MediaStreamTrack[], options: SourceOptions): Promise<SourceInfo> {
    return this.#stage.addSource(media, options);
  }
  replaceSource(id: string, media: MediaStream | MediaStreamTrack[]): Promise<SourceInfo> {
    return this.#stage.replaceSource(id, media);
  }
  removeSource(id: string): Promise<void> {
    return this.#stage.removeSource(id);
  }
  updateSource(id: string, changes: SourceChanges): Promise<SourceInfo> {
    return this.#stage.updateSource(id, changes);
  }
  async setMuted(id: string, muted: { audio?: boolean; video?: boolean }): Promise<void> {
    await this.#stage.updateSource(id, { muted });
  }
  async setGain(id: string, gain: number): Promise<void> {
    await this.#stage.updateSource(id, { gain });
  }
  async setName(id: string, name: string, show: boolean): Promise<void> {
    await this.#stage.updateSource(id, { name, showName: show });
  }
  setComposition(composition: Composition): Promise<void> {
    return this.#stage.setComposition(composition);
  }
  setImage(id: string, image: ImageBitmapSource): Promise<void> {
    return this.#stage.setImage(id, image);
  }
  removeImage(id: string): Promise<void> {
    return this.#stage.removeImage(id);
  }
  setLogo(logo: LogoOptions | null): Promise<void> {
    return this.#stage.setLogo(logo);
  }
  placedSources(): Promise<PlacedSource[]> {
    return this.#stage.placedSources();
  }
  showHook(hook: HookOptions): Promise<string> {
    return this.#stage.showHook(hook);
  }
  hideHook(id: string): Promise<void> {
    return this.#stage.hideHook(id);
  }
  attachPreview(canvas: HTMLCanvasElement): () => void {
    return this.#previews.attach(canvas);
  }

  async start(options: StartOptions = {}): Promise<void> {
    const { countdown = 3, title, signal } = options;
    if (!(countdown >= 0 && countdown <= 60))
      throw new KeeptakeError('bad-argument', `Countdown ${countdown} is outside 0..60 seconds.`);
    if (this.#closing !== null) throw closed();
    if (this.#starting) throw new KeeptakeError('bad-state', 'A take is being started.');
    if (signal?.aborted) throw startAborted(signal.reason);
    const starting = new AbortController();
    this.#starting = starting;
    let sent = false;
    const end = (): void =>
      sent ? void this.#ask('cancel', {}).catch(() => undefined) : starting.abort(startAborted(signal?.reason));
    signal?.addEventListener('abort', end);
    try {
      await abortable(
        this.ready.then(() => this.#stage.wake()),
        starting.signal,
      );
      this.#starting = null;
      this.#stopping = null;
      sent = true;
      await this.#ask('start', {
        countdown,
        title: this.#fit(title ?? this.#title),
        page: { title: document.title, url: location.href },
      });
    } catch (error) {
      if (signal?.aborted && error instanceof KeeptakeError && error.code === 'aborted')
        throw startAborted(signal.reason);
      throw error;
    } finally {
      signal?.removeEventListener('abort', end);
      if (this.#starting === starting) this.#starting = null;
    }
  }

  async setTitle(title: string): Promise<void> {
    this.#title = title;
    await this.#ask('setTitle', { title: this.#fit(title) });
  }

  /** As a server keeps it; the page is told where something of it is lost. */
  #fit(wanted: string): string {
    const { title, cut } = fitTitle(wanted);
    if (cut)
      this.#emit('warning', {
        code: 'title-cut',
        message: `The title is longer than ${TITLE_CHARACTERS} characters: the rest of it is left out.`,
      });
    return title;
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
  async mark(label?: string): Promise<number> {
    if (label !== undefined && [...label].length > MAX_LABEL)
      throw new KeeptakeError(
        'bad-argument',
        `A label of ${[...label].length} characters is longer than ${MAX_LABEL}.`,
      );
    return this.#ask('mark', { label: label ?? null });
  }
  async restart(): Promise<void> {
    if (!this.#endStarting()) await this.#ask('restart', {});
  }

  stop(): Promise<FinishedTake> {
    this.#stopping ??= this.#stop().catch((error: unknown) => {
      if (error instanceof KeeptakeError && (error.code === 'bad-state' || error.code === 'aborted'))
        this.#stopping = null;
      throw error;
    });
    return this.#stopping;
  }

  async reset(): Promise<void> {
    if (this.#trapped && !this.#channel.dead) await this.#leaveTrapped();
    if (this.#channel.dead && !this.#closing) this.#revive();
    if (this.#state.state === 'loading') await this.#ready;
    else await this.#ask('reset', {});
    this.#stopping = null;
  }

  setToken(token: string): void {
    this.#tokens.set(token);
    if (!this.#channel.dead) this.#channel.tell({ notice: 'new-token', token });
  }

  sendNow(): void {
    if (!this.#channel.dead) this.#online();
  }

  leaveForLater(): Promise<void> {
    return this.#ask('leaveForLater', {});
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

  /** The failure that left the engine in the middle of something. */
  get #trapped(): KeeptakeError | null {
    const state = this.#state;
    return state.state === 'failed' && state.error.context['trapped'] === true ? state.error : null;
  }

  /** An engine that trapped is not used again: its worker is left as if it had died. */
  async #leaveTrapped(): Promise<void> {
    await Promise.race([
      this.#ask('settled', {}).catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS)),
    ]);
    const error = this.#trapped;
    if (!error || this.#channel.dead) return;
    this.#channel.end(error);
    this.#stage.letGo();
  }

  /** The worker died: a fresh one is told what stood. What the last one was recording is in the journal. */
  #revive(): void {
    this.#stats = null;
    this.#previews.renew();
    this.#channel.revive();
    this.#setState({ state: 'loading' });
    this.#ready = this.#reopen();
    this.#ready.catch(() => undefined);
  }

  /** `again`: after a death; sources and composition are told anew. */
  async #open(options: RecorderOptions, setup: EngineSetup, again: boolean): Promise<void> {
    try {
      await startEngine(this.#channel, options, setup, (warning) => this.#emit('warning', warning));
      if (again) await this.#stage.restore();
      else await this.#ask('setComposition', { composition: this.#stage.composition });
      if (this.#events.has('levels')) this.#wantLevels(true);
      this.#setState({ state: 'setup' });
      // Here, where a person who is asked for permission holds up nothing.
      if (this.#keepsJournal) askToPersist();
    } catch (error) {
      const failure = error instanceof KeeptakeError ? error : new KeeptakeError('engine-load-failed', String(error));
      if (!this.#channel.dead) this.#die(failure);
      throw failure;
    }
  }

  async #close(): Promise<void> {
    removeEventListener('online', this.#online);
    removeEventListener('pointerdown', this.#wake, { capture: true });
    removeEventListener('keydown', this.#wake, { capture: true });
    this.#endStarting();
    const { state } = this.#state;
    if (state === 'recording' || state === 'paused' || state === 'stopping') await this.stop().catch(() => undefined);
    // What a take that failed had until then is stored, too.
    else if (state === 'failed') await this.#ask('settled', {}).catch(() => undefined);
    await Promise.race([
      this.#ask('close', {}).catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, 2000)),
    ]);
    this.#leave.watch(false);
    await this.#stage.close();
    this.#previews.close();
    this.#channel.end(closed());
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
        this.#stage.followPictures(notice.stats.stalledSources);
        return this.#emit('stats', notice.stats);
      case 'sound':
        return this.#stage.soundTold(notice.sourceId, notice.sound);
      case 'frame-taken':
        return this.#stage.frameTaken(notice.sourceId);
      case 'levels':
        return this.#emit('levels', notice.levels);
      case 'warning':
        if (notice.warning.code === 'source-ended' && notice.warning.sourceId)
          this.#stage.markEnded(notice.warning.sourceId);
        return this.#emit('warning', notice.warning);
    }
  }

  #takeState(state: WorkerState): TakeState {
    if (state.state === 'stopped')
      return {
        state: 'stopped',
        take: finishedTake(state.take, this.#api, () => this.#forget(state.take.journalId)),
      };
    if (state.state === 'failed') {
      const error = fromPlainError(state.error);
      if (error.context['trapped'] === true) this.#channel.distrust();
      return { state: 'failed', error };
    }
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

  #wantLevels(want: boolean): void {
    if (!this.#channel.dead) this.#channel.tell({ notice: 'want-levels', want });
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

  /** The worker ends the take with what there is; one that is still loading waits for nothing more. */
  #threadFailed(message: string): void {
    if (this.#state.state === 'loading') this.#workerFailed(message);
    else if (!this.#channel.dead)
      this.#channel.tell({ notice: 'thread-failed', message: `A thread of the engine stopped: ${message}` });
  }

  /** Nothing more can be asked of the worker. */
  #die(error: KeeptakeError): void {
    this.#channel.end(error);
    this.#stage.letGo();
    this.#setState({ state: 'failed', error });
  }
}

const closed = (): KeeptakeError => new KeeptakeError('closed', 'The recorder is closed.');

function startAborted(cause?: unknown): KeeptakeError {
  return new KeeptakeError('aborted', 'The take was ended before it began to record.', { cause });
}
