// The take file as programs see it that know nothing of ours: ffprobe and ffmpeg on takes written by
// tests/tools/make_take.c, finished and cut after some chunks.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packetTimes, probe } from './support/media.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAKE_TAKE = process.env.KEEPTAKE_MAKE_TAKE ?? join(ROOT, 'build/native/tests/make_take');
const MAKE_TRACK = join(dirname(MAKE_TAKE), 'make_track');
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

/** A second of picture or sound by an encoder of ffmpeg's, in Matroska. */
function foreign(name, ...options) {
  const path = join(folder, name);
  const size = options.find((option) => /^\d+x\d+$/.test(option)) ?? '320x180';
  const input = options.includes('-c:a') ? 'sine=f=440:d=1' : `testsrc2=d=1:s=${size}:r=25`;
  const args = ['-v', 'error', '-f', 'lavfi', '-i', input, ...options.filter((option) => option !== size), path];
  execFileSync('ffmpeg', args);
  return path;
}

/** One track of these files in one of ours. */
function makeTrack(name, kind, ...inputs) {
  const path = join(folder, name);
  execFileSync(MAKE_TRACK, [path, kind, 'Zoë • camera', '18446744073709551615', ...inputs]);
  return path;
}

/** The checksum of each packet. */
function packets(path) {
  const args = ['-v', 'error', '-i', path, '-c', 'copy', '-f', 'framemd5', '-'];
  const lines = execFileSync('ffmpeg', args, { encoding: 'utf8' }).trim().split('\n');
  return lines.filter((line) => !line.startsWith('#')).map((line) => line.split(',')[5].trim());
}

function stream(path) {
  const args = ['-v', 'error', '-of', 'json', '-show_streams', '-show_data_hash', 'md5', '-show_format', path];
  const { streams, format } = JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8' }));
  assert.equal(streams.length, 1);
  return { ...streams[0], container: format.format_name, seconds: Number(format.duration) };
}

describe('a file of one raw track that was encoded elsewhere', () => {
  const codecs = {
    h264: ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-pix_fmt', 'yuv420p'],
    av1: ['-c:v', 'libaom-av1', '-cpu-used', '8', '-usage', 'realtime', '-pix_fmt', 'yuv420p'],
    vp9: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-pix_fmt', 'yuv420p'],
    vp8: ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-auto-alt-ref', '0'],
  };
  for (const [codec, options] of Object.entries(codecs)) {
    it(`has the same ${codec} packets, private bytes and a name`, () => {
      const source = foreign(`${codec}.mkv`, ...options);
      const path = makeTrack(`${codec}-track.webm`, 'video', source);
      const [ours, theirs] = [stream(path), stream(source)];
      assert.equal(ours.codec_name, codec);
      assert.equal(ours.extradata_hash, theirs.extradata_hash);
      assert.equal(ours.tags.title, 'Zoë • camera');
      assert.deepEqual([ours.width, ours.height], [320, 180]);
      assert.ok(Math.abs(ours.seconds - 1) < 0.05);
      assert.deepEqual(packets(path), packets(source));
      assert.equal(pixels(path), 25 * FRAME_BYTES);
    });
  }

  for (const length of ['2.5', '20', '60']) {
    it(`has Opus packets of ${length} ms, as long as they say`, () => {
      const options = ['-c:a', 'libopus', '-frame_duration', length, '-application', 'lowdelay'];
      const source = foreign(`opus-${length}.mkv`, ...options);
      const path = makeTrack(`opus-${length}.webm`, 'audio', source);
      const [ours, theirs] = [stream(path), stream(source)];
      assert.equal(ours.codec_name, 'opus');
      assert.equal(ours.extradata_hash, theirs.extradata_hash);
      assert.deepEqual(packets(path), packets(source));
      const end = packetTimes(path, 'a:0').at(-1) + Number(length) / 1000;
      assert.ok(Math.abs(ours.seconds - end) < 0.01, `${ours.seconds} s, the last packet ends at ${end}`);
    });
  }

  it('follows pictures that change their size, and states the largest', () => {
    const small = foreign('small.mkv', ...codecs.vp8, '320x180');
    const large = foreign('large.mkv', ...codecs.vp8, '640x360');
    const path = makeTrack('changes.webm', 'video', small, large, small);
    const seen = stream(path);
    assert.deepEqual([seen.width, seen.height], [640, 360]);
    assert.deepEqual(packets(path), [...packets(small), ...packets(large), ...packets(small)]);
    assert.equal(packetTimes(path, 'v:0').length, 75);
    // Every picture decodes; ffmpeg scales them to the first one's size.
    assert.equal(pixels(path), 75 * FRAME_BYTES);
  });
});
