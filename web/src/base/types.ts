/**
 * The public types of the package: what a page sees of a take. Times are seconds unless a name says otherwise. In one file,
 * long as it is: it is the package's contract, read and compared as a whole, and half of it is comments.
 */

import type { Composition, PlacedSource } from './composition.js';
import type { ListenOptions } from './emitter.js';
import type { KeeptakeError } from './errors.js';
import type { Scene, Timeline } from './scene.js';
import type { Token } from './token.js';

export type { Background, Composition, CompositionSource, LayoutKind, PlacedSource, Rect } from './composition.js';

/** The state of the take, as a badge shows it. */
export type TakeState =
  | { state: 'loading' }
  | { state: 'setup' }
  /** `remaining`: whole seconds still to count, 3, 2, 1. */
  | { state: 'countdown'; remaining: number }
  | { state: 'recording' }
  | { state: 'paused' }
  /** `progress`: 0..1, how much of what the store lacked at Stop it has by now. */
  | { state: 'stopping'; progress: number }
  | { state: 'stopped'; take: FinishedTake }
  | { state: 'failed'; error: KeeptakeError };

/** A take that is over: stored whole on the server, or a file on this machine. */
export interface FinishedTake {
  /** Empty where the take is a file on this machine. */
  recordingId: string;
  /** Seconds. */
  duration: number;
  bytes: number;
  /**
   * The file itself, when the take was recorded without a server (`server: null`), or others ended its upload (warning
   * `upload-ended`). It can be read for as long as the page lives and refers to it, whatever becomes of the recorder.
   */
  file?: Blob;
  /**
   * Spans of the take, in seconds, that are not in it: the store had confirmed them before others ended the upload, so
   * this machine had dropped them. Absent: nothing is missing.
   */
  missing?: [from: number, to: number][];
  /** Of a take with a `file`: its id in {@link Recovery.list}, until {@link FinishedTake.forget}; absent: it is in this page alone. */
  unfinishedId?: string;
  /**
   * A signed address to play or download; asks the server each time, good for `expiresSeconds` (default 3600).
   * Of a take without a server: a blob address, to be revoked by the page.
   */
  playbackUrl(options?: { expiresSeconds?: number; download?: boolean }): Promise<string>;
  /** What happened, in order; null where a take was finished without it. */
  timeline(): Promise<Timeline | null>;
  /** Where everything stood, over time; null as above. */
  scene(): Promise<Scene | null>;
  /**
   * Removes what the browser's storage still has of a take with a `file`. Until then {@link Recovery.list} finds it
   * at the next visit, also after {@link Recorder.reset} and the next take: call it when the file is saved. A take
   * that a server has needs none.
   * @throws {KeeptakeError} `'take-live'`: another page is at work on it; `'storage-unavailable'`
   */
  forget(): Promise<void>;
}

/** Live figures, twice a second. */
export interface RecorderStats {
  /** Take time in seconds: stands still while paused. */
  elapsed: number;
  /** Frames encoded per second, over the last two seconds. */
  fps: number;
  framesEncoded: number;
  framesDropped: number;
  composeMs: number;
  encodeMs: number;
  /** Bytes of the file so far. */
  fileBytes: number;
  /** Bytes recorded but not yet acknowledged by the store. */
  backlogBytes: number;
  /** Bytes of the file that the store has. */
  safeBytes: number;
  /** Bytes that the store has acknowledged in all: above `safeBytes` by what was sent again as it grew. */
  sentBytes: number;
  uploadState: 'idle' | 'sending' | 'waiting' | 'completing' | 'done' | 'aborted' | 'failed';
  uploadRetries: number;
  /** Bits per second, measured over about the last ten seconds of sending; 0 before anything was sent. */
  uploadBitrate: number;
  /**
   * Seconds until all that is recorded so far is in the store: 0 where it is there, null where nobody can say
   * (offline, or nothing was sent yet).
   */
  safeIn: number | null;
  /**
   * `on`: every piece is in this browser's storage before it counts as recorded. `full`, `off`: the take goes on by
   * upload alone.
   */
  journalState: 'on' | 'full' | 'off';
  /** Bytes of this take in the browser's storage. */
  journalBytes: number;
  /** Encoder effort (higher is faster) and frame rate as the governor set them. */
  speed: number;
  targetFps: number;
  stalledSources: string[];
  /** Peak level 0..1 of each source since the last report. */
  levels: Record<string, number>;
  /** Bytes of the engine's memory. */
  memoryBytes: number;
  variant: 'threaded' | 'single-threaded';
}

