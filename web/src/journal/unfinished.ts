/** A take of the journal, held by its lock for as long as somebody works on it. */

import { KeeptakeError } from '../base/errors.js';
import { field, type ApiClient } from '../server/api.js';
import { JournalStore, lockTake, type TakeRow } from './store.js';

const OPEN_TRIES = 3;
const TRY_AGAIN_MS = 300;

/**
 * Opens the journal, patiently: after a crash the browser may have much to tidy up first.
 * @throws {KeeptakeError} `'storage-unavailable'`, as {@link JournalStore.open}
 */
export async function openStore(database: string): Promise<JournalStore> {
  for (let tried = 1; ; tried++) {
    try {
      return await JournalStore.open(database);
    } catch (error) {
      const again = error instanceof KeeptakeError && error.retryable;
      if (!again || tried >= OPEN_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
    }
  }
}

/**
 * Opens the journal and holds the take's lock until `work` is over.
 * @throws {KeeptakeError} `'take-live'`, `'storage-unavailable'`
 */
export async function withTake<T>(database: string, id: string, work: (store: JournalStore) => Promise<T>): Promise<T> {
  const store = (await openStore(database)).hold();
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
export async function existingTake(store: JournalStore, id: string, scope: string): Promise<TakeRow> {
  const row = await store.row(id);
  if (!row || row.discarding || row.discardAt !== undefined || (row.scope ?? '') !== scope)
    throw new KeeptakeError('no-such-take', `There is no unfinished take "${id}" in this browser.`, {
      context: { id },
    });
  return row;
}

/**
 * Removes a take from the journal; one that is not there is no error.
 * @throws {KeeptakeError} `'take-live'`, `'storage-unavailable'`
 */
export function forgetTake(database: string, id: string): Promise<void> {
  return withTake(database, id, (store) => store.remove(id));
}

/** It was recorded for another server than the one that is asked now. */
export function isElsewhere(row: TakeRow, server: string | null): boolean {
  return row.server !== null && server !== null && plain(row.server) !== plain(server);
}

/** Whether a server that does not know the take is the one that would: the same address serves many organisations. */
export async function isItsOrganisation(row: TakeRow, api: Pick<ApiClient, 'call'>): Promise<boolean> {
  if (row.organisation === undefined) return true;
  return field(await api.call('GET', '/session'), 'organisation') === row.organisation;
}

export function otherServer(row: TakeRow): KeeptakeError {
  return new KeeptakeError(
    'other-server',
    `This take was recorded for ${row.server ?? 'another server'}${row.organisation === undefined ? '' : ` (${row.organisation})`}; ` +
      'what is on this machine can be downloaded.',
    { context: { server: row.server } },
  );
}

function plain(address: string): string {
  return address.replace(/\/+$/, '');
}

export function takeIsLive(): KeeptakeError {
  return new KeeptakeError('take-live', 'This take is open in another tab or window, which records or saves it.');
}
