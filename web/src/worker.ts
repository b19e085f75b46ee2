/** Entry of the engine's worker: typed messages in, {@link EngineHost} records, {@link RecoveryHost} salvages, replies out. */

import { plainError, type PageNotice, type Reply, type Request, type WorkerNotice } from './protocol/messages.js';
import { EngineHost } from './worker/host.js';
import { RecoveryHost } from './worker/recovery-host.js';
import type { AskToken } from './server/token.js';

interface WorkerScope {
  addEventListener(type: string, listener: (event: Event) => void): void;
  postMessage(message: Reply | WorkerNotice): void;
  onmessage: ((event: MessageEvent<Request | PageNotice>) => void) | null;
}
const scope = globalThis as unknown as WorkerScope;

const tokens = new Map<number, { resolve: (token: string | null) => void; reject: (error: Error) => void }>();
let lastToken = 0;

const notify = (notice: WorkerNotice): void => scope.postMessage(notice);
const askToken: AskToken = ({ reason }, last) =>
  new Promise((resolve, reject) => {
    const id = ++lastToken;
    tokens.set(id, { resolve, reject });
    scope.postMessage({ notice: 'token', id, ...(reason === 'refused' ? { refused: last } : {}) });
  });

const host = new EngineHost(notify, askToken);
const recovery = new RecoveryHost(notify, askToken);
const handlers = { ...host.handlers, ...recovery.handlers };

function takeNotice(notice: PageNotice): void {
  switch (notice.notice) {
    case 'frame':
      host.takeFrame(notice.sourceId, notice.frame);
      return notify({ notice: 'frame-taken', sourceId: notice.sourceId });
    case 'ended':
      return host.sourceEnded(notice.sourceId);
    case 'pictures-muted':
      return host.picturesMuted(notice.sourceId, notice.muted);
    case 'want-levels':
      return host.wantLevels(notice.want);
    case 'page-hidden':
      return host.pageHidden(notice.hidden);
    case 'forget-preview':
      return host.forgetPreview(notice.preview);
    case 'online':
      return host.online();
    case 'flush':
      return void host.flush();
    case 'thread-failed':
      return crashed(new Error(notice.message));
    case 'stop-salvage':
      return recovery.stop(notice.id);
    case 'new-token':
      return void (host.newToken(notice.token), recovery.newToken(notice.token));
    case 'token': {
      const waiting = tokens.get(notice.id);
      tokens.delete(notice.id);
      if (notice.error === undefined) waiting?.resolve(notice.token);
      else waiting?.reject(new Error(notice.error));
      return;
    }
  }
}

async function answer(request: Request): Promise<Reply> {
  try {
    const handler = handlers[request.type] as (args: Request['args']) => unknown;
    return { reply: request.id, ok: true, value: await handler(request.args) };
  } catch (error) {
    return { reply: request.id, ok: false, error: plainError(error) };
  }
}

function crashed(error: unknown): void {
  host.crashed(error);
  recovery.crashed(error);
}

// The host ends the take and keeps what there is; recovery's page ends the worker; the page's `onerror` is for a worker that cannot be loaded.
scope.addEventListener('error', (event) => {
  event.preventDefault();
  const { error, message } = event as ErrorEvent;
  crashed(error ?? new Error(message));
});
scope.addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  crashed((event as PromiseRejectionEvent).reason);
});
scope.onmessage = (event) => {
  if ('notice' in event.data) return takeNotice(event.data);
  void answer(event.data).then((reply) => scope.postMessage(reply));
};
