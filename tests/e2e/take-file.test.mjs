// The take file as programs see it that know nothing of ours: ffprobe and ffmpeg on takes written by
// tests/tools/make_take.c, finished and cut after some chunks.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packetTimes, probe } from './support/media.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAKE_TAKE = process.env.KEEPTAKE_MAKE_TAKE ?? join(ROOT, 'build/native/tests/make_take');
const SECONDS = 3;
const FRAME_BYTES = (320 * 180 * 3) / 2;

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'take-file-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a take and returns its path and its chunks. */
function makeTake(name, ...options) {
  const path = join(folder, name);
  const args = [path, '--seconds', String(SECONDS), ...options];
  const lines = execFileSync(MAKE_TAKE, args, { encoding: 'utf8' }).trim().split('\n');
  return { path, chunks: lines.map((line) => JSON.parse(line)) };
}

/** Decodes a stream; fails on the first complaint. Returns the bytes of its raw samples or pixels. */
function decode(path, stream, ...output) {
  const args = ['-v', 'warning', '-xerror', '-i', path, '-map', `0:${stream}`, ...output, '-'];
  const run = spawnSync('ffmpeg', args, { maxBuffer: 1 << 28 });
  assert.equal(run.stderr.toString(), '');
  assert.equal(run.status, 0);
  return run.stdout.length;
}

const pixels = (path) => decode(path, 'v', '-fps_mode', 'passthrough', '-f', 'rawvideo');
const samples = (path) => decode(path, 'a', '-f', 's16le') / 4;

describe('a finished take file', () => {
  for (const codec of ['vp9', 'vp8']) {
    it(`is whole: ${codec}`, () => {
      const { path, chunks } = makeTake(`${codec}.webm`, '--codec', codec);
      const seen = probe(path);
      const [video, audio] = seen.streams;
      assert.equal(video.codec_name, codec);
      assert.equal(audio.codec_name, 'opus');
      assert.equal(Number(seen.format.duration), SECONDS);
      assert.equal(video.color_space, 'bt709');
      assert.equal(video.color_transfer, 'bt709');
      assert.equal(video.color_primaries, 'bt709');
      assert.equal(video.color_range, 'tv');
      assert.equal(Number(video.start_time), 0);
      assert.equal(pixels(path), SECONDS * 30 * FRAME_BYTES);
      assert.equal(samples(path), SECONDS * 48000);
      const last = chunks.at(-2);
      assert.equal(statSync(path).size, last.offset + last.bytes);
    });
  }

  it('seeks by its Cues', () => {
    const { path, chunks } = makeTake('seek.webm');
    const keyframes = chunks.filter((chunk) => chunk.keyframe);
    assert.equal(keyframes.length, SECONDS);
    for (let second = 0; second < SECONDS; second++) {
      const args = ['-v', 'error', '-read_intervals', `${second + 0.2}%+#1`, '-select_streams', 'v'];
      args.push('-show_entries', 'packet=pts_time,pos,flags', '-of', 'json', path);
      const [packet] = JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8' })).packets;
      assert.equal(Number(packet.pts_time), second);
      assert.match(packet.flags, /^K/);
      const cluster = keyframes[second];
      assert.ok(Number(packet.pos) >= cluster.offset && Number(packet.pos) < cluster.offset + cluster.bytes);
    }
  });

  it('may have one track only', () => {
    const silent = makeTake('silent.webm', '--no-audio');
    assert.equal(pixels(silent.path), SECONDS * 30 * FRAME_BYTES);
    assert.equal(Number(probe(silent.path).format.duration), SECONDS);
    const sound = makeTake('sound.webm', '--no-video');
    assert.equal(samples(sound.path), SECONDS * 48000);
    assert.equal(Number(probe(sound.path).format.duration), SECONDS);
  });
});

describe('a take file cut after any chunk', () => {
  for (const cut of [2, 3, 5, 8, 12]) {
    it(`plays: ${cut} chunks`, () => {
      const { path, chunks } = makeTake(`cut-${cut}.webm`, '--cut', String(cut));
      assert.equal(chunks.length, cut);
      const end = chunks.at(-1).endUs / 1e6;
      const times = packetTimes(path, 'v:0');
      assert.equal(times[0], 0);
      assert.ok(Math.abs(times.at(-1) - end) < 0.06);
      times.forEach((time, index) => assert.ok(Math.abs(time - index / 30) <= 0.001));
      assert.equal(pixels(path), times.length * FRAME_BYTES);
      assert.ok(Math.abs(samples(path) / 48000 - end) < 0.06);
    });
  }
});

describe('a take that a journal gives back', () => {
  it('is the finished file, byte for byte, where nothing is missing', () => {
    const { path } = makeTake('whole.webm');
    const recovered = makeTake('recovered.webm', '--recover');
    assert.deepEqual(readFileSync(recovered.path), readFileSync(path));
  });

  for (const cut of [2, 7]) {
    it(`is finished where it was cut: ${cut} chunks`, () => {
      const { path, chunks } = makeTake(`recovered-${cut}.webm`, '--cut', String(cut), '--recover');
      const end = chunks.at(-1).endUs / 1e6;
      const seen = probe(path);
      assert.ok(Math.abs(Number(seen.format.duration) - end) < 0.001);
      assert.equal(Number(seen.streams[0].start_time), 0);
      assert.equal(pixels(path), packetTimes(path, 'v:0').length * FRAME_BYTES);
      assert.ok(Math.abs(samples(path) / 48000 - end) < 0.06);
    });
  }

  it('goes on at the next keyframe where a piece is missing', () => {
    const { path, chunks } = makeTake('lost.webm', '--recover', '--lose', '3');
    const lost = chunks[3];
    const next = chunks.find((chunk) => chunk.keyframe && chunk.startUs > lost.startUs);
    const times = packetTimes(path, 'v:0');
    const inside = times.filter((time) => time * 1e6 >= lost.startUs - 1000 && time * 1e6 < next.startUs - 1000);
    assert.deepEqual(inside, []);
    assert.equal(pixels(path), times.length * FRAME_BYTES);
    // Without a stop in the timeline: the end of the last packet, which was trimmed.
    assert.ok(Math.abs(Number(probe(path).format.duration) - SECONDS) < 0.03);
  });
});
