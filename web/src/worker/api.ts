/** Calls keeptake-server's HTTP API (docs/api.md) with a time limit and clear errors. */

import { abortable } from '../abort.js';
import { KeeptakeError, type KeeptakeErrorCode } from '../errors.js';

const TIMEOUT_MS = 15_000;

const CODE_OF_API: Readonly<Record<string, KeeptakeErrorCode>> = {
  unauthorized: 'unauthorized',
  forbidden: 'forbidden',
  'not-found': 'not-found',
  'recording-disabled': 'recording-disabled',
  'bad-request': 'bad-argument',
};

/** An answer of the server that is not a success, with its HTTP status; 0: there was none. */
export class ApiError extends KeeptakeError {
  constructor(
    code: KeeptakeErrorCode,
    message: string,
    readonly status: number,
    cause?: unknown,
  ) {
    super(code, message, { cause, context: { status } });
  }
}

export interface ApiOptions {
  base: string;
  token: (() => Promise<string | null>) | null;
}

export class ApiClient {
  readonly #base: string;
  readonly #token: ApiOptions['token'];
  /** Server time minus ours, milliseconds. */
  clockSkewMs = 0;

  constructor(options: ApiOptions) {
    this.#base = options.base.replace(/\/+$/, '');
    this.#token = options.token;
  }

  /** The parsed JSON of a successful answer, undefined where it is empty. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    options: { signal?: AbortSignal; contentType?: string } = {},
  ): Promise<unknown> {
    const limit = AbortSignal.timeout(TIMEOUT_MS);
    const signal = options.signal ? AbortSignal.any([limit, options.signal]) : limit;
    const headers = await this.#headers(signal);
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
    const date = Date.parse(response.headers.get('Date') ?? '');
    if (Number.isFinite(date)) this.clockSkewMs = date - Date.now();
    return value;
  }

  /** Neither message nor cause holds the token. */
  async #headers(signal: AbortSignal): Promise<Headers> {
    const headers = new Headers();
    if (!this.#token) return headers;
    let token: string | null;
    try {
      token = await abortable(this.#token(), signal);
    } catch (cause) {
      throw new ApiError('unauthorized', `The page gave no token: ${cause instanceof Error ? cause.message : String(cause)}`, 0, cause);
    }
    if (token === null) return headers;
    if (!/^[\x21-\x7e]+$/.test(token))
      throw new ApiError('unauthorized', 'The token has characters that a header cannot carry.', 0);
    headers.set('Authorization', `Bearer ${token}`);
    return headers;
  }

  #result(response: Response, text: string): unknown {
    let value: unknown;
    try {
      // Only 204 has nothing to say: any other empty answer was not given by keeptake-server.
      if (text !== '' || response.status !== 204) value = JSON.parse(text);
    } catch (cause) {
      const status = response.status >= 500 || response.status === 429 ? response.status : 0;
      throw new ApiError('server-error', 'The server answered with something that is not JSON; ' +
        'a proxy or a sign-in page may stand between.', status, cause);
    }
    if (response.ok) return value;
    const error = field(value, 'error');
    const code = String(field(error, 'code') ?? '');
    const message = String(field(error, 'message') ?? `The server answered ${response.status}.`);
    throw new ApiError(CODE_OF_API[code] ?? 'server-error', message, response.status);
  }
}

/** A field of an unknown value, undefined where there is none. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
