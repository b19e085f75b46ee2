/** Keeps the screen on while a take runs, so that the machine does not go to sleep in a long show. */

/** A lock of the page: taken again whenever the page comes back to the front, because browsers drop it when hidden. */
export class WakeLock {
  #wanted = false;
  #lock: WakeLockSentinel | null = null;
  #asking = false;

  constructor() {
    document.addEventListener('visibilitychange', () => void this.#apply());
  }

  /** Holds the screen awake, or lets it go. A browser without wake locks, or one that refuses, is no error. */
  set(wanted: boolean): void {
    this.#wanted = wanted;
    void this.#apply();
  }

  async #apply(): Promise<void> {
    if (this.#asking) {
      return;
    }
    this.#asking = true;
    try {
      if (this.#wanted && document.visibilityState === 'visible' && (this.#lock === null || this.#lock.released)) {
        this.#lock = (await navigator.wakeLock?.request('screen')) ?? null;
      }
    } catch {
      // Power saving or a policy forbids it: the take goes on all the same.
    } finally {
      this.#asking = false;
    }
    if (!this.#wanted && this.#lock !== null) {
      const lock = this.#lock;
      this.#lock = null;
      await lock.release().catch(() => undefined);
    }
  }
}
