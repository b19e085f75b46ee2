/** `<kt-sound-check>` and `<kt-level>`, on Chromium's fake microphone. */

import { afterEach, expect, test, vi } from 'vitest';
import { ownSourceOf, type KtSoundCheck, type RecorderStore } from '../../../web/elements/index.js';
import { recordTest, TEST_SECONDS, toneFile } from '../../../web/elements/sound-test.js';
import { FakeRecorder } from '../fake-recorder.js';
import { audit, button, called, fakeMedia, mount, one, until, type Fixture } from './fixture.js';

let opened: RecorderStore[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  // A device that is open anywhere in the page is treated as it was opened first.
  opened.forEach((store) => store.media.forEach(({ stream }) => stream.getTracks().forEach((track) => track.stop())));
  opened = [];
});

const loud = (peak: number, clipped = false): { peak: number; input: number; clipped: boolean } => ({
  peak,
  input: peak,
  clipped,
});

async function checked(scheme: 'light' | 'dark' = 'dark'): Promise<Fixture<KtSoundCheck>> {
  const fixture = await mount('kt-sound-check', { scheme });
  opened.push(fixture.store);
  await until(() => fixture.element.devices.length > 0, 'devices');
  await fixture.drawn();
  return fixture;
}

/** With the fake microphone of this browser as the host's. */
async function withMicrophone(scheme: 'light' | 'dark' = 'dark'): Promise<Fixture<KtSoundCheck>> {
  const fixture = await checked(scheme);
  const media = await navigator.mediaDevices.getUserMedia({ audio: true });
  await fixture.store.perform('kt-source-add-request', { media, options: { id: 'host', name: 'Host' }, owned: true });
  await fixture.drawn();
  return fixture;
}

const words = (root: ShadowRoot): string => one(root, '.words').textContent?.trim() ?? '';

test('it passes the audit without and with a microphone, in dark and light', async () => {
  for (const scheme of ['dark', 'light'] as const) {
    await audit((await checked(scheme)).element);
    const { element, recorder, drawn, root } = await withMicrophone(scheme);
    recorder.emit('levels', { host: loud(0.4, true) });
    await drawn();
    expect(words(root)).toContain('Too loud');
    await audit(element);
  }
});

test('the meter follows 20 levels a second, shows clipping, and speaks twice a second at most', async () => {
  const { element, recorder, root, drawn } = await mount('kt-level', { people: 1 });
  element.sourceId = 'ada';
  await drawn();
  const meter = one(root, '[role=meter]');
  const spoken: string[] = [];
  new MutationObserver(() => spoken.push(meter.getAttribute('aria-valuetext') ?? '')).observe(meter, {
    attributeFilter: ['aria-valuetext'],
  });
  for (const peak of [0.1, 0.5, 1]) {
    recorder.emit('levels', { ada: loud(peak, peak === 1) });
  }
  await drawn();
  expect(meter.style.getPropertyValue('--_at')).toBe('100.0%');
  expect(one(root, '.clip').textContent).toBe('Too loud');
  expect(spoken).toEqual(['-20 dB']);
  recorder.emit('levels', { ada: loud(0.001) });
  expect(meter.style.getPropertyValue('--_at')).toBe('0.0%');
  // The loudest moment stays in sight for a while.
  expect(meter.style.getPropertyValue('--_peak')).toBe('100.0%');
});

test('muted, unheard and heard are told in words, and Unmute is at hand', async () => {
  const { recorder, root, drawn } = await withMicrophone();
  recorder.emit('levels', { host: loud(0.3) });
  await drawn();
  expect(words(root)).toBe('We hear you.');
  await recorder.setMuted('host', { audio: true });
  await drawn();
  expect(words(root)).toContain('You are muted');
  button(root, 'Unmute').click();
  await until(() => recorder.sources[0]?.audioMuted === false, 'unmuted');
  recorder.sources = recorder.sources.map((s) => ({ ...s, audioState: 'silent' }));
  recorder.emit('sources', recorder.sources);
  await drawn();
  expect(words(root)).toContain('We cannot hear you');
});

test('a microphone is turned on and changed here, and remembered as wished for', async () => {
  const { root, store, drawn } = await checked();
  const menu = one<HTMLSelectElement>(root, 'select[aria-label=Microphone]');
  const [first, second] = [...menu.options].filter((o) => o.value !== '').map((o) => o.value);
  const choose = async (id: string | undefined): Promise<void> => {
    const now = one<HTMLSelectElement>(root, 'select[aria-label=Microphone]');
    now.value = id ?? '';
    now.dispatchEvent(new Event('change'));
    await until(
      () => store.media.get('host')?.stream.getAudioTracks()[0]?.getSettings().deviceId === id,
      `microphone ${id}`,
    );
    await drawn();
  };
  await choose(first);
  const before = store.media.get('host')?.stream.getAudioTracks()[0];
  await choose(second);
  expect(before?.readyState).toBe('ended');
  expect(store.sources.length).toBe(1);
  expect(ownSourceOf(store).wishes.microphone).toMatchObject({ id: second });
});

test('a switch changes the open microphone, or opens it anew, and the source keeps its place', async () => {
  const { root, store, drawn } = await withMicrophone();
  const track = (): MediaStreamTrack | undefined => store.media.get('host')?.stream.getAudioTracks()[0];
  const flip = async (label: string): Promise<void> => {
    one<HTMLInputElement>(root, `input[aria-label="${label}"]`).click();
    await drawn();
    await until(() => !one<HTMLInputElement>(root, `input[aria-label="${label}"]`).disabled, 'applied');
  };
  await flip('Cancel echo');
  await flip('Suppress noise');
  await flip('Even out the volume');
  expect(ownSourceOf(store).wishes.sound).toEqual({
    echoCancellation: false,
    noiseSuppression: false,
    autoGainControl: false,
    stereo: false,
  });
  expect(track()?.getSettings()).toMatchObject({
    echoCancellation: false,
    noiseSuppression: false,
    autoGainControl: false,
  });
  expect(track()?.readyState).toBe('live');
  await flip('Cancel echo');
  expect(track()?.getSettings().echoCancellation).toBe(true);
  expect(store.sources.length).toBe(1);
});

