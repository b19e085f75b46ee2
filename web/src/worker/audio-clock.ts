/**
 * Puts the audio context's sample counter on the engine clock. A block cannot arrive before its last sample
 * was captured, so the least delayed blocks of the last seconds tell where the counter stands; those that a
 * busy worker took late do not matter.
 */

const BUCKET_US = 4_000_000;
/** Later than this against the expectation: the context was suspended, not the worker busy. */
const JUMP_US = 500_000;
/**
 * Every block of 300 ms later than this: a busy machine made the context skip samples. Below the 200 ms that
 * the recorder waits for sound at most, beyond which all of it would be dropped as late.
 */
const LOST_US = 80_000;
const LOST_AFTER_US = 300_000;

export class AudioClock {
  #current = Infinity;
  #previous = Infinity;
  #bucketStartUs = 0;
  /** Of the running 300 ms. */
  #least = Infinity;
  #leastStartUs = 0;

  /** Engine time of the first sample of a block of `frames` samples that begins at `frame` and arrived now. */
  place(frame: number, frames: number, rate: number, nowUs: number): number {
    const offset = nowUs - ((frame + frames) * 1e6) / rate;
    if (offset > Math.min(this.#current, this.#previous) + JUMP_US) this.#current = this.#previous = Infinity;
    this.#least = Math.min(this.#least, offset);
    if (nowUs - this.#leastStartUs > LOST_AFTER_US) {
      if (this.#least > Math.min(this.#current, this.#previous) + LOST_US) {
        this.#current = this.#least;
        this.#previous = Infinity;
      }
      this.#least = Infinity;
      this.#leastStartUs = nowUs;
    }
    if (nowUs - this.#bucketStartUs > BUCKET_US) {
      this.#previous = this.#current;
      this.#current = Infinity;
      this.#bucketStartUs = nowUs;
    }
    this.#current = Math.min(this.#current, offset);
    return Math.round(Math.min(this.#current, this.#previous) + (frame * 1e6) / rate);
  }
}
