import { describe, expect, it } from 'vitest';
import { AudioClock } from '../../../web/src/worker/audio-clock.js';

const RATE = 48000;
const BLOCK = 1024;

describe('AudioClock', () => {
  it('is not moved by blocks that a busy worker takes late', () => {
    const clock = new AudioClock();
    let worst = 0;
    for (let i = 0; i < 2000; i++) {
      const ready = 5_000_000 + ((i + 1) * BLOCK * 1e6) / RATE;
      const late = i % 7 === 0 ? 0 : (i * 7919) % 40_000;
      const placed = clock.place(i * BLOCK, BLOCK, RATE, ready + late);
      const exact = 5_000_000 + (i * BLOCK * 1e6) / RATE;
      if (i > 20) worst = Math.max(worst, Math.abs(placed - exact));
    }
    expect(worst).toBeLessThan(2000);
  });

  it('follows a drifting counter', () => {
    const clock = new AudioClock();
    const drift = 1 + 300e-6;
    let last = 0;
    for (let i = 0; i < 20_000; i++)
      last = clock.place(i * BLOCK, BLOCK, RATE, (((i + 1) * BLOCK * 1e6) / RATE) * drift);
    const exact = ((19_999 * BLOCK * 1e6) / RATE) * drift;
    expect(Math.abs(last - exact)).toBeLessThan(4000);
  });

  it.each([100_000, 300_000, 450_000])('follows a context that skipped samples: %i us', (skippedUs) => {
    const clock = new AudioClock();
    let wrongUs = 0;
    for (let i = 0; i < 1000; i++) {
      const lost = i < 400 ? 0 : skippedUs;
      const exact = 5_000_000 + (i * BLOCK * 1e6) / RATE + lost;
      const late = (i * 7919) % 30_000;
      const placed = clock.place(i * BLOCK, BLOCK, RATE, exact + (BLOCK * 1e6) / RATE + late);
      if (Math.abs(placed - exact) > 40_000) wrongUs += (BLOCK * 1e6) / RATE;
    }
    expect(wrongUs).toBeLessThan(650_000);
  });

  it('is not moved by a worker that stood still for a second', () => {
    const clock = new AudioClock();
    let worst = 0;
    for (let i = 0; i < 1000; i++) {
      const ready = 5_000_000 + ((i + 1) * BLOCK * 1e6) / RATE;
      // Blocks 400 to 420 wait for one moment and are then taken at once.
      const taken = i >= 400 && i <= 420 ? 5_000_000 + (421 * BLOCK * 1e6) / RATE : ready;
      const placed = clock.place(i * BLOCK, BLOCK, RATE, taken);
      worst = Math.max(worst, Math.abs(placed - (ready - (BLOCK * 1e6) / RATE)));
    }
    expect(worst).toBeLessThan(1000);
  });

  it('starts anew after the context was suspended', () => {
    const clock = new AudioClock();
    clock.place(0, BLOCK, RATE, 21_333);
    const placed = clock.place(BLOCK, BLOCK, RATE, 10_000_000);
    expect(Math.abs(placed - (10_000_000 - 21_333))).toBeLessThan(50);
  });
});
