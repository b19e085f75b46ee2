/** Typed requests to one address in a worker of the package. Each request gets exactly one answer, or the address's end. */

import { KeeptakeError } from '../base/errors.js';
import {
  fromPlainError,
  type PageNotice,
  type Reply,
  type Requests,
  type RequestType,
  type WorkerNotice,
} from './messages.js';
import { PackageWorker, sharedWorker, type Outgoing } from './package-worker.js';
import type { TokenSource } from '../server/token.js';

export interface ChannelOptions {
  assetBase: string | URL | undefined;
  /** The worker is shared with all others who say so; default: it is this channel's own. */
  share?: boolean;
  /** Asked whenever the worker needs one. */
  tokens: TokenSource;
  onNotice: (notice: WorkerNotice) => void;
  /** The worker cannot be loaded, or broke. */
  onDeath: (message: string) => void;
  /** A thread of {@link WorkerChannel.openThreads} cannot be loaded, or broke. */
  onThreadFailed?: (message: string) => void;
}

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: KeeptakeError) => void;
}

export class WorkerChannel {
  readonly #options: ChannelOptions;
  #worker: PackageWorker;
  #address = 0;
  readonly #waiting = new Map<number, Waiting>();
  #dead: KeeptakeError | null = null;
  #lastId = 0;

  /** @throws {KeeptakeError} `'engine-load-failed'` */
  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#worker = this.#join();
  }

  /**
   * Goes on with a fresh worker, which knows nothing yet; what waits is rejected with `error`. The last one ends, or is
   * left to those who share it.
   * @throws {KeeptakeError} `'engine-load-failed'`
   */
  restart(error: KeeptakeError): void {
    this.#abandon(error, true);
    this.#worker = this.#join();
  }

  /** The engine in the worker is broken: nobody new shares it. */
  distrust(): void {
    this.#worker.distrust();
  }

  /** A fresh worker after the last one's death or end. @throws {KeeptakeError} `'engine-load-failed'` */
  revive(): void {
    this.#worker = this.#join();
    this.#dead = null;
  }

  /** Makes the worker's threads, which end with it; the ports are the worker's ends. */
  openThreads(engineUrl: string, count: number): MessagePort[] {
    if (count === 0) return [];
    return this.#worker.openThreads(engineUrl, count, (message) => this.#options.onThreadFailed?.(message));
  }

  #join(): PackageWorker {
    const { assetBase, share, onDeath } = this.#options;
    const worker = share ? sharedWorker(assetBase) : new PackageWorker(assetBase);
    this.#address = worker.join({ onMessage: (message) => this.#take(message), onDeath });
    return worker;
  }

  #abandon(error: KeeptakeError, suspect = false): void {
    this.#worker.leave(this.#address, suspect);
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }

  /** Why nothing can be asked any more. */
  get dead(): KeeptakeError | null {
    return this.#dead;
  }

  ask<K extends RequestType>(
    type: K,
    args: Requests[K]['args'],
    transfer: Transferable[] = [],
  ): Promise<Requests[K]['result']> {
    if (this.#dead) return Promise.reject(this.#dead);
    const id = ++this.#lastId;
    return new Promise<Requests[K]['result']>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      try {
        this.#worker.post(this.#address, { id, type, args } as Outgoing, transfer);
      } catch (cause) {
        this.#waiting.delete(id);
        reject(
          new KeeptakeError('bad-argument', `What "${type}" was given cannot be sent to the engine: ${String(cause)}`, {
            cause,
          }),
        );
      }
    });
  }

  tell(notice: PageNotice, transfer: Transferable[] = []): void {
    this.#worker.post(this.#address, notice, transfer);
  }

  /** Ends the worker, unless others share it; what waits and whatever is asked later is rejected with `error`. */
  end(error: KeeptakeError): void {
    this.#dead = error;
    this.#abandon(error);
  }

  #take(message: Reply | WorkerNotice): void {
    if (this.#dead) return;
    if ('reply' in message) {
      const waiting = this.#waiting.get(message.reply);
      this.#waiting.delete(message.reply);
      if (message.ok) waiting?.resolve(message.value);
      else waiting?.reject(fromPlainError(message.error));
    } else if (message.notice === 'token') {
      void this.#giveToken(message.id, message.refused);
    } else {
      this.#options.onNotice(message);
    }
  }

  async #giveToken(id: number, refused: string | null | undefined): Promise<void> {
    const { tokens } = this.#options;
    if (refused !== undefined) tokens.refused(refused);
    try {
      // The source itself ends a question that nobody answers.
      this.tell({ notice: 'token', id, token: await tokens.get(new AbortController().signal) });
    } catch (error) {
      this.tell({ notice: 'token', id, token: null, error: error instanceof Error ? error.message : String(error) });
    }
  }
}
