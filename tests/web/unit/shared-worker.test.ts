/** Several recorders in one worker: who hears what, who ends it, and what becomes of the others. */

import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRecorder } from '../../../web/src/page/recorder.js';
import type { FromWorker, ToWorker } from '../../../web/src/protocol/messages.js';
import { EngineShare } from '../../../web/src/worker/engine-share.js';
import { WorkerRouter } from '../../../web/src/worker/router.js';
import type { Recorder, RecorderOptions } from '../../../web/src/base/types.js';
import { FakeEngine } from './fake-engine.js';
import { FakeLocks } from './fake-locks.js';
import { code, FakeWorker, stubPage } from './page-fixture.js';

/** Remembers which address each message went to. */
class SharedWorkerFake extends FakeWorker {
  static readonly made: SharedWorkerFake[] = [];
  readonly to: [to: number, what: string][] = [];

  constructor(url?: string | URL, options?: WorkerOptions) {
    super(url, options);
    SharedWorkerFake.made.push(this);
  }
  override postMessage(message: Parameters<FakeWorker['postMessage']>[0], transfer: Transferable[] = []): void {
    this.to.push([message.to, message.type ?? (message as unknown as { notice: string }).notice]);
    super.postMessage(message, transfer);
  }
  say(from: number, data: object): void {
    this.onmessage?.({ data: { ...data, from } });
  }
}

describe('on the page', () => {
  const open = (options: Partial<RecorderOptions> = {}): Recorder =>
    createRecorder({ server: null, shareWorker: true, assetBase: `https://page.example/${test}/`, ...options });
  let test = 0;

  beforeEach(() => {
    test++;
    SharedWorkerFake.made.length = 0;
    stubPage();
    vi.stubGlobal('Worker', SharedWorkerFake);
  });
  afterEach(() => vi.unstubAllGlobals());

  it('each hears its own, and the worker ends with the last one', async () => {
    const [one, two] = [open(), open()];
    await Promise.all([one.ready, two.ready]);
    const [worker, ...more] = SharedWorkerFake.made;
    expect(more).toEqual([]);
    worker?.say(2, { notice: 'state', state: { state: 'recording' } });
    expect([one.state.state, two.state.state]).toEqual(['setup', 'recording']);
    await one.close();
    expect(worker?.to.filter(([to]) => to === 1).at(-1)).toEqual([1, 'leave']);
    expect(worker?.terminated).toBe(false);
    worker?.say(1, { notice: 'state', state: { state: 'recording' } });
    worker?.say(2, { notice: 'state', state: { state: 'setup' } });
    await two.close();
    expect(worker?.terminated).toBe(true);
    expect(worker?.to.some(([to, what]) => to === 2 && what === 'leave')).toBe(false);
  });

  it('a worker that breaks is told to all in it; who comes next, or goes on, has a fresh one', async () => {
    const [one, two] = [open(), open()];
    await Promise.all([one.ready, two.ready]);
    SharedWorkerFake.made[0]?.onerror?.({ message: 'out of memory' });
    expect([one.state.state, two.state.state]).toEqual(['failed', 'failed']);
    const three = open();
    await Promise.all([three.ready, one.reset()]);
    expect(SharedWorkerFake.made.length).toBe(2);
    expect([one.state.state, two.state.state, three.state.state]).toEqual(['setup', 'failed', 'setup']);
    await Promise.all([one, two, three].map((each) => each.close()));
    expect(SharedWorkerFake.made.map(({ terminated }) => terminated)).toEqual([true, true]);
  });

  it('an engine that trapped is given to nobody else, and left by whoever goes on', async () => {
    const [one, two] = [open(), open()];
    await Promise.all([one.ready, two.ready]);
    const [first] = SharedWorkerFake.made;
    const error = { code: 'engine-failed', message: 'unreachable', context: { trapped: true } };
    for (const from of [1, 2]) first?.say(from, { notice: 'state', state: { state: 'failed', error } });
    const three = open();
    await three.ready;
    expect(SharedWorkerFake.made.length).toBe(2);
    await Promise.all([one.reset(), one.reset()]);
    expect([one.state.state, two.state.state, SharedWorkerFake.made.length]).toEqual(['setup', 'failed', 2]);
    // What was recorded is stored before it leaves.
    expect(first?.to.filter(([to]) => to === 1).map(([, what]) => what)).toEqual(
      expect.arrayContaining(['settled', 'leave']),
    );
    expect(first?.of('reset')).toEqual([]);
    await Promise.all([one, two, three].map((each) => each.close()));
    expect(SharedWorkerFake.made.map(({ terminated }) => terminated)).toEqual([true, true]);
  });

  it('one that does not start there tries elsewhere, and takes it from nobody', async () => {
    const one = open();
    await one.ready;
    SharedWorkerFake.made[0]?.held.add('setup');
    const two = open({ startTimeouts: [0.05, 5] });
    await two.ready;
    expect(SharedWorkerFake.made.map(({ terminated }) => terminated)).toEqual([false, false]);
    expect(await code(one.pause())).toBe('done');
    await Promise.all([one.close(), two.close()]);
  });

  it('has one thread, and no threads of the engine', async () => {
    expect(() => open({ variant: 'threaded' })).toThrow(/single-threaded/);
    vi.stubGlobal('crossOriginIsolated', true);
    const one = open();
    await one.ready;
    expect(SharedWorkerFake.made[0]?.of('setup')[0]?.args).toMatchObject({
      variant: 'single-threaded',
      poolThreads: 0,
    });
    expect(FakeWorker.threads.made).toBe(0);
    await one.close();
  });
});

