import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DeviceReturn } from '../../../web/src/capture/device-return.js';
import { SourceTracks } from '../../../web/src/capture/source-tracks.js';
import { FakeDevices, FakeStream, FakeTrack, type FakeDevice } from './fake-media.js';

const MIC: FakeDevice = { kind: 'audioinput', deviceId: 'mic-1', groupId: 'headset', label: 'Headset' };
const CAMERA: FakeDevice = { kind: 'videoinput', deviceId: 'cam-1', groupId: 'webcam', label: 'Webcam' };
const OTHER: FakeDevice = { kind: 'audioinput', deviceId: 'mic-9', groupId: 'laptop', label: 'Built-in' };

let devices: FakeDevices;
let returns: DeviceReturn;
let permission: string;
const onReturned = vi.fn();

const trackOf = (device: FakeDevice, constraints: MediaTrackConstraints = {}): FakeTrack =>
  new FakeTrack(device.kind === 'audioinput' ? 'audio' : 'video', { ...device, constraints });
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  devices = new FakeDevices();
  permission = 'granted';
  vi.stubGlobal('navigator', {
    mediaDevices: devices,
    permissions: { query: () => Promise.resolve({ state: permission }) },
  });
  onReturned.mockReset();
  returns = new DeviceReturn(onReturned);
});
afterEach(() => {
  returns.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('a dropped device', () => {
  it("is opened as it was when it is listed again, and takes its place in the page's stream", async () => {
    devices.listed = [MIC, CAMERA];
    const mic = trackOf(MIC, { echoCancellation: false, deviceId: { exact: 'mic-1' } });
    const camera = trackOf(CAMERA);
    const stream = new FakeStream(camera, mic);
    returns.follow(new SourceTracks(stream.stream));
    mic.enabled = false;
    devices.listed = [CAMERA];
    mic.drop();
    await pass(5000);
    expect(devices.asked).toBe(0);
    devices.now(CAMERA, MIC);
    await pass(0);
    const [{ track, wish }] = devices.opened as [FakeDevices['opened'][0]];
    expect(wish).toEqual({ echoCancellation: false, deviceId: { exact: 'mic-1' } });
    expect(stream.getTracks()).toEqual([camera, track]);
    expect([track.enabled, onReturned.mock.calls.length]).toEqual([false, 1]);
  });

  it('is found without an event, and again after it was dropped again', async () => {
    const stream = new FakeStream(trackOf(MIC));
    returns.follow(new SourceTracks(stream.stream));
    for (let round = 1; round <= 3; round++) {
      devices.listed = [];
      (stream.getTracks()[0] as unknown as FakeTrack).drop();
      await pass(3000);
      devices.listed = [MIC];
      await pass(3000);
      expect([devices.opened.length, stream.getTracks()[0]?.readyState]).toEqual([round, 'live']);
    }
  });

  it.each<[string, Partial<FakeDevice>]>([
    ['under another id', { deviceId: 'mic-2' }],
    ['under another id, at another port', { deviceId: 'mic-2', groupId: 'other' }],
    ['under another name', { deviceId: 'mic-2', label: 'Headset (2)' }],
  ])('is known %s', async (_, change) => {
    devices.listed = [OTHER, MIC];
    const tracks = new SourceTracks([trackOf(MIC).track]);
    returns.follow(tracks);
    devices.listed = [OTHER];
    (tracks.all()[0] as unknown as FakeTrack).drop();
    await pass(100);
    devices.now(OTHER, { ...MIC, ...change });
    await pass(100);
    expect(devices.opened.map(({ device }) => device.deviceId)).toEqual(['mic-2']);
    expect(tracks.all()).toEqual([devices.opened[0]?.track]);
  });

  it('is not mistaken for its twin, for another device, or for what the system would choose', async () => {
    const twin = { ...MIC, deviceId: 'mic-twin' };
    const chosen = { ...OTHER, deviceId: 'default', label: 'Default - Built-in' };
    devices.listed = [chosen, MIC, twin];
    const list = [MIC, { ...MIC, deviceId: 'default' }].map((device) => new SourceTracks([trackOf(device).track]));
    for (const tracks of list) returns.follow(tracks);
    devices.listed = [chosen, twin];
    for (const tracks of list) (tracks.all()[0] as unknown as FakeTrack).drop();
    await pass(0);
    devices.now(chosen, twin, OTHER);
    await pass(60_000);
    expect(devices.asked).toBe(0);
  });

  it('is tried again while it cannot be opened yet, a bounded number of times', async () => {
    const tracks = new SourceTracks([trackOf(CAMERA, { width: { exact: 640 } }).track]);
    returns.follow(tracks);
    (tracks.all()[0] as unknown as FakeTrack).drop();
    await pass(0);
    devices.refusals.push('NotReadableError', 'AbortError', 'OverconstrainedError');
    devices.now(CAMERA);
    await pass(5000);
    expect(devices.opened.map(({ wish }) => wish)).toEqual([{ deviceId: { exact: 'cam-1' } }]);
    devices.refusals.push(...Array<string>(50).fill('NotReadableError'));
    devices.listed = [];
    devices.opened[0]?.track.drop();
    await pass(0);
    const asked = devices.asked;
    devices.now(CAMERA);
    await pass(600_000);
    expect(devices.asked - asked).toBe(6);
  });
});

describe('nothing is opened', () => {
  it.each<[string, () => void]>([
    ['for a track that the page has stopped', () => undefined],
    [
      'that the person has taken away',
      () => {
        permission = 'denied';
      },
    ],
  ])('%s', async (name, prepare) => {
    prepare();
    const mic = trackOf(MIC);
    returns.follow(new SourceTracks([mic.track]));
    if (name.startsWith('for')) mic.stop();
    else mic.drop();
    await pass(3000);
    devices.now(MIC);
    await pass(3000);
    expect(devices.asked).toBe(0);
  });

  it('of what was listed all the time, unless devices have changed and the browser need not ask', async () => {
    devices.listed = [MIC];
    permission = 'prompt';
    const mic = trackOf(MIC);
    returns.follow(new SourceTracks([mic.track]));
    mic.drop();
    await pass(60_000);
    devices.now(MIC, OTHER);
    await pass(60_000);
    expect(devices.asked).toBe(0);
    permission = 'granted';
    devices.now(MIC);
    await pass(0);
    expect(devices.opened.length).toBe(1);
  });

  it('for a source that is gone, or has the device again by the page', async () => {
    const [mic, camera] = [trackOf(MIC), trackOf(CAMERA)];
    const gone = returns.follow(new SourceTracks([mic.track]));
    const stream = new FakeStream(camera);
    returns.follow(new SourceTracks(stream.stream));
    mic.drop();
    camera.drop();
    gone();
    stream.addTrack(trackOf(CAMERA).track);
    await pass(0);
    devices.now(MIC, CAMERA);
    await pass(5000);
    expect(devices.asked).toBe(0);
  });

  it('for screens, canvases and remote tracks', async () => {
    const canvas = new FakeTrack('video', { deviceId: 'canvas' });
    returns.follow(new SourceTracks([canvas.track]));
    canvas.drop();
    devices.now({ ...CAMERA, deviceId: 'canvas' });
    await pass(5000);
    expect(devices.asked).toBe(0);
  });
});

it('a track that comes when nobody wants it any more is stopped', async () => {
  const mic = trackOf(MIC);
  const off = returns.follow(new SourceTracks([mic.track]));
  let give = (): void => undefined;
  const real = devices.getUserMedia;
  devices.getUserMedia = async (wish) => {
    await new Promise<void>((resolve) => (give = resolve));
    return real(wish);
  };
  mic.drop();
  await pass(0);
  devices.now(MIC);
  await pass(0);
  off();
  give();
  await pass(0);
  expect(devices.opened.map(({ track }) => track.readyState)).toEqual(['ended']);
});

it("tracks of its own are stopped with the last use of single tracks, those of a stream are the page's", () => {
  for (const own of [true, false]) {
    const [lost, fresh] = [trackOf(MIC), trackOf(MIC)];
    const tracks = new SourceTracks(own ? [lost.track] : new FakeStream(lost).stream);
    tracks.use().use();
    tracks.replace(lost.track, fresh.track);
    tracks.release();
    expect(fresh.readyState).toBe('live');
    tracks.release();
    expect(fresh.readyState).toBe(own ? 'ended' : 'live');
  }
});
