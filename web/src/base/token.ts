/** What a page gives as its token for the server. */

/** Why a token is asked for: there is none yet, or the server refused the last one. */
export type TokenReason = 'needed' | 'refused';

/** What a function that gives tokens is told. */
export interface TokenAsk {
  reason: TokenReason;
  /** Nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** A token, or what gives one. */
export type Token = string | ((ask: TokenAsk) => string | null | Promise<string | null>);