/** Something worth telling the host that does not end the take. */
export interface RecorderWarning {
  code:
    | 'source-ended'
    /** A dropped camera is back, or pictures that were missing come again: what `source-ended` or `source-stalled` told of is over. */
    | 'source-recovered'
    /** The engine did not start in time: a fresh worker is tried, at last one without threads. */
    | 'engine-restarted'
    | 'sound-ended'
    /** No sound comes although there is a microphone: the browser holds it back, or a switch or the system muted it. */
    | 'sound-stalled'
    /** A microphone has given nothing but zeros for ten seconds. */
    | 'sound-silent'
    /** What `sound-stalled`, `sound-silent` or `sound-ended` told of is over. */
    | 'sound-recovered'
    /** Sound on one channel only: it is recorded in the middle ({@link SourceOptions.channels}). */
    | 'sound-one-sided'
    /** A sound track of the source is not recorded. */
    | 'sound-left-out'
    | 'source-stalled'
    | 'governor'
    | 'upload-retrying'
    | 'upload-recovered'
    /**
     * The upload was ended by others (aborted, deleted, salvaged) or is not in the store any more. Recording goes on
     * into the browser's storage alone; Stop gives the take as a file ({@link FinishedTake.file}), and
     * {@link Recovery.salvage} makes a recording of its own of it. Without {@link JournalOptions.keepLocalCopy} what the
     * store had confirmed may be missing there ({@link FinishedTake.missing}).
     */
    | 'upload-ended'
    /** The server does not take the token, `reason` says why: what is recorded waits for another one ({@link Recorder.setToken}). */
    | 'unauthorized'
    /** The take is stored, its timeline is only on this page ({@link FinishedTake.timeline}). */
    | 'timeline-lost'
    /** A title is longer than 200 characters as people count them: the rest is left out. */
    | 'title-cut'
    /** A restarted or cancelled take is still listed on the server. */
    | 'discard-failed'
    /** The browser's storage is full: the take goes on by upload alone. */
    | 'journal-full'
    /** The browser gives no storage: the take goes on by upload alone. */
    | 'journal-unavailable'
    /** Much is unsent, and the room for it on this machine runs short. */
    | 'backlog'
    | 'limit-near'
    | 'limit-reached'
    | 'capture-fallback';
  message: string;
  sourceId?: string;
  /**
   * Of `unauthorized`: the page gives no token (`missing`); it has `expired`; the server does not know it, because it is
   * wrong or was deleted (`unknown`); it does not allow what is asked (`forbidden`).
   */
  reason?: 'missing' | 'expired' | 'unknown' | 'forbidden';
}

/** What {@link Recorder.on} tells, by its type. */
export interface RecorderEvents {
  /** The state changed. */
  state: TakeState;
  stats: RecorderStats;
  /** The list of sources changed (added, removed, ended, muted). */
  sources: SourceInfo[];
  /** The composition changed, by this page. */
  composition: Composition;
  warning: RecorderWarning;
  /** Each source's sound since the last event, 20 times a second while anybody listens. */
  levels: Record<string, SoundLevel>;
  error: KeeptakeError;
}

/** A source's sound since the event before, linear (1: full scale). */
export interface SoundLevel {
  /** As it goes into the mix: after gain, 0 while muted. */
  peak: number;
  /** As the microphone gives it. */
  input: number;
  /** The input was at full scale. */
  clipped: boolean;
}

/**
 * `none`: the source has no sound. `live`: it is heard. `off`: the page has disabled its tracks. `muted`: the browser, the
 * system or a switch on the device has muted it. `held-back`: the browser lets no sound pass until the person has clicked.
 * `stalled`: nothing arrives. `silent`: a microphone has given only zeros for ten seconds. `ended`: the device is gone.
 */
