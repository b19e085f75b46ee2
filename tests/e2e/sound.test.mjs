// What is heard in a finished file: several microphones, one that is muted, dropped and back, a track that comes
// later, surround sound, and an audio context that the browser holds back. Each has a tone of its own, which is looked
// for in the file; marks say when things happened.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launchBrowser, openPage, pageFolder, startServer, temporaryFolder } from './support/stack.mjs';

const RATE = 48000;
/** Samples: 20 ms, whole periods of every tone; in longer ones a source that the mixer steers (by 0.5 %) loses its phase. */
const PIECE = 960;
/** Of a tone of 0.15 that passed the codec, and of one that is not there: the others' gaps on a busy machine leave a little. */
const HEARD = 0.08;
const SILENT = 0.02;

let server;
let browser;
let page;

before(async () => {
  const folder = pageFolder();
  const surround = '0|0|0.15*sin(2*PI*700*t)|0|0|0';
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', `aevalsrc=${surround}:c=5.1:s=48000:d=12`, '-f', 'lavfi',
    '-i', 'color=blue:s=160x90:r=10:d=12', '-c:v', 'libvpx', '-c:a', 'libopus', '-b:a', '256k', join(folder, 'surround.webm')]);
  server = await startServer({ studio: folder });
  browser = await launchBrowser();
  ({ page } = await openPage(browser.context, `http://127.0.0.1:${server.port}/`));
  await page.evaluate(inPage);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Tones, and microphones that a test plugs in and out. */
function inPage() {
  const context = new AudioContext({ sampleRate: 48000 });
  const tone = (hz) => {
    const out = context.createMediaStreamDestination();
    const source = new OscillatorNode(context, { frequency: hz });
    source.connect(new GainNode(context, { gain: 0.15 })).connect(out);
    source.start();
    return out.stream.getAudioTracks()[0];
  };
  const facts = { deviceId: 'headset-1', groupId: 'headset' };
  const listed = [];
  const microphone = (hz) => {
    const track = tone(hz);
    const settings = { ...track.getSettings(), ...facts };
    track.getSettings = () => settings;
    Object.defineProperty(track, 'label', { value: 'Headset' });
    return track;
  };
  let wanted = 0;
  navigator.mediaDevices.enumerateDevices = () => Promise.resolve([...listed]);
  navigator.mediaDevices.getUserMedia = ({ audio }) => {
    wanted++;
    if (audio.deviceId.exact !== 'headset-1' || listed.length === 0) return Promise.reject(new DOMException('gone', 'NotFoundError'));
    return Promise.resolve(new MediaStream([microphone(1000)]));
  };
  const plug = (there) => {
    listed.splice(0, 1, ...(there ? [{ kind: 'audioinput', label: 'Headset', ...facts }] : []));
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  };
  const until = async (what) => {
    for (let waited = 0; !what(); waited += 20) {
      if (waited > 15_000) throw new Error(`waited in vain for ${what}`);
      await window.page.wait(20);
    }
  };
  const file = async (take) => {
    const bytes = new Uint8Array(await take.file.arrayBuffer());
    let text = '';
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return btoa(text);
  };
  window.sound = { tone, microphone, plug, until, file, asked: () => wanted };
}

/** Amplitude of a tone in samples (Goertzel). */
function amplitude(samples, hz) {
  const turn = 2 * Math.cos((2 * Math.PI * hz) / RATE);
  let [one, two] = [0, 0];
  for (const sample of samples) [one, two] = [sample + turn * one - two, one];
  return (2 * Math.sqrt(Math.max(0, one * one + two * two - turn * one * two))) / samples.length;
}

/** Mean amplitude of a tone in a span of the file's sound, in pieces in which it cannot lose its phase. */
function listen(base64) {
  const path = join(temporaryFolder('sound'), 'take.webm');
  writeFileSync(path, Buffer.from(base64, 'base64'));
  const raw = execFileSync('ffmpeg', ['-v', 'error', '-i', path, '-vn', '-ac', '1', '-ar', String(RATE), '-f', 'f32le', '-'], { maxBuffer: 1 << 28 });
  const samples = new Float32Array(raw.buffer, raw.byteOffset, Math.floor(raw.length / 4));
  return (hz, from, to) => {
    const levels = [];
    for (let at = Math.round(from * RATE); at + PIECE <= Math.min(samples.length, to * RATE); at += PIECE)
      levels.push(amplitude(samples.subarray(at, at + PIECE), hz));
    assert.ok(levels.length >= 2, `there is too little sound from ${from} to ${to} s`);
    return levels.reduce((sum, level) => sum + level, 0) / levels.length;
  };
}

