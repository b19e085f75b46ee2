/** What the server says of itself and of what a take may be; known from its first answer on. */

import { field, type ApiClient } from './api.js';
import { LIVE_SECONDS } from './life.js';
import type { Limits } from './recording.js';

const DEFAULT_MAX_LENGTH_S = 3 * 3600;
const DEFAULT_MAX_FPS = 60;
const NEAR_S = 60;

export class ServerLimits {
  readonly #api: Pick<ApiClient, 'call' | 'noteServerTime'> | null;
  /** The page's own wish, seconds. */
  readonly #own: number;
  #limits: Limits;
  #organisation = '';
  #liveSeconds = LIVE_SECONDS;
  #known = false;
  #nearTold = false;

  /** `maxLength`: the page's own limit in seconds, 0: none. `api` null: there is no server. */
  constructor(api: Pick<ApiClient, 'call' | 'noteServerTime'> | null, maxLength: number) {
    this.#api = api;
    this.#own = maxLength || Infinity;
    this.#limits = { maxLength: Math.min(this.#own, DEFAULT_MAX_LENGTH_S), maxFps: DEFAULT_MAX_FPS };
  }

  /** The page's wish within what the server allows, as far as that is known. */
  get limits(): Limits {
    return this.#limits;
  }
  /** As the server calls it; empty: not known. */
  get organisation(): string {
    return this.#organisation;
  }
  /** So long it waits for a sign of life. */
  get liveSeconds(): number {
    return this.#liveSeconds;
  }

  newTake(): void {
    this.#nearTold = false;
  }

  /** True once a take: a minute is left of the greatest length, and that is more than two. */
  isLimitNear(takeUs: number): boolean {
    const { maxLength } = this.#limits;
    if (this.#nearTold || maxLength < 2 * NEAR_S || takeUs / 1e6 < maxLength - NEAR_S) return false;
    this.#nearTold = true;
    return true;
  }

  /** Asks the server unless that was done. Rejects with its refusal, or where it does not answer. */
  async ask(): Promise<Limits> {
    if (this.#known || !this.#api) return this.#limits;
    const session = await this.#api.call('GET', '/session');
    this.#api.noteServerTime(field(session, 'server_time'));
    const limits = field(session, 'limits');
    this.#known = true;
    this.#organisation = String(field(session, 'organisation') ?? '');
    this.#liveSeconds = Number(field(session, 'live_seconds')) || this.#liveSeconds;
    const maxLength = Math.min(this.#own, Number(field(limits, 'max_length_seconds')) || DEFAULT_MAX_LENGTH_S);
    this.#limits = { maxLength, maxFps: Number(field(limits, 'max_fps')) || DEFAULT_MAX_FPS };
    return this.#limits;
  }
}
