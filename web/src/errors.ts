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
  | 'device-lost'
  | 'unsupported-browser'
  | 'engine-load-failed'
  | 'engine-failed'
  | 'limit'
  | 'recording-disabled'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'upload-failed'
  /** The journal has no such take, or it was finished or thrown away meanwhile. */
  | 'no-such-take'
  /** Another page records, saves or salvages it. */
  | 'take-live'
  /** Nothing of it can be read. */
  | 'take-damaged'
  /** The server finished it by itself, with less than is on this machine. */
  | 'take-finished-elsewhere'
  /** It was recorded for another server, or for another organisation of it. */
  | 'other-server'
  /** The browser's storage does not open or answer, so nothing is known of what is in it; `context.retryable`: it may in a moment. */
  | 'storage-unavailable'
  | 'server-unreachable'
  | 'server-error'
  | 'closed';

/** Every failure of the package: a `code` to act on, a sentence for a person, the cause and its context. */
export class KeeptakeError extends Error {
  override readonly name = 'KeeptakeError';
  readonly code: KeeptakeErrorCode;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(
    code: KeeptakeErrorCode,
    message: string,
    options: { cause?: unknown; context?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.context = options.context ?? {};
  }
}
