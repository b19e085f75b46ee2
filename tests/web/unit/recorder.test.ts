import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRecorder } from '../../../web/src/page/recorder.js';
import type { Recorder, RecorderOptions } from '../../../web/src/base/types.js';
import { code, FakeWorker, open, pictures, stubPage, TAKE } from './page-fixture.js';

beforeEach(stubPage);
afterEach(() => vi.unstubAllGlobals());

describe('createRecorder', () => {
  it.each([
    [{ codec: 'av1' }, /codec av1/],
    [{ variant: 'fast' }, /variant fast/],
    [{ keyframeInterval: Number.NaN }, /keyframeInterval NaN/],
    [{ maxLength: -5 }, /maxLength -5/],
    [{ speed: 2 }, /speed 2/],
    [{ server: { url: 'http://' } }, /server\.url/],
    [{ journal: { durability: 'eventual' } }, /journal\.durability eventual/],
    [{ journal: { database: '' } }, /journal\.database/],
  ])('refuses %j', (options, message) => {
    expect(() => createRecorder({ server: null, ...options } as RecorderOptions)).toThrow(message);
  });
});

describe('calls that overlap', () => {
  it('two sources added at once both get into the picture', async () => {
    const { recorder } = await open();
    await Promise.all([recorder.addSource(pictures(), { id: 'a' }), recorder.addSource(pictures(), { id: 'b' })]);
    expect(recorder.composition.sources.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('an id that is being added is refused, and the first one keeps it', async () => {
    const { recorder, worker } = await open();
    const [first, second] = await Promise.all([
      code(recorder.addSource(pictures(), { id: 'a' })),
      code(recorder.addSource(pictures(), { id: 'a' })),
    ]);
    expect([first, second]).toEqual(['done', 'bad-argument']);
    expect(recorder.sources.map(({ id }) => id)).toEqual(['a']);
    expect(worker.of('addSource').length).toBe(1);
  });

  it('a source that does not fit into the composition is taken out again', async () => {
    const { recorder, worker } = await open();
    worker.refused.set('setComposition', 'bad-composition');
    expect(await code(recorder.addSource(pictures(), { id: 'a' }))).toBe('bad-composition');
    expect(recorder.sources).toEqual([]);
    expect(worker.of('removeSource').map(({ args }) => args)).toEqual([{ id: 'a' }]);
    worker.refused.clear();
    expect(await code(recorder.addSource(pictures(), { id: 'a' }))).toBe('done');
  });

  it('a muted microphone stays muted when the picture is muted before the answer', async () => {
    const { recorder, worker } = await open();
    await recorder.addSource(pictures(), { id: 'a' });
    await Promise.all([recorder.setMuted('a', { audio: true }), recorder.setMuted('a', { video: true })]);
    expect(recorder.sources[0]).toMatchObject({ audioMuted: true, videoMuted: true });
    expect(worker.of('updateSource').map(({ args }) => args.changes)).toEqual([
      { muted: { audio: true } },
      { muted: { video: true } },
    ]);
  });

  it('a preview that is attached, detached and attached again at once stays attached', async () => {
    const { recorder, worker } = await open();
    const port = new MessageChannel().port1;
    const canvas = { transferControlToOffscreen: () => port } as unknown as HTMLCanvasElement;
    recorder.attachPreview(canvas)();
    const off = recorder.attachPreview(canvas);
    await new Promise((resolve) => setTimeout(resolve));
    expect(worker.of('detachPreview')).toEqual([]);
    off();
    await new Promise((resolve) => setTimeout(resolve));
    expect(worker.of('detachPreview').length).toBe(1);
  });

  it('mute and gain at once are both kept', async () => {
    const { recorder } = await open();
    await recorder.addSource(pictures(), { id: 'a' });
    await Promise.all([recorder.setMuted('a', { audio: true }), recorder.setGain('a', 0.5)]);
    expect(recorder.sources[0]).toMatchObject({ audioMuted: true, gain: 0.5 });
  });

  it('what is changed of a source goes in one request; the rest stays, and a wrong gain changes nothing', async () => {
    const { recorder, worker } = await open();
    await recorder.addSource(pictures(), { id: 'a', name: 'Ada' });
    const told: unknown[] = [];
    recorder.on('sources', (sources) => told.push(sources[0]));
    const info = await recorder.updateSource('a', { showName: true, gain: 2, muted: { video: true } });
    expect(info).toMatchObject({ id: 'a', name: 'Ada', showName: true, gain: 2, audioMuted: false, videoMuted: true });
    expect(told).toEqual([info]);
    expect(await recorder.updateSource('a', { name: 'Anne' })).toMatchObject({
      name: 'Anne',
      showName: true,
      gain: 2,
      videoMuted: true,
    });
    for (const gain of [-1, 8.1, NaN])
      expect(await code(recorder.updateSource('a', { name: 'Eve', gain }))).toBe('bad-argument');
    expect(await code(recorder.updateSource('nobody', { gain: 1 }))).toBe('no-such-source');
    expect(worker.of('updateSource').length).toBe(2);
    expect(recorder.sources[0]).toMatchObject({ name: 'Anne', gain: 2 });
  });
});

describe('an engine that does not come', () => {
  it('is tried again with a fresh worker, then with one thread', async () => {
    vi.stubGlobal('crossOriginIsolated', true);
    const made: FakeWorker[] = [];
    class Hanging extends FakeWorker {
      constructor(url: string, options: WorkerOptions) {
        super(url, options);
        if (options.name === 'em-pthread') return;
        made.push(this);
        if (made.length < 3) this.held.add('setup');
      }
    }
    vi.stubGlobal('Worker', Hanging);
    const recorder = createRecorder({ server: null, startTimeouts: [0.01, 0.01, 5] });
    const warnings: string[] = [];
    recorder.on('warning', ({ code }) => warnings.push(code));
    await recorder.ready;
    expect(made.map((worker) => worker.of('setup')[0]?.args.variant)).toEqual([
      'threaded',
      'threaded',
      'single-threaded',
    ]);
    expect(made.map(({ terminated }) => terminated)).toEqual([true, true, false]);
    // The last one is without threads; those of the others went with them.
    expect([FakeWorker.threads, made[0]?.of('setup')[0]?.args.poolThreads]).toEqual([{ made: 4, ended: 4 }, 2]);
    expect(warnings).toEqual(['engine-restarted', 'engine-restarted']);
    expect(recorder.state.state).toBe('setup');
  });

  it.each([
    ['while it loads', true],
    ['in a take', false],
  ])('a thread that breaks %s is told where it counts', async (_, loading) => {
    vi.stubGlobal('crossOriginIsolated', true);
    let broken = (): void => undefined;
    class Breaking extends FakeWorker {
      constructor(url: string, options: WorkerOptions) {
        super(url, options);
        if (options.name === 'em-pthread') broken = () => this.onerror?.({ message: 'no such file' });
        else if (loading) this.held.add('setup');
      }
    }
    vi.stubGlobal('Worker', Breaking);
    const recorder = createRecorder({ server: null });
    if (!loading) await recorder.ready;
    broken();
    if (loading)
      await expect(recorder.ready).rejects.toMatchObject({
        code: 'engine-load-failed',
        message: expect.stringContaining('no such file') as string,
      });
    else
      expect(FakeWorker.last.notices).toContainEqual({
        notice: 'thread-failed',
        message: 'A thread of the engine stopped: no such file',
      });
    await recorder.close();
  });

  it('fails in bounded time with a sentence', async () => {
    vi.stubGlobal(
      'Worker',
      class extends FakeWorker {
        override readonly held = new Set(['setup']);
      },
    );
    const recorder = createRecorder({ server: null, startTimeouts: [0.01, 0.02] });
    await expect(recorder.ready).rejects.toThrow('did not start within 0.02 s, try 2 of 2');
    expect(recorder.state.state).toBe('failed');
  });
});

describe('stop', () => {
  it('gives one promise and the take', async () => {
    const { recorder, worker } = await open();
    worker.state({ state: 'recording' });
    const stopping = recorder.stop();
    expect(recorder.stop()).toBe(stopping);
    worker.state({ state: 'stopping', progress: 0 });
    worker.state({ state: 'stopped', take: TAKE });
    expect((await stopping).duration).toBe(2);
    expect(worker.of('stop').length).toBe(1);
  });

  it('waits for a take that ended at its limit a moment before', async () => {
    const { recorder, worker } = await open();
    worker.state({ state: 'recording' });
    worker.held.add('stop');
    worker.refused.set('stop', 'bad-state');
    const stopping = recorder.stop();
    worker.state({ state: 'stopping', progress: 0 });
    worker.of('stop').forEach((asked) => worker.answer(asked));
    await new Promise((resolve) => setTimeout(resolve, 0));
    worker.state({ state: 'stopped', take: TAKE });
    expect((await stopping).recordingId).toBe('rec_1');
  });

  it('is refused without a take, and works with the next one', async () => {
    const { recorder, worker } = await open();
    worker.refused.set('stop', 'bad-state');
    expect(await code(recorder.stop())).toBe('bad-state');
    worker.refused.clear();
    worker.state({ state: 'recording' });
    const stopping = recorder.stop();
    worker.state({ state: 'stopped', take: TAKE });
    expect((await stopping).bytes).toBe(9);
  });

  it('rejects with what made the take fail', async () => {
    const { recorder, worker } = await open();
    worker.state({ state: 'failed', error: { code: 'upload-failed', message: 'gone', context: {} } });
    expect(await code(recorder.stop())).toBe('upload-failed');
  });

  it('is not held up by a listener that throws', async () => {
    const { recorder, worker } = await open();
    recorder.on('state', () => {
      throw new Error('the page has a bug');
    });
    worker.state({ state: 'recording' });
    const stopping = recorder.stop();
    worker.state({ state: 'stopped', take: TAKE });
    expect((await stopping).duration).toBe(2);
    expect(reportError).toHaveBeenCalled();
  });
});

describe('a start that is under way', () => {
  it('has the title that was set last; one that is too long is cut, and the page is told', async () => {
    const { recorder, worker } = await open({ title: 'Default' });
    const codes: string[] = [];
    recorder.on('warning', (warning) => codes.push(warning.code));
    await recorder.start();
    await recorder.setTitle('Typed');
    await recorder.start();
    await recorder.start({ title: `${'é'.repeat(200)}!` });
    expect(worker.of('start').map(({ args }) => args['title'])).toEqual(['Default', 'Typed', 'é'.repeat(200)]);
    expect([worker.of('setTitle')[0]?.args, codes]).toEqual([{ title: 'Typed' }, ['title-cut']]);
  });

  it('is ended by its signal: before the engine runs, and while it is asked', async () => {
    const recorder = createRecorder({ server: null });
    const early = new AbortController();
    const starting = code(recorder.start({ signal: early.signal }));
    early.abort();
    expect(await starting).toBe('aborted');
    await recorder.ready;
    const worker = FakeWorker.last;
    expect(worker.of('start')).toEqual([]);
    worker.held.add('start');
    const late = new AbortController();
    const second = recorder.start({ signal: late.signal }).catch((error: unknown) => error);
    await vi.waitFor(() => expect(worker.of('start').length).toBe(1));
    late.abort('the host left');
    await vi.waitFor(() => expect(worker.of('cancel').length).toBe(1));
    worker.refused.set('start', 'aborted');
    worker.answer(worker.of('start')[0]!);
    expect(await second).toMatchObject({ code: 'aborted', cause: 'the host left' });
  });

  it('is ended by cancel, restart and stop before the engine runs', async () => {
    for (const call of ['cancel', 'restart', 'stop'] as const) {
      const recorder = createRecorder({ server: null });
      const starting = code(recorder.start());
      expect([await code(recorder[call]()), await starting]).toEqual([call === 'stop' ? 'aborted' : 'done', 'aborted']);
      await recorder.ready;
      expect(FakeWorker.last.of('start')).toEqual([]);
    }
  });
});

describe('the journal', () => {
  it('is kept relaxed unless asked otherwise, and tells which page the take is of', async () => {
    const { recorder, worker } = await open();
    expect(worker.of('setup')[0]?.args).toMatchObject({
      journal: { durability: 'relaxed', keepLocalCopy: false, database: 'keeptake' },
    });
    await recorder.start({ countdown: 0 });
    expect(worker.of('start')[0]?.args).toEqual({
      countdown: 0,
      title: '',
      page: { title: 'Studio', url: 'https://page.example/studio' },
    });
    expect(navigator.storage.persist).toHaveBeenCalledTimes(1);
    await open({ journal: { durability: 'strict', keepLocalCopy: true, database: 'mine' } });
    expect(FakeWorker.last.of('setup')[0]?.args).toMatchObject({
      journal: { durability: 'strict', keepLocalCopy: true, database: 'mine' },
    });
    await open({ journal: false });
    expect(FakeWorker.last.of('setup')[0]?.args).toMatchObject({ journal: null });
  });
});

describe('leaving the page', () => {
  it('is asked about while a take runs or is being stored, and has the last piece journaled', async () => {
    const listening = new Map<string, (event: Event) => void>();
    vi.stubGlobal('addEventListener', (type: string, listener: (event: Event) => void) =>
      listening.set(type, listener),
    );
    vi.stubGlobal('removeEventListener', (type: string) => listening.delete(type));
    const { worker } = await open();
    expect(listening.has('beforeunload')).toBe(false);
    worker.state({ state: 'recording' });
    const asked = new Event('beforeunload', { cancelable: true });
    listening.get('beforeunload')?.(asked);
    expect(asked.defaultPrevented).toBe(true);
    listening.get('pagehide')?.(new Event('pagehide'));
    expect(worker.notices).toContainEqual({ notice: 'flush' });
    worker.state({ state: 'stopping', progress: 0 });
    expect(listening.has('beforeunload')).toBe(true);
    worker.state({ state: 'stopped', take: TAKE });
    expect([listening.has('beforeunload'), listening.has('pagehide')]).toEqual([false, false]);
  });
});

describe('the end of a recorder', () => {
  it('close waits for a take that is being stopped', async () => {
    const { recorder, worker } = await open();
    worker.state({ state: 'stopping', progress: 0.5 });
    const closing = recorder.close();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(worker.of('close')).toEqual([]);
    worker.state({ state: 'stopped', take: TAKE });
    await closing;
    expect(worker.terminated).toBe(true);
  });

  it('close waits for what is stored of a take that failed', async () => {
    const { recorder, worker } = await open();
    worker.state({
      state: 'failed',
      error: { code: 'engine-failed', message: '', context: {}, retryable: false, fatal: false },
    });
    worker.held.add('settled');
    const closing = recorder.close();
    await vi.waitFor(() => expect(worker.of('settled').length).toBe(1));
    expect([worker.of('close').length, worker.terminated]).toEqual([0, false]);
    const [asked] = worker.of('settled');
    if (asked) worker.answer(asked);
    await closing;
    expect(worker.terminated).toBe(true);
  });

  it('every call after close is told so', async () => {
    const { recorder } = await open();
    await recorder.close();
    expect(await code(recorder.pause())).toBe('closed');
    expect(await Promise.all([code(recorder.start()), code(recorder.restart())])).toEqual(['closed', 'closed']);
    expect(await code(recorder.placedSources())).toBe('closed');
    await recorder.close();
  });

  it('a worker that dies fails the take once and every call after it', async () => {
    const { recorder, worker } = await open();
    const errors: string[] = [];
    recorder.on('error', (error) => errors.push(error.code));
    worker.held.add('pause');
    const pausing = code(recorder.pause());
    worker.onerror?.({ message: 'out of memory' });
    worker.onerror?.({ message: 'again' });
    expect(await pausing).toBe('engine-failed');
    expect(recorder.state.state).toBe('failed');
    expect(await code(recorder.start())).toBe('engine-failed');
    expect(errors).toEqual(['engine-failed']);
  });

  it('reset after a death starts a fresh worker, which is told who and what stood', async () => {
    const { recorder, worker } = await open();
    const [seen, gone] = [pictures(), pictures()];
    await recorder.addSource(seen, { id: 'a', name: 'Anna', showName: true });
    await recorder.addSource(gone, { id: 'b' });
    await recorder.setGain('a', 0.5);
    await recorder.setMuted('a', { audio: true });
    await recorder.setName('a', 'Anne', false);
    await recorder.setComposition({
      layout: 'spotlight',
      focus: 'b',
      background: { kind: 'image', image: 'sky' },
      sources: [{ id: 'a', z: 2 }, { id: 'b' }],
    });
    await recorder.showHook({ id: 'h', text: 'stays' });
    await recorder.showHook({ id: 'before', text: 'gives way' });
    await recorder.showHook({ id: 'h', text: 'stays' });
    await recorder.showHook({ id: 'brief', text: 'goes', sourceId: 'a', duration: 3 });
    await recorder.showHook({ id: 'hidden', text: 'went', sourceId: 'a' });
    await recorder.hideHook('hidden');
    const states: string[] = [];
    recorder.on('state', ({ state }) => states.push(state));
    worker.onerror?.({ message: 'out of memory' });
    Object.assign(gone[0] ?? {}, { readyState: 'ended' });
    const before = recorder.ready;
    await Promise.all([recorder.reset(), recorder.reset()]);
    const fresh = FakeWorker.last;
    expect([fresh === worker, worker.terminated, recorder.ready === before]).toEqual([false, true, false]);
    expect(states).toEqual(['failed', 'loading', 'setup']);
    expect(fresh.asked.map(({ type }) => type)).toEqual([
      'setup',
      'addSource',
      'updateSource',
      'setComposition',
      'showHook',
    ]);
    expect(fresh.of('addSource')[0]?.args).toMatchObject({ id: 'a', name: 'Anne', showName: false });
    expect(fresh.of('updateSource')[0]?.args).toEqual({
      id: 'a',
      changes: { gain: 0.5, muted: { audio: true, video: false } },
    });
    expect(fresh.of('showHook')[0]?.args).toMatchObject({ hook: { id: 'h' } });
    expect(recorder.sources).toMatchObject([{ id: 'a', name: 'Anne', gain: 0.5, audioMuted: true }]);
    expect(recorder.composition).toEqual({ layout: 'spotlight', sources: [{ id: 'a', z: 2 }] });
    await recorder.pause();
    expect(fresh.of('pause').length).toBe(1);
    // Alive again: reset is the take's, and a source of that name can come back.
    await recorder.reset();
    expect(fresh.of('reset').length).toBe(1);
    await recorder.addSource(pictures(), { id: 'b' });
  });

  it('an engine that could not be loaded is loaded by reset, which fails anew where that fails anew', async () => {
    const recorder = createRecorder({ server: null });
    FakeWorker.last.onerror?.({ message: '' });
    expect(await code(recorder.ready)).toBe('engine-load-failed');
    const failed = code(recorder.reset());
    await vi.waitFor(() => expect(recorder.state.state).toBe('loading'));
    FakeWorker.last.onerror?.({ message: '' });
    expect([await failed, recorder.state.state]).toEqual(['engine-load-failed', 'failed']);
    await recorder.reset();
    expect([recorder.state.state, await code(recorder.ready)]).toEqual(['setup', 'done']);
    await recorder.close();
    expect(await code(recorder.reset())).toBe('closed');
  });

  it('a worker that cannot be loaded rejects ready', async () => {
    const recorder = createRecorder({ server: null });
    FakeWorker.last.onerror?.({ message: '' });
    expect(await code(recorder.ready)).toBe('engine-load-failed');
    expect(recorder.state.state).toBe('failed');
  });

  it('says what cannot be sent to the worker', async () => {
    const { recorder } = await open();
    const proxy = { sources: [], background: () => 'blue' } as unknown as Parameters<Recorder['setComposition']>[0];
    expect(await code(recorder.setComposition(proxy))).toBe('bad-argument');
  });
});

describe('shared screens', () => {
  const screen = (settings: object = { displaySurface: 'monitor' }): MediaStreamTrack[] => {
    const [track] = pictures();
    return [{ ...track, getSettings: () => settings } as unknown as MediaStreamTrack];
  };
  const composed = (worker: FakeWorker): unknown => worker.of('setComposition').at(-1)?.args['composition'];

  it('are shown whole unless asked otherwise, and cameras fill their place', async () => {
    const { recorder, worker } = await open();
    expect((await recorder.addSource(screen(), { id: 'slides' })).kind).toBe('screen');
    await recorder.addSource(screen({}), { id: 'host' });
    await recorder.addSource(screen({}), { id: 'other', kind: 'screen' });
    await recorder.addSource(screen(), { id: 'tab', kind: 'camera' });
    expect(composed(worker)).toEqual({
      layout: 'grid',
      sources: [{ id: 'slides', fit: 'contain' }, { id: 'host' }, { id: 'other', fit: 'contain' }, { id: 'tab' }],
    });
    await recorder.setComposition({ layout: 'spotlight', sources: [{ id: 'slides', fit: 'cover' }, { id: 'other' }] });
    expect(recorder.composition).toEqual({
      layout: 'spotlight',
      sources: [
        { id: 'slides', fit: 'cover' },
        { id: 'other', fit: 'contain' },
      ],
    });
    await recorder.close();
  });

  it('are shown whole where the composition knew them before they came', async () => {
    const { recorder, worker } = await open({ composition: { layout: 'screen-only', sources: [{ id: 'slides' }] } });
    await recorder.addSource(screen(), { id: 'slides' });
    expect(composed(worker)).toEqual({ layout: 'screen-only', sources: [{ id: 'slides', fit: 'contain' }] });
    await recorder.close();
  });

  it('stand still without a stall, as all but cameras do', async () => {
    const { recorder, worker } = await open();
    await recorder.addSource(screen(), { id: 'slides' });
    await recorder.addSource(screen({ deviceId: 'x' }), { id: 'remote' });
    await recorder.addSource(screen({ deviceId: 'x', groupId: 'y' }), { id: 'camera' });
    const still = worker.of('addSource').map(({ args }) => (args['media'] as { mayStandStill: boolean }).mayStandStill);
    expect(still).toEqual([true, true, false]);
    await recorder.close();
  });

  it('tells the worker when a track is muted and unmuted', async () => {
    const { recorder, worker } = await open();
    const track = Object.assign(new EventTarget(), {
      kind: 'video',
      readyState: 'live',
      muted: true,
      getSettings: () => ({}),
    });
    await recorder.addSource([track as unknown as MediaStreamTrack], { id: 'remote' });
    expect(worker.of('addSource')[0]?.args['media']).toMatchObject({ picturesMuted: true });
    track.muted = false;
    track.dispatchEvent(new Event('unmute'));
    expect(worker.notices).toContainEqual({ notice: 'pictures-muted', sourceId: 'remote', muted: false });
    await recorder.removeSource('remote');
    track.dispatchEvent(new Event('mute'));
    expect(worker.notices.filter((notice) => (notice as { notice: string }).notice === 'pictures-muted')).toHaveLength(
      1,
    );
    await recorder.close();
  });
});
