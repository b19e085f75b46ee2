/**
 * Makes the encoder fast before the first take: in setup, one throw-away picture at a time with rests between, so that
 * previews and the machine go on; without rests once a take waits for it, for a bounded time.
 */

/** Of the time: the rest belongs to everything else. */
const SHARE = 1 / 3;
const LEAST_REST_MS = 15;

/** A take without a countdown waits so long for sources that have shown nothing yet, and for the warm-up. */
const FIRST_PICTURES_MS = 1500;
const WARM_UP_MS = 1500;
const AWAIT_MS = 10;

export class WarmUp {
  readonly #step: (last: boolean) => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #left = true;
  #hurried = false;
  #over: () => void = () => undefined;
  readonly #done: Promise<void>;

  /**
   * `step` encodes one picture, and tells whether more are of use; the last one, which `last` makes it, prepares the
   * take's encoder.
   */
  constructor(step: (last: boolean) => boolean) {
    this.#step = step;
    this.#done = new Promise((resolve) => (this.#over = resolve));
    this.#rest(LEAST_REST_MS);
  }

  /** Goes on without rests; resolves when it is over, or after `mostMs`, when it ends. */
  async hurry(mostMs: number): Promise<void> {
    if (!this.#left) return;
    this.#hurried = true;
    this.#rest(0);
    const limit = setTimeout(() => this.#run(true), mostMs);
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

  #run(last = false): void {
    if (!this.#left) return;
    const began = performance.now();
    try {
      this.#left = this.#step(last);
    } catch {
      // A take will say what is wrong.
      this.#left = false;
    }
    if (!this.#left) return this.stop();
    const took = performance.now() - began;
    this.#rest(this.#hurried ? 0 : Math.max(LEAST_REST_MS, took * (1 / SHARE - 1)));
  }
}

/** What the first picture needs: an encoder that is fast, and sources that show something (`awaits`: some do not yet). A countdown leaves time for that. */
export async function firstPictures(warmUp: WarmUp, awaits: () => boolean): Promise<void> {
  const until = performance.now() + FIRST_PICTURES_MS;
  await warmUp.hurry(WARM_UP_MS);
  while (performance.now() < until && awaits()) await new Promise((resolve) => setTimeout(resolve, AWAIT_MS));
}
