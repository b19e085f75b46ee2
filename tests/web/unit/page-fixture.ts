/** A page without a browser, whose worker answers as a test says. */

import { vi } from 'vitest';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import { createRecorder } from '../../../web/src/page/recorder.js';
import type { Requests, SourceSettings } from '../../../web/src/protocol/messages.js';
import type { Recorder, RecorderOptions } from '../../../web/src/base/types.js';

export interface Asked {
  id: number;
  type: string;
  args: Record<string, unknown>;
}

/** Stands for the engine's worker: answers at once, unless a test holds a type back. */
export class FakeWorker {
  static last: FakeWorker;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;
  readonly asked: Asked[] = [];
  readonly notices: unknown[] = [];
  readonly held = new Set<string>();
  readonly refused = new Map<string, string>();
  terminated = false;

  /** The engine's threads that were made and that ended. */
  static readonly threads = { made: 0, ended: 0 };
  readonly #isThread: boolean;

  constructor(_url?: string | URL, options?: WorkerOptions) {
    this.#isThread = options?.name === 'em-pthread';
    if (this.#isThread) FakeWorker.threads.made++;
    else FakeWorker.last = this;
  }
  /** What stands in the worker of each source, for the answer to `updateSource`. */
  readonly settings = new Map<unknown, SourceSettings>();
  /** Of whoever talked with it last, and of each who asked. */
  #address = 0;
  readonly #askers = new WeakMap<Asked, number>();
  postMessage({ to, ...message }: Asked & { to: number }, transfer: Transferable[] = []): void {
    this.#address = to;
    if (message.type === undefined) this.notices.push(message);
    if (this.terminated || message.type === undefined) return;
    structuredClone(message.args, { transfer });
    this.asked.push(message);
    this.#askers.set(message, to);
    const { id, name, showName } = message.args as Requests['addSource']['args'];
    if (message.type === 'addSource')
      this.settings.set(id, { name, showName, gain: 1, audioMuted: false, videoMuted: false });
    if (!this.held.has(message.type)) queueMicrotask(() => this.answer(message));
  }
  answer(message: Asked): void {
    const { id, type, args } = message;
    const code = this.refused.get(type);
    const value = type === 'updateSource' && !code ? this.#update(args as Requests['updateSource']['args']) : undefined;
    this.tell(
      code ? { reply: id, ok: false, error: { code, message: type, context: {} } } : { reply: id, ok: true, value },
      this.#askers.get(message),
    );
  }
  #update({ id, changes: { muted, ...rest } }: Requests['updateSource']['args']): SourceSettings {
    const before = this.settings.get(id) ?? {
      name: '',
      showName: false,
      gain: 1,
      audioMuted: false,
      videoMuted: false,
    };
    const { audio = before.audioMuted, video = before.videoMuted } = muted ?? {};
    const now = { ...before, ...rest, audioMuted: audio, videoMuted: video };
    this.settings.set(id, now);
    return now;
  }
  tell(data: unknown, from = this.#address): void {
    if (!this.terminated) this.onmessage?.({ data: { from, ...(data as object) } });
  }
  state(state: Record<string, unknown>): void {
    this.tell({ notice: 'state', state });
  }
  of(type: string): Asked[] {
    return this.asked.filter((each) => each.type === type);
  }
  terminate(): void {
    if (this.#isThread) FakeWorker.threads.ended++;
    this.terminated = true;
  }
}

export const TAKE = { recordingId: 'rec_1', duration: 2, bytes: 9, timeline: '{}', scene: '{}' };

/** A live picture track; without MediaStreamTrackProcessor its frames would come from a video element. */
export function pictures(): MediaStreamTrack[] {
  const track = {
    kind: 'video',
    readyState: 'live',
    getSettings: () => ({}),
    getConstraints: () => ({}),
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  };
  return [track as unknown as MediaStreamTrack];
}

export async function open(
  options: Partial<RecorderOptions> = {},
): Promise<{ recorder: Recorder; worker: FakeWorker }> {
  const recorder = createRecorder({ server: null, ...options });
  await recorder.ready;
  return { recorder, worker: FakeWorker.last };
}

export const code = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof KeeptakeError ? error.code : String(error)),
  );

/** Makes a page of this Node; `vi.unstubAllGlobals` ends it. */
export function stubPage(): void {
  Object.assign(FakeWorker.threads, { made: 0, ended: 0 });
  vi.stubGlobal('Worker', FakeWorker);
  vi.stubGlobal('VideoFrame', class {});
  vi.stubGlobal('AudioWorkletNode', class {});
  vi.stubGlobal(
    'MediaStreamTrackProcessor',
    class {
      readable = new ReadableStream();
    },
  );
  vi.stubGlobal('document', {
    baseURI: 'https://page.example/',
    title: 'Studio',
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  });
  vi.stubGlobal('navigator', { storage: { persist: vi.fn(() => Promise.resolve(false)) } });
  vi.stubGlobal('location', { href: 'https://page.example/studio' });
  vi.stubGlobal('addEventListener', () => undefined);
  vi.stubGlobal('removeEventListener', () => undefined);
  vi.stubGlobal('reportError', vi.fn());
}
