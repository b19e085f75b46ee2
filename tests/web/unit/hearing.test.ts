/** What is heard, in words. */

import { expect, test } from 'vitest';
import { HearingLog, meterFraction, soundTrouble, speakLevel } from '../../../web/elements/hearing.js';
import type { SourceInfo } from '../../../web/src/base/types.js';

const level = (input: number, clipped = false): { peak: number; input: number; clipped: boolean } => ({
  peak: input,
  input,
  clipped,
});

test('silence is told of after five seconds, speech at once', () => {
  const log = new HearingLog(1000);
  log.add(level(0.0005), 1050);
  expect(log.words(1100)).toMatchObject({ tone: 'wait', text: 'Say something.' });
  expect(log.words(6100).text).toContain('We cannot hear you.');
  log.add(level(0.3), 6200);
  expect(log.words(6200)).toEqual({ tone: 'good', text: 'We hear you.' });
  // A pause between sentences is no fault; a quarter of a minute is.
  expect(log.words(14_000).tone).toBe('good');
  expect(log.words(22_000).tone).toBe('bad');
});

test('quiet speech and speech that is cut off at the top are told apart from good speech', () => {
  const log = new HearingLog(0);
  log.add(level(0.008), 100);
  expect(log.words(200).text).toContain('very quiet');
  log.add(level(0.2), 300);
  expect(log.words(400).tone).toBe('good');
  log.add(level(1, true), 500);
  expect(log.words(600).text).toContain('Too loud');
  expect(log.words(3600).tone).toBe('good');
  // The loud word is forgotten, not only outdone.
  log.add(level(0.008), 5000);
  expect(log.words(5100).text).toContain('very quiet');
});

test('what keeps a source from being heard is named, whatever arrives', () => {
  const source: SourceInfo = {
    id: 'host',
    name: 'Host',
    showName: false,
    kind: 'camera',
    hasVideo: true,
    hasAudio: true,
    audioMuted: false,
    videoMuted: false,
    gain: 1,
    ended: false,
    audioState: 'live',
    videoState: 'live',
  };
  expect(soundTrouble(source)).toBeNull();
  expect(soundTrouble(undefined)?.text).toBe('No microphone is on.');
  expect(soundTrouble({ ...source, hasAudio: false, audioState: 'none' })?.text).toBe('No microphone is on.');
  expect(soundTrouble({ ...source, audioMuted: true })?.text).toContain('You are muted');
  const states = ['off', 'muted', 'held-back', 'stalled', 'silent', 'ended'] as const;
  const told = states.map((audioState) => soundTrouble({ ...source, audioState })?.text);
  expect(new Set(told).size).toBe(states.length);
  expect(told).not.toContain(undefined);
});

test('a meter goes by decibels', () => {
  expect([0, 0.001, 0.031623, 1, 2].map((each) => Number(meterFraction(each).toFixed(2)))).toEqual([0, 0, 0.5, 1, 1]);
  expect([speakLevel(0), speakLevel(0.5), speakLevel(0.0001)]).toEqual(['silent', '-6 dB', 'silent']);
});
