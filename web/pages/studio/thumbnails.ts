/** Small pictures of takes: the last one of a take that ended here, else one drawn from its file. Kept in this browser. */

import { blobNames, deleteBlob, getBlob, putBlob } from './blobs.js';

const SHELF = 'thumb:';
const WIDTH = 320;
const QUALITY = 0.8;
const MOST = 300;
/** Of one take; a file that does not come is no reason to wait for it. */
const DRAW_MS = 10_000;
/** From the end of the file: there is a picture. */
const BEFORE_END_SECONDS = 0.1;
/** Of a file that does not say how long it is: browsers go to where it ends. */
const UNKNOWN_END_SECONDS = 1e6;

/** A small JPEG of a picture; null where the browser gives none. */
export async function shrink(picture: CanvasImageSource, width: number, height: number): Promise<Blob | null> {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = Math.max(1, Math.round((WIDTH * height) / Math.max(1, width)));
  canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY));
}

/** Keeps the picture of a recording; of the oldest ones some are forgotten. */
export async function keepThumbnail(recordingId: string, picture: Blob): Promise<void> {
  await putBlob(SHELF + recordingId, picture);
  const names = await blobNames(SHELF);
  for (const name of names.slice(0, Math.max(0, names.length - MOST))) {
    await deleteBlob(name);
  }
}

export function forgetThumbnail(recordingId: string): Promise<void> {
  return deleteBlob(SHELF + recordingId);
}

/** The picture that is kept of a recording; null: none. */
export function keptThumbnail(recordingId: string): Promise<Blob | null> {
  return getBlob(SHELF + recordingId);
}

let drawing: Promise<unknown> = Promise.resolve();

/** Draws the last picture of a file, one file at a time; null where it cannot be read. `address` is asked when its turn comes. */
export function drawThumbnail(address: () => Promise<string>, isWanted: () => boolean): Promise<Blob | null> {
  const turn = drawing.then(async () => (isWanted() ? drawLast(await address()) : null)).catch(() => null);
  drawing = turn;
  return turn;
}

async function drawLast(url: string): Promise<Blob | null> {
  const video = document.createElement('video');
  video.muted = true;
  video.preload = 'auto';
  // A store elsewhere has to allow it, or the picture could not be read.
  video.crossOrigin = 'anonymous';
  let late: ReturnType<typeof setTimeout> | undefined;
  try {
    const ready = new Promise<void>((resolve, reject) => {
      late = setTimeout(() => reject(new Error('too late')), DRAW_MS);
      video.onerror = () => reject(new Error('unreadable'));
      video.onloadedmetadata = () => {
        video.onseeked = () => resolve();
        const end = Number.isFinite(video.duration) ? video.duration : UNKNOWN_END_SECONDS;
        video.currentTime = Math.max(0, end - BEFORE_END_SECONDS);
      };
    });
    video.src = url;
    await ready;
    return video.videoWidth === 0 ? null : await shrink(video, video.videoWidth, video.videoHeight);
  } finally {
    clearTimeout(late);
    video.onerror = null;
    video.removeAttribute('src');
    video.load();
  }
}
