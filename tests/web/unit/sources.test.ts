import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Recorder, RecorderWarning, SoundLevel } from '../../../web/src/base/types.js';
import { FakeAudio } from './fake-audio.js';
import { FakeDevices, FakeStream, FakeTrack, type FakeDevice } from './fake-media.js';
import { code, open, stubPage, type FakeWorker } from './page-fixture.js';

const MIC: FakeDevice = { kind: 'audioinput', deviceId: 'mic-1', groupId: 'headset', label: 'Headset' };
const CAMERA: FakeDevice = { kind: 'videoinput', deviceId: 'cam-1', groupId: 'webcam', label: 'Webcam' };

let audio: FakeAudio;
let devices: FakeDevices;
let recorder: Recorder;
let worker: FakeWorker;
let warnings: RecorderWarning['code'][];

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

const mic = (): FakeTrack => new FakeTrack('audio', MIC);
const camera = (): FakeTrack => new FakeTrack('video', CAMERA);
const said = (what: 'live' | 'silent' | 'stalled'): void =>
  worker.tell({ notice: 'sound', sourceId: 'host', sound: what });
const info = (id = 'host') => recorder.sources.find((source) => source.id === id);
const dropped = (track: MediaStreamTrack | undefined): void => (track as unknown as FakeTrack).drop();

