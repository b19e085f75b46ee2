/** Listeners of typed events: one that throws neither stops the others nor whoever tells them. */

export interface ListenOptions {
  /** Removes the listener when it is aborted; one that is aborted already adds none. */
  signal?: AbortSignal;
  /** The listener hears of the next event only. */
  once?: boolean;
}

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();
  readonly #onWanted: (type: keyof Events, wanted: boolean) => void;

  /** `onWanted` is told when a type gets its first listener, and when it loses its last one. */
  constructor(onWanted: (type: keyof Events, wanted: boolean) => void = () => undefined) {
    this.#onWanted = onWanted;
  }

  /** Somebody listens. */
  has(type: keyof Events): boolean {
    return (this.#listeners.get(type)?.size ?? 0) > 0;
  }

  /** Adds a listener; the returned function removes it. The same function given twice hears twice. */
  on<K extends keyof Events>(
    type: K,
    listener: (value: Events[K]) => void,
    { signal, once = false }: ListenOptions = {},
  ): () => void {
    if (signal?.aborted) return () => undefined;
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set);
    const own = (value: Events[K]): void => {
      if (once) off();
      listener(value);
    };
    const off = (): void => {
      signal?.removeEventListener('abort', off);
      if (set.delete(own) && set.size === 0) this.#onWanted(type, false);
    };
    signal?.addEventListener('abort', off, { once: true });
    set.add(own);
    if (set.size === 1) this.#onWanted(type, true);
    return off;
  }

  readonly emit = <K extends keyof Events>(type: K, value: Events[K]): void => {
    for (const listener of [...(this.#listeners.get(type) ?? [])])
      try {
        (listener as (value: Events[K]) => void)(value);
      } catch (error) {
        // The page's own mistake: it is told, and the others still hear.
        reportError(error);
      }
  };
}
