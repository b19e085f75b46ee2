// Choices that a seed repeats, and bytes to tell contents apart by.
import { createHash } from 'node:crypto';

/** mulberry32: numbers in [0, 1). */
export function makeRandom(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const md5 = (data) => createHash('md5').update(data).digest('hex');

/** Bytes that no other call returns. */
export function newContent(random, bytes) {
  return Buffer.alloc(bytes, createHash('sha256').update(String(random())).digest());
}

/** The middle, the 95th of a hundred, the greatest. */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { median: at(0.5), p95: at(0.95), worst: sorted.at(-1) ?? 0 };
}
