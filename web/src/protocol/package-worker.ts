/** One worker of the package and all who talk with somebody in it: each has an address of its own, which every message carries. */

import { openWorker, workerAddress } from './assets.js';
import type { FromWorker, PageNotice, Reply, Request, ToWorker, WorkerNotice } from './messages.js';
import { EngineThreads } from './threads.js';

/** Whoever talks with one address. */
export interface WorkerUser {
  onMessage: (message: Reply | WorkerNotice) => void;
  /** The worker cannot be loaded, or broke. */
  onDeath: (message: string) => void;
}

/** A request or a notice, before it has an address. */
export type Outgoing = Omit<Request, 'to'> | PageNotice;

export class PackageWorker {
  readonly #worker: Worker;
  readonly #users = new Map<number, WorkerUser>();
  #threads: EngineThreads | null = null;
  #lastAddress = 0;
  #ended = false;
  #broken = false;

  /** @throws {KeeptakeError} `'engine-load-failed'` */
  constructor(assetBase: string | URL | undefined) {
    this.#worker = openWorker(assetBase);
    this.#worker.onmessage = (event: MessageEvent<FromWorker>) => {
      const { from, ...message } = event.data;
      this.#users.get(from)?.onMessage(message as Reply | WorkerNotice);
    };
    this.#worker.onerror = (event) => this.#died(event.message);
    this.#worker.onmessageerror = () => this.#died('a message could not be read');
  }

  /** Nobody new is to come: it has ended, or broke, or did not start for somebody. */
  get isClosed(): boolean {
    return this.#ended || this.#broken;
  }

  /** The address of somebody new. */
  join(user: WorkerUser): number {
    const address = ++this.#lastAddress;
    this.#users.set(address, user);
    return address;
  }

  /** Nobody new comes here: those who are here stay. */
  distrust(): void {
    this.#broken = true;
  }

  /** Nobody listens at the address any more; the worker ends with the last one. `suspect`: it is not to be shared any more. */
  leave(address: number, suspect = false): void {
    if (!this.#users.delete(address) || this.#ended) return;
    if (suspect) this.#broken = true;
    if (this.#users.size > 0) return this.post(address, { notice: 'leave' });
    this.#ended = true;
    this.#worker.onmessage = this.#worker.onerror = this.#worker.onmessageerror = null;
    this.#worker.terminate();
    this.#threads?.close();
  }

  /** @throws what `postMessage` throws of a message that cannot be sent */
  post(address: number, message: Outgoing, transfer: Transferable[] = []): void {
    const sent = { ...message, to: address } as ToWorker;
    this.#worker.postMessage(sent, transfer);
  }

  /** Makes the threads of the engine in it, which end with it; the ports are the engine's ends. */
  openThreads(engineUrl: string, count: number, onFailed: (message: string) => void): MessagePort[] {
    this.#threads = new EngineThreads(engineUrl, count, onFailed);
    return this.#threads.ports;
  }

  #died(message: string): void {
    this.#broken = true;
    for (const user of [...this.#users.values()]) user.onDeath(message);
  }
}

/** Workers that are shared, by the address of their script. */
const shared = new Map<string, PackageWorker>();

/** The worker that all who share one have; a fresh one where the last one has ended or broke. @throws as {@link PackageWorker} */
export function sharedWorker(assetBase: string | URL | undefined): PackageWorker {
  const address = workerAddress(assetBase);
  const known = shared.get(address);
  if (known && !known.isClosed) return known;
  const worker = new PackageWorker(assetBase);
  shared.set(address, worker);
  return worker;
}
