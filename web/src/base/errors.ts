/** The package's one error class and its codes. */

export type KeeptakeErrorCode =
  | 'bad-argument'
  | 'bad-composition'
  | 'bad-state'
  /** The page ended it itself: `cancel`, `restart`, `stop` or its AbortSignal while a take was being started. */
  | 'aborted'
  | 'no-such-source'
  | 'no-tracks'
  | 'permission-denied'
  | 'no-device'
  | 'device-busy'
  | 'unsupported-browser'
  | 'engine-load-failed'
  | 'engine-failed'
  | 'limit'
  | 'recording-disabled'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'upload-failed'
  /** The page did not wait for the store ({@link Recorder.leaveForLater}): the take is in the list of recovery. */
  | 'left-for-later'
  /** The journal has no such take, or it was finished or thrown away meanwhile. */
  | 'no-such-take'
  /** Another page records, saves or salvages it. */
  | 'take-live'
  /** Nothing of it can be read. */
  | 'take-damaged'
  /** It was recorded for another server, or for another organisation of it. */
  | 'other-server'
  /** The browser's storage does not open or answer, so nothing is known of what is in it. */
  | 'storage-unavailable'
  | 'server-unreachable'
  | 'server-error'
  | 'closed';

/** What may be over in a moment, by itself. */
const RETRYABLE: ReadonlySet<KeeptakeErrorCode> = new Set([
  'device-busy',
  'engine-load-failed',
  'server-error',
  'server-unreachable',
  'storage-unavailable',
  'take-live',
  'upload-failed',
]);
/** After these neither `reset` nor another call of the same object is of any use. */
const FATAL: ReadonlySet<KeeptakeErrorCode> = new Set(['closed', 'unsupported-browser']);

/** What an error of a code knows besides; a field is absent where it is not known. */
export type KeeptakeErrorContexts = {
  'no-such-source': { id?: string };
  'no-such-take': { id?: string };
  /** Address of the server that the take was recorded for. */
  'other-server': { server?: string | null };
  /** Bytes of the file, and those of them that the store has; `gone`: the server has no upload of it any more. */
  'upload-failed': { safeBytes?: number; totalBytes?: number; gone?: boolean };
  /** `none`: the browser gives this page no storage at all. */
  'storage-unavailable': { reason?: string };
  /** The file that could not be loaded. */
  'engine-load-failed': { url?: string };
  /** Of the engine; `trapped`: it stopped in the middle of something, and {@link Recorder.reset} goes on with a fresh one. */
  'engine-failed': { status?: number; trapped?: boolean };
  /** HTTP status, 0 where no answer came; `reason` as that of the warning `unauthorized`. */
  unauthorized: { status?: number; reason?: 'missing' | 'expired' | 'unknown' | 'forbidden' };
  forbidden: { status?: number; reason?: 'missing' | 'expired' | 'unknown' | 'forbidden' };
  'server-error': { status?: number };
  'server-unreachable': { status?: number };
  'not-found': { status?: number };
};

/** The context of a code; of any code: whatever there is. */
export type KeeptakeErrorContext<C extends KeeptakeErrorCode> = [KeeptakeErrorCode] extends [C]
  ? Record<string, unknown>
  : C extends keyof KeeptakeErrorContexts
    ? KeeptakeErrorContexts[C]
    : Record<string, unknown>;

/** What a {@link KeeptakeError} has besides code and message. */
export interface KeeptakeErrorOptions {
  cause?: unknown;
  context?: Record<string, unknown>;
  /** Default: by the code. */
  retryable?: boolean;
  /** Default: by the code. */
  fatal?: boolean;
}

/** Every failure of the package: a `code` to act on, a sentence for a person, the cause and its context. */
export class KeeptakeError<C extends KeeptakeErrorCode = KeeptakeErrorCode> extends Error {
  override readonly name = 'KeeptakeError';
  readonly code: C;
  /** Values that the message is about: {@link KeeptakeErrorContexts}, typed once {@link KeeptakeError.is} has told the code. */
  readonly context: Readonly<KeeptakeErrorContext<C>>;
  /** The same call may succeed in a moment, although neither page nor person changes anything. */
  readonly retryable: boolean;
  /** The object that gave it is of no use any more: not even {@link Recorder.reset} helps, a new one is needed. */
  readonly fatal: boolean;

  constructor(code: C, message: string, options: KeeptakeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.context = (options.context ?? {}) as KeeptakeErrorContext<C>;
    this.retryable = options.retryable ?? RETRYABLE.has(code);
    this.fatal = options.fatal ?? FATAL.has(code);
  }

  /** The error is of this code, and has the context that goes with it. */
  is<Code extends KeeptakeErrorCode>(code: Code): this is KeeptakeError<Code> {
    return (this.code as KeeptakeErrorCode) === code;
  }
}

/**
 * An engine stopped in the middle of something: what its memory holds cannot be relied on any more, for nobody in it.
 * @internal
 */
export function isTrap(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError;
}
