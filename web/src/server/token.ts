/** The page's token for the server: kept until the server refuses it, then asked for anew. */

import { abortable } from '../base/abort.js';
import type { TokenAsk, TokenReason } from '../base/token.js';

/** So long an answer is waited for; a page that shows a sign-in needs some time. */
const ASK_TIMEOUT_MS = 120_000;

/** Asks the page; `last` is the token that was refused. */
export type AskToken = (ask: TokenAsk, last: string | null) => string | null | Promise<string | null>;

export class TokenSource {
  readonly #ask: AskToken;
  #token: string | null = null;
  /** Why one has to be asked for; null: there is one. */
  #reason: TokenReason | null = 'needed';
  /** One question at a time: whoever needs a token meanwhile waits for the same answer. */
  #asking: Promise<string | null> | null = null;
  /** Counts the tokens that were given unasked: they are newer than an answer that is still awaited. */
  #given = 0;

  constructor(token: string | AskToken | undefined) {
    this.#ask = typeof token === 'function' ? token : () => token ?? null;
  }

  /** Rejects with what the page rejected with, or with the signal's reason. */
  async get(signal: AbortSignal): Promise<string | null> {
    if (this.#reason === null) return this.#token;
    return abortable((this.#asking ??= this.#fetch(this.#reason)), signal);
  }

  /** The server refuses this token; another one that was given meanwhile stays. */
  refused(token: string | null): void {
    if (this.#reason === null && token === this.#token) this.#reason = 'refused';
  }

  /** The page gives one unasked. */
  set(token: string): void {
    this.#token = token;
    this.#reason = null;
    this.#given++;
  }

  async #fetch(reason: TokenReason): Promise<string | null> {
    const given = this.#given;
    try {
      const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
      const token = await abortable(Promise.resolve(this.#ask({ reason, signal }, this.#token)), signal);
      if (given === this.#given) {
        this.#token = token;
        this.#reason = null;
      }
      return this.#token;
    } finally {
      this.#asking = null;
    }
  }
}
