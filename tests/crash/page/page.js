// The page that is killed, and the one that comes back: records a source whose pictures and sound carry wall time,
// and salvages what an earlier page left. Driven through `window.crash`.
import * as keeptake from './keeptake/index.js';

const MARK_SECONDS = 0.1;
const MARK_LOUD_SECONDS = 0.06;
const MARK_TONES = 16;
const AHEAD_SECONDS = 5;

/**
 * Milliseconds since 1970 by a clock that is never set back, the same in this page's workers: the system's own jumps
 * on virtual machines.
 */
const now = () => performance.timeOrigin + performance.now();

// The package's worker is its own; one of the kills needs it.
const workers = [];
const PlainWorker = Worker;
window.Worker = class extends PlainWorker {
  constructor(...args) {
    super(...args);
    workers.push(this);
  }
};

// Before the package's own listener: the moment at which the page was told to go.
addEventListener('pagehide', () => localStorage.setItem('left-at', String(now())));

function clockPictures({ width, height, fps, epoch, noise }) {
  const generator = new MediaStreamTrackGenerator({ kind: 'video' });
  const worker = new PlainWorker('clock-picture.js');
  const { writable } = generator;
  worker.postMessage({ writable, width, height, fps, epoch, noise }, [writable]);
  return generator;
}

/** Mark k begins at k * 100 ms of the context's time and has tone k % 16 (readMarks in tests/crash/marks.mjs). */
function markSound() {
  const context = new AudioContext({ sampleRate: 48000 });
  const gate = new GainNode(context, { gain: 0 });
  const tone = new OscillatorNode(context);
  const out = context.createMediaStreamDestination();
  tone.connect(gate).connect(out);
  tone.start();
  let next = 0;
  const looks = [];
  const sound = {
    track: out.stream.getAudioTracks()[0],
    /** The wall time of the context's time 0, of late: a machine that cannot follow lets its clock fall behind. */
    startedAt: () => Math.min(...looks),
  };
  const schedule = () => {
    // Of the last second's looks at the two clocks the one that was held up least.
    looks.push(now() - context.currentTime * 1000);
    if (looks.length > 10) looks.shift();
    next = Math.max(next, Math.ceil(context.currentTime / MARK_SECONDS) + 1);
    for (; next * MARK_SECONDS < context.currentTime + AHEAD_SECONDS; next++) {
      const at = next * MARK_SECONDS;
      tone.frequency.setValueAtTime(600 + 200 * (next % MARK_TONES), at);
      gate.gain.setValueAtTime(0.7, at);
      gate.gain.setValueAtTime(0, at + MARK_LOUD_SECONDS);
    }
  };
  setInterval(schedule, 100);
  schedule();
  return sound;
}

/** Of the take that this page records. */
async function recordingId() {
  const recovery = keeptake.openRecovery({ server: { url: location.origin } });
  const list = await recovery.list();
  await recovery.close();
  return list.find(({ live }) => live)?.recordingId ?? null;
}

const crash = {
  now,
  recorder: null,
  warnings: [],
  sound: null,

  /** Makes the recorder and its source; `source`: {width, height, fps, noise, epoch}. */
  async open({ source, ...options }) {
    crash.recorder = keeptake.createRecorder({ server: { url: location.origin }, ...options });
    crash.recorder.on('warning', (warning) => crash.warnings.push(warning));
    await crash.recorder.ready;
    crash.sound = markSound();
    const tracks = [clockPictures(source), crash.sound.track];
    await crash.recorder.addSource(tracks, { id: 'host', name: 'Marks' });
  },
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  async reached(seconds) {
    while ((crash.recorder.stats?.elapsed ?? 0) < seconds) {
      const { state } = crash.recorder;
      if (state.state === 'failed') throw state.error;
      await crash.wait(20);
    }
  },
  /** What the reader of the file needs: where the source is in the canvas, pixels, and when its sound began. */
  async facts() {
    const [{ x, y, width, height }] = await crash.recorder.placedSources();
    const canvas = crash.recorder.canvasSize;
    const placed = { x: x * canvas.width, y: y * canvas.height, width: width * canvas.width, height: height * canvas.height };
    const { fileBytes, sentBytes } = crash.recorder.stats;
    return { placed, soundStartedAt: crash.sound.startedAt(), fileBytes, sentBytes, recordingId: await recordingId() };
  },
  terminateWorker() {
    const at = now();
    for (const worker of workers) worker.terminate();
    return at;
  },
  leftAt: () => Number(localStorage.getItem('left-at') ?? 0),
  warningCodes: () => crash.warnings.map(({ code }) => code),

  async stop() {
    const take = await crash.recorder.stop();
    return { recordingId: take.recordingId, duration: take.duration, bytes: take.bytes };
  },
  /** Of the stopped take; apart from `stop`, so that a fault of the network can end before. */
  async playback() {
    const take = await crash.recorder.stop();
    return { url: await take.playbackUrl(), timeline: await take.timeline(), scene: await take.scene() };
  },

  async unfinished() {
    const recovery = keeptake.openRecovery({ server: { url: location.origin } });
    const list = await recovery.list();
    await recovery.close();
    return list.map(({ id, duration, bytes, safeBytes, localBytes, live, picture }) => ({
      id, duration, bytes, safeBytes, localBytes, live, picture: picture?.size ?? 0,
    }));
  },
  async salvage(id) {
    const recovery = keeptake.openRecovery({ server: { url: location.origin } });
    const began = performance.now();
    const take = await recovery.salvage(id);
    const ms = performance.now() - began;
    const url = await take.playbackUrl();
    const timeline = await take.timeline();
    const left = (await recovery.list()).length;
    await recovery.close();
    return { ms, url, duration: take.duration, lastEvent: timeline.events?.at(-1)?.type, left };
  },
};
window.crash = crash;
