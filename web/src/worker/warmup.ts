/**
 * Makes the encoder fast before the first take: in setup, one throw-away picture at a time with rests between, so that
 * previews and the machine go on; without rests once a take waits for it, for a bounded time.
 */

/** Of the time: the rest belongs to everything else. */
const SHARE = 1 / 3;
const LEAST_REST_MS = 15;

export class WarmUp {
  readonly #step: () => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #left = true;
  #hurried = false;
  #over: () => void = () => undefined;
  readonly #done: Promise<void>;

  /** `step` encodes one picture, and tells whether more are of use. */
  constructor(step: () => boolean) {
    this.#step = step;
    this.#done = new Promise((resolve) => (this.#over = resolve));
    this.#rest(LEAST_REST_MS);
  }

  /** Goes on without rests; resolves when it is over, or after `mostMs`, when it ends. */
  async hurry(mostMs: number): Promise<void> {
    if (!this.#left) return;
    this.#hurried = true;
    this.#rest(0);
    const limit = setTimeout(() => this.stop(), mostMs);
    await this.#done;
    clearTimeout(limit);
  }

  stop(): void {
    this.#left = false;
    clearTimeout(this.#timer);
    this.#over();
  }

  #rest(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), ms);
  }

  #run(): void {
    const began = performance.now();
    try {
      this.#left = this.#step();
    } catch {
      // A take will say what is wrong.
      this.#left = false;
    }
    if (!this.#left) return this.stop();
    const took = performance.now() - began;
    this.#rest(this.#hurried ? 0 : Math.max(LEAST_REST_MS, took * (1 / SHARE - 1)));
  }
}
