/** How safe a take is, in a sentence. */

import { expect, test } from 'vitest';
import { safetyOf, savingOf } from '../../../web/elements/index.js';
import type { RecorderStats } from '../../../web/src/base/types.js';
import { FakeRecorder } from '../fake-recorder.js';

/** 400 s and 100 MB, 2 Mbit/s; all of it is safe. */
function stats(patch: Partial<RecorderStats>): RecorderStats {
  const recorder = new FakeRecorder({ server: null });
  recorder.pushStats({
    elapsed: 400,
    fileBytes: 100_000_000,
    safeBytes: 100_000_000,
    backlogBytes: 0,
    journalState: 'on',
    safeIn: 0,
    uploadState: 'sending',
    ...patch,
  });
  return recorder.stats!;
}

test.each<[string, Partial<RecorderStats>, number, 'good' | 'wait' | 'warn', string]>([
  ['all', {}, 0, 'good', 'All of it is safe'],
  ['the normal tail', { backlogBytes: 3_000_000 }, 0, 'good', 'All but the last 12 s is safe'],
  [
    'a tail without journal',
    { backlogBytes: 3_000_000, journalState: 'off' },
    0,
    'wait',
    'All but the last 12 s is safe',
  ],
  [
    'a slow link',
    { backlogBytes: 30_000_000, safeIn: 250 },
    0,
    'wait',
    'All but the last 2 min is safe, the rest in about 4 min',
  ],
  ['never', { backlogBytes: 30_000_000, safeIn: null }, 0, 'wait', 'All but the last 2 min is safe'],
  [
    'journal full',
    { backlogBytes: 30_000_000, safeIn: null, journalState: 'full' },
    0,
    'warn',
    'All but the last 2 min is safe',
  ],
  [
    'offline',
    { backlogBytes: 45_000_000, uploadState: 'waiting', safeIn: null },
    11_000_000,
    'wait',
    'Offline: 3 min kept on this machine, safe about 40 s after it is back',
  ],
  [
    'offline, slower than it records',
    { backlogBytes: 45_000_000, uploadState: 'waiting', safeIn: null },
    1_000_000,
    'wait',
    'Offline: 3 min kept on this machine',
  ],
  [
    'offline, no journal',
    { backlogBytes: 45_000_000, uploadState: 'waiting', safeIn: null, journalState: 'full' },
    0,
    'warn',
    'Offline: 3 min kept in this page only',
  ],
  ['no server', { uploadState: 'idle', safeBytes: 0 }, 0, 'good', 'Kept on this machine'],
  [
    'no server, no journal',
    { uploadState: 'idle', safeBytes: 0, journalState: 'off' },
    0,
    'wait',
    'Kept in this page only',
  ],
  ['nothing yet', { elapsed: 0, fileBytes: 0, safeBytes: 0 }, 0, 'good', 'All of it is safe'],
])('%s', (_, patch, uplink, tone, text) => {
  expect(safetyOf(stats(patch), uplink)).toMatchObject({ tone, text });
});

test.each<[string, Partial<RecorderStats>, string | undefined]>([
  ['soon', { safeIn: 3 }, undefined],
  ['unknown', { safeIn: null }, undefined],
  ['a slow link', { safeIn: 100 }, 'About 2 min left'],
  [
    'offline',
    { uploadState: 'waiting', safeIn: null },
    'Offline: kept on this machine, and sent when the network is back',
  ],
  [
    'offline, no journal',
    { uploadState: 'waiting', journalState: 'off' },
    'Offline: keep this page open, it is sent when the network is back',
  ],
])('saving: %s', (_, patch, text) => expect(savingOf(stats(patch))?.text).toBe(text));
