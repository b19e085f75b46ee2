/**
 * Which of a source's pictures are copied. A picture is copied as soon as it comes, one at a time; of those that come
 * meanwhile, or faster than the canvas can show them, the newest waits. So the last picture of all always arrives,
 * and none becomes late by waiting behind others.
 */

import { PictureClock } from './picture-clock.js';

/** Of the frame interval: a picture that follows the last one sooner waits whether another one comes. */
const EARLY = 0.55;
/** A source that ends in a waiting picture has stopped; timers and pictures are uneven by less than this. */
const PATIENCE_US = 5000;
const DRIFT_US = 30;

export interface IntakeOptions {
  /** Of the canvas. */
  fps: number;
  nowUs: () => number;
  /** Copies a picture, which the intake closes; resolves to what makes it the source's newest, or null. Never rejects. */
  copy: (frame: VideoFrame) => Promise<((arrivedUs: number) => void) | null>;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #clock = new PictureClock();
  #waiting: { frame: VideoFrame; atUs: number } | null = null;
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
    this.#waiting?.frame.close();
    this.#waiting = { frame, atUs };
    this.#next();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#waiting?.frame.close();
    this.#waiting = null;
  }

  #next(): void {
    clearTimeout(this.#timer);
    if (this.#copying || !this.#waiting) return;
    const intervalUs = 1e6 / this.#options.fps;
    const since = this.#waiting.atUs - this.#lastUs;
    if (since >= EARLY * intervalUs) return void this.#take();
    const leftUs = this.#lastUs + intervalUs + PATIENCE_US - this.#options.nowUs();
    this.#timer = setTimeout(() => void this.#take(), Math.max(0, Math.min(leftUs, intervalUs)) / 1000);
  }

  async #take(): Promise<void> {
    const next = this.#waiting;
    if (!next || this.#copying) return;
    this.#waiting = null;
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
