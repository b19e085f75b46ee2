/**
 * Brings pictures into the engine's memory: planes as they are where the engine understands them, drawn by the browser
 * first where it does not (HDR and wide-gamut colours, pixels that are not square, turned or mirrored pictures).
 */

import { ColorMatrix, Limit, PixelFormat } from '../engine/contract.gen.js';
import type { EngineFrame, EngineHeap, EngineRecorder } from '../engine/engine.js';

/** Larger pictures are scaled down before they are copied: more pixels than any canvas can show. */
const MAX_PIXELS = 2560 * 1440;
/** A drawn picture is never larger than this on a side, whatever shape its display size gives it. */
const MAX_DRAWN_SIDE = 4096;
/** Display sizes are whole pixels: an aspect that is off by less comes from rounding. */
const ASPECT_TOLERANCE_PIXELS = 1;

type Orientation = { rotation?: number; flip?: boolean };

export class Pictures {
  readonly #heap: EngineHeap;
  readonly #recorder: EngineRecorder;
  #opaque: OffscreenCanvas | null = null;
  #translucent: OffscreenCanvas | null = null;

  constructor(heap: EngineHeap, recorder: EngineRecorder) {
    this.#heap = heap;
    this.#recorder = recorder;
  }

  /** The frame itself, or one that shows the same in a form that the engine understands; the caller closes both. */
  fitting(frame: VideoFrame): VideoFrame {
    const size = drawnSize(frame);
    if (!size) return frame;
    const alpha = hasAlpha(frame.format);
    const context = this.#context(size, alpha);
    if (!context) return frame;
    context.clearRect(0, 0, size.width, size.height);
    context.drawImage(frame, 0, 0, size.width, size.height);
    const { timestamp } = frame;
    if (!alpha) return new VideoFrame(context.canvas, { timestamp, alpha: 'discard' });
    // Not from the canvas: Chromium would take its premultiplied colours for straight ones.
    const { data } = context.getImageData(0, 0, size.width, size.height);
    return new VideoFrame(data, { format: 'RGBA', codedWidth: size.width, codedHeight: size.height, timestamp });
  }

  /**
   * Copies `picture` into a frame of the engine, which the caller pushes or drops. `null`: the picture is empty or too
   * large, or the engine has no frame free. Rejects where the browser cannot read it.
   */
  async copy(picture: VideoFrame): Promise<EngineFrame | null> {
    const rect = picture.visibleRect;
    if (!rect || rect.width < 1 || rect.height < 1) return null;
    if (rect.width > Limit.frameMaxSide || rect.height > Limit.frameMaxSide) return null;
    const { format, convert, planes } = copyPlan(picture.format);
    const color = picture.colorSpace;
    const target = this.#recorder.acquireFrame(
      format,
      rect.width,
      rect.height,
      engineMatrix(color.matrix, rect.height),
      color.fullRange === true,
    );
    if (target === null) return null;
    try {
      const layout = Array.from({ length: planes }, (_, plane) => ({
        offset: target.planes[plane] ?? 0,
        stride: target.strides[plane] ?? 0,
      }));
      const view = new Uint8Array(this.#heap.buffer);
      await picture.copyTo(view, convert ? { layout, format: convert } : { layout });
      // Memory that grew meanwhile detached the view (never a shared one): the bytes may not have arrived.
      if (view.byteLength === 0) throw new Error('The memory moved while a picture was copied.');
      return target;
    } catch (error) {
      this.#recorder.dropFrame(target);
      throw error;
    }
  }

  #context(size: Size, alpha: boolean): OffscreenCanvasRenderingContext2D | null {
    const canvas = alpha
      ? (this.#translucent ??= new OffscreenCanvas(size.width, size.height))
      : (this.#opaque ??= new OffscreenCanvas(size.width, size.height));
    if (canvas.width !== size.width) canvas.width = size.width;
    if (canvas.height !== size.height) canvas.height = size.height;
    return canvas.getContext('2d', { alpha, willReadFrequently: true });
  }
}

interface Size {
  width: number;
  height: number;
}

/** The size at which the browser has to draw a picture before it is copied; `null`: it is copied as it is. */
export function drawnSize(frame: VideoFrame): Size | null {
  const { displayWidth, displayHeight } = frame;
  if (displayWidth < 1 || displayHeight < 1) return null;
  const pixels = displayWidth * displayHeight;
  const isPlain =
    pixels <= MAX_PIXELS && !isTurned(frame) && hasSquarePixels(frame) && isEngineColor(frame.colorSpace, frame.format);
  if (isPlain) return null;
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / pixels), MAX_DRAWN_SIDE / Math.max(displayWidth, displayHeight));
  return {
    width: Math.max(2, Math.round(displayWidth * scale)),
    height: Math.max(2, Math.round(displayHeight * scale)),
  };
}

