/** A worker of the package and the typed requests to it. Each request gets exactly one answer, or the worker's end. */

import { openWorker } from './assets.js';
import { KeeptakeError } from '../base/errors.js';
import {
  fromPlainError,
  type PageNotice,
  type Reply,
  type Requests,
  type RequestType,
  type WorkerNotice,
} from './messages.js';
import { EngineThreads } from './threads.js';
import type { TokenSource } from '../server/token.js';

export interface ChannelOptions {
  assetBase: string | URL | undefined;
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
  #worker: Worker;
  #threads: EngineThreads | null = null;
  readonly #waiting = new Map<number, Waiting>();
  #dead: KeeptakeError | null = null;
  #lastId = 0;

  /** @throws {KeeptakeError} `'engine-load-failed'` */
  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#worker = this.#open();
  }

  /**
   * Ends the worker and goes on with a fresh one, which knows nothing yet; what waits is rejected with `error`.
   * @throws {KeeptakeError} `'engine-load-failed'`
   */
  restart(error: KeeptakeError): void {
    this.#abandon(error);
    this.#worker = this.#open();
  }

  /** A fresh worker after the last one's death or end. @throws {KeeptakeError} `'engine-load-failed'` */
  revive(): void {
    this.#worker = this.#open();
    this.#dead = null;
  }

  /** Makes the worker's threads, which end with it; the ports are the worker's ends. */
  openThreads(engineUrl: string, count: number): MessagePort[] {
    this.#threads = new EngineThreads(engineUrl, count, (message) => this.#options.onThreadFailed?.(message));
    return this.#threads.ports;
  }

  #open(): Worker {
    const worker = openWorker(this.#options.assetBase);
    worker.onmessage = (event: MessageEvent<Reply | WorkerNotice>) => this.#take(event.data);
    worker.onerror = (event) => this.#options.onDeath(event.message);
    worker.onmessageerror = () => this.#options.onDeath('a message could not be read');
    return worker;
  }

  #abandon(error: KeeptakeError): void {
    this.#worker.onmessage = this.#worker.onerror = this.#worker.onmessageerror = null;
    this.#worker.terminate();
    this.#threads?.close();
    this.#threads = null;
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
        this.#worker.postMessage({ id, type, args }, transfer);
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
    this.#worker.postMessage(notice, transfer);
  }

  /** Ends the worker; what waits and whatever is asked later is rejected with `error`. */
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