test('a microphone that does not open is told in words, and the old one goes on', async () => {
  const { element, root, store, drawn } = await withMicrophone();
  vi.spyOn(navigator.mediaDevices, 'getUserMedia').mockRejectedValue(new DOMException('no', 'NotReadableError'));
  const menu = one<HTMLSelectElement>(root, 'select[aria-label=Microphone]');
  menu.value = [...menu.options].find((o) => o.value !== menu.value)?.value ?? '';
  menu.dispatchEvent(new Event('change'));
  await until(() => root.querySelector('[role=alert] .problem') !== null, 'told');
  await drawn();
  expect(one(root, '[role=alert]').textContent).toContain('The microphone is in use or does not start.');
  expect(store.media.get('host')?.stream.getAudioTracks()[0]?.readyState).toBe('live');
  await audit(element);
});

test('five seconds are recorded by a recorder of their own, as the take would be, and played', {
  timeout: 30_000,
}, async () => {
  const { element, recorder, root, drawn } = await withMicrophone();
  await recorder.setGain('host', 2);
  const made: FakeRecorder[] = [];
  const file = new Blob(['a test'], { type: 'video/webm' });
  element.createRecorder = (options) => {
    const fake = new FakeRecorder({ ...options, file });
    made.push(fake);
    return fake;
  };
  await drawn();
  button(root, `Record ${TEST_SECONDS} seconds`).click();
  await until(() => made[0]?.state.state === 'recording', 'recording');
  await drawn();
  expect(root.querySelector('progress')).not.toBeNull();
  await audit(element);
  made[0]?.pushStats({ elapsed: 2 });
  await drawn();
  expect(one<HTMLProgressElement>(root, 'progress').value).toBe(2);
  made[0]?.pushStats({ elapsed: TEST_SECONDS });
  await until(() => root.querySelector('audio') !== null, 'played');
  await drawn();
  expect(called(made[0]!)).toEqual(['addSource', 'setGain', 'start', 'stop', 'close']);
  expect(made[0]?.calls[1]).toEqual(['setGain', 'test', 2]);
  const address = one<HTMLAudioElement>(root, 'audio').src;
  expect(await (await fetch(address)).text()).toBe('a test');
  await audit(element);
  element.stop();
  await expect(fetch(address)).rejects.toThrow();
});

test('a test that is cancelled ends its recorder; one that fails says why', async () => {
  const { element, root, drawn } = await withMicrophone();
  let made: FakeRecorder | null = null;
  element.createRecorder = (options) => (made = new FakeRecorder(options));
  await drawn();
  button(root, `Record ${TEST_SECONDS} seconds`).click();
  await until(() => made?.state.state === 'recording', 'recording');
  await drawn();
  button(root, 'Cancel').click();
  await until(() => called(made!).includes('close'), 'closed');
  await drawn();
  expect(root.querySelector('progress, audio, section .problem')).toBeNull();
  element.createRecorder = () => {
    throw new Error('There is no engine.');
  };
  await drawn();
  button(root, `Record ${TEST_SECONDS} seconds`).click();
  await until(() => root.querySelector('.problem') !== null, 'told');
  expect(one(root, '.problem').textContent).toContain('There is no engine.');
});

test('a test recording of a muted host is muted', async () => {
  const fake = new FakeRecorder({ server: null, file: new Blob(['x']) });
  const end = recordTest(
    () => fake,
    fakeMedia().getTracks(),
    { audioMuted: true, gain: 1 },
    new AbortController().signal,
    () => undefined,
  );
  await until(() => fake.state.state === 'recording', 'recording');
  fake.pushStats({ elapsed: TEST_SECONDS });
  await end;
  expect(fake.calls.find(([name]) => name === 'setMuted')).toEqual(['setMuted', 'test', { audio: true }]);
});

test('the tone is a file that browsers decode, and it is played on the chosen output', async () => {
  const decoded = await new OfflineAudioContext(1, 100, 24_000).decodeAudioData(await toneFile().arrayBuffer());
  expect(decoded.duration).toBeCloseTo(1.2, 1);
  const samples = decoded.getChannelData(0);
  expect(Math.max(...samples)).toBeLessThan(0.3);
  expect(Math.max(...samples)).toBeGreaterThan(0.1);

  const { root, store, drawn } = await checked();
  const routed: string[] = [];
  vi.spyOn(HTMLMediaElement.prototype, 'setSinkId').mockImplementation(async (id) => void routed.push(id));
  const menu = root.querySelector<HTMLSelectElement>('select[aria-label=Output]');
  const other = [...(menu?.options ?? [])].at(-1)?.value ?? '';
  if (menu !== null) {
    menu.value = other;
    menu.dispatchEvent(new Event('change'));
  }
  const play = vi.spyOn(HTMLMediaElement.prototype, 'play').mockResolvedValue();
  button(root, 'Play a tone').click();
  await until(() => play.mock.calls.length > 0, 'played');
  await drawn();
  expect(routed).toEqual(other === '' ? [] : [other]);
  expect(ownSourceOf(store).wishes.output?.id ?? '').toBe(other);
  expect(root.textContent).toContain('If you hear nothing');
});
