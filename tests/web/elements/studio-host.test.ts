/** The studio and its host: what is remembered, what is asked at Start, what the server's troubles leave. */

import { expect, test, vi } from 'vitest';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import type { RecorderStore } from '../../../web/elements/index.js';
import { unfinished, type FakeRecovery } from '../fake-recovery.js';
import { readMemory } from '../../../web/pages/studio/memory.js';
import type { FakeRecorder } from '../fake-recorder.js';
import { button, called, fakeMedia, one, until } from './fixture.js';
import { audit, open, replies, session, shadow, type Studio } from './studio-page.js';

const now = (): FakeRecorder => (globalThis as unknown as { fakeRecorder: FakeRecorder }).fakeRecorder;
const recovery = (): FakeRecovery => (globalThis as unknown as { fakeRecovery: FakeRecovery }).fakeRecovery;
const asked = (root: ShadowRoot): HTMLDialogElement =>
  one<HTMLDialogElement>(shadow(root, 'studio-sound'), 'dialog.ask');

async function withHost(): Promise<Studio> {
  const studio = await open();
  await studio.recorder.addSource(fakeMedia(), { id: 'host', name: 'Host' });
  await studio.settled();
  return studio;
}

const start = (root: ShadowRoot): void => button(shadow(root, 'kt-controls'), 'Start Recording').click();

test('a muted host is asked at Start: unmute, record muted, or not yet', async () => {
  const { root, recorder, settled } = await withHost();
  const began = (): number => called(recorder).filter((name) => name === 'start').length;
  await recorder.setMuted('host', { audio: true });
  await settled();
  start(root);
  await until(() => asked(root).open, 'asked');
  expect(asked(root).textContent).toContain('You are muted');
  await audit();
  button(asked(root), 'Not yet').click();
  await settled();
  expect([asked(root).open, began()]).toEqual([false, 0]);
  start(root);
  await until(() => asked(root).open, 'asked again');
  button(asked(root), 'Unmute and record').click();
  await until(() => began() === 1, 'begun');
  expect(recorder.sources[0]?.audioMuted).toBe(false);
  await recorder.cancel();
  await recorder.setMuted('host', { audio: true });
  await until(() => one(shadow(root, 'kt-controls'), '[part=start]').getAttribute('aria-disabled') === null, 'free');
  start(root);
  await until(() => asked(root).open, 'asked a third time');
  button(asked(root), 'Record muted').click();
  await until(() => began() === 2, 'begun muted');
  expect(recorder.sources[0]?.audioMuted).toBe(true);
});

test.each(['silent', 'stalled', 'muted', 'ended'] as const)(
  'a host whose sound is %s is told at Start, and led to the sound check',
  async (audioState) => {
    const { root, recorder, settled } = await withHost();
    recorder.sources = recorder.sources.map((s) => ({ ...s, audioState }));
    recorder.emit('sources', recorder.sources);
    await settled();
    start(root);
    await until(() => asked(root).open, 'asked');
    expect(asked(root).textContent).toContain('You cannot be heard');
    button(asked(root), 'Check the sound').click();
    const check = one<HTMLDialogElement>(shadow(root, 'studio-sound'), 'dialog.check');
    await until(() => check.open, 'sound check');
    await settled();
    await audit();
    button(check, 'Done').click();
    await settled();
    expect(check.open).toBe(false);
    await until(() => check.querySelector('kt-sound-check') === null, 'its microphone is let go of');
    expect(called(recorder)).not.toContain('start');
  },
);

test('a host who was heard, and one without a microphone, are asked nothing', async () => {
  const { root, recorder, settled } = await withHost();
  recorder.emit('levels', { host: { peak: 0.2, input: 0.2, clipped: false } });
  start(root);
  await until(() => called(recorder).includes('start'), 'begun');
  expect(asked(root).open).toBe(false);
  document.body.replaceChildren();
  const other = await open();
  await other.recorder.addSource(fakeMedia(false), { id: 'host', name: 'Host' });
  await settled();
  start(other.root);
  await until(() => called(other.recorder).includes('start'), 'begun without sound');
});

