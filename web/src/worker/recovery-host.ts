/** Recovery's side in the worker: one take at a time is read by the engine, each under its lock. */

import { EngineHeap } from '../engine/engine.js';
import { KeeptakeError } from '../base/errors.js';
import { plainError, type RecoverySetup, type Requests, type WorkerNotice } from '../protocol/messages.js';
import { TokenSource, type AskToken } from '../server/token.js';
import { existingTake, isElsewhere, takeIsLive, withTake } from '../journal/unfinished.js';
import { ApiClient } from '../server/api.js';
import { loadEngine } from '../engine/load.js';
import { Salvage } from './salvage.js';

type RecoveryRequest = 'recover' | 'prepare' | 'salvage' | 'download';

export class RecoveryHost {
  readonly #notify: (notice: WorkerNotice) => void;
  readonly #tokens: TokenSource;
  #setup: RecoverySetup | null = null;
  #heap: Promise<EngineHeap> | null = null;
  /** What runs, by take; a download ends by itself. */
  readonly #running = new Map<string, { kind: 'salvage' | 'download'; control: AbortController }>();

  constructor(notify: (notice: WorkerNotice) => void, askToken: AskToken) {
    this.#notify = notify;
    this.#tokens = new TokenSource((ask, last) => (this.#setup?.hasToken ? askToken(ask, last) : null));
  }

  readonly handlers: { [K in RecoveryRequest]: (args: Requests[K]['args']) => Promise<Requests[K]['result']> } = {
    recover: (setup) => {
      this.#setup = setup;
      return Promise.resolve();
    },
    prepare: async () => {
      if (this.#setup) await this.#engine(this.#setup);
    },
    salvage: ({ id }) => this.#withTake('salvage', id, (salvage) => salvage.run()),
    download: ({ id }) => this.#withTake('download', id, (salvage) => salvage.local()),
  };

  newToken(token: string): void {
    this.#tokens.set(token);
  }

  /** Ends the salvage of that take. */
  stop(id: string): void {
    const running = this.#running.get(id);
    if (running?.kind === 'salvage')
      running.control.abort(new KeeptakeError('closed', 'Salvage was stopped; it can be repeated.'));
  }

  /** Something failed outside of any request, say in a timer: what runs cannot be relied on to end. */
  crashed(error: unknown): void {
    if (this.#running.size > 0) this.#notify({ notice: 'crashed', error: plainError(error) });
  }

  async #withTake<T>(kind: 'salvage' | 'download', id: string, work: (salvage: Salvage) => Promise<T>): Promise<T> {
    const setup = this.#setup;
    if (!setup) throw new KeeptakeError('bad-state', 'Recovery was not opened.');
    if (this.#running.has(id)) throw takeIsLive();
    const control = new AbortController();
    this.#running.set(id, { kind, control });
    try {
      return await withTake(setup.database, id, async (store) => {
        const row = await existingTake(store, id, setup.scope);
        const salvage = new Salvage({
          store,
          row,
          heap: await this.#engine(setup),
          api: setup.server === null ? null : new ApiClient({ base: setup.server, token: this.#tokens }),
          elsewhere: isElsewhere(row, setup.server),
          signal: control.signal,
          onProgress: (progress) => this.#notify({ notice: 'salvage', id, progress }),
        });
        return work(salvage);
      });
    } catch (error) {
      // A trap leaves the engine's memory as it was in the middle of something: the next try gets a fresh one.
      if (!(error instanceof KeeptakeError)) this.#heap = null;
      throw error;
    } finally {
      this.#running.delete(id);
    }
  }

  #engine(setup: RecoverySetup): Promise<EngineHeap> {
    this.#heap ??= loadEngine(setup).then(
      (module) => new EngineHeap(module),
      (error: unknown) => {
        this.#heap = null;
        throw error;
      },
    );
    return this.#heap;
  }
}
