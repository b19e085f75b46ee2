/**
 * When a source's pictures came, without the delays of a busy thread: a picture that waited has an older timestamp.
 * Timestamps that cannot be true (they go back, leap, or run at another speed than arrivals) are not believed.
 */

/** The least delay may grow by this a picture: clocks drift. */
const DRIFT_US = 30;
/** A picture later than the promptest by more is no late one: the timestamps have moved. */
const LOST_US = 250_000;
/** Arrivals nearer than this tell nothing about speed. */
const LEAST_STEP_US = 5000;
/** Timestamps run at the speed of arrivals, or they are something else than microseconds. */
const SLOWEST = 0.25;
const FASTEST = 4;
/** A hiccup of the thread looks like one step of a wrong speed, and only one. */
const DOUBTFUL = 2;
const MOST_DOUBT = 8;

export class PictureClock {
  #lastTimestamp = -Infinity;
  #lastArrival = -Infinity;
  #leastLate = Infinity;
  #doubt = 0;

  /** Engine time, microseconds, at most `arrivalUs`, at which the picture of `timestampUs` would have come undelayed. */
  place(timestampUs: number, arrivalUs: number): number {
    const step = timestampUs - this.#lastTimestamp;
    this.#judge(step, arrivalUs - this.#lastArrival);
    this.#lastTimestamp = timestampUs;
    this.#lastArrival = arrivalUs;
    const late = arrivalUs - timestampUs;
    const known = this.#leastLate + DRIFT_US;
    const moved = step <= 0 || Math.abs(late - known) > LOST_US;
    this.#leastLate = moved ? late : Math.min(known, late);
    return this.#doubt >= DOUBTFUL ? arrivalUs : timestampUs + this.#leastLate;
  }

  #judge(step: number, arrivalStep: number): void {
    if (!Number.isFinite(step) || arrivalStep < LEAST_STEP_US) return;
    const speed = step / arrivalStep;
    const wrong = speed < SLOWEST || speed > FASTEST;
    this.#doubt = wrong ? Math.min(MOST_DOUBT, this.#doubt + 1) : Math.max(0, this.#doubt - 1);
  }
}
