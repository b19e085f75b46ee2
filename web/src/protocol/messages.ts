/**
 * Everything that crosses between page and worker. Each request has an `id` and exactly one reply; notices
 * go either way and want no reply. Every message says to whom in the worker, or from whom there, it goes. Errors cross as plain `{code, message, context}`.
 */

import { isTrap, KeeptakeError, type KeeptakeErrorCode } from '../base/errors.js';
import type {
  Composition,
  Corner,
  HookOptions,
  PlacedSource,
  RecorderStats,
  RecorderWarning,
  SalvageProgress,
  SoundLevel,
  SourceChanges,
  SourceInfo,
} from '../base/types.js';

export interface EngineSetup {
  engineUrl: string;
  wasmUrl: string;
  variant: 'threaded' | 'single-threaded';
  /** That one encoder uses; 1: none but the worker's own. */
  threads: number;
  /** One more encoder may be made before the threads of the last one are back. 0: none. */
  poolThreads: number;
  /** Base address of keeptake-server, null for a take that stays on this machine. */
  server: string | null;
  /** The page gives a token when asked (`token` notice). */
  hasToken: boolean;
  title: string;
  width: number;
  height: number;
  fps: number;
  codec: 'vp9' | 'vp8';
  videoBitrate: number;
  audioBitrate: number;
  keyframeInterval: number;
  /** Seconds; 0: the server's limit. */
  maxLength: number;
  speed: number;
  governor: boolean;
  /** Null: the page wants none. */
  journal: { durability: 'relaxed' | 'strict'; keepLocalCopy: boolean; database: string; scope: string } | null;
  /** One Int32, counted up when a `flush` notice has been carried out and what it gave is kept; null where the page is not isolated. */
  flushed: SharedArrayBuffer | null;
}

/** What recovery needs in the worker. */
export interface RecoverySetup {
  engineUrl: string;
  wasmUrl: string;
  server: string | null;
  hasToken: boolean;
  database: string;
  scope: string;
}

/** A playable file of what is on this machine. */
export interface LocalTake {
  file: Blob;
  duration: number;
  complete: boolean;
  missing: [number, number][];
}

/** How a source's media reach the worker. */
export interface SourceMedia {
  hasVideo: boolean;
  hasAudio: boolean;
  /** How two channels are recorded; absent: as before. */
  channelMode?: 'auto' | 'mono' | 'stereo';
  /** Anything but a camera: no new pictures mean a still picture, not a stall, unless they are muted. */
  mayStandStill: boolean;
  /** The track is muted: the browser has no pictures of it for now. */
  picturesMuted: boolean;
  /** Pictures of a MediaStreamTrackProcessor; absent: the page sends `frame` notices. */
  frames?: ReadableStream<VideoFrame>;
  /** Other end of the audio worklet's port. */
  audio?: MessagePort;
}

/** One block of sound, from the worklet. `frame` counts samples of the audio context that `context` names. */
export interface AudioBlock {
  context: number;
  frame: number;
  rate: number;
  channels: Float32Array<ArrayBuffer>[];
}

export interface StoredTake {
  recordingId: string;
  duration: number;
  bytes: number;
  /** Of a take that is on this machine alone. */
  file?: Blob;
  /** Its name in the journal, which has it too. */
  journalId?: string;
  /** Spans in seconds that are not in the file, or in the recording that salvage made of it. */
  missing?: [number, number][];
  timeline: string;
  scene: string;
}

/** What of a source the page can change at any time, as it stands in the worker. */
export type SourceSettings = Pick<SourceInfo, 'name' | 'showName' | 'gain' | 'audioMuted' | 'videoMuted'>;

/** Requests from the page: arguments and result. */
export interface Requests {
  /** `threadPorts`: channels to the engine's threads, {@link EngineSetup.poolThreads} of them. */
  setup: { args: EngineSetup & { threadPorts: MessagePort[] }; result: { variant: 'threaded' | 'single-threaded' } };
  addSource: {
    /** `screen`: the source is of kind `'screen'`. */
    args: { id: string; name: string; showName: boolean; screen: boolean; media: SourceMedia };
    result: void;
  };
  replaceSource: { args: { id: string; media: SourceMedia }; result: void };
  removeSource: { args: { id: string }; result: void };
  /** The source's sound from now on; null: none. Its pictures stay as they are. */
  connectSound: { args: { id: string; audio: MessagePort | null }; result: void };
  /** What is absent stays as it is; the result is what stands then. */
  updateSource: { args: { id: string; changes: SourceChanges }; result: SourceSettings };
  setComposition: { args: { composition: Composition }; result: void };
  setImage: { args: { id: string; image: ImageBitmap }; result: void };
  removeImage: { args: { id: string }; result: void };
  /** The result is the take time of the mark, seconds. */
  mark: { args: { label: string | null }; result: number };
  /** Null: none. */
  setLogo: { args: { logo: { image: ImageBitmap; corner: Corner; size: number } | null }; result: void };
  placedSources: { args: Record<string, never>; result: PlacedSource[] };
  showHook: { args: { hook: HookOptions & { id: string } }; result: void };
  hideHook: { args: { id: string }; result: void };
  /** `canvas` only the first time that a canvas is attached. */
  attachPreview: { args: { preview: number; canvas?: OffscreenCanvas }; result: void };
  detachPreview: { args: { preview: number }; result: void };
  /** Of the take that runs. */
  setTitle: { args: { title: string }; result: void };
  start: { args: { countdown: number; title: string; page: { title: string; url: string } }; result: void };
  cancel: { args: Record<string, never>; result: void };
  pause: { args: Record<string, never>; result: void };
  resume: { args: Record<string, never>; result: void };
  restart: { args: Record<string, never>; result: void };
  stop: { args: Record<string, never>; result: void };
  leaveForLater: { args: Record<string, never>; result: void };
  reset: { args: Record<string, never>; result: void };
  /** The page has saved the take without a server: true where the journal's copy was this worker's to remove. */
  forget: { args: { journalId: string }; result: boolean };
  /** Answered when nothing of a take that failed is being stored any more. */
  settled: { args: Record<string, never>; result: void };
  close: { args: Record<string, never>; result: void };
  /** Of a recovery's own worker. */
  recover: { args: RecoverySetup; result: void };
  prepare: { args: Record<string, never>; result: void };
  salvage: { args: { id: string }; result: StoredTake };
  download: { args: { id: string }; result: LocalTake };
}

