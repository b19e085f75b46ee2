/** Entry of the package's worker: gives the {@link WorkerRouter} its messages, and what nobody caught. */

import type { FromWorker, ToWorker } from './protocol/messages.js';
import { WorkerRouter } from './worker/router.js';

interface WorkerScope {
  addEventListener(type: string, listener: (event: Event) => void): void;
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}
const scope = globalThis as unknown as WorkerScope;

const router = new WorkerRouter((message) => scope.postMessage(message));

// The page's `onerror` is for a worker that cannot be loaded.
scope.addEventListener('error', (event) => {
  event.preventDefault();
  const { error, message } = event as ErrorEvent;
  router.crashed(error ?? new Error(message));
});
scope.addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  router.crashed((event as PromiseRejectionEvent).reason);
});
scope.onmessage = (event) => router.receive(event.data);
