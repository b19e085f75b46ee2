import { afterEach, expect, it, vi } from 'vitest';
import { openCamera, openScreen } from '../../../web/src/capture/devices.js';

const getUserMedia = vi.fn((_constraints: unknown): Promise<unknown> => Promise.resolve({}));
const getDisplayMedia = vi.fn((_constraints: unknown): Promise<unknown> => Promise.resolve({}));
vi.stubGlobal('navigator', { mediaDevices: { getUserMedia, getDisplayMedia } });
afterEach(() => void (getUserMedia.mockReset(), getDisplayMedia.mockReset()));

it('asks for processing of sound only where the page does', async () => {
  await openCamera({ audioDeviceId: 'mic', echoCancellation: false, channelCount: 2 });
  expect(getUserMedia.mock.calls[0]?.[0]).toMatchObject({
    audio: { deviceId: { exact: 'mic' }, echoCancellation: false, channelCount: 2 },
  });
  await openCamera({});
  expect((getUserMedia.mock.calls[1]?.[0] as { audio: unknown } | undefined)?.audio).toEqual({});
});

it.each([
  ['InvalidStateError', 'permission-denied'],
  ['TypeError', 'bad-argument'],
  ['NotReadableError', 'device-busy'],
  ['AbortError', 'device-busy'],
  ['NotAllowedError', 'permission-denied'],
  ['SecurityError', 'permission-denied'],
  ['NotFoundError', 'no-device'],
  ['OverconstrainedError', 'no-device'],
  ['constructor', 'unsupported-browser'],
])('%s is told as %s', async (name, code) => {
  getUserMedia.mockRejectedValueOnce(Object.assign(new Error('no'), { name }));
  await expect(openCamera()).rejects.toMatchObject({ code });
});

it('offers the surfaces of a screen that the page wants, and never its own tab unasked', async () => {
  await openScreen();
  expect(getDisplayMedia.mock.calls[0]?.[0]).toEqual({
    video: { frameRate: { ideal: 30 } },
    audio: true,
    selfBrowserSurface: 'exclude',
    surfaceSwitching: 'include',
    systemAudio: 'include',
  });
  await openScreen({
    prefer: 'tab',
    screens: false,
    ownTab: true,
    switching: false,
    systemAudio: false,
    frameRate: 15,
  });
  expect(getDisplayMedia.mock.calls[1]?.[0]).toEqual({
    video: { frameRate: { ideal: 15 }, displaySurface: 'browser' },
    audio: true,
    selfBrowserSurface: 'include',
    surfaceSwitching: 'exclude',
    monitorTypeSurfaces: 'exclude',
    systemAudio: 'exclude',
  });
  await openScreen({ audio: false });
  expect(getDisplayMedia.mock.calls[2]?.[0]).not.toHaveProperty('systemAudio');
});

it('asks for a device and no other, for one that is preferred, or for none of a kind', async () => {
  await openCamera({ videoDeviceId: 'cam', audioDeviceId: { ideal: 'mic' } });
  expect(getUserMedia.mock.calls[0]?.[0]).toMatchObject({
    video: { deviceId: { exact: 'cam' } },
    audio: { deviceId: { ideal: 'mic' } },
  });
  await openCamera({ videoDeviceId: false });
  expect(getUserMedia.mock.calls[1]?.[0]).toEqual({ video: false, audio: {} });
});

it.each([
  ['camera', openCamera, getUserMedia],
  ['screen', openScreen, getDisplayMedia],
] as const)('a %s that is allowed after the page has given up is closed at once', async (_, openIt, ask) => {
  const stop = vi.fn();
  let allow = (_stream: unknown): void => undefined;
  ask.mockReturnValueOnce(new Promise((resolve) => (allow = resolve)));
  const control = new AbortController();
  const opening = openIt({ signal: control.signal });
  control.abort('left');
  await expect(opening).rejects.toMatchObject({ code: 'aborted', cause: 'left' });
  allow({ getTracks: () => [{ stop }] });
  await vi.waitFor(() => expect(stop).toHaveBeenCalledTimes(1));
  await expect(openIt({ signal: control.signal })).rejects.toMatchObject({ code: 'aborted' });
  expect(ask).toHaveBeenCalledTimes(1);
});