export type RequestType = keyof Requests;

export type Request = {
  [K in RequestType]: { id: number; type: K; args: Requests[K]['args'] };
}[RequestType];

/**
 * What the page sends: `to` is whom in the worker it concerns, a recorder or a recovery. Several of them may live in
 * one worker; the page gives out the addresses, and the first request to one (`setup`, `recover`) makes who lives there.
 */
export type ToWorker = (Request | PageNotice) & { to: number };

/** What the worker sends, from whom. */
export type FromWorker = (Reply | WorkerNotice) & { from: number };

export interface PlainError {
  code: KeeptakeErrorCode;
  message: string;
  context: Record<string, unknown>;
  retryable: boolean;
  fatal: boolean;
  /** Where it was thrown. */
  stack?: string;
  /** What it came from: for whoever looks for the reason. */
  cause?: PlainCause;
}

/** An error of any kind may hold what cannot be sent, or what nobody else may see: name, text and place are enough. */
export interface PlainCause {
  name: string;
  message: string;
  stack?: string;
  cause?: PlainCause;
}

export type Reply = { reply: number; ok: true; value: unknown } | { reply: number; ok: false; error: PlainError };

/** The take's state as the worker tells it. */
export type WorkerState =
  | { state: 'setup' | 'recording' | 'paused' }
  | { state: 'countdown'; remaining: number }
  | { state: 'stopping'; progress: number }
  | { state: 'stopped'; take: StoredTake }
  | { state: 'failed'; error: PlainError };

/** From the worker, unasked. */
export type WorkerNotice =
  | { notice: 'state'; state: WorkerState }
  | { notice: 'stats'; stats: RecorderStats }
  | { notice: 'warning'; warning: RecorderWarning }
  /** Whether blocks of the source's sound come, and whether there is sound in them. */
  | { notice: 'sound'; sourceId: string; sound: 'live' | 'silent' | 'stalled' }
  | { notice: 'levels'; levels: Record<string, SoundLevel> }
  | { notice: 'salvage'; id: string; progress: SalvageProgress }
  /** An error of recovery's worker that belongs to no request: what runs may never be answered. */
  | { notice: 'crashed'; error: PlainError }
  /** A picture of a `frame` notice has arrived: there is room for another one. */
  | { notice: 'frame-taken'; sourceId: string }
  /** `refused`: the token that the server refused; absent: there is none yet. */
  | { notice: 'token'; id: number; refused?: string | null };

/** From the page, unasked. */
export type PageNotice =
  | { notice: 'frame'; sourceId: string; frame: VideoFrame }
  | { notice: 'ended'; sourceId: string }
  | { notice: 'pictures-muted'; sourceId: string; muted: boolean }
  | { notice: 'token'; id: number; token: string | null; error?: string }
  /** The page has a new one. */
  | { notice: 'new-token'; token: string }
  | { notice: 'online' }
  /** Nobody can see the previews, or somebody can again. */
  | { notice: 'page-hidden'; hidden: boolean }
  /** Somebody wants `levels` notices, or nobody any more. */
  | { notice: 'want-levels'; want: boolean }
  /** The page has let go of the preview's canvas. */
  | { notice: 'forget-preview'; preview: number }
  /** The page is hidden or closing: what is recorded goes into the journal now. */
  | { notice: 'flush' }
  /** A thread of the engine broke. */
  | { notice: 'thread-failed'; message: string }
  | { notice: 'stop-salvage'; id: string }
  /** Nobody on the page listens any more: whoever lives there is closed. */
  | { notice: 'leave' };

/** Causes of causes are followed so far. */
const CAUSES = 5;

export function plainError(error: unknown): PlainError {
  if (!(error instanceof KeeptakeError)) {
    const cause = plainCause(error);
    const context = isTrap(error) ? { trapped: true } : {};
    return { code: 'engine-failed', message: cause.message, context, retryable: false, fatal: false, cause };
  }
  const { code, message, context, retryable, fatal, stack, cause } = error;
  return {
    code,
    message,
    context: { ...context },
    retryable,
    fatal,
    ...(stack === undefined ? {} : { stack }),
    ...(cause === undefined ? {} : { cause: plainCause(cause) }),
  };
}

/** The error again: its stack and its causes are those of the other side. */
export function fromPlainError({ code, message, stack, cause, ...rest }: PlainError): KeeptakeError {
  const options = cause === undefined ? rest : { ...rest, cause: fromPlainCause(cause) };
  const error = new KeeptakeError(code, message, options);
  if (stack !== undefined) error.stack = stack;
  return error;
}

function plainCause(cause: unknown, depth = 1): PlainCause {
  if (!(cause instanceof Error)) return { name: 'Error', message: String(cause) };
  const { name, message, stack } = cause;
  return {
    name,
    message,
    ...(stack === undefined ? {} : { stack }),
    ...(cause.cause === undefined || depth === CAUSES ? {} : { cause: plainCause(cause.cause, depth + 1) }),
  };
}

function fromPlainCause({ name, message, stack, cause }: PlainCause): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause: fromPlainCause(cause) });
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
