/** How fast bytes leave this machine while any are being sent; pauses between sendings do not count. */

const MEMORY_US = 10_000_000;
const LEAST_US = 1000;

export class SpeedMeter {
  #bytes = 0;
  #us = 0;
  #lastUs = 0;
  #running = 0;

  /** A sending begins or ends. */
  begin(nowUs: number): void {
    this.#advance(nowUs);
    this.#running++;
  }
  end(nowUs: number): void {
    this.#advance(nowUs);
    this.#running = Math.max(0, this.#running - 1);
  }

  sent(nowUs: number, bytes: number): void {
    this.#advance(nowUs);
    this.#bytes += Math.max(0, bytes);
  }

  /** Bits per second over about the last ten seconds of sending; 0 before any. */
  bitrate(nowUs: number): number {
    this.#advance(nowUs);
    return this.#us < LEAST_US ? 0 : (this.#bytes * 8e6) / this.#us;
  }

  get running(): number {
    return this.#running;
  }

  #advance(nowUs: number): void {
    const passed = Math.max(0, nowUs - this.#lastUs);
    this.#lastUs = nowUs;
    if (this.#running === 0) return;
    const fade = Math.exp(-passed / MEMORY_US);
    this.#bytes *= fade;
    this.#us = this.#us * fade + passed;
  }
}
