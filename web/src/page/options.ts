/** Checks what a page asks for, and turns it into what the engine's worker is told. */

import { assetUrl, engineFiles, serverAddress } from '../protocol/assets.js';
import { KeeptakeError } from '../base/errors.js';
import { DEFAULT_DATABASE } from '../journal/store.js';
import type { EngineSetup } from '../protocol/messages.js';
import type { RecorderOptions } from '../base/types.js';

const MAX_THREADS = 4;

/** @throws {KeeptakeError} `'bad-argument'`, `'unsupported-browser'` */
export function engineSetup(options: RecorderOptions): EngineSetup {
  if (typeof Worker === 'undefined' || typeof VideoFrame === 'undefined' || typeof AudioWorkletNode === 'undefined')
    throw new KeeptakeError('unsupported-browser', 'This browser lacks workers, VideoFrame or AudioWorklet.');
  const { shareWorker = false } = options;
  const isolated = globalThis.crossOriginIsolated && !shareWorker;
  const variant = options.variant ?? (isolated ? 'threaded' : 'single-threaded');
  const { width = 1280, height = 720, fps = 30, videoBitrate = 2_500_000, audioBitrate = 128_000 } = options;
  const { codec = 'vp9', keyframeInterval = 2, speed = 0, maxLength } = options;
  const whole = (name: string, value: number, least: number, most: number): void => {
    if (!Number.isInteger(value) || value < least || value > most)
      throw new KeeptakeError('bad-argument', `${name} ${value} is not a whole number from ${least} to ${most}.`, {
        context: { [name]: value },
      });
  };
  whole('width', width, 16, 1920);
  whole('height', height, 16, 1920);
  if (width % 2 !== 0 || height % 2 !== 0 || width * height > 1920 * 1080)
    throw new KeeptakeError('bad-argument', `Canvas ${width} x ${height} must be even and at most 1920 x 1080 pixels.`);
  whole('fps', fps, 1, 60);
  whole('videoBitrate', videoBitrate, 50_000, 50_000_000);
  whole('audioBitrate', audioBitrate, 6_000, 510_000);
  const refuse = (name: string, value: unknown, want: string): never => {
    throw new KeeptakeError('bad-argument', `${name} ${String(value)} is not ${want}.`, { context: { [name]: value } });
  };
  if (codec !== 'vp9' && codec !== 'vp8') refuse('codec', codec, '"vp9" or "vp8"');
  if (!(variant in engineFiles)) refuse('variant', variant, '"threaded" or "single-threaded"');
  if (shareWorker && variant === 'threaded')
    refuse('variant', variant, '"single-threaded", as recorders in a shared worker are');
  if (!(keyframeInterval >= 0.1 && keyframeInterval <= 60))
    refuse('keyframeInterval', keyframeInterval, 'from 0.1 to 60 s');
  if (maxLength !== undefined && !(maxLength >= 1 && maxLength <= 86_400))
    refuse('maxLength', maxLength, 'from 1 to 86400 s');
  const {
    durability = 'relaxed',
    keepLocalCopy = false,
    database = DEFAULT_DATABASE,
    scope = '',
  } = options.journal || {};
  if (durability !== 'relaxed' && durability !== 'strict')
    refuse('journal.durability', durability, '"relaxed" or "strict"');
  if (database === '') refuse('journal.database', database, 'a name');
  if (speed !== 0) whole('speed', speed, codec === 'vp9' ? 5 : 4, codec === 'vp9' ? 9 : 16);
  const { startTimeouts = [10] } = options;
  if (
    startTimeouts.length < 1 ||
    startTimeouts.length > 10 ||
    !startTimeouts.every((seconds) => seconds > 0 && seconds <= 600)
  )
    refuse('startTimeouts', startTimeouts, 'one to ten times of up to 600 s');
  const files = engineFiles[variant];
  const threaded = variant === 'threaded';
  const name = threaded ? 'mt' : 'st';
  const threads = threaded ? Math.min(MAX_THREADS, Math.max(1, navigator.hardwareConcurrency || 1)) : 1;
  return {
    engineUrl: assetUrl(`engine/keeptake-engine-${name}.mjs`, options.assetBase, files.module),
    wasmUrl: assetUrl(`engine/keeptake-engine-${name}.wasm`, options.assetBase, files.wasm),
    variant,
    threads,
    poolThreads: threaded ? 2 * threads : 0,
    server: options.server ? serverAddress(options.server.url) : null,
    hasToken: options.server?.token !== undefined,
    title: options.title ?? '',
    width,
    height,
    fps,
    codec,
    videoBitrate,
    audioBitrate,
    keyframeInterval,
    maxLength: maxLength ?? 0,
    speed,
    governor: options.governor ?? true,
    journal: options.journal === false ? null : { durability, keepLocalCopy, database, scope },
    flushed: globalThis.crossOriginIsolated ? new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT) : null,
  };
}
