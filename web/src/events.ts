/** Listeners of a page by type of event. */

export class Listeners<Events> {
  readonly #byType = new Map<keyof Events, Set<(value: never) => void>>();

  /** The returned function removes the listener. */
  add<K extends keyof Events>(type: K, listener: (value: Events[K]) => void): () => void {
    const set = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, set);
    set.add(listener as (value: never) => void);
    return () => void set.delete(listener as (value: never) => void);
  }

  has(type: keyof Events): boolean {
    return Boolean(this.#byType.get(type)?.size);
  }

  readonly emit = <K extends keyof Events>(type: K, value: Events[K]): void => {
    for (const listener of [...(this.#byType.get(type) ?? [])])
      try {
        (listener as (value: Events[K]) => void)(value);
      } catch (error) {
        // The page's own mistake: it is told, and the others still hear.
        reportError(error);
      }
  };
}
