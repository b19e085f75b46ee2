// Looks at a finished file with tools that know nothing of ours: ffprobe and ffmpeg.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const BITS = 16;

export function probe(file) {
  const args = ['-v', 'error', '-of', 'json', '-show_format', '-show_streams', file];
  return JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8' }));
}

/** Presentation times of a stream's packets, seconds. `stream`: v:0 or a:0. */
export function packetTimes(file, stream) {
  const args = ['-v', 'error', '-select_streams', stream, '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', file];
  return execFileSync('ffprobe', args, { encoding: 'utf8', maxBuffer: 1 << 28 })
    .trim()
    .split('\n')
    .map((line) => Number.parseFloat(line));
}

/** Every decoded frame as RGB, with its time; `filter` crops and scales. */
export function frames(file, { filter, width, height }) {
  const args = ['-v', 'error', '-i', file, '-an', '-vf', `${filter},scale=${width}:${height}:flags=area`];
  args.push('-fps_mode', 'passthrough', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-');
  const raw = execFileSync('ffmpeg', args, { maxBuffer: 1 << 30 });
  const times = packetTimes(file, 'v:0');
  const bytes = width * height * 3;
  const count = raw.length / bytes;
  if (count !== times.length) throw new Error(`${times.length} packets gave ${count} pictures.`);
  return times.map((time, index) => ({ time, rgb: raw.subarray(index * bytes, (index + 1) * bytes) }));
}

/** The mean of R, G, B over a picture. */
export function brightness(rgb) {
  let sum = 0;
  for (const value of rgb) sum += value;
  return sum / rgb.length;
}

/** The flash-and-beep picture in `crop` (pixels of the canvas): its number and whether it flashes. */
export function readNumbers(file, { x, y, width, height }) {
  const filter = `crop=${width}:${height}:${x}:${y}`;
  return frames(file, { filter, width: BITS, height: 8 }).map(({ time, rgb }) => {
    const at = (column, row) => rgb[(row * BITS + column) * 3 + 1];
    let number = 0;
    for (let bit = 0; bit < BITS; bit++) if (at(bit, 1) > 127) number |= 1 << bit;
    let flash = 0;
    for (let column = 2; column < BITS - 2; column++) flash += at(column, 6);
    return { time, number, flash: flash / (BITS - 4) > 127 };
  });
}

/** Times at which the picture begins to flash. */
export function flashes(numbers) {
  return numbers.filter((frame, index) => frame.flash && index > 0 && !numbers[index - 1].flash).map((f) => f.time);
}

/** Times at which sound begins after silence, seconds, found in steps of 1 ms. */
export function beeps(file) {
  const args = ['-v', 'error', '-i', file, '-vn', '-ac', '1', '-ar', '48000', '-f', 'f32le', '-'];
  const raw = execFileSync('ffmpeg', args, { maxBuffer: 1 << 30 });
  const samples = new Float32Array(raw.buffer, raw.byteOffset, Math.floor(raw.length / 4));
  const step = 48;
  const loud = [];
  for (let i = 0; i + step <= samples.length; i += step) {
    let peak = 0;
    for (let k = i; k < i + step; k++) peak = Math.max(peak, Math.abs(samples[k]));
    loud.push(peak > 0.2);
  }
  const starts = [];
  let silentFor = 0;
  loud.forEach((isLoud, ms) => {
    if (isLoud && silentFor >= 100) starts.push(ms / 1000);
    silentFor = isLoud ? 0 : silentFor + 1;
  });
  return { starts, seconds: samples.length / 48000 };
}

/** For each flash that has a beep within half a second: beep minus flash, seconds. */
export function offsets(flashTimes, beepTimes) {
  return flashTimes.flatMap((flash) => {
    const nearest = beepTimes.reduce((best, beep) => (Math.abs(beep - flash) < Math.abs(best - flash) ? beep : best), Infinity);
    return Math.abs(nearest - flash) < 0.5 ? [{ at: flash, offset: nearest - flash }] : [];
  });
}

/** A number of EBML's variable length at `at`; `marker`: kept as in an ID. RFC 8794 section 4. */
function vint(bytes, at, marker) {
  let length = 1;
  while (length <= 8 && !(bytes[at] & (0x80 >> (length - 1)))) length++;
  let value = marker ? bytes[at] : bytes[at] & (0xff >> length);
  let unknown = value === 0xff >> length;
  for (let i = 1; i < length; i++) {
    value = value * 256 + bytes[at + i];
    unknown &&= bytes[at + i] === 0xff;
  }
  return { value, length, unknown: !marker && unknown };
}

/** Which of the elements that make a file seekable are there, read from the bytes. RFC 9559. */
export function readElements(file) {
  const bytes = readFileSync(file);
  const seen = { duration: false, cues: false, clusters: 0, unknownSizes: 0, seekHead: false };
  const walk = (from, to) => {
    for (let at = from; at < to; ) {
      const id = vint(bytes, at, true);
      const size = vint(bytes, at + id.length, false);
      const data = at + id.length + size.length;
      const end = size.unknown ? to : data + size.value;
      if (size.unknown) seen.unknownSizes++;
      if (id.value === 0x18538067 || id.value === 0x1549a966) walk(data, end);
      if (id.value === 0x4489) seen.duration = true;
      if (id.value === 0x1c53bb6b) seen.cues = true;
      if (id.value === 0x114d9b74) seen.seekHead = true;
      if (id.value === 0x1f43b675) seen.clusters++;
      at = end;
    }
  };
  walk(0, bytes.length);
  return seen;
}