export type AudioState = 'none' | 'live' | 'off' | 'muted' | 'held-back' | 'stalled' | 'silent' | 'ended';
/** `stalled`: pictures are due and do not come. `ended`: the device is gone, or the share over. */
export type VideoState = 'none' | 'live' | 'stalled' | 'ended';

/** Of a source, when it is added. */
export interface SourceOptions {
  /** 1..63 of `[A-Za-z0-9._:-]`, unique in the take. */
  id: string;
  /** Shown as the name tag when `showName` is set; kept in the timeline. */
  name?: string;
  /** A shared screen is shown whole, see {@link CompositionSource.fit}. Default: as the browser tells of the track. */
  kind?: 'camera' | 'screen';
  /** Draws `name` at the source's corner. Default false. */
  showName?: boolean;
  /**
   * `'auto'` (default): stereo, and a microphone that is heard on one channel only in the middle, with the warning
   * `sound-one-sided`. `'mono'`: always in the middle. `'stereo'`: as it comes.
   */
  channels?: 'auto' | 'mono' | 'stereo';
  /** Ends the waiting for engine and browser with `'aborted'`; nothing of the source stays. Without effect afterwards. */
  signal?: AbortSignal;
}

/** A source as it stands now. */
export interface SourceInfo {
  id: string;
  name: string;
  /** `name` is drawn at the source's corner. */
  showName: boolean;
  kind: 'camera' | 'screen';
  hasVideo: boolean;
  hasAudio: boolean;
  audioMuted: boolean;
  videoMuted: boolean;
  /** Linear, 0..8; 1 is as it comes. */
  gain: number;
  /** The device was unplugged or the share ended: its last picture, then a placeholder, is shown. */
  ended: boolean;
  audioState: AudioState;
  videoState: VideoState;
}

/** What {@link Recorder.updateSource} changes; what is left out stays as it is. */
export interface SourceChanges {
  name?: string;
  /** Whether the name is drawn at the source's corner. */
  showName?: boolean;
  /** Linear, 0..8. */
  gain?: number;
  muted?: { audio?: boolean; video?: boolean };
}

/**
 * A banner. Long texts take up to three lines, the second one two, fewer on a small tile; what is more ends in an
 * ellipsis. A line break in the text is one in the picture.
 */
export interface HookOptions {
  /** Default: made from a counter, returned by {@link Recorder.showHook}. */
  id?: string;
  text: string;
  /** A second, smaller line. */
  subtitle?: string;
  /** The person it belongs to; none: the whole picture's lower third. */
  sourceId?: string;
  color?: string;
  background?: string;
  /** Seconds until it hides by itself; default: stays. */
  duration?: number;
}

/** Of one take. */
export interface StartOptions {
  /** Seconds, 0..60; default 3. */
  countdown?: number;
  /** Default: that of the options. */
  title?: string;
  /** Ends the start with `'aborted'`; without effect once the take records. */
  signal?: AbortSignal;
}

