/** How a take stands and what is to be told of it: the truth of the elements that steer one, wherever it is recorded. */

import type { FinishedTake, RecorderStats, TakeControls, TakeState } from 'keeptake';
import type { KtRequestMap, KtRequestName, KtTakeRequestMap } from './requests.js';

/** What changed. */
export type StoreTopic = 'state' | 'stats' | 'sources' | 'composition' | 'hooks' | 'logo' | 'notices' | 'busy';

/** Something to tell the person at the desk. */
export interface Notice {
  key: number;
  kind: 'warning' | 'error';
  code: string;
  message: string;
  sourceId?: string;
}

/** Longer than the double click of slow hands (500 ms on most systems). */
const SETTLE_MS = 600;

const LIVE: ReadonlySet<TakeState['state']> = new Set(['recording', 'paused', 'stopping']);

/** A person's message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of a KeeptakeError, `''` for anything else. */
export function codeOf(error: unknown): string {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : '';
  return typeof code === 'string' ? code : '';
}

type TakeActions = { [K in keyof KtTakeRequestMap]: (detail: KtTakeRequestMap[K]) => Promise<unknown> };

/** Of whatever steers a take. Made once for each ({@link storeOf}), and kept as long as it. */
export class TakeStore {
  readonly recorder: TakeControls;
  state: TakeState;
  stats: RecorderStats | null;
  notices: readonly Notice[] = [];
  /** Bits a second that went out when the store last answered; 0 before that. */
  uplink = 0;
  /** The state has just changed: a second click of a double click, meant for the control before, may still come. */
  settling = false;
  /** Requests under way. */
  readonly busy = new Set<KtRequestName>();
  #listeners = new Set<(topic: StoreTopic) => void>();
  #settleTimer: ReturnType<typeof setTimeout> | undefined;
  #cancelled = false;
  #counter = 0;
  #seenErrors = new WeakSet<object>();

  constructor(recorder: TakeControls) {
    this.recorder = recorder;
    this.state = recorder.state;
    this.stats = recorder.stats;
    recorder.on('state', (state) => this.#onState(state));
    recorder.on('stats', (stats) => {
      this.stats = stats;
      if (stats.uploadState === 'sending' && stats.uploadBitrate > 0) {
        this.uplink = stats.uploadBitrate;
      }
      this.emit('stats');
    });
    recorder.on('warning', (w) => {
      this.#note({
        kind: 'warning',
        code: w.code,
        message: w.message,
        ...(w.sourceId ? { sourceId: w.sourceId } : {}),
      });
    });
    recorder.on('error', (error) => this.report(error));
  }

  /** Adds a listener; the returned function removes it. */
  subscribe(listener: (topic: StoreTopic) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Take time in seconds; 0 outside a take, still while paused. */
  get elapsed(): number {
    if (this.state.state === 'stopped') {
      return this.state.take.duration;
    }
    return LIVE.has(this.state.state) ? (this.stats?.elapsed ?? 0) : 0;
  }

  /** A take that Restart would lose is running. */
  get hasTake(): boolean {
    return this.state.state === 'recording' || this.state.state === 'paused';
  }

  /** There is nobody in the picture, as far as this page knows. */
  get isEmpty(): boolean {
    return false;
  }

  /** Does what a request asks. Failures become notices; true when it was done. */
  async perform<K extends KtRequestName>(name: K, detail: KtRequestMap[K]): Promise<boolean> {
    this.busy.add(name);
    this.emit('busy');
    try {
      await this.act(name, detail);
      return true;
    } catch (error) {
      if (!(name === 'kt-start-request' && this.#cancelled)) {
        this.report(error);
      }
      return false;
    } finally {
      this.busy.delete(name);
      this.emit('busy');
    }
  }

  /** Adds a notice for an error; the same error is told once. */
  report(error: unknown): void {
    if (typeof error === 'object' && error !== null) {
      if (this.#seenErrors.has(error)) {
        return;
      }
      this.#seenErrors.add(error);
    }
    this.#note({ kind: 'error', code: codeOf(error), message: messageOf(error) });
  }

  /** Takes a notice away. */
  dismiss(key: number): void {
    this.notices = this.notices.filter((n) => n.key !== key);
    this.emit('notices');
  }

  /** Takes away what was told of a source. */
  forgetSource(id: string): void {
    this.notices = this.notices.filter((n) => n.sourceId !== id);
    this.emit('notices');
  }

  /** Carries a request out; one that is none of a take's is refused. */
  protected act<K extends KtRequestName>(name: K, detail: KtRequestMap[K]): Promise<unknown> {
    const action = (this.#actions as Partial<Record<KtRequestName, (detail: KtRequestMap[K]) => Promise<unknown>>>)[
      name
    ];
    return action ? action(detail) : Promise.reject(new Error(`Nobody here can do what "${name}" asks for.`));
  }

  #actions: TakeActions = {
    'kt-start-request': (d) => {
      this.#cancelled = false;
      return this.recorder.start({
        ...(d.countdown === undefined ? {} : { countdown: d.countdown }),
        ...(d.title === undefined ? {} : { title: d.title }),
      });
    },
    'kt-cancel-request': () => {
      this.#cancelled = true;
      return this.recorder.cancel();
    },
    'kt-pause-request': () => this.recorder.pause(),
    'kt-resume-request': () => this.recorder.resume(),
    'kt-stop-request': (): Promise<FinishedTake | null> => this.recorder.stop(),
    'kt-restart-request': () => this.recorder.restart(),
    'kt-reset-request': () => this.recorder.reset(),
    'kt-send-now-request': async () => this.recorder.sendNow?.(),
    'kt-leave-for-later-request': async () => this.recorder.leaveForLater?.(),
  };

  #onState(state: TakeState): void {
    if (state.state !== this.state.state && this.state.state !== 'loading') {
      this.settling = true;
      clearTimeout(this.#settleTimer);
      this.#settleTimer = setTimeout(() => {
        this.settling = false;
        this.emit('busy');
      }, SETTLE_MS);
    }
    this.state = state;
    if (state.state === 'setup' || state.state === 'countdown') {
      this.stats = null;
    }
    if (state.state === 'failed') {
      this.report(state.error);
    }
    this.emit('state');
  }

  #note(notice: Omit<Notice, 'key'>): void {
    const same = (n: Notice): boolean =>
      n.code === notice.code &&
      n.sourceId === notice.sourceId &&
      (n.kind === 'warning' || n.message === notice.message);
    this.notices = [...this.notices.filter((n) => !same(n)), { ...notice, key: (this.#counter += 1) }].slice(-4);
    this.emit('notices');
  }

  /** Tells the listeners; one that throws keeps it from no other. */
  protected emit(topic: StoreTopic): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(topic);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
