/** The logo of a recorder: a picture of the page in a corner of the take. */

import type { Corner, Recorder } from 'keeptake';
import { decodePicture } from './backdrops.js';

/** The logo as it is set; `shown`: it is in the picture. */
export interface Logo {
  image: Blob;
  corner: Corner;
  /** Its height, as a fraction of the picture's. */
  size: number;
  shown: boolean;
}

/** What can be changed of it; an `image` of null takes it away. */
export interface LogoChange extends Partial<Omit<Logo, 'image'>> {
  image?: Blob | null;
}

const FRESH = { corner: 'top-right', size: 0.12, shown: true } as const;

export class LogoOverlay {
  current: Logo | null = null;
  readonly #recorder: Recorder;
  readonly #changed: () => void;
  #decoded: { of: Blob; bitmap: ImageBitmap } | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(recorder: Recorder, changed: () => void) {
    this.#recorder = recorder;
    this.#changed = changed;
  }

  /** Changes it, one change after the other. What cannot be shown leaves it as it was. */
  set(change: LogoChange): Promise<void> {
    const done = this.#turn.then(() => this.#set(change));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #set({ image = this.current?.image ?? null, ...rest }: LogoChange): Promise<void> {
    if (image === null) {
      await this.#recorder.setLogo(null);
      this.#decoded?.bitmap.close();
      this.#decoded = null;
      this.current = null;
    } else {
      const next: Logo = { ...(this.current ?? FRESH), ...rest, image };
      await this.#show(next);
      this.current = next;
    }
    this.#changed();
  }

  async #show({ image, shown, corner, size }: Logo): Promise<void> {
    if (!shown) {
      await this.#recorder.setLogo(null);
      return;
    }
    if (this.#decoded?.of !== image) {
      const bitmap = await decodePicture(image);
      this.#decoded?.bitmap.close();
      this.#decoded = { of: image, bitmap };
    }
    await this.#recorder.setLogo({ image: this.#decoded.bitmap, corner, size });
  }
}
