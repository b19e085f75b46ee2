/** `<kt-device-picker>`, on Chromium's fake devices and on refusals. */

import { afterEach, expect, test, vi } from 'vitest';
import { explain, explainMedia } from '../../../web/elements/explain.js';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import { audit, button, called, mount, one, until } from './fixture.js';

afterEach(() => vi.restoreAllMocks());

const refuse = (name: string): void => {
  vi.spyOn(navigator.mediaDevices, 'getUserMedia').mockRejectedValue(new DOMException('no', name));
};

test('it passes the audit before and after devices are on', async () => {
  const { element, root, store, drawn } = await mount('kt-device-picker');
  await audit(element);
  button(root, 'Turn on camera and microphone').click();
  await until(() => store.sources.length === 1, 'source');
  await drawn();
  await audit(element);
});

test('camera and microphone become one source that can be switched and taken apart', async () => {
  const { recorder, root, store, drawn } = await mount('kt-device-picker');
  button(root, 'Turn on camera and microphone').click();
  await until(() => store.media.has('host'), 'source');
  await drawn();
  const first = store.media.get('host')!.stream;
  expect(recorder.sources[0]).toMatchObject({ id: 'host', name: 'Host', hasVideo: true, hasAudio: true });
  const camera = one<HTMLSelectElement>(root, 'select[aria-label=Camera]');
  expect(camera.value).toBe(first.getVideoTracks()[0]?.getSettings().deviceId);
  camera.value = 'none';
  camera.dispatchEvent(new Event('change'));
  await until(() => store.media.get('host')?.stream !== first, 'replaced');
  expect(first.getVideoTracks()[0]?.readyState).toBe('ended');
  expect(first.getAudioTracks()[0]?.readyState).toBe('live');
  await drawn();
  const microphone = one<HTMLSelectElement>(root, 'select[aria-label=Microphone]');
  microphone.value = 'none';
  microphone.dispatchEvent(new Event('change'));
  await until(() => store.sources.length === 0, 'gone');
  expect(first.getAudioTracks()[0]?.readyState).toBe('ended');
  expect(called(recorder)).toEqual(['addSource', 'replaceSource', 'removeSource', 'setComposition']);
});

test.each([
  ['NotAllowedError', 'does not allow the camera and microphone', 'Allow it with the icon in the address bar'],
  ['NotFoundError', 'No camera and microphone was found.', 'Connect one'],
  ['NotReadableError', 'is in use or does not start', 'Close other programs'],
])('%s says what happened and what to do', async (name, what, todo) => {
  refuse(name);
  const { element, recorder, root, drawn } = await mount('kt-device-picker');
  button(root, 'Turn on camera and microphone').click();
  await until(() => one(root, '[role=alert]').textContent?.includes(what) ?? false, what);
  await drawn();
  expect(one(root, '[role=alert]').textContent).toContain(todo);
  expect(button(root, 'Turn on camera and microphone').disabled).toBe(false);
  expect(called(recorder)).toEqual([]);
  await audit(element);
});

test('tracks belong to the page that prevents a request, and to nobody where it fails', async () => {
  const { element, recorder, root, store, drawn } = await mount('kt-device-picker');
  const opened: MediaStreamTrack[] = [];
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  vi.spyOn(navigator.mediaDevices, 'getUserMedia').mockImplementation(async (constraints) => {
    const stream = await open(constraints);
    opened.push(...stream.getTracks());
    return stream;
  });
  const states = (): string[] => opened.splice(0).map((track) => track.readyState);
  const prevented = (name: string): Promise<void> =>
    new Promise((resolve) =>
      element.addEventListener(name, (event) => (event.preventDefault(), setTimeout(resolve)), { once: true }),
    );
  let seen = prevented('kt-source-add-request');
  button(root, 'Camera only').click();
  await seen;
  expect([states(), store.sources.length]).toEqual([['live'], 0]);

  button(root, 'Camera only').click();
  await until(() => store.sources.length === 1, 'source');
  await drawn();
  expect(states()).toEqual(['live']);
  const microphone = one<HTMLSelectElement>(root, 'select[aria-label=Microphone]');
  const choose = (): void => {
    microphone.value = [...microphone.options].find(({ value }) => value !== 'none' && value !== '')?.value ?? '';
    microphone.dispatchEvent(new Event('change'));
  };
  seen = prevented('kt-source-replace-request');
  choose();
  await seen;
  expect(states()).toEqual(['live']);

  recorder.failNext = { name: 'replaceSource', error: new KeeptakeError('engine-failed', 'no') };
  choose();
  await until(() => store.notices.length === 1, 'told');
  expect(states()).toEqual(['ended']);
  // The recorder goes away while the person is asked.
  element.remove();
  const alone = await mount('kt-device-picker');
  button(alone.root, 'Camera only').click();
  alone.element.remove();
  await until(() => opened.length === 1 && opened[0]?.readyState === 'ended', 'stopped');
});

test('an unplugged camera is told in words', async () => {
  const { recorder, root, store, drawn } = await mount('kt-device-picker');
  button(root, 'Camera only').click();
  await until(() => store.sources.length === 1, 'source');
  recorder.sources = recorder.sources.map((s) => ({ ...s, ended: true }));
  recorder.emit('sources', recorder.sources);
  await drawn();
  expect(one(root, '[role=alert]').textContent).toContain('was unplugged');
});

