/** Figures as people read them. */

import { expect, test } from 'vitest';
import { formatBytes, formatTime, speakTime } from '../../../web/elements/format.js';
import { readSettings } from '../../../web/studio/settings.js';

test.each([
  [0, '00:00'],
  [4.999, '00:04'],
  [59.9999999, '01:00'],
  [3725, '1:02:05'],
  [-3, '00:00'],
  [NaN, '00:00'],
  [Infinity, '00:00'],
])('time %d is %s', (seconds, text) => expect(formatTime(seconds)).toBe(text));

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [13_400_000, '13.4 MB'],
  [574_000_000, '574 MB'],
  [999_960_000, '1.0 GB'],
  [NaN, '0 B'],
])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test('spoken time', () => {
  expect(speakTime(3661)).toBe('1 hour 1 minute 1 second');
  expect(speakTime(0.4)).toBe('0 seconds');
});

test('settings from the address, and none that make no sense', () => {
  localStorage.clear();
  expect(readSettings('?codec=vp8&fps=25&width=641&height=360&variant=single-threaded')).toMatchObject({
    codec: 'vp8',
    fps: 25,
    width: 640,
    height: 360,
    variant: 'single-threaded',
  });
  expect(readSettings('?codec=av1&fps=NaN&width=99999&height=-4&countdown=1e9&variant=x')).toEqual({
    codec: 'vp9',
    width: 1280,
    height: 720,
    fps: 30,
    videoBitrate: 2_500_000,
    countdown: 3,
    keep: 'server',
  });
  expect(readSettings('?width=1920&height=1920')).toMatchObject({ width: 1280, height: 720 });
  localStorage.setItem('keeptake.studio.settings', 'not json');
  expect(readSettings('').fps).toBe(30);
});
