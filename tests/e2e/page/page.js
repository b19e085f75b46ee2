// The page of the end-to-end tests: the package as npm delivers it, without a bundler, and sources whose
// picture and sound are known. Tests drive it through `window.page`.
import { createRecorder, KeeptakeError } from './keeptake/index.js';

const BITS = 16;
const RATE = 30;

/** A picture that carries its number in black and white blocks, and once a second a flash with a beep. */
function flashAndBeep({ width = 640, height = 360, color = '#204060', beep = true } = {}) {
  const visible = Object.assign(document.createElement('canvas'), { width, height });
  const context = visible.getContext('2d', { alpha: false });
  const audio = new AudioContext({ sampleRate: 48000 });
  const gate = new GainNode(audio, { gain: 0 });
  const tone = new OscillatorNode(audio, { frequency: 1000 });
  const out = audio.createMediaStreamDestination();
  tone.connect(gate).connect(out);
  tone.start();
  let scheduled = Math.ceil(audio.currentTime) + 1;
  const schedule = () => {
    while (scheduled < audio.currentTime + 4) {
      gate.gain.setValueAtTime(0.8, scheduled);
      gate.gain.setValueAtTime(0, scheduled + 0.1);
      scheduled += 1;
    }
  };
  const draw = () => {
    schedule();
    const time = audio.currentTime;
    const number = Math.floor(time * RATE);
    context.fillStyle = color;
    context.fillRect(0, 0, width, height);
    const side = width / BITS;
    for (let bit = 0; bit < BITS; bit++) {
      context.fillStyle = (number >> bit) & 1 ? '#fff' : '#000';
      context.fillRect(bit * side, 0, side, height / 4);
    }
    context.fillStyle = time % 1 < 0.1 ? '#fff' : '#000';
    context.fillRect(0, height / 2, width, height / 2);
    // The least change, so that a still picture is a new frame.
    context.fillStyle = `rgb(${number % 255} 0 0)`;
    context.fillRect(width - 2, height - 2, 2, 2);
  };
  const timer = setInterval(draw, 1000 / 60);
  draw();
  // Twice the rate of the take, so that the source itself is off by less than a frame.
  const tracks = visible.captureStream(2 * RATE).getVideoTracks();
  if (beep) tracks.push(...out.stream.getAudioTracks());
  return {
    stream: new MediaStream(tracks),
    stop() {
      clearInterval(timer);
      void audio.close();
      tracks.forEach((track) => track.stop());
    },
  };
}

/** One flat colour, redrawn now and then. */
function flat(color, width = 320, height = 180) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { alpha: false });
  const draw = () => {
    context.fillStyle = color;
    context.fillRect(0, 0, width, height);
  };
  draw();
  setInterval(draw, 200);
  return canvas.captureStream(10);
}

const page = {
  recorder: null,
  warnings: [],
  sources: new Map(),
  KeeptakeError,

  async open(options) {
    page.warnings = [];
    page.recorder = createRecorder({ server: { url: location.origin }, ...options });
    page.recorder.on('warning', (warning) => page.warnings.push(warning));
    const preview = Object.assign(document.createElement('canvas'), { style: 'width: 640px' });
    document.body.append(preview);
    page.recorder.attachPreview(preview);
    await page.recorder.ready;
    return { variant: options?.variant, isolated: crossOriginIsolated };
  },
  async add(id, kind, options = {}) {
    const made = kind === 'flash' ? flashAndBeep(options) : null;
    const stream =
      made?.stream ??
      (kind === 'camera'
        ? await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720, frameRate: 30 }, audio: true })
        : flat(options.color ?? '#ff0000'));
    page.sources.set(id, made ?? { stream, stop: () => stream.getTracks().forEach((track) => track.stop()) });
    await page.recorder.addSource(stream, { id, name: options.name ?? id, showName: options.showName ?? false });
  },
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  /** Until `test` says so, but not for ever. */
  async until(test, seconds = 60) {
    const end = performance.now() + seconds * 1000;
    while (!test()) {
      if (performance.now() > end) throw new Error(`Not within ${seconds} s: ${test}; the state is "${page.recorder?.state.state}".`);
      await page.wait(20);
    }
  },
  reached: (seconds) => page.until(() => (page.recorder.stats?.elapsed ?? 0) >= seconds, seconds + 60),
  /** An error as data. */
  async attempt(act) {
    try {
      return { value: await act() };
    } catch (error) {
      return { name: error.name, code: error.code, message: error.message };
    }
  },
  async stop() {
    const began = performance.now();
    const take = await page.recorder.stop();
    const url = await take.playbackUrl();
    return {
      recordingId: take.recordingId,
      duration: take.duration,
      bytes: take.bytes,
      url,
      stopMs: performance.now() - began,
      stats: page.recorder.stats,
      scene: await take.scene(),
      timeline: await take.timeline(),
    };
  },
};
window.page = page;