/** Of a recorder; what is left out has its default. Limits are checked by {@link createRecorder}. */
export interface RecorderOptions {
  /**
   * Where the take goes. `null`: nothing is uploaded, the finished file is a Blob ({@link FinishedTake.file}).
   * `token` is not needed on a page that keeptake-server itself serves to its owner. A function is asked once
   * (`reason: 'needed'`), and again whenever the server refuses what it gave (`'refused'`); a text can be replaced by
   * {@link Recorder.setToken}. While there is none that the server takes, recording goes on and sending waits: the
   * warning `unauthorized`.
   */
  server: { url: string; token?: Token } | null;
  title?: string;
  /** Default 1280 by 720. Even; at most 1920 by 1080 pixels in all. */
  width?: number;
  height?: number;
  /** Default 30. */
  fps?: number;
  /** Default `'vp9'`. */
  codec?: 'vp9' | 'vp8';
  /** Bits per second; default 2,500,000. */
  videoBitrate?: number;
  /** Bits per second; default 128,000. */
  audioBitrate?: number;
  /** Seconds between keyframes; default 2. */
  keyframeInterval?: number;
  /** The take is stopped cleanly and kept when it gets this long, seconds. Default: the server's limit. */
  maxLength?: number;
  /** Encoder effort: VP9 5..9, VP8 4..16, higher is faster. Default: chosen. */
  speed?: number;
  /** Lowers effort, then frame rate, when the machine cannot keep up. Default true. */
  governor?: boolean;
  /** Default: by `crossOriginIsolated`. */
  variant?: 'threaded' | 'single-threaded';
  /**
   * All recorders with `true` live in one worker and share one engine, which takes less memory and starts at once: for
   * many small ones on a page. They encode on one thread, one after the other, and an engine that breaks ends the takes
   * of all of them. Default false: a worker of its own.
   */
  shareWorker?: boolean;
  /** Where worker, worklet and Wasm files lie; default: beside the package's modules, by `import.meta.url`. */
  assetBase?: string | URL;
  composition?: Composition;
  /**
   * Seconds that each try to start the engine may take; after a late one a fresh worker is tried, with the warning
   * `engine-restarted`. The last of several tries uses no threads. Default `[10, 10, 40]`; one to ten of them, each at most 600.
   */
  startTimeouts?: readonly number[];
  /**
   * The journal in the browser's storage, from which {@link openRecovery} brings back a take that was cut off;
   * `false`: none.
   */
  journal?: false | JournalOptions;
}

/** How what is recorded is kept in this browser's storage. */
export interface JournalOptions {
  /**
   * `'relaxed'` (default) survives a killed browser, `'strict'` also a power cut, at a little more latency:
   * see [recovery](https://github.com/keeptake/keeptake/blob/main/docs/recovery.md).
   */
  durability?: 'relaxed' | 'strict';
  /** Keeps the whole take on this machine until it is finished, instead of only what the store lacks. Default false. */
  keepLocalCopy?: boolean;
  /** Name of the IndexedDB database; default `'keeptake'`. */
  database?: string;
  /**
   * Whom the takes belong to, say an id of the person who is signed in: {@link openRecovery} shows only takes of its
   * own scope, so that people who share a browser do not find each other's. Default: none.
   */
  scope?: string;
}

/** A corner of the picture. */
export type Corner = 'top-left' | 'top-right' | 'bottom-left' | 'bottom-right';

/** A picture over everything else, see {@link Recorder.setLogo}. */
export interface LogoOptions {
  /** Stays the caller's; what it lets through shows the picture below. */
  image: ImageBitmapSource;
  /** Default `'top-right'`. */
  corner?: Corner;
  /** Its height as a fraction of the canvas height, 0.03..0.5; default 0.12. Never wider than 0.6 of the canvas. */
  size?: number;
}

/**
 * What steers a take and tells how it stands, wherever it is recorded: a {@link Recorder}, or a page's own object for a
 * take that another machine records. The elements that have no picture of their own (controls, badge, countdown, paused
 * dialog, figures) need nothing else.
 */
export interface TakeControls {
  readonly state: TakeState;
  /** Null while there are none, and where nobody here knows them. */
  readonly stats: RecorderStats | null;
  /** As {@link Recorder.on}. */
  on<K extends 'state' | 'stats' | 'warning' | 'error'>(
    type: K,
    listener: (value: RecorderEvents[K]) => void,
    options?: ListenOptions,
  ): () => void;
  /** Resolves when the take's first picture is recorded; rejects with `'aborted'` where it was ended before. */
  start(options?: StartOptions): Promise<void>;
  /** Ends a start, at any moment before the first picture: back to setup. */
  cancel(): Promise<void>;
  /** Nothing is recorded until {@link TakeControls.resume}. */
  pause(): Promise<void>;
  /** Goes on after a pause. */
  resume(): Promise<void>;
  /** Throws the take away; state `setup`. */
  restart(): Promise<void>;
  /** Resolves once the take is stored; null where it is not this page's to have. */
  stop(): Promise<FinishedTake | null>;
  /** After `stopped` or `failed`: ready for the next take. */
  reset(): Promise<void>;
  /** As {@link Recorder.sendNow}; absent: nothing here waits. */
  sendNow?(): void;
  /** As {@link Recorder.leaveForLater}; absent: nothing here waits. */
  leaveForLater?(): Promise<void>;
}

