/** What a page does when it may be gone in a moment, while a take runs. */

/** So long a closing page waits at most until its last piece is kept. */
const WAIT_MS = 250;
/** Where the worker cannot tell when: a few times what that takes. */
const BLIND_WAIT_MS = 80;

/**
 * While it watches: leaving the page is asked about, and a page that is hidden or closed has its last piece put into
 * the journal.
 */
export class LeaveGuard {
  readonly #flush: () => void;
  readonly #flushed: Int32Array | null;
  #watching = false;

  /** `flushed` is counted up by the worker when what a flush gave is kept. */
  constructor(flush: () => void, flushed: SharedArrayBuffer | null) {
    this.#flush = flush;
    this.#flushed = flushed && new Int32Array(flushed);
  }

  watch(on: boolean): void {
    if (on === this.#watching) return;
    this.#watching = on;
    if (on) {
      addEventListener('beforeunload', this.#asked);
      addEventListener('pagehide', this.#leaving);
      document.addEventListener('visibilitychange', this.#hidden);
    } else {
      removeEventListener('beforeunload', this.#asked);
      removeEventListener('pagehide', this.#leaving);
      document.removeEventListener('visibilitychange', this.#hidden);
    }
  }

  readonly #asked = (event: Event): void => event.preventDefault();

  readonly #hidden = (): void => {
    if (document.visibilityState === 'hidden') this.#flush();
  };

  /** Nothing asynchronous would be waited for: the page stands still until the worker is done. */
  readonly #leaving = (): void => {
    const flushed = this.#flushed;
    const before = flushed ? Atomics.load(flushed, 0) : 0;
    this.#flush();
    const end = performance.now() + (flushed ? WAIT_MS : BLIND_WAIT_MS);
    while (performance.now() < end) if (flushed && Atomics.load(flushed, 0) !== before) return;
  };
}

/** Asks the browser not to evict what is stored; a refusal changes nothing. */
export function askToPersist(): void {
  // Not a part of the take: nobody waits for a person who is asked for permission.
  void (navigator as Partial<Pick<Navigator, 'storage'>>).storage?.persist?.().catch(() => false);
}
