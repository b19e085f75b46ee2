/** Figures as people read them. */

import { expect, test } from 'vitest';
import { formatAgo, formatBytes, formatSpan, formatTime, formatWhen, speakTime } from '../../../web/elements/format.js';
import { readSettings } from '../../../web/pages/studio/settings.js';

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

test.each([
  [0.4, '0 s', '0 s'],
  [59.4, '59 s', '59 s'],
  [59.6, '1 min', '1 min'],
  [200, '3 min 20 s', '3 min'],
  [754, '12 min 34 s', '13 min'],
  [3600, '1 h', '1 h'],
  [5403, '1 h 30 min', '1 h 30 min'],
  [NaN, '0 s', '0 s'],
])('a span of %d is %s, roughly %s', (seconds, exact, rough) => {
  expect(formatSpan(seconds)).toBe(exact);
  expect(formatSpan(seconds, true)).toBe(rough);
});

test('ago and when', () => {
  const now = new Date(2026, 10, 21, 14, 32, 10).getTime();
  const before = (ms: number): [string, string] => {
    const date = new Date(now - ms);
    return [formatAgo(date, now), formatWhen(date, now)];
  };
  expect(before(20_000)).toEqual(['just now', 'today, 14:31']);
  expect(before(-5000)).toEqual(['just now', 'today, 14:32']);
  expect(before(61_000)).toEqual(['1 minute ago', 'today, 14:31']);
  expect(before(2.5 * 3_600_000)).toEqual(['2 hours ago', 'today, 12:02']);
  expect(before(15 * 3_600_000)).toEqual(['15 hours ago', 'yesterday, 23:32']);
  expect(before(24 * 3_600_000)).toEqual(['1 day ago', 'yesterday, 14:32']);
  expect(before(9 * 86_400_000)).toEqual(['9 days ago', '12 Nov 2026, 14:32']);
});

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
    durability: 'relaxed',
    localCopy: false,
  });
  expect(readSettings('?width=1920&height=1920')).toMatchObject({ width: 1280, height: 720 });
  expect(readSettings('?durability=strict&localCopy=true')).toMatchObject({ durability: 'strict', localCopy: true });
  localStorage.setItem('keeptake.studio.settings', 'not json');
  expect(readSettings('').fps).toBe(30);
});
