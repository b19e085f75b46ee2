/** The engine's clock work: its turns, by its own word, and the composed picture of each. */

import { Tick } from '../engine/contract.gen.js';
import type { EngineFrame, EngineHeap, EngineRecorder } from '../engine/engine.js';
import { Preview } from './preview.js';
import { Turns } from './turns.js';

/** At least so often, whatever the engine says. */
const LONGEST_WAIT_MS = 1000;

/** Engine clock and Unix time, microseconds. */
export interface EngineClock {
  nowUs: () => number;
  wallUs: () => number;
}

export interface LoopOptions extends EngineClock {
  heap: EngineHeap;
  recorder: EngineRecorder;
  /** Of the canvas. */
  matrix: VideoMatrixCoefficients;
  /** A turn is over as far as the engine goes: what it gave is to be taken. Throws where that fails. */
  onTurn: (gave: { picture: boolean; chunks: boolean }) => void;
  /** Something of the turn failed. */
  onFailed: (error: unknown) => void;
  /** The turn is over. */
  after: () => void;
  /** What else than the preview wants the composed picture, where there is time for it. */
  besides: (frame: EngineFrame) => void;
}

export class Loop {
  readonly preview = new Preview();
  readonly #options: LoopOptions;
  readonly #turns = new Turns(() => this.turn());
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What copying and encoding took since the last turn. */
  #busyUs = 0;
  #closed = false;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** So much time went into what the engine does not see. */
  busy(us: number): void {
    this.#busyUs += us;
  }

  /** A turn now, whenever the next one was due. */
  turn(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const { recorder, nowUs, wallUs, onTurn, onFailed, after } = this.#options;
    const began = nowUs();
    const busy = this.#busyUs;
    this.#busyUs = 0;
    try {
      const flags = recorder.tick(began, wallUs(), busy);
      const picture = (flags & Tick.canvas) !== 0;
      if (picture) this.show();
      onTurn({ picture, chunks: (flags & Tick.chunk) !== 0 });
    } catch (error) {
      onFailed(error);
    }
    if (this.#closed) return;
    after();
    this.#busyUs += nowUs() - began;
    this.schedule();
  }

  /** The next turn, by the engine's word. One that is due comes after what waits, without a timer's least wait. */
  schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const now = this.#options.nowUs();
    const waitMs = (this.#options.recorder.nextUs(now) - now) / 1000;
    if (waitMs > 0) this.#timer = setTimeout(() => this.turn(), Math.min(waitMs, LONGEST_WAIT_MS));
    else this.#turns.ask();
  }

  /** Draws the composed picture into the previews; nothing before the first one. */
  show(): void {
    const { heap, recorder, matrix, nowUs, besides } = this.#options;
    const frame = recorder.canvas();
    if (!frame) return;
    const dueUs = recorder.nextUs(nowUs());
    this.preview.offer({ heap, frame, matrix, nowUs, dueUs }, () => besides(frame));
  }

  /** No turn comes any more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#turns.close();
  }
}
