// Records four cameras in one picture in two ways: with the package, and as pages do it without one, which is a
// canvas that the page draws and the browser's own MediaRecorder. The benchmark drives it through `window.bench`.
import { createRecorder } from './keeptake/index.js';

const WIDTH = 1280;
const HEIGHT = 720;
const FPS = 30;
const VIDEO_BITRATE = 2_500_000;
const AUDIO_BITRATE = 128_000;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Four cameras with sound; one camera four times where there is only one. */
async function openCameras(count) {
  const video = { width: WIDTH, height: HEIGHT, frameRate: FPS };
  const first = await navigator.mediaDevices.getUserMedia({ video, audio: true });
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput');
  const streams = [first];
  for (let i = 1; i < count; i++) {
    const { deviceId } = devices[i % devices.length];
    streams.push(await navigator.mediaDevices.getUserMedia({ video: { ...video, deviceId: { exact: deviceId } }, audio: true }));
  }
  return { streams, devices: devices.length };
}

async function playable(url) {
  const video = document.createElement('video');
  video.crossOrigin = 'anonymous';
  video.muted = true;
  video.src = url;
  await new Promise((resolve, reject) => {
    video.oncanplay = resolve;
    video.onerror = () => reject(new Error(`The take cannot be played: ${video.error?.message}`));
  });
  return video;
}

/** The package: sources into the engine, preview on the page, the take to the server. */
async function openKeeptake(streams, options) {
  const warnings = [];
  const recorder = createRecorder({ server: { url: location.origin }, width: WIDTH, height: HEIGHT, fps: FPS, ...options });
  recorder.on('warning', ({ code, message }) => warnings.push({ code, message }));
  const canvas = document.body.appendChild(document.createElement('canvas'));
  recorder.attachPreview(canvas);
  await recorder.ready;
  for (const [index, stream] of streams.entries()) await recorder.addSource(stream, { id: `camera-${index + 1}` });
  return {
    start: () => recorder.start({ countdown: 0 }),
    stats: () => ({ ...recorder.stats, warnings: warnings.length }),
    async stop() {
      const began = performance.now();
      const take = await recorder.stop();
      const stoppedMs = performance.now() - began;
      const url = await take.playbackUrl();
      const urlMs = performance.now() - began;
      await playable(url);
      const { duration, bytes } = take;
      return { url, duration, bytes, stoppedMs, urlMs, playableMs: performance.now() - began, warnings };
    },
    close: () => recorder.close(),
  };
}

async function shown(stream) {
  const video = Object.assign(document.createElement('video'), { muted: true, srcObject: stream });
  await video.play();
  return video;
}

/** Two by two, at the camera's rate: every second turn of a screen with 60 Hz. */
function drawTiles(canvas, videos) {
  const context = canvas.getContext('2d', { alpha: false });
  const side = Math.ceil(Math.sqrt(videos.length));
  const [width, height] = [WIDTH / side, HEIGHT / side];
  let due = 0;
  let running = true;
  const draw = (now) => {
    if (!running) return;
    requestAnimationFrame(draw);
    if (now < due - 4) return;
    due = Math.max(due + 1000 / FPS, now);
    videos.forEach((video, i) => context.drawImage(video, (i % side) * width, Math.floor(i / side) * height, width, height));
  };
  requestAnimationFrame(draw);
  return () => (running = false);
}

/** The browser's own: `codec` null only draws, which shows what recording adds. */
async function openNative(streams, { codec }) {
  const videos = await Promise.all(streams.map(shown));
  const canvas = document.body.appendChild(Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT }));
  const stopDrawing = drawTiles(canvas, videos);
  const audio = new AudioContext({ sampleRate: 48000 });
  const mixed = audio.createMediaStreamDestination();
  for (const stream of streams) audio.createMediaStreamSource(stream).connect(mixed);
  const media = new MediaStream([...canvas.captureStream(FPS).getVideoTracks(), ...mixed.stream.getAudioTracks()]);
  const bitrates = { videoBitsPerSecond: VIDEO_BITRATE, audioBitsPerSecond: AUDIO_BITRATE };
  const recorder = codec ? new MediaRecorder(media, { mimeType: `video/webm;codecs=${codec},opus`, ...bitrates }) : null;
  const parts = [];
  let began = 0;
  if (recorder) recorder.ondataavailable = ({ data }) => parts.push(data);
  return {
    async start() {
      recorder?.start(1000);
      began = performance.now();
    },
    stats: () => ({ elapsed: (performance.now() - began) / 1000 }),
    async stop() {
      const duration = (performance.now() - began) / 1000;
      if (!recorder) return { duration };
      const stopped = new Promise((resolve) => (recorder.onstop = resolve));
      const at = performance.now();
      recorder.stop();
      await stopped;
      bench.blob = new Blob(parts, { type: 'video/webm' });
      await playable(URL.createObjectURL(bench.blob));
      return { url: null, duration, bytes: bench.blob.size, playableMs: performance.now() - at };
    },
    async close() {
      stopDrawing();
      await audio.close();
    },
  };
}

const bench = {
  take: null,
  streams: [],
  blob: null,
  /** kind: 'keeptake' or 'native'. Resolves to the number of cameras there are. */
  async open(kind, count, options) {
    const { streams, devices } = await openCameras(count);
    bench.streams = streams;
    bench.take = await (kind === 'keeptake' ? openKeeptake : openNative)(streams, options);
    await wait(1000);
    return devices;
  },
  start: () => bench.take.start(),
  stats: () => bench.take.stats(),
  async reached(seconds) {
    while ((bench.take.stats().elapsed ?? 0) < seconds) await wait(50);
    return bench.take.stats();
  },
  stop: () => bench.take.stop(),
  /** The file that only the page has, as base64. */
  async file() {
    const bytes = new Uint8Array(await bench.blob.arrayBuffer());
    let text = '';
    for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
    return btoa(text);
  },
  async close() {
    await bench.take.close();
    for (const stream of bench.streams) stream.getTracks().forEach((track) => track.stop());
  },
};
window.bench = bench;
