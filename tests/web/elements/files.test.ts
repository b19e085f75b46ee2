/** Video files as sources: what the take gets of them, and how the host rules them. */

import { afterEach, beforeAll, expect, test } from 'vitest';
import { storeOf } from '../../../web/elements/index.js';
import { FilePlayer, playerOf } from '../../../web/pages/studio/file-player.js';
import { button, fakeMedia, one, redThenBlue, until } from './fixture.js';
import { audit, open, shadow, type Studio } from './studio-page.js';

let clip: File;
let silent: File;
const opened: FilePlayer[] = [];

beforeAll(async () => {
  clip = await redThenBlue({ sound: true });
  silent = await redThenBlue();
});
afterEach(() => opened.splice(0).forEach((player) => player.dispose()));

async function player(file: File): Promise<FilePlayer> {
  const one = await FilePlayer.open(file, file.name);
  opened.push(one);
  return one;
}

/** Follows what a take would get: the colour of the newest picture, the loudest sound since the last look. */
function watch({ media }: FilePlayer): { colour: () => string; loudness: () => number } {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!;
  let seen = '';
  const video = document.createElement('video');
  video.muted = true;
  video.srcObject = new MediaStream(media.getVideoTracks());
  void video.play().catch(() => undefined);
  const colour = (): string => {
    context.drawImage(video, 0, 0, 1, 1);
    const [red = 0, , blue = 0] = context.getImageData(0, 0, 1, 1).data;
    seen = red > 150 ? 'red' : blue > 150 ? 'blue' : seen;
    return seen;
  };
  const audio = new AudioContext();
  const analyser = new AnalyserNode(audio, { fftSize: 2048 });
  if (media.getAudioTracks().length > 0) {
    audio.createMediaStreamSource(new MediaStream(media.getAudioTracks())).connect(analyser);
  }
  const samples = new Float32Array(2048);
  const loudness = (): number => {
    analyser.getFloatTimeDomainData(samples);
    return Math.max(...samples.map(Math.abs));
  };
  return { colour, loudness };
}

test('a file stands at its beginning until it is told to play; it can be paused and sought', async () => {
  const file = await player(clip);
  const { colour, loudness } = watch(file);
  expect(
    file.media
      .getTracks()
      .map((track) => track.kind)
      .sort(),
  ).toEqual(['audio', 'video']);
  expect(file.playing).toBe(false);
  expect(file.duration).toBeGreaterThan(0.4);
  expect(file.duration).toBeLessThan(20);
  await until(() => colour() === 'red', 'the first picture, while it stands');
  expect(loudness()).toBeLessThan(0.01);
  await file.play();
  await until(() => loudness() > 0.1, 'sound');
  file.pause();
  await until(() => !file.playing, 'paused');
  file.seek(file.duration - 0.05);
  await until(() => colour() === 'blue', 'the picture that was sought, while it stands');
  file.seek(0);
  await until(() => colour() === 'red', 'back');
  expect(file.media.getTracks().every((track) => track.readyState === 'live')).toBe(true);
});

test('at its end a file stays in the picture, and plays again from its beginning; by choice it loops', async () => {
  const file = await player(clip);
  const { colour, loudness } = watch(file);
  await file.play();
  await until(() => !file.playing, 'the end');
  expect(colour()).toBe('blue');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(file.media.getTracks().every((track) => track.readyState === 'live')).toBe(true);
  await file.play();
  await until(() => colour() === 'red', 'red again');
  await until(() => colour() === 'blue', 'blue again');
  await until(() => !file.playing, 'the end again');
  file.loop = true;
  await file.play();
  let last = 0;
  let rounds = 0;
  file.subscribe(() => {
    rounds += file.time < last ? 1 : 0;
    last = file.time;
  });
  await until(() => rounds >= 2, 'two rounds');
  expect(file.playing).toBe(true);
  expect(loudness()).toBeGreaterThan(0.05);
});

test('the host hears it or not; the take has its sound in both cases', async () => {
  const file = await player(clip);
  expect(file.heard).toBe(true);
  file.heard = false;
  expect(file.heard).toBe(false);
  const { loudness } = watch(file);
  file.loop = true;
  await file.play();
  await until(() => loudness() > 0.1, 'sound for the take');
});

test('a file without sound has none; what is no video is told', async () => {
  expect((await player(silent)).media.getAudioTracks()).toEqual([]);
  await expect(FilePlayer.open(new Blob(['x'], { type: 'video/webm' }), 'a.webm')).rejects.toThrow(
    'a.webm cannot be played',
  );
});

async function withFile(): Promise<Studio & { list: ShadowRoot; file: FilePlayer }> {
  const studio = await open();
  const { root, recorder, settled } = studio;
  await recorder.addSource(fakeMedia(), { id: 'host', name: 'Host' });
  const data = new DataTransfer();
  data.items.add(clip);
  const input = one<HTMLInputElement>(shadow(root, 'studio-guests'), 'input[type=file]');
  input.files = data.files;
  input.dispatchEvent(new Event('change'));
  await until(() => recorder.sources.length === 2, 'added');
  await settled();
  const file = playerOf(storeOf(recorder).media.get('file-1')?.stream)!;
  return { ...studio, list: shadow(root, 'studio-files'), file };
}

test('the list plays, pauses, seeks, loops and mutes for the host; a removed file is gone from it', async () => {
  const { root, list, file, settled, recorder } = await withFile();
  await audit();
  button(list, 'Loop clip').click();
  button(list, 'Hear clip').click();
  await settled();
  expect([file.loop, file.heard]).toEqual([true, false]);
  expect(button(list, 'Loop clip').getAttribute('aria-pressed')).toBe('true');
  button(list, 'Play clip').click();
  await until(() => file.playing, 'plays');
  await settled();
  button(list, 'Pause clip').click();
  await until(() => !file.playing, 'paused');
  const position = one<HTMLInputElement>(list, 'input[type=range]');
  position.value = '0.3';
  position.dispatchEvent(new Event('input'));
  await until(() => Math.abs(file.time - 0.3) < 0.05, 'sought');
  await storeOf(recorder).perform('kt-source-remove-request', { id: 'file-1' });
  await settled();
  expect(list.querySelector('li')).toBeNull();
  expect(file.media.getTracks().every((track) => track.readyState === 'ended')).toBe(true);
  expect(root.querySelector('studio-files')).not.toBeNull();
});

test('a file begins with the take when told to, pauses and goes on with it, and is still when it is over', async () => {
  const { list, file, settled, recorder } = await withFile();
  file.loop = true;
  recorder.setState({ state: 'recording' });
  await settled();
  expect(file.playing).toBe(false);
  recorder.setState({ state: 'setup' });
  one<HTMLInputElement>(list, '[role=switch]').click();
  file.seek(0.4);
  recorder.setState({ state: 'recording' });
  await until(() => file.playing, 'begins with the take');
  recorder.setState({ state: 'paused' });
  await until(() => !file.playing, 'pauses with it');
  recorder.setState({ state: 'recording' });
  await until(() => file.playing, 'goes on with it');
  recorder.setState({ state: 'paused' });
  await until(() => !file.playing, 'pauses again');
  button(list, 'Play clip').click();
  await until(() => file.playing, 'by hand');
  await settled();
  button(list, 'Pause clip').click();
  await until(() => !file.playing, 'by hand again');
  recorder.setState({ state: 'recording' });
  await settled();
  expect(file.playing).toBe(false);
  await file.play();
  recorder.setState({ state: 'stopped', take: recorder.take() });
  await until(() => !file.playing, 'over');
});