beforeEach(async () => {
  stubPage();
  audio = new FakeAudio().stub();
  devices = new FakeDevices();
  devices.listed = [MIC, CAMERA];
  vi.stubGlobal('navigator', {
    mediaDevices: devices,
    permissions: { query: () => Promise.resolve({ state: 'granted' }) },
  });
  ({ recorder, worker } = await open());
  warnings = [];
  recorder.on('warning', ({ code: which }) => warnings.push(which));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
});
afterEach(async () => {
  await recorder.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('a dropped device that comes back', () => {
  it("is the source's again, muted and as loud as before, and told so", async () => {
    const stream = new FakeStream(camera(), mic());
    await recorder.addSource(stream.stream, { id: 'host' });
    await recorder.setMuted('host', { audio: true });
    await recorder.setGain('host', 0.4);
    devices.now();
    for (const track of stream.getTracks()) dropped(track);
    worker.tell({ notice: 'warning', warning: { code: 'source-ended', message: '', sourceId: 'host' } });
    await vi.waitFor(() => expect(info()).toMatchObject({ ended: true, videoState: 'ended', audioState: 'ended' }));
    devices.now(MIC, CAMERA);
    await vi.waitFor(() => expect(info()).toMatchObject({ ended: false, videoState: 'live', audioState: 'live' }));
    expect(info()).toMatchObject({ hasVideo: true, hasAudio: true, audioMuted: true, gain: 0.4 });
    expect(
      stream
        .getTracks()
        .map(({ kind, readyState }) => `${kind} ${readyState}`)
        .sort(),
    ).toEqual(['audio live', 'video live']);
    expect(new Set(warnings)).toEqual(new Set(['source-ended', 'sound-ended', 'source-recovered', 'sound-recovered']));
    expect(worker.of('updateSource').length).toBe(2);
  });

  it('needs no picture: a microphone alone is not ended any more, and is let go with its source', async () => {
    const only = mic();
    await recorder.addSource([only.track], { id: 'host' });
    devices.listed = [CAMERA];
    only.drop();
    await pass(3000);
    expect(worker.notices).toContainEqual({ notice: 'ended', sourceId: 'host' });
    worker.tell({ notice: 'warning', warning: { code: 'source-ended', message: '', sourceId: 'host' } });
    expect(info()).toMatchObject({ ended: true, audioState: 'ended' });
    devices.now(MIC, CAMERA);
    await pass(600);
    expect(info()).toMatchObject({ ended: false, hasAudio: true, audioState: 'live' });
    expect([warnings, worker.of('replaceSource')]).toEqual([['source-ended', 'sound-recovered'], []]);
    await recorder.removeSource('host');
    expect(devices.opened[0]?.track.readyState).toBe('ended');
  });

  it('yields to what the page puts there meanwhile', async () => {
    const stream = new FakeStream(camera());
    await recorder.addSource(stream.stream, { id: 'host' });
    devices.now();
    dropped(stream.getTracks()[0]);
    worker.held.add('replaceSource');
    const own = new FakeStream(camera());
    const replaced = recorder.replaceSource('host', own.stream);
    await vi.waitFor(() => expect(worker.of('replaceSource').length).toBe(1));
    devices.now(CAMERA);
    await vi.waitFor(() => expect(devices.opened.length).toBe(1));
    await pass(10);
    worker.held.clear();
    worker.answer(worker.of('replaceSource')[0]!);
    await replaced;
    await pass(600);
    expect(worker.of('replaceSource').length).toBe(1);
  });

  it('can be chosen again by the page itself', async () => {
    const stream = new FakeStream(mic());
    await recorder.addSource(stream.stream, { id: 'host' });
    dropped(stream.getTracks()[0]);
    const again = mic();
    await recorder.replaceSource('host', new FakeStream(again).stream);
    expect(info()).toMatchObject({ ended: false, hasAudio: true, audioState: 'live' });
    devices.now(MIC, CAMERA);
    await pass(20);
    expect(devices.asked).toBe(0);
  });
});

describe('the sound of a source', () => {
  const look = (): Promise<unknown> => pass(550);

  it('that does not come is told by its cause, and once more when it is back', async () => {
    const track = mic();
    await recorder.addSource([track.track], { id: 'host', name: 'Ann' });
    said('stalled');
    said('live');
    said('silent');
    said('live');
    audio.behaviour.state = 'suspended';
    audio.contexts[0]?.become('suspended');
    said('stalled');
    expect(info()?.audioState).toBe('held-back');
    expect(audio.contexts[0]?.resumed).toBeGreaterThan(1);
    audio.behaviour.state = 'running';
    await look();
    expect(audio.contexts[0]?.state).toBe('running');
    said('live');
    track.muted = true;
    await look();
    await look();
    expect(info()?.audioState).toBe('muted');
    track.muted = false;
    await look();
    const pair = (one: string): string[] => [one, 'sound-recovered'];
    expect(warnings).toEqual([
      ...pair('sound-stalled'),
      ...pair('sound-silent'),
      ...pair('sound-stalled'),
      ...pair('sound-stalled'),
    ]);
  });

  it('is not missed while it is muted in the take, and told of when it is not any more', async () => {
    await recorder.addSource([mic().track], { id: 'host' });
    await recorder.setMuted('host', { audio: true });
    said('stalled');
    expect([info()?.audioState, warnings]).toEqual(['stalled', []]);
    await recorder.setMuted('host', { audio: false });
    expect(warnings).toEqual(['sound-stalled']);
  });

  it('is mixed anew when its worklet broke, a bounded number of times', async () => {
    await recorder.addSource([mic().track], { id: 'host' });
    for (let broken = 0; broken < 6; broken++) {
      audio.taps.at(-1)?.dispatchEvent(new Event('processorerror'));
      await look();
    }
    expect([audio.taps.length, warnings.at(-1)]).toEqual([4, 'sound-left-out']);
    expect(worker.of('connectSound').length).toBe(3);
  });

  it('ends with a state, not only with a warning, where the picture goes on', async () => {
    const microphone = mic();
    await recorder.addSource([camera().track, microphone.track], { id: 'host' });
    devices.now(CAMERA);
    microphone.drop();
    await look();
    expect(info()).toMatchObject({ ended: false, audioState: 'ended', videoState: 'live', hasAudio: false });
    expect(warnings).toEqual(['sound-ended']);
  });

  it('that ended while the worklet was loading is told', async () => {
    const [first, second] = [mic(), mic()];
    let loaded = (): void => undefined;
    audio.behaviour.loading = () => new Promise((resolve) => (loaded = resolve));
    const adding = recorder.addSource([first.track], { id: 'host' });
    await vi.waitFor(() => expect(audio.contexts.length).toBe(1));
    first.stop();
    loaded();
    await adding;
    await vi.waitFor(() => expect(info()?.audioState).toBe('ended'));
    expect(worker.notices).toContainEqual({ notice: 'ended', sourceId: 'host' });
    expect(second.readyState).toBe('live');
  });
});

describe('in a browser that mixes no rates', () => {
  const rates = new Map<MediaStreamTrack, number>();
  const microphone = (hz: number): MediaStreamTrack => {
    const track = new FakeTrack('audio', { ...MIC, deviceId: `mic-${hz}`, label: `${hz} Hz` }).track;
    rates.set(track, hz);
    return track;
  };

  beforeEach(() =>
    Object.assign(audio.behaviour, { mixesRates: false, rateOf: (track: MediaStreamTrack) => rates.get(track) ?? 0 }),
  );

  it('each microphone is taken in a context of its own rate', async () => {
    await recorder.addSource([microphone(44100)], { id: 'a' });
    await recorder.addSource([microphone(48000)], { id: 'b' });
    expect(audio.taps.map(({ context }) => context.sampleRate)).toEqual([44100, 48000]);
    expect(recorder.sources.map(({ audioState }) => audioState)).toEqual(['live', 'live']);
    const named = audio.taps.map(({ told }) => (told[0] as { context: number }).context);
    expect(new Set(named).size).toBe(2);
  });

  it('a second one of another rate in the same source is left out, and named', async () => {
    const sentences: string[] = [];
    recorder.on('warning', ({ message }) => sentences.push(message));
    await recorder.addSource([microphone(48000), microphone(44100)], { id: 'a', name: 'Ann' });
    expect(warnings).toEqual(['sound-left-out']);
    expect(sentences[0]).toContain('44100 Hz');
  });

  it('one that no context takes is refused in words of the package', async () => {
    expect(await code(recorder.addSource([microphone(16000)], { id: 'a' }))).toBe('unsupported-browser');
    expect(recorder.sources).toEqual([]);
  });
});

it('of two replacements the one that was asked for last stands, whichever is ready first', async () => {
  await recorder.addSource([camera().track], { id: 'host' });
  let loaded = (): void => undefined;
  audio.behaviour.loading = () => new Promise((resolve) => (loaded = resolve));
  const slow = code(recorder.replaceSource('host', [camera().track, mic().track]));
  const quick = code(recorder.replaceSource('host', [camera().track]));
  expect(await quick).toBe('done');
  loaded();
  expect(await slow).toBe('bad-state');
  expect(worker.of('replaceSource').length).toBe(1);
  expect(info()?.hasAudio).toBe(false);
});

it('no audio context is left of a source that is added while the recorder closes', async () => {
  let loaded = (): void => undefined;
  audio.behaviour.loading = () => new Promise((resolve) => (loaded = resolve));
  const adding = code(recorder.addSource([mic().track], { id: 'host' }));
  await vi.waitFor(() => expect(audio.contexts.length).toBe(1));
  const closing = recorder.close();
  loaded();
  await closing;
  expect(await adding).toBe('closed');
  expect(await code(recorder.addSource([mic().track], { id: 'late' }))).toBe('closed');
  expect(audio.contexts.map(({ state }) => state)).toEqual(['closed']);
});

it('levels are asked of the worker while anybody listens, and given as they come', async () => {
  const level: SoundLevel = { peak: 0.2, input: 0.5, clipped: false };
  const heard: unknown[] = [];
  const wants = (): unknown[] =>
    worker.notices
      .filter((each) => (each as { notice: string }).notice === 'want-levels')
      .map((each) => (each as { want: boolean }).want);
  const off = [recorder.on('levels', (levels) => heard.push(levels)), recorder.on('levels', () => undefined)];
  worker.tell({ notice: 'levels', levels: { host: level } });
  expect([heard, wants()]).toEqual([[{ host: level }], [true]]);
  off.forEach((each) => (each(), each()));
  expect(wants()).toEqual([true, false]);
});

it.each([
  ['the worklet is loaded', false],
  ['the engine has it', true],
])('a source that the page gives up while %s does not stay', async (_, late) => {
  let loaded = (): void => undefined;
  if (late) worker.held.add('addSource');
  else audio.behaviour.loading = () => new Promise((resolve) => (loaded = resolve));
  const control = new AbortController();
  const adding = recorder.addSource([mic().track], { id: 'host', signal: control.signal });
  await vi.waitFor(() => expect(late ? worker.of('addSource').length : audio.contexts.length).toBe(1));
  control.abort('left');
  await expect(adding).rejects.toMatchObject({ code: 'aborted', cause: 'left' });
  loaded();
  worker.of('addSource').forEach((asked) => worker.answer(asked));
  await vi.waitFor(() => expect(worker.of('removeSource').length).toBe(1));
  await vi.waitFor(() => expect([recorder.sources, recorder.composition.sources]).toEqual([[], []]));
  expect(audio.taps.map(({ told }) => told.at(-1))).toEqual([{ close: true }]);
  expect(await code(recorder.addSource([mic().track], { id: 'again', signal: control.signal }))).toBe('aborted');
});

it("marks and images are the engine's, labels and ids are looked at here", async () => {
  await recorder.mark('Chapter 1');
  await recorder.mark();
  expect(worker.of('mark').map(({ args }) => args)).toEqual([{ label: 'Chapter 1' }, { label: null }]);
  expect(await code(recorder.mark('\u{1f600}'.repeat(201)))).toBe('bad-argument');
  expect(await code(recorder.mark('\u{1f600}'.repeat(200)))).toBe('done');
  await recorder.removeImage('beach');
  expect(worker.of('removeImage').map(({ args }) => args)).toEqual([{ id: 'beach' }]);
});

describe('in a browser that gives pictures to the page only', () => {
  type Picture = (now: number, metadata: { mediaTime: number }) => void;
  let next: Picture | null;
  const shown = (pictures: number): void => {
    for (let picture = 0; picture < pictures; picture++) next?.(0, { mediaTime: picture / 30 });
  };
  const sent = (): number => worker.notices.filter((each) => (each as { notice: string }).notice === 'frame').length;

  beforeEach(() => {
    next = null;
    vi.stubGlobal('MediaStreamTrackProcessor', undefined);
    vi.stubGlobal('VideoFrame', class {});
    Object.assign(document, {
      createElement: () => ({
        videoWidth: 640,
        requestVideoFrameCallback: (callback: Picture) => (next = callback),
        play: () => Promise.resolve(),
      }),
    });
  });

  it('no picture is sent while two have not arrived, and the newest is the next', async () => {
    await recorder.addSource([camera().track], { id: 'host' });
    await recorder.addSource([camera().track], { id: 'guest' });
    expect(warnings).toEqual(['capture-fallback']);
    shown(10);
    expect(sent()).toBe(2);
    worker.tell({ notice: 'frame-taken', sourceId: 'guest' });
    shown(10);
    expect(sent()).toBe(3);
    for (let more = 0; more < 5; more++) worker.tell({ notice: 'frame-taken', sourceId: 'guest' });
    shown(10);
    expect(sent()).toBe(5);
  });

  it('one that has no such callback is refused in words of the package', async () => {
    Object.assign(document, { createElement: () => ({}) });
    expect(await code(recorder.addSource([camera().track], { id: 'host' }))).toBe('unsupported-browser');
  });
});

it('a hidden page is told to the worker, unless a preview stands in a window of its own', async () => {
  const listening = new Set<() => void>();
  Object.assign(document, {
    visibilityState: 'visible',
    addEventListener: (_type: string, listener: () => void) => listening.add(listener),
  });
  const opened = await open();
  const told = (): unknown =>
    opened.worker.notices.findLast((each) => (each as { notice: string }).notice === 'page-hidden');
  const hidden = (state: string): void => {
    Object.assign(document, { visibilityState: state });
    for (const each of listening) each();
  };
  hidden('hidden');
  expect(told()).toEqual({ notice: 'page-hidden', hidden: true });
  hidden('visible');
  expect(told()).toEqual({ notice: 'page-hidden', hidden: false });
  const canvas = {
    ownerDocument: { visibilityState: 'visible' },
    transferControlToOffscreen: () => new MessageChannel().port1,
  };
  const detach = opened.recorder.attachPreview(canvas as unknown as HTMLCanvasElement);
  hidden('hidden');
  expect(told()).toEqual({ notice: 'page-hidden', hidden: false });
  detach();
  hidden('hidden');
  expect(told()).toEqual({ notice: 'page-hidden', hidden: true });
  await opened.recorder.close();
});

it('the worker forgets a canvas that the page has let go of', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  vi.useRealTimers();
  recorder.attachPreview({
    transferControlToOffscreen: () => new MessageChannel().port1,
  } as unknown as HTMLCanvasElement);
  await vi.waitFor(() => {
    collect();
    expect(worker.notices).toContainEqual({ notice: 'forget-preview', preview: 1 });
  }, 5000);
});
