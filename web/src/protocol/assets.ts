/** Where the package's other files lie, and how they are started. */

import { KeeptakeError } from '../base/errors.js';

// Bundlers find worker, worklet and engine by these very expressions.
export const workletUrl = (): URL => new URL('../capture/audio-worklet.js', import.meta.url);
export const engineFiles = {
  threaded: {
    module: () => new URL('../engine/keeptake-engine-mt.mjs', import.meta.url),
    wasm: () => new URL('../engine/keeptake-engine-mt.wasm', import.meta.url),
  },
  'single-threaded': {
    module: () => new URL('../engine/keeptake-engine-st.mjs', import.meta.url),
    wasm: () => new URL('../engine/keeptake-engine-st.wasm', import.meta.url),
  },
};

export function assetUrl(file: string, base: string | URL | undefined, own: () => URL): string {
  return (base === undefined ? own() : new URL(file, new URL(base, document.baseURI))).href;
}

/** Which worker {@link openWorker} opens. */
export function workerAddress(base: string | URL | undefined): string {
  return assetUrl('worker.js', base, () => new URL('../worker.js', import.meta.url));
}

export function openWorker(base: string | URL | undefined): Worker {
  try {
    if (base !== undefined)
      return new Worker(new URL('worker.js', new URL(base, document.baseURI)), { type: 'module', name: 'keeptake' });
    return new Worker(new URL('../worker.js', import.meta.url), { type: 'module', name: 'keeptake' });
  } catch (cause) {
    throw new KeeptakeError(
      'engine-load-failed',
      `The engine's worker cannot be started: ${String(cause)}. Its files must come from the page's own origin.`,
      { cause },
    );
  }
}

export function serverAddress(url: string): string {
  try {
    return new URL(url, document.baseURI).href;
  } catch (cause) {
    throw new KeeptakeError('bad-argument', `server.url "${url}" is not an address.`, { cause });
  }
}