/** One take after another on one page. Made by {@link createRecorder}. */
export interface Recorder extends TakeControls {
  readonly state: TakeState;
  readonly sources: readonly SourceInfo[];
  readonly composition: Composition;
  readonly stats: RecorderStats | null;
  readonly canvasSize: { width: number; height: number };
  /** Resolves when the engine runs (state `setup`); another promise after a {@link Recorder.reset} that starts it anew. */
  readonly ready: Promise<void>;

  /** Adds a listener; the returned function, or the `signal` of `options`, removes it. `once`: after the next event. */
  on<K extends keyof RecorderEvents>(
    type: K,
    listener: (value: RecorderEvents[K]) => void,
    options?: ListenOptions,
  ): () => void;

  /**
   * Takes a stream's first video track and all of its sound, mixed, at any time; tracks that the page adds to the
   * stream or removes from it later are followed. The tracks stay the caller's.
   */
  addSource(media: MediaStream | MediaStreamTrack[], options: SourceOptions): Promise<SourceInfo>;
  /** Replaces the tracks of a source, keeping its place: another camera, a re-plugged device, with or without sound. */
  replaceSource(id: string, media: MediaStream | MediaStreamTrack[]): Promise<SourceInfo>;
  /** Takes a source out of picture and sound. Its tracks stay the caller's. @throws {KeeptakeError} `'no-such-source'` */
  removeSource(id: string): Promise<void>;
  /**
   * Changes what is given of a source, the rest stays; the changes of one call are made together or, where one is
   * refused, not at all. Resolves to the source as it is then.
   * @throws {KeeptakeError} `'no-such-source'`; `'bad-argument'`: a gain outside 0..8
   */
  updateSource(id: string, changes: SourceChanges): Promise<SourceInfo>;
  /** Mutes or unmutes what is given: sound, pictures (a placeholder is shown) or both. */
  setMuted(id: string, muted: { audio?: boolean; video?: boolean }): Promise<void>;
  /** Linear, 0..8. */
  setGain(id: string, gain: number): Promise<void>;
  /** Gives a source another name; `show`: whether it is drawn at the source's corner. */
  setName(id: string, name: string, show: boolean): Promise<void>;

  /** Moves everything to where `composition` says. @throws {KeeptakeError} `'bad-composition'`, naming field and limit; the old one stays. */
  setComposition(composition: Composition): Promise<void>;
  /** For backgrounds; at most 8. One of the same id is replaced. @throws {KeeptakeError} `'limit'` */
  setImage(id: string, image: ImageBitmapSource): Promise<void>;
  /** Frees an image and its place; a background that names it shows its colour. @throws {KeeptakeError} `'bad-argument'` */
  removeImage(id: string): Promise<void>;
  /**
   * Shows a logo in a corner, above everything, in place of the one before; null: none. It stays from take to take.
   * @throws {KeeptakeError} `'bad-argument'`: not an image, or a size outside its limits; the old one stays
   */
  setLogo(logo: LogoOptions | null): Promise<void>;
  /** Places at this moment, transitions included, for hit tests. */
  placedSources(): Promise<PlacedSource[]>;
  /** Shows a hook, or other words of the one with its id, in place of the one that is there; gives its id. */
  showHook(hook: HookOptions): Promise<string>;
  /** Takes a hook off the picture; without effect where it is not shown. */
  hideHook(id: string): Promise<void>;

  /**
   * Draws every composed frame into `canvas` (its size is set to the picture's); the returned function ends it.
   * A canvas belongs to the first recorder that gets it.
   * @throws {KeeptakeError} `'bad-argument'` where the canvas is in use already
   */
  attachPreview(canvas: HTMLCanvasElement): () => void;

