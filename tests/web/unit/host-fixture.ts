/** A host with a fake engine, a server that answers as a test says, and a clock that stands still until told. */

import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, vi } from 'vitest';
import type { EngineSetup, WorkerNotice, WorkerState } from '../../../web/src/protocol/messages.js';
import type { RecorderStats } from '../../../web/src/base/types.js';
import { EngineHost } from '../../../web/src/worker/host.js';
import { FakeEngine } from './fake-engine.js';
import { FakeLocks } from './fake-locks.js';

export const PART = 5 << 20;
export const PIECE = 1 << 20;

/** The engine itself cannot be loaded in these tests: each puts one in its place. */
export const SETUP: EngineSetup = {
  engineUrl: 'data:text/javascript,export default () => globalThis.engineOfThisTest',
  wasmUrl: 'none:',
  variant: 'single-threaded',
  threads: 1,
  poolThreads: 0,
  server: 'http://server',
  hasToken: false,
  title: '',
  width: 320,
  height: 180,
  fps: 30,
  codec: 'vp8',
  videoBitrate: 3_900_000,
  audioBitrate: 100_000,
  keyframeInterval: 2,
  maxLength: 0,
  speed: 8,
  governor: false,
  journal: { durability: 'relaxed', keepLocalCopy: false, database: 'keeptake', scope: '' },
  flushed: null,
};

export interface Asked {
  method: string;
  path: string;
  headers: Headers;
  body: string;
}

/** Status and body; `'offline'`: the network is down; a promise: the answer takes its time. */
export type Answer = [status: number, body: unknown] | 'offline' | Promise<[status: number, body: unknown]>;

export class HostFixture {
  readonly engine = new FakeEngine(PIECE);
  readonly told: WorkerNotice[] = [];
  readonly asked: Asked[] = [];
  readonly host: EngineHost;
  /** What the page gives when it is asked for a token, and why it was asked. */
  readonly tokens: { reason: string; signal: AbortSignal }[] = [];
  token: (reason: 'needed' | 'refused') => string | null = () => 'good';
  /** Looked at before the usual answers. */
  answer: (asked: Asked) => Answer | undefined = () => undefined;

  constructor() {
    vi.stubGlobal('engineOfThisTest', this.engine.module);
    vi.stubGlobal('indexedDB', new IDBFactory());
    vi.stubGlobal('navigator', { locks: new FakeLocks(), storage: { estimate: () => Promise.resolve({}) } });
    vi.stubGlobal('fetch', (url: string, init: RequestInit) => this.#fetch(url, init));
    this.host = new EngineHost(
      (notice) => this.told.push(notice),
      (ask?: { reason: 'needed' | 'refused'; signal: AbortSignal }) => {
        if (!ask) return Promise.resolve(null);
        this.tokens.push(ask);
        return Promise.resolve(this.token(ask.reason));
      },
    );
  }

  readonly warnings = (): string[] =>
    this.told.flatMap((each) => (each.notice === 'warning' ? [each.warning.code] : []));
  readonly states = (): string[] => this.told.flatMap((each) => (each.notice === 'state' ? [each.state.state] : []));
  readonly state = (): WorkerState | undefined => this.told.findLast((each) => each.notice === 'state')?.state;
  readonly stats = (): RecorderStats | undefined => this.told.findLast((each) => each.notice === 'stats')?.stats;
  readonly calls = (): string[] => this.asked.map(({ method, path }) => `${method} ${path}`);

  /** The clock goes on; what was begun meanwhile comes to its end. */
  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** How a promise stands after `ms`: its value, its error's code, or `'pending'`. */
  async settled(promise: Promise<unknown>, ms = 50): Promise<unknown> {
    let result: unknown = 'pending';
    promise.then(
      (value) => (result = value ?? 'done'),
      (error: unknown) => (result = (error as { code?: string }).code ?? error),
    );
    for (let round = 0; round < 20 && (result === 'pending' || round === 0); round++) await this.pass(ms / 20);
    return result;
  }

  async open(setup: Partial<EngineSetup> = {}): Promise<void> {
    const opened = Promise.resolve(this.host.handlers.setup({ ...SETUP, ...setup, threadPorts: [] }));
    await vi.waitFor(() => this.pass(1).then(() => opened));
  }

  start(): Promise<void> {
    const args = { countdown: 0, title: '', page: { title: 'Studio', url: 'http://page/' } };
    return Promise.resolve(this.host.handlers.start(args));
  }

  async #fetch(url: string, { method = 'GET', headers, body, signal }: RequestInit): Promise<Response> {
    const path = url.replace('http://server/api/v1', '');
    const asked: Asked = { method, path, headers: new Headers(headers), body: typeof body === 'string' ? body : '' };
    this.asked.push(asked);
    const answer = this.answer(asked) ?? usual(asked);
    if (answer === 'offline') throw new TypeError('offline');
    const ended = new Promise<never>((_, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason as Error)),
    );
    const [status, value] = await Promise.race([answer, ended]);
    return new Response(status === 204 ? null : JSON.stringify(value), { status });
  }
}

/** For each test of the file, or of the `describe`, a host of its own and a clock that stands still; `made` gets it. */
export function hostForEach(made: (life: HostFixture) => void): void {
  let life: HostFixture;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] });
    life = new HostFixture();
    made(life);
  });
  afterEach(async () => {
    const closed = Promise.resolve(life.host.handlers.close({}));
    await vi.waitFor(() => life.pass(20).then(() => closed));
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
}

function usual({ method, path }: Asked): [number, unknown] {
  if (path === '/session')
    return [200, { organisation: 'acme', live_seconds: 60, limits: { max_length_seconds: 3600, max_fps: 60 } }];
  if (path === '/recordings') return [201, { id: 'rec_1', writer: 'wr_1' }];
  if (path.endsWith('/sign')) return [200, { expires_at: new Date(Date.now() + 600_000).toISOString(), urls: [] }];
  if (path.endsWith('/alive')) return [200, { state: 'recording' }];
  return method === 'POST'
    ? [200, { upload_id: 'up_1', part_bytes: PART }]
    : method === 'DELETE'
      ? [204, null]
      : [200, {}];
}

/** The server's error answer. */
export function refusal(status: number, code: string): [number, unknown] {
  return [status, { error: { code, message: code } }];
}
