/** The engine's module in this worker: loaded once, for all recorders in it that want the same one. */

import { EngineHeap } from '../engine/engine.js';
import { loadEngine, type EngineFiles } from '../engine/load.js';

interface Loaded {
  heap: Promise<EngineHeap>;
  users: number;
}

export class EngineShare {
  readonly #loaded = new Map<string, Loaded>();

  /**
   * Who uses it gives it back with {@link EngineShare.release}. `threads`: channels to the page's workers, for an engine
   * that is loaded now.
   * @throws {KeeptakeError} `'engine-load-failed'`
   */
  async use(files: EngineFiles, threads: MessagePort[]): Promise<EngineHeap> {
    const known = this.#loaded.get(files.engineUrl);
    const loaded = known ?? { heap: loadEngine(files, threads).then((module) => new EngineHeap(module)), users: 0 };
    this.#loaded.set(files.engineUrl, loaded);
    loaded.users++;
    try {
      return await loaded.heap;
    } catch (error) {
      if (this.#loaded.get(files.engineUrl) === loaded) this.#loaded.delete(files.engineUrl);
      throw error;
    }
  }

  /** Its memory is freed when nobody uses it any more. */
  release(heap: EngineHeap): void {
    for (const [url, loaded] of this.#loaded)
      void loaded.heap.then((own) => {
        if (own === heap && --loaded.users === 0 && this.#loaded.get(url) === loaded) this.#loaded.delete(url);
      });
  }

  /** Whoever comes next gets a fresh one; who has one keeps it. */
  forget(): void {
    this.#loaded.clear();
  }
}
