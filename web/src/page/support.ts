/** What this browser and page offer to a recorder. Loads nothing, asks for no permission, stores nothing. */

/** Answer of {@link isSupported}. */
export interface Support {
  /** {@link createRecorder} can work here. What it can do without is told by the fields below. */
  supported: boolean;
  /** What it lacks for that, by the names below; empty where `supported`. */
  missing: readonly (keyof SupportFeatures)[];
  features: SupportFeatures;
}

/** What there is, each by itself. */
export interface SupportFeatures {
  /** WebAssembly, and its instructions for many pixels at once: the engine needs both. */
  wasm: boolean;
  simd: boolean;
  /** Threads for the encoder: shared memory, on a cross-origin isolated page. Without: one thread. */
  threads: boolean;
  worker: boolean;
  /** `VideoFrame`, as which pictures reach the engine. */
  videoFrame: boolean;
  audioWorklet: boolean;
  offscreenCanvas: boolean;
  /** `AbortSignal.any`, by which requests to the server end in time. */
  abortSignalAny: boolean;
  /** Pictures reach the worker also while the page is hidden. Without: the warning `capture-fallback`. */
  trackProcessor: boolean;
  /** Cameras and microphones can be asked for: not on pages that are neither https nor localhost. */
  camera: boolean;
  screen: boolean;
  /** Whether the browser itself plays takes of that codec; recording does not depend on it. */
  playsVp8: boolean;
  playsVp9: boolean;
  /** The journal's place. Whether the person's settings let the page use it shows at the first take. */
  indexedDB: boolean;
  /** Tells takes of other tabs from those that were cut off. */
  locks: boolean;
}

/** `i8x16.splat` and `v128.any_true` in a module of one function. */
const SIMD_MODULE = Uint8Array.of(
  0,
  0x61,
  0x73,
  0x6d,
  1,
  0,
  0,
  0,
  1,
  5,
  1,
  0x60,
  0,
  1,
  0x7f,
  3,
  2,
  1,
  0,
  10,
  10,
  1,
  8,
  0,
  0x41,
  0,
  0xfd,
  0x0f,
  0xfd,
  0x53,
  0x0b,
);
const NEEDED: readonly (keyof SupportFeatures)[] = [
  'wasm',
  'simd',
  'worker',
  'videoFrame',
  'audioWorklet',
  'offscreenCanvas',
  'abortSignalAny',
];

/** Tells at once what is there for {@link createRecorder}, say before a page shows its studio. Never throws. */
export function isSupported(): Support {
  const features = look();
  const missing = NEEDED.filter((name) => !features[name]);
  return { supported: missing.length === 0, missing, features };
}

function look(): SupportFeatures {
  const has = (name: string): boolean => typeof (globalThis as Record<string, unknown>)[name] !== 'undefined';
  const wasm = has('WebAssembly');
  const { mediaDevices, locks } = (globalThis.navigator ?? {}) as Partial<Navigator>;
  return {
    wasm,
    simd: wasm && WebAssembly.validate(SIMD_MODULE),
    threads: wasm && has('SharedArrayBuffer') && globalThis.crossOriginIsolated === true,
    worker: has('Worker'),
    videoFrame: has('VideoFrame'),
    audioWorklet: has('AudioWorkletNode'),
    offscreenCanvas: has('OffscreenCanvas'),
    abortSignalAny: has('AbortSignal') && typeof AbortSignal.any === 'function',
    trackProcessor: has('MediaStreamTrackProcessor'),
    camera: typeof mediaDevices?.getUserMedia === 'function',
    screen: typeof mediaDevices?.getDisplayMedia === 'function',
    playsVp8: plays('video/webm; codecs="vp8, opus"'),
    playsVp9: plays('video/webm; codecs="vp9, opus"'),
    indexedDB: hasIndexedDB(),
    locks: locks !== undefined,
  };
}

function plays(type: string): boolean {
  return typeof document !== 'undefined' && document.createElement('video').canPlayType(type) !== '';
}

/** Browsers that forbid a page all storage throw where it is only looked at. */
function hasIndexedDB(): boolean {
  try {
    return typeof indexedDB === 'object' && indexedDB !== null;
  } catch {
    return false;
  }
}
