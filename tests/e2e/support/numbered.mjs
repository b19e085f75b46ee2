// Numbered pictures in a file: each shows its number as black and white bars over its upper half.
import { execFileSync } from 'node:child_process';
import { packetTimes } from './media.mjs';

export const BITS = 12;

/** The number that each picture of a file shows: its bars, each as one pixel. */
function numbers(file) {
  const filter = `crop=iw:ih/2:0:0,scale=${BITS}:1:flags=area`;
  const args = ['-v', 'fatal', '-i', file, '-vsync', '0', '-vf', filter, '-pix_fmt', 'gray', '-f', 'rawvideo', '-'];
  const bytes = execFileSync('ffmpeg', args, { maxBuffer: 1 << 26 });
  return Array.from({ length: bytes.length / BITS }, (_, picture) =>
    bytes.subarray(picture * BITS, (picture + 1) * BITS).reduce((all, level, bit) => all | (level > 127 ? 1 << bit : 0), 0));
}

/** How often each distance of two pictures occurs, in milliseconds, the most frequent first. */
export function spacing(times) {
  const counts = new Map();
  for (let i = 1; i < times.length; i++) {
    const ms = Math.round((times[i] - times[i - 1]) * 1000);
    counts.set(ms, (counts.get(ms) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}

/**
 * Of a take of `fps` whose source was numbered at the same rate. `twice` and `missing`: pictures between the first and
 * the last; `firstTwice` and `firstMissing`: of those in the first second; `holes`: slots without a picture there.
 */
export function judgeNumbers(file, fps) {
  const shown = numbers(file);
  const times = packetTimes(file, 'v:0');
  const found = { pictures: shown.length, twice: 0, missing: 0, firstTwice: 0, firstMissing: 0, holes: 0, faults: [] };
  for (let i = 1; i < shown.length; i++) {
    const step = shown[i] - shown[i - 1];
    const [twice, left] = [step === 0 ? 1 : 0, Math.max(0, step - 1)];
    found.twice += twice;
    found.missing += left;
    if (step !== 1) found.faults.push(`${times[i].toFixed(2)}: +${step}`);
    if (times[i] >= 1) continue;
    found.firstTwice += twice;
    found.firstMissing += left;
    found.holes += Math.max(0, Math.round((times[i] - times[i - 1]) * fps) - 1);
  }
  found.faults = found.faults.slice(0, 12).join(' ');
  return found;
}