test('a share that ended elsewhere leaves the picture, and so does its notice', async () => {
  const { recorder, root, store } = await mount('kt-device-picker');
  vi.spyOn(navigator.mediaDevices, 'getDisplayMedia').mockResolvedValue(
    document.createElement('canvas').captureStream(),
  );
  button(root, 'Share screen').click();
  await until(() => store.sources.length === 1, 'screen');
  expect(store.sources[0]).toMatchObject({ id: 'screen', kind: 'screen' });
  recorder.emit('warning', { code: 'source-ended', message: 'ended', sourceId: 'screen' });
  recorder.sources = recorder.sources.map((s) => ({ ...s, ended: true }));
  recorder.emit('sources', recorder.sources);
  await until(() => store.sources.length === 0, 'gone');
  expect(store.notices).toEqual([]);
});

test('every explanation says what is safe for the state it is told in', () => {
  expect(explain('server-unreachable', 'x', 'recording').safe).toBe(
    'What is recorded is kept on this machine until it is stored.',
  );
  expect(explain('server-unreachable', 'x', 'setup').safe).toBe('No take is running, so nothing is lost.');
  expect(explain('source-ended', 'x', 'setup').safe).toBe('Its last picture stays.');
  expect(explain('source-ended', 'x', 'failed').safe).toBe('Its last picture stays.');
  expect(explain('governor', 'x', 'failed').safe).toBe('');
  expect(explain('governor', 'x', 'recording').safe).toBe('The take goes on.');
  expect(explain('source-ended', 'x', 'paused').safe).toBe('Its last picture stays. The take goes on.');
  expect(explain('server-unreachable', 'x', 'setup').todo).toBe('Start the server again.');
  expect(explain('unauthorized', 'A token is needed: Authorization: Bearer TOKEN.', 'setup').what).toContain(
    'this page has none',
  );
  expect(explain('unauthorized', 'No.', 'setup').what).toContain('expired or was withdrawn');
  // As the server and the package say it.
  expect(
    explain('unauthorized', 'The token has expired. Recording goes on, and is sent with another token.', 'recording')
      .what,
  ).toBe('The token of this page has expired.');
  expect(explain('unauthorized', 'The token is not known here: it is wrong, or was deleted.', 'setup').what).toContain(
    'does not know the token',
  );
  expect(
    explain(
      'unauthorized',
      'The token does not allow this: its role is too small, or the page may not use it.',
      'recording',
    ).what,
  ).toContain('does not allow');
  expect(explain('no-such-code', 'Own words.', 'recording')).toEqual({
    what: 'Own words.',
    safe: 'The take goes on.',
    todo: '',
  });
  expect(explainMedia(new KeeptakeError('permission-denied', ''), 'screen').what).toBe('The screen is not shared.');
});

test.each([
  ['video', 'No camera was found.', 'The microphone is on.'],
  ['audio', 'No microphone was found.', 'The camera is on.'],
] as const)('without %s the other device is opened, and what is missing is told', async (missing, what, there) => {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  vi.spyOn(navigator.mediaDevices, 'getUserMedia').mockImplementation((wish) =>
    wish?.[missing] ? Promise.reject(new DOMException('no', 'NotFoundError')) : real(wish),
  );
  const { root, store, drawn } = await mount('kt-device-picker');
  button(root, 'Turn on camera and microphone').click();
  await until(() => store.media.has('host'), 'source');
  await drawn();
  expect(store.sources[0]).toMatchObject({ hasVideo: missing !== 'video', hasAudio: missing !== 'audio' });
  expect(one(root, '[role=alert]').textContent).toContain(what);
  expect(one(root, '[role=alert]').textContent).toContain(there);
});

test('a device that dropped out is shown as not connected, and can be chosen again', async () => {
  const { recorder, root, store, drawn } = await mount('kt-device-picker');
  button(root, 'Microphone only').click();
  await until(() => store.media.has('host'), 'source');
  await drawn();
  const menu = one<HTMLSelectElement>(root, 'select[aria-label=Microphone]');
  const device = menu.value;
  store.media
    .get('host')!
    .stream.getTracks()
    .forEach((track) => track.stop());
  recorder.emit('sources', recorder.sources);
  await drawn();
  expect(menu.selectedOptions[0]?.textContent).toContain('(not connected)');
  expect(menu.value).not.toBe(device);
  menu.value = device;
  menu.dispatchEvent(new Event('change'));
  await until(() => store.media.get('host')?.stream.getAudioTracks()[0]?.readyState === 'live', 'live again');
  await drawn();
  expect(menu.value).toBe(device);
});

test('a shared screen is offered for the first place of a grid, and takes it in a spotlight', async () => {
  const { recorder, root, store, drawn } = await mount('kt-device-picker', { people: 1 });
  vi.spyOn(navigator.mediaDevices, 'getDisplayMedia').mockImplementation(async () =>
    document.createElement('canvas').captureStream(),
  );
  const shared = (): boolean => store.sources.some((s) => s.id === 'screen');
  button(root, 'Share screen').click();
  await until(shared, 'screen');
  await drawn();
  expect(recorder.composition.layout).toBe('grid');
  button(root, 'Feature the screen').click();
  await until(() => recorder.composition.focus === 'screen', 'featured');
  await drawn();
  expect(recorder.composition.layout).toBe('spotlight');
  expect(root.textContent).not.toContain('Feature the screen');
  await until(() => !button(root, 'Stop sharing').disabled, 'enabled');
  button(root, 'Stop sharing').click();
  await until(() => !shared() && recorder.composition.focus === undefined, 'gone');
  await drawn();
  button(root, 'Share screen').click();
  await until(() => recorder.composition.focus === 'screen', 'takes the first place');
});
