/** Loads one of the two Wasm variants of the engine into this worker. */

import type { EngineFactory, EngineModule } from '../engine/engine.js';
import { KeeptakeError } from '../errors.js';

/** Addresses of the engine's two files. */
export interface EngineFiles {
  engineUrl: string;
  wasmUrl: string;
}

/** @throws {KeeptakeError} `'engine-load-failed'` */
export async function loadEngine(setup: EngineFiles, threads: number): Promise<EngineModule> {
  try {
    const imported = (await import(/* @vite-ignore */ /* webpackIgnore: true */ setup.engineUrl)) as {
      default: EngineFactory;
    };
    return await imported.default({
      locateFile: (file: string) => (file.endsWith('.wasm') ? setup.wasmUrl : new URL(file, setup.engineUrl).href),
      mainScriptUrlOrBlob: setup.engineUrl,
      // One more encoder may be made before the threads of the last one are back.
      pthreadPoolSize: 2 * threads,
    });
  } catch (cause) {
    throw new KeeptakeError(
      'engine-load-failed',
      `The recording engine could not be loaded from ${setup.engineUrl}: ${String(cause)}. ` +
        'Check that the package\'s files are served and that the page\'s policy allows wasm-unsafe-eval.',
      { cause, context: { url: setup.engineUrl } },
    );
  }
}
