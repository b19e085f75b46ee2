/** A logo: a picture in a corner of the take, at its share of the height. */

import { Limit, SpriteKind } from '../engine/contract.gen.js';
import type { Corner } from '../base/types.js';
import type { Sprite } from './sprites.js';

/** Of the canvas's width, for pictures that are very wide. */
const MOST_WIDTH = 0.6;

export const CORNER_KIND: Record<Corner, number> = {
  'top-left': SpriteKind.topLeft,
  'top-right': SpriteKind.topRight,
  'bottom-left': SpriteKind.bottomLeft,
  'bottom-right': SpriteKind.bottomRight,
};

/** The picture at `size` of the canvas's height, its own transparency kept. Even sides, so that chroma lines up. */
export function logoSprite(image: ImageBitmap, size: number, canvas: { width: number; height: number }): Sprite {
  const most = Math.min(MOST_WIDTH * canvas.width, Limit.spriteMaxSide);
  const scale = Math.min((size * canvas.height) / image.height, most / image.width);
  const side = (pixels: number): number => Math.max(2, 2 * Math.round((pixels * scale) / 2));
  const [width, height] = [side(image.width), side(image.height)];
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('This browser gives no 2D canvas in a worker.');
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, width, height);
  return { width, height, rgba: context.getImageData(0, 0, width, height).data };
}
