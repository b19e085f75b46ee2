// Reads back what tests/crash/page records: pictures that carry the moment they were drawn at, and sound with a
// mark every 100 ms. `wall` is milliseconds since `epoch` by the page's clock, times in the file are seconds.
import { execFileSync } from 'node:child_process';
import { frames } from '../e2e/support/media.mjs';

const COLUMNS = 16;
const MARK_MS = 100;
const TONES = 16;
const RATE = 48000;
const LOUD = 0.15;
/** Marks last 60 ms, with 40 ms of silence between them. */
const LEAST_SILENCE_MS = 15;
const LEAST_MARK_MS = 30;

/** CRC-8 (polynomial 0x07, begun with 0xff so that black is no time) of 24 bits, lowest byte first; clock-picture.js draws the same. */
export function clockCheck(value) {
  let crc = 0xff;
  for (const byte of [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff]) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : (crc << 1) & 0xff;
  }
  return crc;
}

/**
 * Every decoded picture as {time, wall}; `wall` is null where the blocks cannot be read. `placed`: where the source
 * lies in the canvas, pixels. Throws where ffmpeg cannot decode the file.
 */
export function readClock(file, { x, y, width, height }) {
  const even = (value) => 2 * Math.round(value / 2);
  const filter = `crop=${even(width)}:${even(height)}:${even(x)}:${even(y)}`;
  return frames(file, { filter, width: COLUMNS, height: 4 }).map(({ time, rgb }) => {
    const bits = (from, count) => {
      let value = 0;
      for (let bit = from; bit < from + count; bit++) if (rgb[bit * 3 + 1] > 127) value += 2 ** (bit - from);
      return value;
    };
    const wall = bits(0, 24);
    return { time, wall: bits(24, 8) === clockCheck(wall) ? wall : null };
  });
}

/** The tone that is strongest in samples [from, to): Goertzel's filter for each. */
function strongestTone(samples, from, to) {
  let best = { tone: -1, power: -1 };
  for (let tone = 0; tone < TONES; tone++) {
    const turn = 2 * Math.cos((2 * Math.PI * (600 + 200 * tone)) / RATE);
    let [one, two] = [0, 0];
    for (let i = from; i < to; i++) [one, two] = [samples[i] + turn * one - two, one];
    const power = one * one + two * two - turn * one * two;
    if (power > best.power) best = { tone, power };
  }
  return best.tone;
}

/** The marks of a file as {time, end, tone}, seconds, and its length: sound of at least 30 ms after silence. */
export function readMarks(file) {
  const args = ['-v', 'error', '-xerror', '-i', file, '-vn', '-ac', '1', '-ar', String(RATE), '-f', 'f32le', '-'];
  const raw = execFileSync('ffmpeg', args, { maxBuffer: 1 << 30 });
  const samples = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length - (raw.length % 4)));
  const step = RATE / 1000;
  const marks = [];
  let start = -1;
  let lastLoud = -Infinity;
  const end = () => {
    if (start >= 0 && lastLoud + 1 - start >= LEAST_MARK_MS) {
      const [from, to] = [(start + 5) * step, (lastLoud - 4) * step];
      marks.push({ time: start / 1000, end: (lastLoud + 1) / 1000, tone: strongestTone(samples, from, to) });
    }
    start = -1;
  };
  for (let ms = 0; (ms + 1) * step <= samples.length; ms++) {
    let peak = 0;
    for (let i = ms * step; i < (ms + 1) * step; i++) peak = Math.max(peak, Math.abs(samples[i]));
    if (peak < LOUD) {
      if (ms - lastLoud >= LEAST_SILENCE_MS) end();
      continue;
    }
    if (start < 0) start = ms;
    lastLoud = ms;
  }
  end();
  return { marks, seconds: samples.length / RATE };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/**
 * The wall time of the last picture and of the last sound of a take, and what is wrong with either. A mark's tone
 * says which of 16 it is; which of the file's moments it belongs to says the picture, whose clock is absolute.
 *   soundStartedAt  wall time of the sound's time 0
 */
export function lastMoments(file, { placed, soundStartedAt }) {
  const problems = [];
  const clock = readClock(file, placed);
  const readable = clock.filter(({ wall }) => wall !== null);
  if (readable.length < clock.length * 0.9) problems.push(`${clock.length - readable.length} of ${clock.length} pictures cannot be read`);
  if (readable.length === 0) return { problems, frames: clock.length, pictureWall: null, soundWall: null };
  const back = readable.filter(({ wall }, index) => index > 0 && wall < readable[index - 1].wall);
  if (back.length > 0) {
    const at = readable.indexOf(back[0]);
    const around = readable.slice(Math.max(0, at - 2), at + 3).map(({ wall }) => wall);
    problems.push(`the clock goes back at ${back[0].time} s: ${around.join(' ')}`);
  }
  const shift = median(readable.map(({ time, wall }) => wall - time * 1000));
  const { marks, seconds } = readMarks(file);
  const last = marks.at(-1);
  if (!last) return { problems: [...problems, 'no sound'], frames: clock.length, pictureWall: readable.at(-1).wall, soundWall: null };
  const estimate = (last.time * 1000 + shift - soundStartedAt) / MARK_MS;
  const number = Math.round((estimate - last.tone) / TONES) * TONES + last.tone;
  if (Math.abs(number - estimate) > 4) problems.push(`sound and picture are ${((number - estimate) * MARK_MS).toFixed(0)} ms apart`);
  const missing = marks.filter(({ tone }, index) => index > 0 && tone !== (marks[index - 1].tone + 1) % TONES);
  return {
    problems,
    frames: clock.length,
    marks: marks.length,
    brokenMarks: missing.length,
    seconds,
    pictureWall: readable.at(-1).wall,
    soundWall: soundStartedAt + number * MARK_MS + (last.end - last.time) * 1000,
  };
}