describe('in the worker', () => {
  const told: FromWorker[] = [];
  let engine: FakeEngine;
  let router: WorkerRouter;
  let id = 0;
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
  async function ask(to: number, type: string, args: unknown = {}): Promise<unknown> {
    router.receive({ to, id: ++id, type, args } as ToWorker);
    const own = id;
    const reply = await vi.waitFor(
      () => told.find((each) => 'reply' in each && each.reply === own) ?? Promise.reject(new Error('none')),
    );
    expect(reply.from).toBe(to);
    return 'ok' in reply && !reply.ok ? reply.error.code : 'ok';
  }
  const SETUP = {
    engineUrl: 'data:text/javascript,export default () => globalThis.engineOfThisTest',
    wasmUrl: 'none:',
    variant: 'single-threaded',
    server: null,
    maxLength: 0,
    journal: null,
    threadPorts: [],
  };

  beforeEach(() => {
    told.length = 0;
    router = new WorkerRouter((message) => told.push(message));
    engine = new FakeEngine(1 << 20);
    vi.stubGlobal('engineOfThisTest', engine.module);
    vi.stubGlobal('indexedDB', new IDBFactory());
    vi.stubGlobal('navigator', { locks: new FakeLocks(), storage: { estimate: () => Promise.resolve({}) } });
  });
  afterEach(() => vi.unstubAllGlobals());

  it('answers for whom it was asked; nobody lives where nobody has moved in, or where somebody has left', async () => {
    expect([await ask(1, 'setup', SETUP), await ask(7, 'setup', SETUP)]).toEqual(['ok', 'ok']);
    expect(await ask(3, 'pause')).toBe('closed');
    expect(await ask(3, 'close')).toBe('ok');
    told.length = 0;
    router.receive({ to: 7, notice: 'leave' });
    await settled();
    expect(await ask(7, 'pause')).toBe('closed');
    expect(await ask(1, 'removeSource', { id: 'nobody' })).toBe('no-such-source');
    expect(await ask(1, 'close')).toBe('ok');
    expect(await ask(1, 'pause')).toBe('closed');
  });

  it('what nobody caught is told to all who live there', async () => {
    await Promise.all([1, 2].map((to) => ask(to, 'setup', SETUP)));
    told.length = 0;
    router.crashed(new Error('trapped'));
    expect(told.map((each) => [each.from, 'state' in each && each.state.state])).toEqual([
      [1, 'failed'],
      [2, 'failed'],
    ]);
    await Promise.all([1, 2].map((to) => ask(to, 'close')));
  });

  it.each(['_ktw_recorder_pause', '_ktw_recorder_tick'])(
    'an engine that traps in %s is broken for all',
    async (call) => {
      await Promise.all([1, 2].map((to) => ask(to, 'setup', SETUP)));
      engine.traps = (name) => name === call;
      told.length = 0;
      if (call === '_ktw_recorder_pause') expect(await ask(2, 'pause')).toBe('engine-failed');
      const failed = await vi.waitFor(() => {
        const states = told.flatMap((each) => ('state' in each && each.state.state === 'failed' ? [each] : []));
        expect(states.length).toBe(2);
        return states;
      });
      expect(failed.map(({ from }) => from).sort()).toEqual([1, 2]);
      for (const { state } of failed)
        expect(state).toMatchObject({ error: { code: 'engine-failed', context: { trapped: true } } });
      // Whoever comes next is not given that one, and what failed leaves it alone.
      const other = new FakeEngine(1 << 20);
      vi.stubGlobal('engineOfThisTest', other.module);
      const calls: string[] = [];
      engine.traps = (name) => (calls.push(name), true);
      expect(await ask(3, 'setup', SETUP)).toBe('ok');
      await settled();
      expect([
        calls,
        told.filter((each) => each.from === 3 && 'state' in each && each.state.state === 'failed'),
      ]).toEqual([[], []]);
      engine.traps = () => false;
      await Promise.all([1, 2, 3].map((to) => ask(to, 'close')));
    },
  );

  it('a picture for somebody who has left is closed', () => {
    const close = vi.fn();
    router.receive({ to: 9, notice: 'frame', sourceId: 'x', frame: { close } as unknown as VideoFrame });
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('an engine is loaded once, kept while it is used, and loaded anew after one that broke', async () => {
    const share = new EngineShare();
    const files = { engineUrl: SETUP.engineUrl, wasmUrl: SETUP.wasmUrl };
    const [one, two] = await Promise.all([share.use(files, []), share.use(files, [])]);
    expect(two).toBe(one);
    share.release(one);
    await settled();
    expect(await share.use(files, [])).toBe(one);
    share.release(one);
    share.release(one);
    await settled();
    const fresh = await share.use(files, []);
    expect(fresh).not.toBe(one);
    share.forget();
    expect(await share.use(files, [])).not.toBe(fresh);
    await expect(
      share.use({ engineUrl: 'data:text/javascript,throw new Error()', wasmUrl: '' }, []),
    ).rejects.toMatchObject({
      code: 'engine-load-failed',
    });
  });
});
