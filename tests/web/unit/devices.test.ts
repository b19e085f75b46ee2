import { afterEach, expect, it, vi } from 'vitest';
import { openCamera } from '../../../web/src/devices.js';

const getUserMedia = vi.fn((_constraints: unknown): Promise<unknown> => Promise.resolve({}));
vi.stubGlobal('navigator', { mediaDevices: { getUserMedia } });
afterEach(() => getUserMedia.mockReset());

it('asks for processing of sound only where the page does', async () => {
  await openCamera({ audioDeviceId: 'mic', echoCancellation: false, channelCount: 2 });
  expect(getUserMedia.mock.calls[0]?.[0]).toMatchObject({ audio: { deviceId: { exact: 'mic' }, echoCancellation: false, channelCount: 2 } });
  await openCamera({});
  expect((getUserMedia.mock.calls[1]?.[0] as { audio: unknown }).audio).toEqual({});
});

it.each([
  ['InvalidStateError', 'permission-denied'],
  ['TypeError', 'bad-argument'],
  ['NotReadableError', 'device-busy'],
])('%s is told as %s', async (name, code) => {
  getUserMedia.mockRejectedValueOnce(Object.assign(new Error('no'), { name }));
  await expect(openCamera()).rejects.toMatchObject({ code });
});