test('every source is heard as it should be: late tracks, surround, mute, and a headset that was dropped and is back', { timeout: 60_000 }, async () => {
  const { at, base64, warnings, marks, asked } = await page.evaluate(async () => {
    const { tone, microphone, plug, until, file, asked: count } = window.sound;
    plug(true);
    await window.page.open({ server: null, width: 320, height: 180, codec: 'vp8', journal: false });
    const { recorder } = window.page;
    const info = (id) => recorder.sources.find((source) => source.id === id);
    const desk = new MediaStream([tone(400)]);
    await recorder.addSource(desk, { id: 'desk', name: 'Desk' });
    const guest = new MediaStream([microphone(1000)]);
    await recorder.addSource(guest, { id: 'guest', name: 'Guest' });
    await recorder.addSource([tone(3000)], { id: 'mute', name: 'Mute' });
    await recorder.setMuted('mute', { audio: true });
    const video = Object.assign(document.createElement('video'), { src: 'surround.webm' });
    await video.play();
    await recorder.addSource(video.captureStream(), { id: 'film', name: 'Film' });
    const times = {};
    await recorder.start({ countdown: 0 });
    times.begun = await recorder.mark('begun');
    await window.page.wait(700);
    desk.addTrack(tone(2000));
    times.added = await recorder.mark('added');
    await window.page.wait(1300);
    const [lost] = guest.getAudioTracks();
    plug(false);
    lost.stop();
    lost.dispatchEvent(new Event('ended'));
    await until(() => info('guest').audioState === 'ended');
    times.dropped = await recorder.mark('dropped');
    await recorder.setMuted('mute', { audio: false });
    await window.page.wait(1000);
    times.plugged = await recorder.mark('plugged');
    await recorder.setMuted('guest', { audio: true });
    plug(true);
    await until(() => info('guest').audioState === 'live');
    times.back = await recorder.mark('back');
    await window.page.wait(1000);
    times.unmuted = await recorder.mark('unmuted');
    await recorder.setMuted('guest', { audio: false });
    await window.page.wait(1300);
    const take = await recorder.stop();
    const timeline = await take.timeline();
    const result = { at: times, base64: await file(take), warnings: window.page.warnings.map(({ code }) => code), asked: count(),
      marks: timeline.events.filter(({ type }) => type === 'mark') };
    await recorder.close();
    return result;
  });
  const heard = listen(base64);
  const spans = [
    [400, at.begun + 0.3, at.unmuted, true], [700, at.begun + 0.3, at.unmuted, true],
    [1000, at.begun + 0.3, at.added + 1, true], [2000, at.begun, at.added, false], [2000, at.added + 0.8, at.unmuted, true],
    [3000, at.begun, at.added + 1, false], [3000, at.dropped + 0.4, at.unmuted, true],
    [1000, at.dropped + 0.2, at.plugged, false], [1000, at.back, at.unmuted, false], [1000, at.unmuted + 0.5, at.unmuted + 1.2, true],
  ];
  for (const [hz, from, to, wanted] of spans) {
    const level = heard(hz, from, to);
    assert.ok(wanted ? level > HEARD : level < SILENT, `${hz} Hz from ${from.toFixed(2)} to ${to.toFixed(2)} s: ${level.toFixed(4)}`);
  }
  assert.ok(warnings.includes('source-ended') && warnings.includes('sound-recovered'), warnings.join(' '));
  assert.equal(asked, 1);
  assert.deepEqual(marks.map(({ data }) => data.label), ['begun', 'added', 'dropped', 'plugged', 'back', 'unmuted']);
  for (const { take, data } of marks) assert.ok(Math.abs(take - at[data.label]) < 0.001, `${data.label}: ${take} and ${at[data.label]}`);
});

test('sound that the browser holds back is told, and heard from the moment it is let go', { timeout: 60_000 }, async () => {
  const { told, letGo, recovered, base64 } = await page.evaluate(async () => {
    const { tone, until, file } = window.sound;
    const track = tone(1500);
    const { resume } = AudioContext.prototype;
    let held = true;
    const contexts = new Set();
    AudioContext.prototype.resume = function () {
      if (!held) return resume.call(this);
      contexts.add(this);
      return this.suspend();
    };
    await window.page.open({ server: null, width: 320, height: 180, codec: 'vp8', journal: false });
    const { recorder, warnings } = window.page;
    await recorder.addSource([track], { id: 'a', name: 'Ann' });
    await recorder.start({ countdown: 0 });
    const has = (code) => warnings.some((warning) => warning.code === code);
    await until(() => has('sound-stalled'));
    const result = { told: warnings.map(({ message }) => message) };
    await window.page.wait(500);
    held = false;
    result.letGo = await recorder.mark();
    await until(() => has('sound-recovered'));
    result.recovered = await recorder.mark();
    await window.page.wait(1500);
    AudioContext.prototype.resume = resume;
    result.base64 = await file(await recorder.stop());
    await recorder.close();
    return result;
  });
  assert.match(told.join(' '), /holds back the sound of "Ann"/);
  const heard = listen(base64);
  assert.ok(heard(1500, 0, letGo) < SILENT);
  assert.ok(heard(1500, recovered + 0.2, recovered + 1.2) > HEARD);
});
