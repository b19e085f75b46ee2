import { describe, expect, it } from 'vitest';
import { SoundInput } from '../../../web/src/worker/sound-input.js';

const RATE = 48_000;
const BLOCK = 1024;
const BLOCK_US = (BLOCK * 1e6) / RATE;

const at = (level: number): Float32Array<ArrayBuffer> => new Float32Array(BLOCK).fill(level);

/** Pushes blocks of these levels for so long; answers with what the last one became. */
function feed(input: SoundInput, levels: number[], seconds: number, fromUs = 0): Float32Array[] {
  let out: Float32Array[] = [];
  for (let us = 0; us < seconds * 1e6; us += BLOCK_US) out = input.push(levels.map(at), RATE, fromUs + us);
  return out;
}

describe('which sound comes', () => {
  it('nothing for a second is a stall, whatever came before', () => {
    const input = new SoundInput(0);
    feed(input, [0.1], 1);
    expect(input.look(1_000_000)).toBe('live');
    expect(input.look(1_800_000)).toBe('live');
    expect(input.look(2_100_000)).toBe('stalled');
    feed(input, [0.1], 0.1, 2_200_000);
    expect(input.look(2_600_000)).toBe('live');
  });

  it('zeros are silence after ten seconds, one sample ends it', () => {
    const input = new SoundInput(0);
    const looks: string[] = [];
    for (let us = 0; us <= 11_000_000; us += 500_000) {
      input.push([at(0)], RATE, us);
      looks.push(input.look(us));
    }
    expect(looks.indexOf('silent')).toBe(21);
    input.push([at(1e-4)], RATE, 11_200_000);
    expect(input.look(11_500_000)).toBe('live');
  });

  it('a machine that slept is no stalled microphone', () => {
    const input = new SoundInput(0);
    feed(input, [0.1], 1);
    input.look(1_000_000);
    expect(input.look(3_600_000_000)).toBe('live');
    expect(input.look(3_600_500_000)).toBe('live');
    expect(input.look(3_601_100_000)).toBe('stalled');
  });
});

describe('sides', () => {
  it.each([
    ['left', [0.2, 0]],
    ['right', [0.0002, 0.2]],
  ])('a microphone on the %s only is heard in the middle after two seconds', (side, levels) => {
    const input = new SoundInput(0);
    expect(feed(input, levels, 1.5).length).toBe(2);
    const out = feed(input, levels, 1, 1_500_000);
    expect(input.oneSided).toBe(side);
    expect(out.map((samples) => samples[0]?.toFixed(4))).toEqual(['0.2000']);
  });

  it('both sides again make it stereo again, silence changes nothing', () => {
    const input = new SoundInput(0);
    feed(input, [0.2, 0], 3);
    feed(input, [0, 0], 5, 3_000_000);
    expect(input.oneSided).toBe('left');
    expect(feed(input, [0.2, 0.1], 0.5, 8_000_000).length).toBe(2);
    expect(input.oneSided).toBe(null);
  });

  it('sound that changes sides stays stereo', () => {
    const input = new SoundInput(0);
    for (let second = 0; second < 8; second++) feed(input, second % 2 ? [0.2, 0] : [0, 0.2], 1, second * 1e6);
    expect(input.oneSided).toBe(null);
  });

  it('is as the page wants it', () => {
    const input = new SoundInput(0);
    input.channelMode = 'stereo';
    expect(feed(input, [0.2, 0], 3).length).toBe(2);
    const mono = new SoundInput(0);
    mono.channelMode = 'mono';
    expect(feed(mono, [0.5, 0.25], 0.1).map((samples) => samples[0])).toEqual([0.375]);
  });
});

it('levels are the highest since they were asked for, with the mark of clipping', () => {
  const input = new SoundInput(0);
  input.push([at(0.25), at(-1)], RATE, 0);
  input.push([at(0.1), at(0.1)], RATE, 1);
  expect(input.level()).toEqual({ peak: 1, clipped: true });
  expect(input.level()).toEqual({ peak: 0, clipped: false });
});
