/** Which pictures the engine takes as they lie, and which the browser draws first. */

import { describe, expect, it } from 'vitest';
import { PixelFormat } from '../../../web/src/engine/contract.gen.js';
import { copyPlan, drawnSize, isEngineColor } from '../../../web/src/worker/pictures.js';

const bt709 = { primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false };

function frame(width: number, height: number, more: Record<string, unknown> = {}): VideoFrame {
  return {
    format: 'I420',
    visibleRect: { x: 0, y: 0, width, height },
    displayWidth: width,
    displayHeight: height,
    colorSpace: bt709,
    ...more,
  } as unknown as VideoFrame;
}

describe('a picture is drawn before it is copied', () => {
  it('never where it is ordinary, whatever its size', () => {
    for (const [width, height] of [
      [1280, 720],
      [641, 361],
      [1, 1],
      [3, 5],
      [8191, 3],
    ] as const)
      expect(drawnSize(frame(width, height))).toBeNull();
    // Shown larger than it is, in the same aspect: the engine scales anyway.
    expect(drawnSize(frame(640, 360, { displayWidth: 1280, displayHeight: 720 }))).toBeNull();
    expect(drawnSize(frame(853, 480, { displayWidth: 854, displayHeight: 480 }))).toBeNull();
  });

  it('where its pixels are not square', () => {
    expect(drawnSize(frame(720, 576, { displayWidth: 1024 }))).toEqual({ width: 1024, height: 576 });
    expect(drawnSize(frame(1440, 1080, { displayWidth: 1920 }))).toEqual({ width: 1920, height: 1080 });
    expect(drawnSize(frame(720, 480, { displayWidth: 640 }))).toEqual({ width: 640, height: 480 });
  });

  it('where it is turned or mirrored', () => {
    const upright = { rotation: 90, displayWidth: 720, displayHeight: 1280 };
    expect(drawnSize(frame(1280, 720, upright))).toEqual({ width: 720, height: 1280 });
    expect(drawnSize(frame(1280, 720, { rotation: 180 }))).toEqual({ width: 1280, height: 720 });
    expect(drawnSize(frame(1280, 720, { flip: true }))).toEqual({ width: 1280, height: 720 });
  });

  it('where it is larger than any canvas can show, to a size that can be made', () => {
    const large = drawnSize(frame(7680, 4320));
    expect(large).toEqual({ width: 2560, height: 1440 });
    const wide = drawnSize(frame(100, 100, { displayWidth: 100_000, displayHeight: 100 }));
    expect(wide?.width).toBeLessThanOrEqual(4096);
    expect(wide?.height).toBeGreaterThanOrEqual(2);
  });

  it('where its colours are not the engine’s', () => {
    for (const colorSpace of [
      { ...bt709, matrix: 'bt2020-ncl', primaries: 'bt2020' },
      { ...bt709, transfer: 'pq' },
      { ...bt709, transfer: 'hlg' },
      { ...bt709, transfer: 'linear' },
      { ...bt709, primaries: 'smpte432' },
      { ...bt709, matrix: 'a matrix of later years' },
    ])
      expect(drawnSize(frame(1280, 720, { colorSpace }))).toEqual({ width: 1280, height: 720 });
  });
});

describe('the engine’s colours', () => {
  const none = { primaries: null, transfer: null, matrix: null, fullRange: null };
  it('are those of ordinary cameras and screens, and of frames that say nothing', () => {
    for (const color of [
      bt709,
      none,
      { ...bt709, fullRange: true },
      { primaries: 'smpte170m', transfer: 'smpte170m', matrix: 'smpte170m', fullRange: false },
      { primaries: 'bt470bg', transfer: 'smpte170m', matrix: 'bt470bg', fullRange: false },
    ])
      expect(isEngineColor(color as VideoColorSpace, 'I420')).toBe(true);
    const srgb = { primaries: 'bt709', transfer: 'iec61966-2-1', matrix: 'rgb', fullRange: true };
    expect(isEngineColor(srgb as VideoColorSpace, 'BGRX')).toBe(true);
    // The identity matrix over planes: green, blue, red.
    expect(isEngineColor(srgb as VideoColorSpace, 'I444')).toBe(false);
  });
});

describe('the copy', () => {
  it('takes known formats as they are and asks for RGBA otherwise', () => {
    expect(copyPlan('I420')).toEqual({ format: PixelFormat.I420, planes: 3 });
    expect(copyPlan('NV12')).toEqual({ format: PixelFormat.NV12, planes: 2 });
    expect(copyPlan('BGRA')).toEqual({ format: PixelFormat.BGRA, planes: 1 });
    expect(copyPlan('BGRX')).toEqual({ format: PixelFormat.BGRX, planes: 1 });
    for (const other of ['I422', 'I444', 'I420P10', 'a format of later years', null])
      expect(copyPlan(other)).toEqual({ format: PixelFormat.RGBX, convert: 'RGBA', planes: 1 });
    for (const translucent of ['I420A', 'I422AP10', 'I444AP12'])
      expect(copyPlan(translucent)).toEqual({ format: PixelFormat.RGBA, convert: 'RGBA', planes: 1 });
  });
});
