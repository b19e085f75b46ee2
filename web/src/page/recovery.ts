/** Takes that were cut off, on the page: the list needs only the browser's storage, salvage starts a worker. */

import { untilAborted } from '../base/abort.js';
import { assetUrl, engineFiles, serverAddress } from '../protocol/assets.js';
import { WorkerChannel } from '../protocol/channel.js';
import { KeeptakeError } from '../base/errors.js';
import { finishedTake } from './finished.js';
import {
  DEFAULT_DATABASE,
  isNoStorage,
  liveTakes,
  readInTime,
  type JournalStore,
  type TakeRow,
} from '../journal/store.js';
import { fromPlainError, type RecoverySetup, type StoredTake, type WorkerNotice } from '../protocol/messages.js';
import { TokenSource } from '../server/token.js';
import type {
  FinishedTake,
  Recovery,
  RecoveryOptions,
  SalvageProgress,
  StartedOver,
  UnfinishedTake,
} from '../base/types.js';
import {
  existingTake,
  forgetTake,
  isElsewhere,
  isItsOrganisation,
  openStore,
  withTake,
} from '../journal/unfinished.js';
import { ApiClient, ApiError, field } from '../server/api.js';

/** Longer than that nobody waits for an undo. */
const MOST_UNDO_SECONDS = 600;

/**
 * Opens what this browser keeps of takes that were never finished. Nothing is loaded before {@link Recovery.prepare},
 * {@link Recovery.salvage} or {@link Recovery.download}.
 * @throws {KeeptakeError} `'bad-argument'` where `server.url` is not an address
 */
export function openRecovery(options: RecoveryOptions): Recovery {
  return new PageRecovery(options);
}

/** A salvage, for everybody who asked for it. */
interface Running {
  done: Promise<StoredTake>;
  callers: Set<{ told: (progress: SalvageProgress) => void }>;
  /** Its end was asked for: nobody joins any more. */
  stopping: boolean;
  stop: () => void;
}

class PageRecovery implements Recovery {
  readonly #options: RecoveryOptions;
  readonly #setup: RecoverySetup;
  readonly #api: ApiClient | null;
  readonly #tokens: TokenSource;
  readonly #running = new Map<string, Running>();
  /** Takes that were started over and can still be brought back. */
  readonly #graces = new Set<ReturnType<typeof setTimeout>>();
  #channel: WorkerChannel | null = null;
  #closed = false;

