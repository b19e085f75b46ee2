import { describe, expect, it } from 'vitest';
import { ByteLog } from '../../../web/src/worker/byte-log.js';

const HEADER = 16;

/** Byte i of the file is i modulo 251. */
function bytes(from: number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (from + index) % 251);
}

async function content(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}

/** toEqual is too slow for megabytes. */
function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function filled(chunks: number[]): ByteLog {
  const log = new ByteLog(HEADER);
  log.append(bytes(0, HEADER));
  for (const length of chunks) log.append(bytes(log.end, length));
  return log;
}

describe('ByteLog', () => {
  it('gives back any range, over gathered and fresh pieces', async () => {
    const log = filled([700_000, 500_000, 3, 900_000, 77]);
    for (const [offset, length] of [[0, 10], [10, 20], [0, log.end], [1_199_990, 40], [log.end - 5, 5], [16, 1]] as const)
      expect(same(await content(log.range(offset, length)), bytes(offset, length))).toBe(true);
  });

  it('replaces the header and nothing else', async () => {
    const log = filled([100]);
    log.patch(new Uint8Array(HEADER).fill(255));
    const all = await content(log.range(0, log.end));
    expect([...all.subarray(0, HEADER)]).toEqual(Array(HEADER).fill(255));
    expect(same(all.subarray(HEADER), bytes(HEADER, 100))).toBe(true);
  });

  it('keeps the first part and drops what was released', async () => {
    const log = filled(Array(8).fill(600_000) as number[]);
    const keep = 1_000_000;
    log.release(3_000_000, keep);
    expect(same(await content(log.range(0, keep)), bytes(0, keep))).toBe(true);
    expect(same(await content(log.range(4_000_000, 500_000)), bytes(4_000_000, 500_000))).toBe(true);
    expect(() => log.range(1_900_000, 400_000)).toThrow(/not held/);
  });

  it('refuses a range past the end, a wrong header and a wrong patch', () => {
    const log = filled([10]);
    expect(() => log.range(0, log.end + 1)).toThrow(RangeError);
    expect(() => log.patch(new Uint8Array(3))).toThrow(RangeError);
    expect(() => new ByteLog(HEADER).append(new Uint8Array(5))).toThrow(RangeError);
  });
});
