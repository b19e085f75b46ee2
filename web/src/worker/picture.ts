/** A small picture of the take's last moment, for the list of unfinished takes. */

import type { EngineFrame, EngineHeap } from '../engine/engine.js';
import { canvasPicture } from './preview.js';

const WIDTH = 320;
const EVERY_US = 2_000_000;
const QUALITY = 0.7;

export class LastPicture {
  readonly #keep: (jpeg: ArrayBuffer) => void;
  #canvas: OffscreenCanvas | null = null;
  #dueUs = 0;
  #busy = false;

  constructor(keep: (jpeg: ArrayBuffer) => void) {
    this.#keep = keep;
  }

  /** Keeps the picture where it is time for one: about every two seconds. */
  offer(nowUs: number, heap: EngineHeap, frame: EngineFrame, matrix: VideoMatrixCoefficients): void {
    if (nowUs < this.#dueUs || this.#busy) return;
    this.#dueUs = nowUs + EVERY_US;
    this.#busy = true;
    this.#encode(heap, frame, matrix)
      // A picture that cannot be made is tried again with the next one.
      .then(this.#keep, () => undefined)
      .finally(() => (this.#busy = false));
  }

  async #encode(heap: EngineHeap, frame: EngineFrame, matrix: VideoMatrixCoefficients): Promise<ArrayBuffer> {
    const height = Math.max(1, Math.round((WIDTH * frame.height) / frame.width));
    this.#canvas ??= new OffscreenCanvas(WIDTH, height);
    const context = this.#canvas.getContext('2d', { alpha: false });
    if (!context) throw new Error('This browser gives no 2D canvas in a worker.');
    const picture = canvasPicture(heap, frame, matrix);
    try {
      context.drawImage(picture, 0, 0, WIDTH, height);
    } finally {
      picture.close();
    }
    const jpeg = await this.#canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY });
    return jpeg.arrayBuffer();
  }
}
