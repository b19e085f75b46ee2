/** Sends a take's timeline to the server, now and then while it is recorded and for good at its end. */

import { isRefusal, needsToken, type Api } from './api.js';

/** Waits before the finished timeline is sent again, a minute in all. */
const RETRIES_MS = [0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000];
/** With a token that the server refuses it is tried this often, ten minutes in all. */
const TOKEN_WAIT_MS = 5000;
const TRIES = 120;

export class TimelineSender {
  readonly #api: Pick<Api, 'call'>;
  readonly #path: string;
  /** On its way; null: none. */
  #sending: Promise<boolean> | null = null;
  #error: unknown;
  #closed = false;

  constructor(api: Pick<Api, 'call'>, recordingId: string) {
    this.#api = api;
    this.#path = `/recordings/${recordingId}/timeline`;
  }

  get busy(): boolean {
    return this.#sending !== null;
  }

  /** Why the last one was not taken. */
  get error(): unknown {
    return this.#error;
  }

  /** Nothing is tried again. */
  close(): void {
    this.#closed = true;
  }

  /** False where that failed. One at a time, so that an older one cannot land on a newer. */
  send(body: Uint8Array): Promise<boolean> {
    const before = this.#sending;
    const sent = (async (): Promise<boolean> => {
      try {
        await before;
        await this.#api.call('PUT', this.#path, body, { contentType: 'application/zlib' });
        return true;
      } catch (error) {
        this.#error = error;
        return false;
      }
    })();
    this.#sending = sent;
    void sent.then(() => {
      if (this.#sending === sent) this.#sending = null;
    });
    return sent;
  }

  /** Sends it again and again for a minute, and for longer where it waits for a token; false where the server refuses it or stays away. */
  async store(body: Uint8Array): Promise<boolean> {
    const waits = [...RETRIES_MS];
    for (let asked = 0; waits.length > 0 && asked < TRIES; asked++) {
      const wait = needsToken(this.#error) ? TOKEN_WAIT_MS : (waits.shift() ?? 0);
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      if (this.#closed) return false;
      if (await this.send(body)) return true;
      if (isRefusal(this.#error)) return false;
    }
    return false;
  }
}