test('devices, name, layout and background come back with the next visit', async () => {
  const first = await open();
  const picker = shadow(first.root, 'kt-device-picker');
  button(picker, 'Turn on camera and microphone').click();
  await until(() => first.recorder.sources.length === 1, 'source');
  await first.settled();
  const store = one<HTMLElementTagNameMap['kt-device-picker']>(first.root, 'kt-device-picker').store!;
  const microphone = one<HTMLSelectElement>(picker, 'select[aria-label=Microphone]');
  const chosen = [...microphone.options].at(-1)!.value;
  microphone.value = chosen;
  microphone.dispatchEvent(new Event('change'));
  await until(() => store.media.get('host')?.stream.getAudioTracks()[0]?.getSettings().deviceId === chosen, 'chosen');
  await store.perform('kt-name-request', { id: 'host', name: 'Ada', show: true });
  await store.perform('kt-composition-request', {
    composition: { ...store.composition, layout: 'spotlight', background: { kind: 'color', color: '#432344' } },
  });
  document.body.replaceChildren();

  const second = await open();
  expect(second.recorder.composition).toMatchObject({
    layout: 'spotlight',
    background: { kind: 'color', color: '#432344' },
  });
  const again = shadow(second.root, 'kt-device-picker');
  expect(again.textContent).toContain('As last time:');
  button(again, 'Turn on camera and microphone').click();
  await until(() => second.recorder.sources.length === 1, 'source again');
  const media = second.recorder.calls.find(([name]) => name === 'addSource')?.[1] as MediaStream;
  expect(media.getAudioTracks()[0]?.getSettings().deviceId).toBe(chosen);
  await until(() => called(second.recorder).includes('setName'), 'name tag');
  expect(second.recorder.calls.find(([name]) => name === 'setName')).toEqual(['setName', 'host', 'Ada', true]);
});

test('a remembered device that is not there says so, before and after another one is opened', async () => {
  localStorage.setItem(
    'keeptake.studio.host',
    JSON.stringify({ wishes: { microphone: { id: 'gone', label: 'Blue Yeti' } } }),
  );
  const { root, recorder, settled } = await open();
  const picker = shadow(root, 'kt-device-picker');
  await until(() => picker.textContent?.includes('Blue Yeti is not connected.') ?? false, 'told before');
  button(picker, 'Microphone only').click();
  await until(() => recorder.sources.length === 1, 'another one');
  await settled();
  expect(one(picker, '[role=alert]').textContent).toContain('Blue Yeti is not connected.');
  expect(one(picker, '[role=alert]').textContent).toContain('is used instead');
  await audit();
  document.body.replaceChildren();
  // It stays wished for.
  expect(readMemory().wishes.microphone).toEqual({ id: 'gone', label: 'Blue Yeti' });
});

test('garbage in the memory is as no memory', () => {
  const good = readMemory();
  for (const stored of [
    '',
    '{',
    'null',
    '7',
    '"x"',
    '[]',
    '{"wishes":7,"name":{},"layout":"spiral","gap":"x","background":{"kind":"color","color":"red;"}}',
    '{"wishes":{"camera":{"id":7},"sound":{"stereo":"yes"}},"name":"   ","showName":1,"background":null}',
  ]) {
    localStorage.setItem('keeptake.studio.host', stored);
    expect(readMemory()).toEqual(good);
  }
  vi.spyOn(Storage.prototype, 'getItem').mockImplementation(() => {
    throw new DOMException('no', 'SecurityError');
  });
  expect(readMemory()).toEqual(good);
});

test('a background picture comes back with the next visit, and goes with another background', async () => {
  const first = await open();
  const canvas = new OffscreenCanvas(2000, 1000);
  canvas.getContext('2d')!.fillRect(0, 0, 10, 10);
  const image = await canvas.convertToBlob();
  const stores = (root: ShadowRoot): RecorderStore =>
    one<HTMLElementTagNameMap['kt-device-picker']>(root, 'kt-device-picker').store!;
  await stores(first.root).perform('kt-background-image-request', { image });
  await until(() => localStorage.getItem('keeptake.studio.last')?.includes('pictureFile') ?? false, 'kept');
  document.body.replaceChildren();
  const second = await open();
  await until(() => second.recorder.composition.background?.kind === 'image', 'shown again');
  const picture = second.recorder.calls.find(([name]) => name === 'setImage')?.[2] as ImageBitmap;
  expect(picture).toBeDefined();
  const store = stores(second.root);
  await store.perform('kt-composition-request', {
    composition: { ...store.composition, background: { kind: 'color', color: '#10151c' } },
  });
  document.body.replaceChildren();
  const third = await open();
  await third.settled();
  expect(third.recorder.composition.background).toEqual({ kind: 'color', color: '#10151c' });
  expect(called(third.recorder)).not.toContain('setImage');
});

