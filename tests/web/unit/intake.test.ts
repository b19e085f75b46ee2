/** Which pictures are copied, and when they are said to have come. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Intake } from '../../../web/src/worker/intake.js';
import { PictureClock } from '../../../web/src/worker/picture-clock.js';

let nowUs = 0;
const copied: number[] = [];
const arrived: number[] = [];
let closed = 0;

function frame(number: number, timestamp: number): VideoFrame {
  return { number, timestamp, close: () => void closed++ } as unknown as VideoFrame;
}

function intake(fps: number, copyMs = 0, keepAll = true): Intake {
  return new Intake({
    fps,
    nowUs: () => nowUs,
    keepAll: () => keepAll,
    copy: async (picture) => {
      if (copyMs > 0) await new Promise((resolve) => setTimeout(resolve, copyMs));
      copied.push((picture as unknown as { number: number }).number);
      return (atUs) => void arrived.push(atUs);
    },
  });
}

async function pass(ms: number): Promise<void> {
  for (let i = 0; i < ms; i++) {
    nowUs += 1000;
    await vi.advanceTimersByTimeAsync(1);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  nowUs = 5_000_000;
  copied.length = arrived.length = closed = 0;
});
afterEach(() => void vi.useRealTimers());

describe('Intake', () => {
  for (let last = 1; last <= 8; last++)
    it(`copies the last picture of a burst of ${last} at 60 per second`, async () => {
      const source = intake(30, 3);
      for (let i = 1; i <= last; i++) {
        source.offer(frame(i, i * 16_667));
        await pass(i % 3 === 0 ? 16 : 17);
      }
      await pass(200);
      expect(copied.at(-1)).toBe(last);
      expect(closed).toBe(last);
      expect(new Set(copied).size).toBe(copied.length);
    });

  it('copies every picture of 50 per second, about half of 60', async () => {
    const fifty = intake(30);
    for (let i = 0; i < 50; i++) {
      fifty.offer(frame(i, i * 20_000));
      await pass(20);
    }
    expect(copied.length).toBe(50);
    copied.length = 0;
    const sixty = intake(30);
    for (let i = 0; i < 60; i++) {
      sixty.offer(frame(i, i * 16_667));
      await pass(i % 3 === 0 ? 16 : 17);
    }
    expect(copied.length).toBeGreaterThanOrEqual(30);
    expect(copied.length).toBeLessThanOrEqual(34);
  });

  it('copies each of a burst, in order, with the time at which it came', async () => {
    const source = intake(30, 2);
    source.offer(frame(0, 0));
    await pass(40);
    source.offer(frame(1, 40_000));
    // A picture each 40 ms; the thread is held up, and sees four of them at once.
    for (let i = 2; i < 24; i++) {
      await pass(40);
      if (i % 4 === 1) for (let k = i - 3; k <= i; k++) source.offer(frame(k, k * 40_000));
    }
    await pass(100);
    expect(copied).toEqual(Array.from({ length: 22 }, (_, i) => i));
    const steps = arrived.slice(9).map((at, i) => at - (arrived[i + 8] ?? 0));
    expect(steps.filter((step) => Math.abs(step - 40_000) > 200)).toEqual([]);
    expect(closed).toBe(22);
  });

  it('halves the pictures of a burst at 60 per second', async () => {
    const source = intake(30, 2);
    source.offer(frame(0, 0));
    await pass(320);
    for (let i = 12; i < 20; i++) source.offer(frame(i, Math.round((i * 1e6) / 60)));
    await pass(100);
    expect(copied).toEqual([0, 12, 14, 16, 18, 19]);
    expect(closed).toBe(9);
  });

  it('lets no more wait than the engine makes up for', async () => {
    const source = intake(60, 300);
    source.offer(frame(0, 0));
    await pass(240);
    for (let i = 1; i < 14; i++) source.offer(frame(i, Math.round((i * 1e6) / 60)));
    expect(closed).toBe(5);
    await pass(3000);
    expect(copied).toEqual([0, 6, 7, 8, 9, 10, 11, 12, 13]);
    expect(closed).toBe(14);
  });

  it('keeps the newest alone outside of a take', async () => {
    const source = intake(30, 100, false);
    for (let i = 0; i < 4; i++) {
      source.offer(frame(i, i * 33_333));
      await pass(33);
    }
    await pass(400);
    expect(copied).toEqual([0, 3]);
    expect(closed).toBe(4);
  });

  it('closes what waits and what comes after it was closed', async () => {
    const source = intake(30);
    source.offer(frame(0, 0));
    await pass(1);
    source.offer(frame(1, 1000));
    source.close();
    source.offer(frame(2, 40_000));
    await pass(100);
    expect(copied).toEqual([0]);
    expect(closed).toBe(3);
  });

  for (const [name, timestamp] of [
    ['go back every second', (i: number) => (i % 30) * 33_333],
    ['are milliseconds', (i: number) => i * 33],
    ['are nanoseconds', (i: number) => i * 33_333_333],
    ['are all the same', () => 0],
  ] as const)
    it(`copies nearly every picture where timestamps ${name}`, async () => {
      const source = intake(30);
      for (let i = 0; i < 120; i++) {
        source.offer(frame(i, timestamp(i)));
        await pass(33);
      }
      expect(copied.length).toBeGreaterThanOrEqual(108);
    });
});

describe('PictureClock', () => {
  it('takes the delays of a busy thread out of arrivals', () => {
    const clock = new PictureClock();
    for (let i = 0; i < 300; i++) {
      const made = 1_000_000 + i * 33_333;
      const late = 4000 + (i % 5 === 0 ? 0 : (i * 7919) % 25_000);
      const at = clock.place(i * 33_333, made + late);
      if (i > 5) expect(Math.abs(at - made - 4000)).toBeLessThan(200);
      expect(at).toBeLessThanOrEqual(made + late);
    }
  });

  it('follows clocks that drift apart', () => {
    const clock = new PictureClock();
    for (let i = 0; i < 30_000; i++) {
      const arrival = Math.round(i * 33_333 * 1.0002);
      expect(arrival - clock.place(i * 33_333, arrival)).toBeLessThan(5000);
    }
  });

  it('believes arrivals where timestamps cannot be', () => {
    for (const scale of [0, 0.001, 1000]) {
      const clock = new PictureClock();
      for (let i = 0; i < 100; i++) {
        const at = clock.place(i * 33_333 * scale, i * 33_333);
        if (i > 3) expect(at).toBe(i * 33_333);
      }
    }
  });
});
