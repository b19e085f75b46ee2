/** Loads one of the two Wasm variants of the engine into this worker. */

import type { EngineFactory, EngineModule, EngineThread } from './heap.js';
import { KeeptakeError } from '../base/errors.js';

/** Addresses of the engine's two files. */
export interface EngineFiles {
  engineUrl: string;
  wasmUrl: string;
}

/**
 * `threads`: of the threaded variant, channels to the page's workers ({@link EngineThreads}).
 * @throws {KeeptakeError} `'engine-load-failed'`
 */
export async function loadEngine(setup: EngineFiles, threads: MessagePort[] = []): Promise<EngineModule> {
  try {
    const imported = (await import(/* @vite-ignore */ /* webpackIgnore: true */ setup.engineUrl)) as {
      default: EngineFactory;
    };
    const module = await imported.default({
      locateFile: (file: string) => (file.endsWith('.wasm') ? setup.wasmUrl : new URL(file, setup.engineUrl).href),
    });
    await fillPool(module, threads);
    return module;
  } catch (cause) {
    throw new KeeptakeError(
      'engine-load-failed',
      `The recording engine could not be loaded from ${setup.engineUrl}: ${String(cause)}. ` +
        "Check that the package's files are served and that the page's policy allows wasm-unsafe-eval.",
      { cause, context: { url: setup.engineUrl } },
    );
  }
}

async function fillPool({ PThread }: EngineModule, ports: MessagePort[]): Promise<void> {
  if (!PThread || ports.length === 0) return;
  const threads = ports.map((port): EngineThread => Object.assign(port, { terminate: () => port.close() }));
  PThread.unusedWorkers.push(...threads);
  await Promise.all(threads.map((thread) => PThread.loadWasmModuleToWorker(thread)));
}
