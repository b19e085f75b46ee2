/** Calls keeptake-server's HTTP API (docs/api.md) with a time limit and clear errors. */

import { KeeptakeError, type KeeptakeErrorCode } from '../base/errors.js';
import type { Token } from '../base/token.js';
import type { RecorderWarning } from '../base/types.js';
import { TokenSource } from './token.js';

const TIMEOUT_MS = 15_000;

/** What a gateway says of a server that it does not reach. */
const AWAY: ReadonlySet<number> = new Set([502, 504]);

const CODE_OF_API: Readonly<Record<string, KeeptakeErrorCode>> = {
  unauthorized: 'unauthorized',
  forbidden: 'forbidden',
  'not-found': 'not-found',
  'recording-disabled': 'recording-disabled',
  'bad-request': 'bad-argument',
  'take-live': 'take-live',
};

/** An answer of the server that is not a success, with its HTTP status; 0: there was none. */
export class ApiError extends KeeptakeError {
  constructor(
    code: KeeptakeErrorCode,
    message: string,
    readonly status: number,
    cause?: unknown,
    /** The server's own code (docs/api.md); empty where it was not the server that answered. */
    readonly apiCode = '',
    /** What is wrong with the token; absent: nothing. */
    readonly reason?: TokenTrouble,
  ) {
    super(code, message, {
      cause,
      context: { status, ...(reason ? { reason } : {}) },
      retryable: isPassing(code, status),
    });
  }
}

/** Why the server does not take a token, as far as it says: {@link RecorderWarning.reason}. */
export type TokenTrouble = NonNullable<RecorderWarning['reason']>;

/** Another answer may come in a moment: none came, or it was not about what was asked. */
function isPassing(code: KeeptakeErrorCode, status: number): boolean {
  if (code === 'take-live') return true;
  return (
    code !== 'unauthorized' && (status === 0 || status === 408 || status === 429 || (status >= 500 && status !== 507))
  );
}

export interface ApiOptions {
  base: string;
  /** Null: none is sent. A source is shared with others who ask the same page. */
  token: TokenSource | Token | null;
}

export interface CallOptions {
  signal?: AbortSignal;
  contentType?: string;
  /** Header fields besides. */
  headers?: Readonly<Record<string, string>>;
}

/** What a take needs of the server. */
export type Api = Pick<ApiClient, 'call' | 'clockSkewMs'>;

export class ApiClient {
  readonly #base: string;
  readonly #tokens: TokenSource | null;
  /** Server time minus `performance.now()`, milliseconds, as of its last answer; null: not known. */
  #serverOffsetMs: number | null = null;

  constructor(options: ApiOptions) {
    this.#base = options.base.replace(/\/+$/, '');
    const { token } = options;
    this.#tokens = token === null || token instanceof TokenSource ? token : new TokenSource(token);
  }

  /** Server time minus `Date.now()`, milliseconds: stays true where this machine's clock is set meanwhile. */
  get clockSkewMs(): number {
    return this.#serverOffsetMs === null ? 0 : this.#serverOffsetMs + performance.now() - Date.now();
  }

  /** The server's time as it stands in an answer, for gateways that strip the `Date` header. */
  noteServerTime(time: unknown): void {
    const ms = Date.parse(String(time));
    if (Number.isFinite(ms)) this.#serverOffsetMs = ms - performance.now();
  }