  /**
   * Begins a take; resolves when its first picture is recorded. One at a time. A server that is away is waited for while
   * the take is being recorded, as long as there is a journal ({@link RecorderOptions.journal}).
   * @throws {KeeptakeError} `'aborted'` where {@link Recorder.cancel}, `restart`, `stop` or the signal ended it before;
   * `'bad-state'`; whatever keeps the take from beginning
   */
  start(options?: StartOptions): Promise<void>;
  /**
   * The title of the take that runs, and of those that are begun without one. Where the server is away it is kept with
   * the take, and sent when it is back; one of more than 200 characters is cut (warning `title-cut`).
   */
  setTitle(title: string): Promise<void>;
  /** Ends a start, at any moment before the first picture: back to setup; nothing is left of the take. */
  cancel(): Promise<void>;
  /**
   * Notes a place in the running take: the event `mark` in timeline and scene, with `label` (at most 200 characters)
   * where it is given. While paused it stands at the moment of the pause. Resolves to its take time in seconds.
   * @throws {KeeptakeError} `'bad-state'` outside of a take
   */
  mark(label?: string): Promise<number>;
  /** Stops recording until {@link Recorder.resume}: the time in between is not in the file. @throws {KeeptakeError} `'bad-state'` */
  pause(): Promise<void>;
  /** Goes on after a pause, without a gap. @throws {KeeptakeError} `'bad-state'` */
  resume(): Promise<void>;
  /**
   * Throws the take away here and in the store; sources stay; state `setup`. Does not wait for the server: what is
   * left there is removed when it answers, or told by the warning `discard-failed`.
   */
  restart(): Promise<void>;
  /**
   * Ends the take and waits until every part is stored. Repeat calls return the same promise, until `start` or
   * `reset`; a take that ended by itself, at its limit, is given too. A take whose upload others have ended is given as
   * a file on this machine.
   * @throws {KeeptakeError} `'bad-state'` without a take, `'upload-failed'` once retries are spent, or whatever
   * made the take fail
   */
  stop(): Promise<FinishedTake>;
  /** The token from now on; what waits for one goes on at once. */
  setToken(token: string): void;
  /** What waits until server and store are tried again is tried now; without effect where nothing waits. */
  sendNow(): void;
  /**
   * While a take is being stored (state `stopping`): does not wait for the store any longer. The take stays in this
   * browser's storage, where {@link openRecovery} finds it to be salvaged or downloaded; the state becomes `failed`, and
   * {@link Recorder.stop} rejects, with `'left-for-later'`. {@link Recorder.reset} then makes ready for the next take.
   * @throws {KeeptakeError} `'bad-state'` in another state; `'storage-unavailable'` where the browser's storage does
   * not have all that the store lacks: the take goes on being stored
   */
  leaveForLater(): Promise<void>;
  /**
   * After `stopped` or `failed`: ready for the next take. A take without a server stays in the journal until
   * {@link FinishedTake.forget}. Where the engine's worker died, or could not be loaded, a fresh one is started, in state
   * `loading`: sources, composition and hooks come back, pictures of backgrounds do not, and each preview needs a new
   * canvas. {@link Recorder.ready} is of the new worker then.
   */
  reset(): Promise<void>;
  /**
   * Ends the worker and every resource; a running take is stopped first, and one that is being stored is waited
   * for. Afterwards every call rejects with `'closed'`.
   */
  close(): Promise<void>;
}

/** A take that was cut off, or that another tab is recording now. Made by {@link Recovery.list}. */
export interface UnfinishedTake {
  id: string;
  /** On the server; null: the take was recorded without one, or it has not come yet ({@link UnfinishedTake.server}). */
  recordingId: string | null;
  title: string;
  startedAt: Date;
  /** Seconds. */
  duration: number;
  /** Bytes of the file so far. */
  bytes: number;
  /** Bytes from the beginning that the store is known to have. */
  safeBytes: number;
  /** Bytes that are in this browser's storage. */
  localBytes: number;
  /** JPEG of its last moment. */
  picture: Blob | null;
  /** A page is recording or saving it at this moment. */
  live: boolean;
  /** It was recorded for another server than recovery was opened with: it can be downloaded here, and salvaged there. */
  elsewhere: boolean;
  /** That it was recorded for; null: none. */
  server: string | null;
  /** The page that records or recorded it. */
  page: { title: string; url: string };
  codec: 'vp9' | 'vp8';
  width: number;
  height: number;
}

