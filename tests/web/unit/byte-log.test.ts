import { describe, expect, it } from 'vitest';
import { ByteLog } from '../../../web/src/journal/byte-log.js';
import type { ReadSpans } from '../../../web/src/journal/pieces.js';

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

/** The chunks after the header; `journal`: where each is also kept. */
function filled(
  chunks: number[],
  options: { windowBytes?: number; journal?: Map<number, Uint8Array<ArrayBuffer>> } = {},
): ByteLog {
  const { journal, windowBytes } = options;
  const read: ReadSpans = (spans) =>
    Promise.all(
      spans.map(({ sequence, offset, bytes: length }) => {
        const record = journal?.get(sequence);
        if (!record) return Promise.reject(new RangeError(`${sequence} is gone`));
        return Promise.resolve(record.slice(offset, offset + length));
      }),
    );
  const log = new ByteLog({ headerBytes: HEADER, read, ...(windowBytes ? { windowBytes } : {}) });
  log.append(bytes(0, HEADER));
  chunks.forEach((length, index) => {
    const offset = log.end;
    const payload = bytes(offset, length);
    log.append(payload);
    journal?.set(index, new Uint8Array([9, 9, 9, ...payload]));
    if (journal) log.stored(offset, { sequence: index, offset: 3 });
  });
  return log;
}

const refused = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'given',
    (error: unknown) => String(error),
  );

describe('ByteLog', () => {
  it('gives back any range, over gathered and fresh pieces', async () => {
    const log = filled([700_000, 500_000, 3, 900_000, 77], { windowBytes: 1_000_000 });
    for (const [offset, length] of [
      [0, 10],
      [10, 20],
      [0, log.end],
      [1_199_990, 40],
      [log.end - 5, 5],
      [16, 1],
    ] as const)
      expect(same(await content(await log.range(offset, length)), bytes(offset, length))).toBe(true);
  });

  it('replaces the header and nothing else', async () => {
    const log = filled([100]);
    log.patch(new Uint8Array(HEADER).fill(255));
    const all = await content(await log.range(0, log.end));
    expect([...all.subarray(0, HEADER)]).toEqual(Array(HEADER).fill(255));
    expect(same(all.subarray(HEADER), bytes(HEADER, 100))).toBe(true);
  });

  it('keeps the first part and drops what was released', async () => {
    const log = filled(Array(8).fill(600_000) as number[], { windowBytes: 1_000_000 });
    const keep = 1_000_000;
    log.release(3_000_000, keep);
    expect(same(await content(await log.range(0, keep)), bytes(0, keep))).toBe(true);
    expect(same(await content(await log.range(4_000_000, 500_000)), bytes(4_000_000, 500_000))).toBe(true);
    expect(await refused(log.range(1_900_000, 400_000))).toMatch(/not held/);
  });

  it('refuses a range past the end, a wrong header and a wrong patch', async () => {
    const log = filled([10]);
    expect(await refused(log.range(0, log.end + 1))).toMatch(/RangeError/);
    expect(() => log.patch(new Uint8Array(3))).toThrow(RangeError);
    expect(() => new ByteLog({ headerBytes: HEADER }).append(new Uint8Array(5))).toThrow(RangeError);
  });
});

describe('with a journal', () => {
  const chunks = Array(20).fill(100_000) as number[];

  it('memory keeps a window, and the rest is read back', async () => {
    const log = filled(chunks, { windowBytes: 500_000, journal: new Map() });
    expect(log.memoryBytes).toBeLessThanOrEqual(500_000 + HEADER);
    for (const [offset, length] of [
      [0, log.end],
      [99_990, 40],
      [1_400_000, 300_000],
      [16, 1],
    ] as const)
      expect(same(await content(await log.range(offset, length)), bytes(offset, length))).toBe(true);
  });

  it('a record that is gone is an error, not a hole', async () => {
    const journal = new Map<number, Uint8Array<ArrayBuffer>>();
    const log = filled(chunks, { windowBytes: 500_000, journal });
    journal.delete(3);
    expect(await refused(log.range(0, log.end))).toMatch(/RangeError: 3 is gone/);
    expect((await log.range(400_100, 1_000_000)).size).toBe(1_000_000);
  });

  it('what the journal did not take stays in memory, in its place', async () => {
    const log = new ByteLog({
      headerBytes: HEADER,
      windowBytes: 100_000,
      read: (spans) => Promise.resolve(spans.map((span) => bytes(span.sequence, span.bytes))),
    });
    log.append(bytes(0, HEADER));
    for (let index = 0; index < 30; index++) {
      const offset = log.end;
      log.append(bytes(offset, 50_000));
      if (index % 3 === 0) log.stored(offset, { sequence: offset, offset: 0 });
    }
    expect(log.memoryBytes).toBeLessThan(1_200_000);
    expect(same(await content(await log.range(0, log.end)), bytes(0, log.end))).toBe(true);
  });
});
