/**
 * The engine's threads: workers that run the engine's module. The page makes them, not the engine's worker, because a
 * worker that makes workers waits for the page's main thread in the midst of `new Worker`, and in Firefox now and
 * then for ever (one start in five; docs/engine.md). Each talks with the engine's worker through a channel of its own.
 */

export class EngineThreads {
  /** The engine's ends, to be given to its worker. */
  readonly ports: MessagePort[] = [];
  readonly #workers: Worker[] = [];

  /** `onFailed`: a thread cannot be loaded, or broke. */
  constructor(engineUrl: string, count: number, onFailed: (message: string) => void) {
    for (let thread = 0; thread < count; thread++) {
      // Emscripten knows its threads by this name.
      const worker = new Worker(engineUrl, { type: 'module', name: 'em-pthread' });
      worker.onerror = (event) => onFailed(event.message || 'a thread could not be loaded');
      const { port1, port2 } = new MessageChannel();
      worker.postMessage({ enginePort: port1 }, [port1]);
      this.#workers.push(worker);
      this.ports.push(port2);
    }
  }

  close(): void {
    for (const worker of this.#workers) {
      worker.onerror = null;
      worker.terminate();
    }
  }
}