/** Where {@link openRecovery} looks. */
export interface RecoveryOptions {
  /** As {@link RecorderOptions.server}; `null`: only {@link Recovery.download} and takes without a server. */
  server: RecorderOptions['server'];
  /** As {@link RecorderOptions.assetBase}. */
  assetBase?: string | URL;
  /** As {@link JournalOptions.database}. */
  database?: string;
  /** As {@link JournalOptions.scope}. */
  scope?: string;
}

/** How far {@link Recovery.salvage} is. */
export interface SalvageProgress {
  phase: 'reading' | 'sending' | 'completing';
  /** 0..1 of this phase. */
  progress: number;
}

/** A take that is being thrown away. */
export interface StartedOver {
  /**
   * Brings the take back into the list, with all that was here and on the server; false: it is too late.
   * @throws {KeeptakeError} `'take-live'`: another page is clearing it away at this moment; `'storage-unavailable'`
   */
  undo(): Promise<boolean>;
}

/** What was recorded but never finished, in this browser's storage. Made by {@link openRecovery}. */
export interface Recovery {
  /**
   * Every unfinished take, newest first; empty where the browser gives no storage. Needs neither engine nor network.
   * Throws `'storage-unavailable'` where the storage does not open now: what is in it is not known, so ask again.
   * What cannot be salvaged (nothing was recorded yet, or the take was thrown away) is not listed, and is cleared
   * away here and on the server as soon as that answers.
   * @throws {KeeptakeError} `'storage-unavailable'`: the browser has a storage, but did not open or read it; there may
   * be takes in it. `retryable`: ask again in a moment.
   */
  list(): Promise<UnfinishedTake[]>;
  /**
   * Finishes a take: sends what the store lacks, completes the same upload, sends the timeline, then deletes the
   * journal. Can be aborted and repeated; until it is done nothing is lost. A take without a server is given as a
   * Blob ({@link FinishedTake.file}), and stays listed until {@link Recovery.startOver}.
   * Where the server has no upload of it any more, or has finished it with less than is here, all that is here is sent
   * as a recording of its own ({@link FinishedTake.missing}).
   * @throws {KeeptakeError} `'no-such-take'`; `'take-live'`: another page has it; `'take-damaged'`: nothing of it can
   * be played; `'other-server'`: it belongs to another one; `'upload-failed'`, `'server-unreachable'`, … as for a take.
   * After each of these {@link Recovery.download} still gives what is here.
   */
  salvage(
    id: string,
    options?: { onProgress?: (progress: SalvageProgress) => void; signal?: AbortSignal },
  ): Promise<FinishedTake>;
  /**
   * Throws a take away: aborts its upload, deletes recording and journal. Where the server does not answer, the take
   * is forgotten here at once and on the server at a later visit.
   * `undoSeconds` (default 0: none; at most 600): the take is not listed any more, and is thrown away when they are
   * over, here or at the next visit of a page that is gone by then; until then {@link StartedOver.undo} brings it back.
   * @throws {KeeptakeError} `'no-such-take'`, `'take-live'`, `'bad-argument'`
   */
  startOver(id: string, options?: { undoSeconds?: number }): Promise<StartedOver>;
  /**
   * A playable file of what is on this machine, without the server. `missing`: spans of the take, in seconds, that
   * only the store has. The take stays listed.
   * @throws {KeeptakeError} `'no-such-take'`, `'take-live'`, `'take-damaged'`; `'aborted'` where the signal ended the waiting
   */
  download(
    id: string,
    options?: { signal?: AbortSignal },
  ): Promise<{ file: Blob; duration: number; complete: boolean; missing: [number, number][] }>;
  /**
   * Loads worker and engine ahead of time, so that salvage and download do not depend on the page's own server
   * later. Rejects only with `'aborted'`, where the signal ended the waiting; repeat calls try again only what failed.
   */
  prepare(options?: { signal?: AbortSignal }): Promise<void>;
  /** As {@link Recorder.setToken}. */
  setToken(token: string): void;
  /** Ends what runs and frees the engine; finished takes can still be played. */
  close(): Promise<void>;
}