/** WebCodecs' `rotation` and `flip`: phones held upright, mirrored cameras. `drawImage` heeds both. */
function isTurned(frame: VideoFrame): boolean {
  const { rotation = 0, flip = false } = frame as Orientation;
  return flip || rotation % 360 !== 0;
}

/** Whether the pixels are shown in the aspect in which they lie: an anamorphic film's are not. */
function hasSquarePixels(frame: VideoFrame): boolean {
  const rect = frame.visibleRect;
  if (!rect || rect.width < 1 || rect.height < 1) return true;
  const height = (frame.displayWidth * rect.height) / rect.width;
  const width = (frame.displayHeight * rect.width) / rect.height;
  return (
    Math.abs(height - frame.displayHeight) <= ASPECT_TOLERANCE_PIXELS ||
    Math.abs(width - frame.displayWidth) <= ASPECT_TOLERANCE_PIXELS
  );
}

// As strings: browsers know more names than the type has.
const ENGINE_PRIMARIES: ReadonlySet<string> = new Set(['bt709', 'smpte170m', 'bt470bg']);
const ENGINE_TRANSFERS: ReadonlySet<string> = new Set(['bt709', 'smpte170m', 'iec61966-2-1']);
const BT601_MATRICES: ReadonlySet<string> = new Set(['smpte170m', 'bt470bg']);

/**
 * Whether the engine's colours are meant: standard range and gamut, a matrix it has. BT.2020, PQ, HLG, Display P3 and
 * whatever comes later are brought to sRGB by the browser. What a frame does not say counts as ordinary.
 */
export function isEngineColor(color: VideoColorSpace, format: string | null): boolean {
  const { primaries, transfer, matrix } = color as { primaries?: string; transfer?: string; matrix?: string };
  if (primaries && !ENGINE_PRIMARIES.has(primaries)) return false;
  if (transfer && !ENGINE_TRANSFERS.has(transfer)) return false;
  if (isRgb(format) || !matrix) return true;
  return matrix === 'bt709' || BT601_MATRICES.has(matrix);
}

function isRgb(format: string | null): boolean {
  return format !== null && /^(RGB|BGR)[AX]$/.test(format);
}

function hasAlpha(format: string | null): boolean {
  return format !== null && /A(P1[02])?$/.test(format);
}

/** Where a picture does not say it, small ones are BT.601 and large ones BT.709, as players take it. */
function engineMatrix(matrix: string | null | undefined, height: number): number {
  if (matrix && matrix !== 'bt709') return ColorMatrix.bt601;
  return matrix || height >= 720 ? ColorMatrix.bt709 : ColorMatrix.bt601;
}

/** How a picture is copied: planar formats as they are, everything else as RGBA, by the browser. */
export function copyPlan(pixelFormat: string | null): { format: number; convert?: VideoPixelFormat; planes: number } {
  switch (pixelFormat) {
    case 'I420':
      return { format: PixelFormat.I420, planes: 3 };
    case 'NV12':
      return { format: PixelFormat.NV12, planes: 2 };
    case 'RGBA':
      return { format: PixelFormat.RGBA, planes: 1 };
    case 'BGRA':
      return { format: PixelFormat.BGRA, planes: 1 };
    case 'RGBX':
      return { format: PixelFormat.RGBX, planes: 1 };
    case 'BGRX':
      return { format: PixelFormat.BGRX, planes: 1 };
    default:
      return hasAlpha(pixelFormat)
        ? { format: PixelFormat.RGBA, convert: 'RGBA', planes: 1 }
        : { format: PixelFormat.RGBX, convert: 'RGBA', planes: 1 };
  }
}
