/** Waiting that can be ended. */

import { KeeptakeError } from './errors.js';

/** `promise`, or the signal's reason as soon as it is aborted. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason as Error);
    if (signal.aborted) return aborted();
    signal.addEventListener('abort', aborted, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}

/** @throws {KeeptakeError} `'aborted'` with the signal's reason as its cause, where it is aborted already */
export function notAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new KeeptakeError('aborted', 'The page ended this before it was done.', { cause: signal.reason });
}

/**
 * What `work` gives, or `'aborted'` as soon as the page's signal is. Work that cannot be ended goes on, and `undo`
 * gets what it gives too late.
 */
export async function untilAborted<T>(
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
  undo: (late: T) => void,
): Promise<T> {
  notAborted(signal);
  const working = work();
  if (!signal) return working;
  try {
    return await abortable(working, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    working.then(undo, () => undefined);
    notAborted(signal);
    throw error;
  }
}
