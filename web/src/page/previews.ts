/** Canvases of the page in which the worker draws what it composes. */

import type { WorkerChannel } from '../protocol/channel.js';
import { KeeptakeError } from '../base/errors.js';

export class Previews {
  readonly #channel: WorkerChannel;
  readonly #ready: () => Promise<void>;
  readonly #size: { width: number; height: number };
  /** `turn`: counts the attachments of a canvas; only the newest one may end it. */
  #known = new WeakMap<HTMLCanvasElement, { id: number; turn: number }>();
  readonly #lost = new FinalizationRegistry<number>((preview) => this.#forget(preview));
  #last = 0;
  /** Attached canvases; one in a window of its own (picture in picture) is seen while the page is not. */
  readonly #attached = new Set<WeakRef<HTMLCanvasElement>>();
  readonly #looked = (): void => {
    if (!this.#channel.dead) this.#channel.tell({ notice: 'page-hidden', hidden: this.#hidden() });
  };

  constructor(channel: WorkerChannel, ready: () => Promise<void>, size: { width: number; height: number }) {
    this.#channel = channel;
    this.#ready = ready;
    this.#size = size;
    document.addEventListener('visibilitychange', this.#looked);
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#looked);
  }

  /** @throws {KeeptakeError} `'bad-argument'` where the canvas is in use already */
  attach(canvas: HTMLCanvasElement): () => void {
    let preview = this.#known.get(canvas);
    let offscreen: OffscreenCanvas | undefined;
    if (preview === undefined) {
      try {
        canvas.width = this.#size.width;
        canvas.height = this.#size.height;
        offscreen = canvas.transferControlToOffscreen();
      } catch (cause) {
        throw new KeeptakeError(
          'bad-argument',
          'This canvas is in use already: give each recorder a canvas of its own.',
          {
            cause,
          },
        );
      }
      preview = { id: ++this.#last, turn: 0 };
      this.#known.set(canvas, preview);
      this.#lost.register(canvas, preview.id);
    }
    const attachment = preview;
    const { id } = attachment;
    const turn = ++attachment.turn;
    const attached = this.#ready().then(() =>
      this.#channel.ask(
        'attachPreview',
        { preview: id, ...(offscreen ? { canvas: offscreen } : {}) },
        offscreen ? [offscreen] : [],
      ),
    );
    attached.catch(() => undefined);
    const seen = new WeakRef(canvas);
    this.#attached.add(seen);
    const detach = (): unknown =>
      turn === attachment.turn ? this.#channel.ask('detachPreview', { preview: id }) : undefined;
    return () => {
      this.#attached.delete(seen);
      void attached.then(detach).catch(() => undefined);
    };
  }

  /** A fresh worker: canvases that the last one drew in are lost, and have to be replaced by new ones. */
  renew(): void {
    this.#known = new WeakMap();
  }

  #hidden(): boolean {
    const elsewhere = [...this.#attached].some((seen) => seen.deref()?.ownerDocument.visibilityState === 'visible');
    return document.visibilityState === 'hidden' && !elsewhere;
  }

  #forget(preview: number): void {
    if (!this.#channel.dead) this.#channel.tell({ notice: 'forget-preview', preview });
  }
}
