/** Exclusive Web Locks of one imagined browser: `request` with a signal, and `query`. */
export class FakeLocks {
  readonly #held = new Set<string>();
  readonly #waiting: { name: string; grant: () => void }[] = [];

  async request<T>(name: string, options: { signal?: AbortSignal }, use: () => Promise<T>): Promise<T> {
    await this.#take(name, options.signal);
    try {
      return await use();
    } finally {
      this.#held.delete(name);
      const next = this.#waiting.findIndex((each) => each.name === name);
      if (next >= 0) this.#waiting.splice(next, 1)[0]?.grant();
    }
  }

  query(): Promise<{ held: { name: string }[] }> {
    return Promise.resolve({ held: [...this.#held].map((name) => ({ name })) });
  }

  #take(name: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const grant = (): void => {
        this.#held.add(name);
        resolve();
      };
      if (!this.#held.has(name)) return grant();
      this.#waiting.push({ name, grant });
      signal?.addEventListener('abort', () => {
        this.#waiting.splice(0, this.#waiting.length, ...this.#waiting.filter((each) => each.grant !== grant));
        reject(signal.reason as Error);
      });
    });
  }
}