  /**
   * The parsed JSON of a successful answer, undefined where it is empty. A token that the server refuses is asked for
   * anew, once.
   */
  async call(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<unknown> {
    const limit = AbortSignal.timeout(TIMEOUT_MS);
    const signal = options.signal ? AbortSignal.any([limit, options.signal]) : limit;
    const token = await this.#tokenFor(signal);
    try {
      return await this.#send(method, path, body, token, limit, signal, options);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401 || !this.#tokens) throw error;
      this.#tokens.refused(token);
      const fresh = await this.#tokenFor(signal).catch(() => token);
      if (fresh === token) throw error;
      return this.#send(method, path, body, fresh, limit, signal, options);
    }
  }

  async #send(
    method: string,
    path: string,
    body: unknown,
    token: string | null,
    limit: AbortSignal,
    signal: AbortSignal,
    options: CallOptions,
  ): Promise<unknown> {
    const headers = new Headers(options.headers);
    if (token !== null) headers.set('Authorization', `Bearer ${token}`);
    let payload: BodyInit | undefined;
    if (body instanceof Uint8Array) {
      payload = body as Uint8Array<ArrayBuffer>;
      headers.set('Content-Type', options.contentType ?? 'application/octet-stream');
    } else if (body !== undefined) {
      payload = JSON.stringify(body);
      headers.set('Content-Type', 'application/json');
    }
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.#base}/api/v1${path}`, {
        method,
        headers,
        body: payload,
        signal,
        credentials: 'same-origin',
        cache: 'no-store',
        redirect: 'error',
      });
      text = await response.text();
    } catch (cause) {
      const why = limit.aborted ? `did not answer within ${TIMEOUT_MS / 1000} s` : 'cannot be reached';
      throw new ApiError('server-unreachable', `The server at ${this.#base} ${why}.`, 0, cause);
    }
    const value = this.#result(response, text);
    // Not before: a sign-in page's clock is none of ours.
    this.noteServerTime(response.headers.get('Date'));
    return value;
  }

  /** The same for requests of whoever records a take; `writer` is his secret. */
  as(writer: string | undefined): Api {
    if (writer === undefined || writer === '') return this;
    const own = this;
    return {
      get clockSkewMs() {
        return own.clockSkewMs;
      },
      call: (method, path, body, options = {}) =>
        own.call(method, path, body, { ...options, headers: { ...options.headers, 'Keeptake-Writer': writer } }),
    };
  }

  /** Neither message nor cause holds the token. */
  async #tokenFor(signal: AbortSignal): Promise<string | null> {
    if (!this.#tokens) return null;
    let token: string | null;
    try {
      token = await this.#tokens.get(signal);
    } catch (cause) {
      throw new ApiError(
        'unauthorized',
        `The page gave no token: ${cause instanceof Error ? cause.message : String(cause)}`,
        0,
        cause,
        '',
        'missing',
      );
    }
    if (token !== null && !/^[\x21-\x7e]+$/.test(token)) {
      this.#tokens.refused(token);
      throw new ApiError(
        'unauthorized',
        'The token has characters that a header cannot carry.',
        0,
        undefined,
        '',
        'unknown',
      );
    }
    return token;
  }

  #result(response: Response, text: string): unknown {
    let value: unknown;
    try {
      // Only 204 has nothing to say: any other empty answer was not given by keeptake-server.
      if (text !== '' || response.status !== 204) value = JSON.parse(text);
    } catch (cause) {
      const status = response.status >= 500 || response.status === 429 ? response.status : 0;
      throw new ApiError(
        AWAY.has(status) ? 'server-unreachable' : 'server-error',
        'The server answered with something that is not JSON; ' + 'a proxy or a sign-in page may stand between.',
        status,
        cause,
      );
    }
    if (response.ok) return value;
    const error = field(value, 'error');
    const code = String(field(error, 'code') ?? '');
    const message = String(field(error, 'message') ?? `The server answered ${response.status}.`);
    const unknown = code === '' && AWAY.has(response.status) ? 'server-unreachable' : 'server-error';
    throw new ApiError(
      CODE_OF_API[code] ?? unknown,
      message,
      response.status,
      undefined,
      code,
      troubleOf(code, field(error, 'reason')),
    );
  }
}

/** A field of an unknown value, undefined where there is none. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** The token is missing, has ended, was withdrawn or may not do this: another one mends it. */
export function needsToken(error: unknown): boolean {
  return tokenTrouble(error) !== null;
}

/** What is wrong with the token; null: nothing. */
export function tokenTrouble(error: unknown): TokenTrouble | null {
  if (!(error instanceof ApiError)) return null;
  return error.reason ?? (error.code === 'unauthorized' ? 'unknown' : null);
}

function troubleOf(code: string, reason: unknown): TokenTrouble | undefined {
  if (code === 'forbidden') return 'forbidden';
  // Too many wrong ones.
  if (code === 'rate-limited') return 'unknown';
  if (code !== 'unauthorized') return undefined;
  return reason === 'missing' || reason === 'expired' ? reason : 'unknown';
}

/** Nobody knows whether the server did what was asked: no answer came, or one that something between gave. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof ApiError) || error.code === 'unauthorized' || error.apiCode !== '') return false;
  return error.status === 0 || error.status === 408 || error.status >= 500;
}

/** The server's own word that asking again is of no use. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof ApiError) || needsToken(error)) return false;
  return error.status >= 400 && error.status < 500 && error.status !== 408 && error.status !== 429;
}

const ENDED = new Set(['salvaged', 'gone', 'not-found']);

/** The server itself, not a proxy before it, says that the upload was ended by others or does not exist. */
export function isEnded(error: unknown): boolean {
  return error instanceof ApiError && ENDED.has(error.apiCode);
}
