/**
 * Who lives in this worker: recorders and recoveries, each at an address that the page has given out. Messages go to
 * whom they concern; what failed without anybody's request is told to all, because nobody knows whose it was.
 */

import { isTrap, KeeptakeError } from '../base/errors.js';
import {
  plainError,
  type FromWorker,
  type PageNotice,
  type Reply,
  type Request,
  type ToWorker,
  type WorkerNotice,
} from '../protocol/messages.js';
import type { AskToken } from '../server/token.js';
import { EngineShare } from './engine-share.js';
import { EngineHost } from './host.js';
import { RecoveryHost } from './recovery-host.js';

interface Question {
  resolve: (token: string | null) => void;
  reject: (error: Error) => void;
}

/** A recorder, or a recovery: the page asks of each only what it is. */
class Resident {
  readonly #notify: (notice: WorkerNotice) => void;
  readonly #host: EngineHost;
  readonly #recovery: RecoveryHost;
  readonly #handlers: EngineHost['handlers'] & RecoveryHost['handlers'];
  readonly #onTrap: (error: unknown) => void;
  readonly #questions = new Map<number, Question>();
  #lastQuestion = 0;

  constructor(notify: (notice: WorkerNotice) => void, engines: EngineShare, onTrap: (error: unknown) => void) {
    this.#notify = notify;
    this.#onTrap = onTrap;
    const askToken: AskToken = ({ reason }, last) =>
      new Promise((resolve, reject) => {
        const id = ++this.#lastQuestion;
        this.#questions.set(id, { resolve, reject });
        notify({ notice: 'token', id, ...(reason === 'refused' ? { refused: last } : {}) });
      });
    this.#host = new EngineHost(notify, askToken, engines, onTrap);
    this.#recovery = new RecoveryHost(notify, askToken);
    this.#handlers = { ...this.#host.handlers, ...this.#recovery.handlers };
  }

  async answer({ id, type, args }: Request): Promise<Reply> {
    try {
      const handler = this.#handlers[type] as (args: Request['args']) => unknown;
      return { reply: id, ok: true, value: await handler(args) };
    } catch (error) {
      // Recovery has an engine of its own, which nobody shares.
      if (isTrap(error) && type in this.#host.handlers) this.#onTrap(error);
      return { reply: id, ok: false, error: plainError(error) };
    }
  }

  heed(notice: PageNotice): void {
    const host = this.#host;
    switch (notice.notice) {
      case 'frame':
        host.takeFrame(notice.sourceId, notice.frame);
        return this.#notify({ notice: 'frame-taken', sourceId: notice.sourceId });
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
        return this.crashed(new Error(notice.message));
      case 'stop-salvage':
        return this.#recovery.stop(notice.id);
      case 'new-token':
        return void (host.newToken(notice.token), this.#recovery.newToken(notice.token));
      case 'token':
        return this.#tokenCame(notice);
      case 'leave':
        return;
    }
  }

  #tokenCame({ id, token, error }: Extract<PageNotice, { notice: 'token' }>): void {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    if (error === undefined) question?.resolve(token);
    else question?.reject(new Error(error));
  }

  /** The host ends the take and keeps what there is; recovery's page ends the worker. */
  crashed(error: unknown): void {
    this.#host.crashed(error);
    this.#recovery.crashed(error);
  }
}

export class WorkerRouter {
  readonly #post: (message: FromWorker) => void;
  readonly #residents = new Map<number, Resident>();
  readonly #engines = new EngineShare();

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  receive({ to, ...message }: ToWorker): void {
    if ('notice' in message) this.#heed(to, message as PageNotice);
    else void this.#answer(to, message as Request).then((reply) => this.#post({ ...reply, from: to }));
  }

  /** An error that nobody caught, or a trap of the engine that all here share. */
  crashed(error: unknown): void {
    // Whoever comes next gets an engine that was not in the middle of something.
    this.#engines.forget();
    for (const resident of this.#residents.values()) resident.crashed(error);
  }

  async #answer(to: number, request: Request): Promise<Reply> {
    const resident = this.#residents.get(to) ?? this.#settle(to, request);
    if (!resident) {
      const error = plainError(new KeeptakeError('closed', 'Nobody is at this address of the worker any more.'));
      return request.type === 'close'
        ? { reply: request.id, ok: true, value: undefined }
        : { reply: request.id, ok: false, error };
    }
    const reply = await resident.answer(request);
    if (request.type === 'close') this.#residents.delete(to);
    return reply;
  }

  #settle(to: number, { type }: Request): Resident | null {
    if (type !== 'setup' && type !== 'recover') return null;
    const notify = (notice: WorkerNotice): void => this.#post({ ...notice, from: to });
    const resident = new Resident(notify, this.#engines, (error) => this.crashed(error));
    this.#residents.set(to, resident);
    return resident;
  }

  #heed(to: number, notice: PageNotice): void {
    const resident = this.#residents.get(to);
    if (notice.notice === 'leave') {
      this.#residents.delete(to);
      void resident?.answer({ id: 0, type: 'close', args: {} });
    } else if (resident) resident.heed(notice);
    else if (notice.notice === 'frame') notice.frame.close();
  }
}
