/** Shows the server that a take's recorder lives, so that nobody else ends the take meanwhile (docs/api.md). */

import { isEnded, type Api } from './api.js';

/** In the time after which the server takes a silent recorder for dead. */
const SIGNS = 4;
/** Not more often, whatever the server says, milliseconds. */
const LEAST_MS = 250;
/** As long as the server's own default, seconds. */
export const LIVE_SECONDS = 60;

export interface SignsOfLifeOptions {
  /** Asks as the take's writer. */
  api: Pick<Api, 'call'>;
  recordingId: string;
  /** So long the server waits for a sign. */
  liveSeconds: number;
  /** The server says that others ended the upload, or that it does not exist; told once. */
  onEnded: (error: unknown) => void;
}

/** Gives signs from its creation until {@link SignsOfLife.stop}, whatever else is asked of the server. */
export class SignsOfLife {
  readonly #options: SignsOfLifeOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #control = new AbortController();
  #asking = false;

  constructor(options: SignsOfLifeOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#show(), Math.max(LEAST_MS, (options.liveSeconds * 1000) / SIGNS));
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#control.abort();
  }

  /** One request at a time: on a link that takes none, more would only wait for it. */
  async #show(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const { api, recordingId, onEnded } = this.#options;
    const { signal } = this.#control;
    try {
      await api.call('POST', `/recordings/${recordingId}/alive`, undefined, { signal });
    } catch (error) {
      // Anything else may be over at the next sign.
      if (!isEnded(error) || signal.aborted) return;
      this.stop();
      onEnded(error);
    } finally {
      this.#asking = false;
    }
  }
}
