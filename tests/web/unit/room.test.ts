/** How long a take can get, and when that is told. */

import { expect, test } from 'vitest';
import { roomOf, secondsLeft, shortage } from '../../../web/pages/studio/room.js';

const MB = 1e6;
/** 2.628 Mbit/s: a third of a megabyte a second. */
const server = { keep: 'server', localCopy: false, videoBitrate: 2_500_000 } as const;
const page = { ...server, keep: 'browser' } as const;
const free = (bytes: number): StorageEstimate => ({ quota: 10_000 * MB + bytes, usage: 10_000 * MB });

test('in the page alone, the browser’s storage limits a take; on the server, the server does', () => {
  const here = roomOf(free(328.5 * MB), page, 3600, null);
  expect(secondsLeft(here)).toBeCloseTo(1000, 0);
  expect(here.allowed).toBeNull();
  expect(secondsLeft(roomOf(free(328.5 * MB), server, 3600, null))).toBe(3600);
  expect(secondsLeft(roomOf(free(328.5 * MB), { ...server, localCopy: true }, 3600, null))).toBeCloseTo(1000, 0);
  expect(secondsLeft(roomOf(free(99_999 * MB), { ...server, localCopy: true }, 600, null))).toBe(600);
});

test('while a take runs, its own bitrate counts, and what is left of the allowed length', () => {
  const running = roomOf(free(100 * MB), page, null, { elapsed: 100, fileBytes: 100 * MB });
  expect(secondsLeft(running)).toBeCloseTo(100, 5);
  // Its first seconds say little.
  expect(secondsLeft(roomOf(free(328.5 * MB), page, null, { elapsed: 5, fileBytes: 40 * MB }))).toBeCloseTo(1000, 0);
  expect(secondsLeft(roomOf(free(9999 * MB), server, 3600, { elapsed: 3000, fileBytes: MB }))).toBe(600);
  expect(secondsLeft(roomOf(free(9999 * MB), server, 3600, { elapsed: 4000, fileBytes: MB }))).toBe(0);
  expect(roomOf({ quota: 5, usage: 9 }, page, null, { elapsed: 30, fileBytes: 0 }).here).toBe(0);
});

test('nothing is said where nothing is known', () => {
  for (const estimate of [{}, { quota: 5 }, { usage: 5 }]) {
    const room = roomOf(estimate, page, null, null);
    expect([secondsLeft(room), shortage(room, false), shortage(room, true)]).toEqual([null, '', '']);
  }
});

test('short is what ends the take soon, or what an outage would need', () => {
  const minutes = (each: number): StorageEstimate => free(each * 60 * 0.3285 * MB);
  expect(shortage(roomOf(minutes(29), page, null, null), false)).toBe('here');
  expect(shortage(roomOf(minutes(31), page, null, null), false)).toBe('');
  expect(shortage(roomOf(minutes(9), page, null, { elapsed: 1, fileBytes: 1 }), true)).toBe('here');
  expect(shortage(roomOf(minutes(11), page, null, { elapsed: 1, fileBytes: 1 }), true)).toBe('');
  expect(shortage(roomOf(minutes(9), server, 3600, null), false)).toBe('outage');
  expect(shortage(roomOf(minutes(90), server, 3600, { elapsed: 3400, fileBytes: 1e9 }), true)).toBe('allowed');
  expect(shortage(roomOf(minutes(90), server, 240, null), false)).toBe('');
});
