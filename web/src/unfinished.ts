/** A take of the journal, held by its lock for as long as somebody works on it. */

import { KeeptakeError } from './errors.js';
import { JournalStore, lockTake, type TakeRow } from './journal-store.js';

/**
 * Opens the journal and holds the take's lock until `work` is over.
 * @throws {KeeptakeError} `'take-live'`
 */
export async function withTake<T>(database: string, id: string, work: (store: JournalStore) => Promise<T>): Promise<T> {
  const store = await JournalStore.open(database);
  try {
    const unlock = await lockTake(id);
    if (!unlock) throw takeIsLive();
    try {
      return await work(store);
    } finally {
      unlock();
    }
  } finally {
    store.close();
  }
}

/**
 * The row of a take that is there and not thrown away.
 * @throws {KeeptakeError} `'no-such-take'`
 */
export async function existingTake(store: JournalStore, id: string): Promise<TakeRow> {
  const row = await store.row(id);
  if (!row || row.discarding)
    throw new KeeptakeError('no-such-take', `There is no unfinished take "${id}" in this browser.`, { context: { id } });
  return row;
}

export function takeIsLive(): KeeptakeError {
  return new KeeptakeError('take-live', 'This take is open in another tab or window, which records or saves it.');
}
