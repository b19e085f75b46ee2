/** Pictures behind everybody: decoded, and put into the few places that an engine has for them. */

import type { Recorder } from 'keeptake';
import { languageOf } from './strings.js';

/** Places that are used in turn; an engine holds eight pictures in all, a page's own among them. */
const PLACES = 4;
/** Drawings have no pixels; this many on the longer side are sharp at any size of the take. */
const DRAWING_SIDE = 1920;

/**
 * Decodes a picture file, drawings (SVG) too. The caller closes what it gets.
 * @throws {Error} when the browser cannot read it
 */
export async function decodePicture(file: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file);
  } catch (cause) {
    if (!file.type.startsWith('image/svg')) {
      const { background } = languageOf().words;
      const name = file instanceof File ? file.name : '';
      throw new Error(name === '' ? background.unreadableFile : background.unreadable(name), { cause });
    }
  }
  return decodeDrawing(file);
}

async function decodeDrawing(file: Blob): Promise<ImageBitmap> {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const [width, height] = [image.naturalWidth || DRAWING_SIDE, image.naturalHeight || DRAWING_SIDE];
    const scale = DRAWING_SIDE / Math.max(width, height);
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await createImageBitmap(canvas);
  } catch (cause) {
    throw new Error(languageOf().words.background.unreadableFile, { cause });
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** The background pictures of one recorder. Each is kept, so that it can be put in again after others. */
export class Backdrops {
  readonly #recorder: Recorder;
  readonly #placed = new Map<string, Blob>();
  #last = -1;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** The picture of an id of the composition; undefined where this page did not give it. */
  pictureOf(id: string | undefined): Blob | undefined {
    return id === undefined ? undefined : this.#placed.get(id);
  }

  /**
   * Gives the engine a picture that it does not have, in a place other than that of `shown`; gives its id.
   * @throws {Error} when it cannot be read, or the recorder does not take it
   */
  async place(picture: Blob, shown: string | undefined): Promise<string> {
    const there = [...this.#placed].find(([, blob]) => blob === picture);
    if (there !== undefined) {
      return there[0];
    }
    const bitmap = await decodePicture(picture);
    try {
      const id = this.#free(shown);
      this.#placed.delete(id);
      await this.#recorder.setImage(id, bitmap);
      this.#placed.set(id, picture);
      return id;
    } finally {
      bitmap.close();
    }
  }

  #free(shown: string | undefined): string {
    do {
      this.#last = (this.#last + 1) % PLACES;
    } while (shown === `background-${this.#last}`);
    return `background-${this.#last}`;
  }
}