  constructor(options: RecoveryOptions) {
    const { server, assetBase, database = DEFAULT_DATABASE, scope = '' } = options;
    const files = engineFiles['single-threaded'];
    this.#options = options;
    this.#setup = {
      engineUrl: assetUrl('engine/keeptake-engine-st.mjs', assetBase, files.module),
      wasmUrl: assetUrl('engine/keeptake-engine-st.wasm', assetBase, files.wasm),
      server: server ? serverAddress(server.url) : null,
      hasToken: server?.token !== undefined,
      database,
      scope,
    };
    this.#tokens = new TokenSource(server?.token);
    this.#api = this.#setup.server === null ? null : new ApiClient({ base: this.#setup.server, token: this.#tokens });
  }

  async list(): Promise<UnfinishedTake[]> {
    this.#mustBeOpen();
    let store: JournalStore;
    try {
      store = await openStore(this.#setup.database);
    } catch (error) {
      // Where nothing can be stored, nothing is. Anything else may hide a take: it is told.
      if (isNoStorage(error)) return [];
      throw error;
    }
    try {
      return await readInTime(this.#read(store));
    } finally {
      store.close();
    }
  }

  async #read(store: JournalStore): Promise<UnfinishedTake[]> {
    const { scope, server } = this.#setup;
    const [all, live] = await Promise.all([store.rows(), liveTakes()]);
    const rows = all.filter((row) => (row.scope ?? '') === scope);
    const shown = rows.filter((row) => !row.discarding && row.discardAt === undefined && row.clusters > 0);
    const rest = rows.filter((row) => isRest(row) && !live.has(row.id)).map(({ id }) => id);
    if (rest.length > 0) void this.#clearAway(rest).catch(() => undefined);
    const takes = shown.map(async (row) =>
      unfinishedTake(row, live.has(row.id), isElsewhere(row, server), await store.picture(row.id)),
    );
    return (await Promise.all(takes)).sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime());
  }

  async salvage(
    id: string,
    { onProgress, signal }: { onProgress?: (progress: SalvageProgress) => void; signal?: AbortSignal } = {},
  ): Promise<FinishedTake> {
    this.#mustBeOpen();
    signal?.throwIfAborted();
    const running = await this.#join(id, signal);
    const caller = { told: onProgress ?? ((): void => undefined) };
    running.callers.add(caller);
    let leave = (): void => undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => {
        // Others go on waiting for it; the last one hears when it has ended, and with it the hold on the take.
        if (running.callers.size === 1) return running.stop();
        running.callers.delete(caller);
        reject(signal?.reason as Error);
      };
    });
    signal?.addEventListener('abort', leave);
    if (signal?.aborted) leave();
    try {
      const stored = await Promise.race([running.done, left]);
      return finishedTake(stored, this.#api, () => forgetTake(this.#setup.database, id));
    } catch (error) {
      if (signal?.aborted && !this.#closed) throw signal.reason;
      throw error;
    } finally {
      signal?.removeEventListener('abort', leave);
      running.callers.delete(caller);
    }
  }

  /** The salvage of that take: the one that runs, or a new one once another that was stopped has ended. */
  async #join(id: string, signal: AbortSignal | undefined): Promise<Running> {
    for (let before = this.#running.get(id); before; before = this.#running.get(id)) {
      if (!before.stopping) return before;
      await before.done.catch(() => undefined);
      this.#mustBeOpen();
      signal?.throwIfAborted();
    }
    const channel = this.#worker();
    const running: Running = {
      done: channel.ask('salvage', { id }).finally(() => {
        if (this.#running.get(id) === running) this.#running.delete(id);
      }),
      callers: new Set(),
      stopping: false,
      stop: () => {
        running.stopping = true;
        if (!channel.dead) channel.tell({ notice: 'stop-salvage', id });
      },
    };
    this.#running.set(id, running);
    return running;
  }

  async startOver(id: string, { undoSeconds = 0 }: { undoSeconds?: number } = {}): Promise<StartedOver> {
    this.#mustBeOpen();
    if (!(undoSeconds >= 0 && undoSeconds <= MOST_UNDO_SECONDS))
      throw new KeeptakeError('bad-argument', `undoSeconds ${undoSeconds} is not from 0 to ${MOST_UNDO_SECONDS} s.`);
    const discardAt = Date.now() + undoSeconds * 1000;
    await withTake(this.#setup.database, id, async (store) => {
      const row = await existingTake(store, id, this.#setup.scope);
      if (undoSeconds > 0) await store.write({ ...row, discardAt }, [], [], 'strict');
      else await this.#discard(store, row);
    });
    if (undoSeconds === 0) return { undo: () => Promise.resolve(false) };
    const timer = setTimeout(() => {
      this.#graces.delete(timer);
      void this.#clearAway([id]).catch(() => undefined);
    }, undoSeconds * 1000);
    this.#graces.add(timer);
    return { undo: () => this.#undo(id, discardAt, timer) };
  }

  /** False where the time is up, or somebody else threw the take away. */
  #undo(id: string, discardAt: number, timer: ReturnType<typeof setTimeout>): Promise<boolean> {
    return withTake(this.#setup.database, id, async (store) => {
      const row = await store.row(id);
      if (!row || row.discarding || row.discardAt !== discardAt) return false;
      const { discardAt: _, ...kept } = row;
      await store.write(kept, [], [], 'strict');
      clearTimeout(timer);
      this.#graces.delete(timer);
      return true;
    });
  }

  /** Drops the media at once, the row when the server has let go of the take too. */
  async #discard(store: JournalStore, row: TakeRow): Promise<void> {
    await store.discard(row);
    if (await this.#goneFromServer({ ...row, discarding: true })) await store.remove(row.id);
  }

  async download(
    id: string,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<{ file: Blob; duration: number; complete: boolean; missing: [number, number][] }> {
    this.#mustBeOpen();
    return untilAborted(
      () => this.#worker().ask('download', { id }),
      signal,
      () => undefined,
    );
  }

  async prepare({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#closed) return;
    await untilAborted(
      () =>
        this.#worker()
          .ask('prepare', {})
          .catch(() => undefined),
      signal,
      () => undefined,
    );
  }

  setToken(token: string): void {
    this.#tokens.set(token);
    if (this.#channel && !this.#channel.dead) this.#channel.tell({ notice: 'new-token', token });
  }

  close(): Promise<void> {
    this.#closed = true;
    // What was started over stays marked, and is cleared away at the next visit.
    for (const timer of this.#graces) clearTimeout(timer);
    this.#graces.clear();
    this.#channel?.end(closedError());
    return Promise.resolve();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw closedError();
  }

  #worker(): WorkerChannel {
    if (this.#channel && !this.#channel.dead) return this.#channel;
    const channel: WorkerChannel = new WorkerChannel({
      assetBase: this.#options.assetBase,
      tokens: this.#tokens,
      onNotice: (notice) => this.#take(channel, notice),
      onDeath: (message) =>
        channel.end(
          new KeeptakeError(
            'engine-load-failed',
            `The recording engine stopped: ${message || 'it could not be loaded'}.`,
          ),
        ),
    });
    this.#channel = channel;
    channel.ask('recover', this.#setup).catch(() => undefined);
    return channel;
  }

  #take(channel: WorkerChannel, notice: WorkerNotice): void {
    // Nobody knows what still works in there, or would ever let go of a take: the next request gets a fresh worker.
    if (notice.notice === 'crashed') return channel.end(fromPlainError(notice.error));
    if (notice.notice !== 'salvage') return;
    for (const { told } of [...(this.#running.get(notice.id)?.callers ?? [])])
      try {
        told(notice.progress);
      } catch (error) {
        // The page's own mistake: it is told, and salvage goes on.
        reportError(error);
      }
  }

  /** Finishes what was thrown away, and takes of which nothing was recorded yet. What fails is left for the next visit. */
  async #clearAway(ids: string[]): Promise<void> {
    for (const id of ids)
      await withTake(this.#setup.database, id, async (store) => {
        const row = await store.row(id);
        if (!row || !isRest(row)) return;
        if (row.discardAt !== undefined && !row.discarding) await this.#discard(store, row);
        else if (await this.#goneFromServer(row)) await store.remove(id);
      }).catch(() => undefined);
  }

  /** Aborts and deletes what is unfinished on the server; false where it did not answer. */
  async #goneFromServer(row: TakeRow): Promise<boolean> {
    const { recordingId, discarding } = row;
    if (recordingId === null) return true;
    // Another server knows nothing of it: it is finished when its own is visited.
    if (!this.#api || isElsewhere(row, this.#setup.server)) return false;
    const api = this.#api.as(row.writer);
    const path = `/recordings/${recordingId}`;
    let aborted = false;
    try {
      const recording = await api.call('GET', path);
      // A finished take is nobody's to throw away from here.
      if (field(recording, 'state') === 'complete') return true;
      const uploaded = Number(field(field(recording, 'upload'), 'uploaded_bytes') ?? 0);
      if (!discarding && uploaded > 0) {
        // The journal failed at its very beginning, the upload did not: the server finishes it.
        await api.call('POST', `${path}/salvage`, {});
        return true;
      }
      await api.call('DELETE', `${path}/upload`);
      aborted = true;
      await api.call('DELETE', path);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) return false;
      // A co-host may abort but not delete; who may not even abort leaves it to somebody who may.
      if ((error.apiCode === 'forbidden' && aborted) || error.apiCode === 'gone') return true;
      // Only its own server's word counts, not a proxy's, nor that of one which never knew it.
      return error.apiCode === 'not-found' && (await isItsOrganisation(row, this.#api).catch(() => false));
    }
  }
}

/** Nobody's any more: thrown away, also where that could be undone until now, or nothing was recorded yet. */
function isRest(row: TakeRow): boolean {
  if (row.discarding) return true;
  return row.discardAt === undefined ? row.clusters === 0 : row.discardAt <= Date.now();
}

function unfinishedTake(
  row: TakeRow,
  live: boolean,
  elsewhere: boolean,
  picture: ArrayBuffer | undefined,
): UnfinishedTake {
  const { id, recordingId, title, page, codec, width, height, safeBytes, localBytes } = row;
  return {
    id,
    recordingId,
    title,
    startedAt: new Date(row.startedAt),
    duration: row.durationUs / 1e6,
    bytes: row.fileBytes,
    safeBytes,
    localBytes,
    picture: picture ? new Blob([picture], { type: 'image/jpeg' }) : null,
    live,
    elsewhere,
    server: row.server,
    page,
    codec,
    width,
    height,
  };
}

function closedError(): KeeptakeError {
  return new KeeptakeError('closed', 'Recovery is closed.');
}
