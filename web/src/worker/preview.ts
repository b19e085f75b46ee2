/** Draws the composed picture into the page's canvases: what is seen is what is encoded. */

import type { EngineFrame, EngineHeap } from '../engine/engine.js';

interface Target {
  canvas: OffscreenCanvas;
  context: OffscreenCanvasRenderingContext2D;
  active: boolean;
}

/** At least so often, however late the next picture gets. */
const LATE_US = 100_000;
/** Between pictures that nobody can see; whoever reads the canvas finds it not much older. */
const HIDDEN_US = 1_000_000;

export class Preview {
  /** The page's tab is in the background. */
  hidden = false;
  #drawnUs = -Infinity;
  #shownUs = 0;
  /** What showing one takes, of late. */
  #costUs = 0;
  readonly #targets = new Map<number, Target>();

  attach(id: number, canvas: OffscreenCanvas | undefined): void {
    const known = this.#targets.get(id);
    if (known) known.active = true;
    if (!canvas) return;
    const context = canvas.getContext('2d', { alpha: false });
    if (context) this.#targets.set(id, { canvas, context, active: true });
  }

  detach(id: number): void {
    const target = this.#targets.get(id);
    if (target) target.active = false;
  }

  /** The page's canvas is gone: so are its pixels. */
  forget(id: number): void {
    const target = this.#targets.get(id);
    if (!target) return;
    this.#targets.delete(id);
    // Freed at once, not when this thread next collects what it no longer needs.
    target.canvas.width = target.canvas.height = 0;
  }

  /**
   * Draws the picture, and has `besides` do what else it is for, unless that would make the next one late: the take goes
   * first, and the eye is content with ten pictures a second. One that cannot be shown is no reason to end a take.
   * `dueUs`: when the next one is due, on the clock of `nowUs`.
   */
  offer(
    picture: {
      heap: EngineHeap;
      frame: EngineFrame;
      matrix: VideoMatrixCoefficients;
      nowUs: () => number;
      dueUs: number;
    },
    besides: () => void,
  ): void {
    const { heap, frame, matrix, nowUs, dueUs } = picture;
    const began = nowUs();
    const late = began + this.#costUs > dueUs;
    if (late && began - this.#shownUs < LATE_US) return;
    this.#shownUs = began;
    try {
      if (!this.hidden || began - this.#drawnUs >= HIDDEN_US) {
        this.#drawnUs = began;
        this.draw(heap, frame, matrix);
      }
    } catch {
      // The next one is tried again.
    }
    besides();
    this.#costUs += (nowUs() - began - this.#costUs) / 8;
  }

  draw(heap: EngineHeap, frame: EngineFrame, matrix: VideoMatrixCoefficients): void {
    const targets = [...this.#targets.values()].filter((target) => target.active);
    if (targets.length === 0) return;
    const picture = canvasPicture(heap, frame, matrix);
    try {
      for (const { canvas, context } of targets) {
        if (canvas.width !== frame.width || canvas.height !== frame.height) {
          canvas.width = frame.width;
          canvas.height = frame.height;
        }
        context.drawImage(picture, 0, 0);
      }
    } finally {
      picture.close();
    }
  }
}

/** The engine's I420 canvas as a VideoFrame; the constructor copies the planes. */
export function canvasPicture(heap: EngineHeap, frame: EngineFrame, matrix: VideoMatrixCoefficients): VideoFrame {
  const [y, u, v] = frame.planes;
  const [strideY, strideU, strideV] = frame.strides;
  const end = Math.max(y + strideY * frame.height, v + strideV * ((frame.height + 1) >> 1));
  return new VideoFrame(heap.bytes(y, end - y), {
    format: 'I420',
    codedWidth: frame.width,
    codedHeight: frame.height,
    timestamp: 0,
    layout: [
      { offset: 0, stride: strideY },
      { offset: u - y, stride: strideU },
      { offset: v - y, stride: strideV },
    ],
    colorSpace: { matrix, primaries: 'bt709', transfer: 'bt709', fullRange: false },
  });
}
