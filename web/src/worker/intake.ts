/**
 * Which of a source's pictures are copied: in a take each one that the canvas can show, in order and one at a time, so
 * that what comes in a burst through a busy thread still has slots of its own; otherwise the newest. The last picture
 * of all always arrives, and what waits is bounded.
 */

import { PictureClock } from './picture-clock.js';

/** Of the frame interval: a picture that follows the last one sooner waits whether another one comes. */
const EARLY = 0.55;
/** A quarter of a second at 30 a second: the engine makes up for no more. */
const MOST_WAITING = 8;
/** A source that ends in a waiting picture has stopped; timers and pictures are uneven by less than this. */
const PATIENCE_US = 5000;
const DRIFT_US = 30;

export interface IntakeOptions {
  /** Of the canvas. */
  fps: number;
  nowUs: () => number;
  /** Whether all that wait are of use, and not only the newest. */
  keepAll: () => boolean;
  /** Copies a picture, which the intake closes; resolves to what makes it the source's newest, or null. Never rejects. */
  copy: (frame: VideoFrame) => Promise<((arrivedUs: number) => void) | null>;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #clock = new PictureClock();
  /** Oldest first. */
  readonly #waiting: { frame: VideoFrame; atUs: number }[] = [];
  #copying = false;
  #lastUs = -Infinity;
  /** Least time that copying takes. */
  #copyUs = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** A picture came; it is closed sooner or later in every case. */
  offer(frame: VideoFrame): void {
    if (this.#closed) return frame.close();
    const atUs = this.#clock.place(frame.timestamp, this.#options.nowUs());
    this.#drop(this.#options.keepAll() ? MOST_WAITING - 1 : 0);
    this.#waiting.push({ frame, atUs });
    this.#next();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#drop(0);
  }

  /** Closes the oldest that wait, until `left` do. */
  #drop(left: number): void {
    while (this.#waiting.length > left) this.#waiting.shift()?.frame.close();
  }

  #next(): void {
    clearTimeout(this.#timer);
    if (this.#copying) return;
    const intervalUs = 1e6 / this.#options.fps;
    const isEarly = ({ atUs }: { atUs: number }): boolean => atUs - this.#lastUs < EARLY * intervalUs;
    while (this.#waiting.length > 1 && this.#waiting[0] && isEarly(this.#waiting[0]))
      this.#drop(this.#waiting.length - 1);
    const [first] = this.#waiting;
    if (!first) return;
    if (!isEarly(first)) return void this.#take();
    const leftUs = this.#lastUs + intervalUs + PATIENCE_US - this.#options.nowUs();
    this.#timer = setTimeout(() => void this.#take(), Math.max(0, Math.min(leftUs, intervalUs)) / 1000);
  }

  async #take(): Promise<void> {
    if (this.#copying) return;
    const next = this.#waiting.shift();
    if (!next) return;
    this.#copying = true;
    this.#lastUs = next.atUs;
    const began = this.#options.nowUs();
    const push = await this.#options.copy(next.frame);
    next.frame.close();
    this.#copying = false;
    this.#copyUs = Math.min(this.#copyUs + DRIFT_US, this.#options.nowUs() - began);
    push?.(Math.min(next.atUs + this.#copyUs, this.#options.nowUs()));
    if (!this.#closed) this.#next();
  }
}