test.each(['server-unreachable', 'unauthorized', 'recording-disabled'] as const)(
  'a start that fails with %s leaves a way on, and the message goes with its cause',
  async (code) => {
    const { root, recorder, settled } = await withHost();
    recorder.failNext = { name: 'start', error: new KeeptakeError(code, 'The server said no.') };
    replies['GET session'] =
      code === 'unauthorized' ? { status: 401, body: { error: { code, message: 'no token' } } } : { status: 502 };
    start(root);
    const trouble = shadow(root, 'studio-trouble');
    await until(() => trouble.querySelector('.trouble') !== null, 'told');
    await settled();
    expect(shadow(root, 'studio-banners').querySelector('.banner')).toBeNull();
    await audit();
    replies['GET session'] = { body: session };
    button(trouble, 'Try again').click();
    await until(() => trouble.querySelector('.trouble') === null, 'gone with its cause');
    recorder.failNext = { name: 'start', error: new KeeptakeError(code, 'The server said no.') };
    start(root);
    await until(() => trouble.querySelector('.trouble') !== null, 'told again');
    button(trouble, 'Record in this page only').click();
    await until(() => now() !== recorder && now().sources.length === 0, 'another recorder');
    await settled();
    expect(trouble.querySelector('.trouble')).toBeNull();
  },
);

test('Stop while the store is away: try now, or leave it for later and go on with the next take', async () => {
  const { root, recorder, settled } = await withHost();
  const controls = shadow(root, 'kt-controls');
  recorder.setState({ state: 'recording' });
  recorder.pushStats({ uploadState: 'waiting' });
  recorder.setState({ state: 'stopping', progress: 0.4 });
  await settled();
  await audit();
  button(controls, 'Try now').click();
  await until(() => called(recorder).includes('sendNow'), 'tried');
  recovery().takes = [unfinished()];
  button(controls, 'Download or finish later').click();
  const modal = one<HTMLDialogElement>(shadow(root, 'kt-recovery-modal'), 'dialog');
  await until(() => modal.open, 'the take is offered');
  expect(recorder.state.state).toBe('setup');
  expect(button(modal, 'Download what is here')).toBeDefined();
  await settled();
  // Left on purpose: no error.
  expect([...shadow(root, 'studio-banners').querySelectorAll('.banner.error')]).toEqual([]);
});

test('without a copy on this machine the take cannot be left, only tried', async () => {
  const { root, recorder, settled } = await withHost();
  recorder.setState({ state: 'recording' });
  recorder.pushStats({ uploadState: 'waiting', journalState: 'off' });
  recorder.setState({ state: 'stopping', progress: 0.4 });
  await settled();
  const ways = one(shadow(root, 'kt-controls'), '.ways');
  expect([...ways.querySelectorAll('button')].map((b) => b.textContent?.trim())).toEqual(['Try now']);
  recorder.pushStats({ uploadState: 'sending' });
  await settled();
  expect(shadow(root, 'kt-controls').querySelector('.ways')).toBeNull();
});

test('messages about sending end with it, with the take, and come once', async () => {
  const { root, recorder, settled } = await withHost();
  const banners = shadow(root, 'studio-banners');
  const codes = (): (string | undefined)[] =>
    [...banners.querySelectorAll<HTMLElement>('.banner')].map((b) => b.dataset['code']);
  recorder.setState({ state: 'recording' });
  recorder.emit('warning', { code: 'governor', message: 'Less effort.' });
  recorder.emit('warning', { code: 'governor', message: 'Fewer pictures.' });
  recorder.emit('warning', { code: 'upload-retrying', message: 'Held up.' });
  recorder.emit('warning', { code: 'unauthorized', message: 'The token is not valid or has expired.' });
  await settled();
  // The token is why nothing is sent.
  expect(codes()).toEqual(['governor', 'unauthorized']);
  expect(banners.textContent).toContain('The token of this page has expired');
  expect(banners.textContent).toContain('Do not reload this page.');
  await audit();
  banners.querySelector<HTMLButtonElement>('.now')?.click();
  await until(() => called(recorder).includes('sendNow'), 'tried');
  recorder.emit('warning', { code: 'upload-recovered', message: 'Back.' });
  await settled();
  expect(codes()).toEqual(['governor', 'upload-recovered']);
  recorder.emit('warning', { code: 'upload-retrying', message: 'Held up again.' });
  recorder.setState({ state: 'stopped', take: recorder.take() });
  await settled();
  expect(codes()).toEqual([]);
});

test('a question that comes right after another one stays open', async () => {
  const { root, recorder, settled } = await withHost();
  await recorder.setMuted('host', { audio: true });
  await settled();
  const sound = one<HTMLElement>(root, 'studio-sound') as unknown as { mayStart: () => Promise<boolean> };
  for (let round = 0; round < 3; round += 1) {
    const answer = sound.mayStart();
    await until(() => asked(root).open, 'asked');
    if (round < 2) {
      // Its close event comes when the next question is open already.
      button(asked(root), 'Not yet').click();
      expect(await answer).toBe(false);
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(asked(root).open).toBe(true);
});
