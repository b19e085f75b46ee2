// One numbered canvas, drawn at a fixed rate, recorded by the package or by the browser's own MediaRecorder.
import { createRecorder } from './keeptake/index.js';
import { base64, openBrowsers, wait } from './recorders.mjs';

const BITS = 12;
const BITRATE = 2_500_000;

/** The number as black and white bars across the upper half; below, detail that moves. */
function draw(canvas, number) {
  const context = canvas.getContext('2d', { alpha: false });
  const bar = canvas.width / BITS;
  for (let bit = 0; bit < BITS; bit++) {
    context.fillStyle = (number >> bit) & 1 ? '#fff' : '#000';
    context.fillRect(bit * bar, 0, bar, canvas.height / 2);
  }
  for (let i = 0; i < 24; i++) {
    context.fillStyle = `hsl(${(i * 37 + number) % 360} 60% 50%)`;
    context.fillRect((i * canvas.width) / 24, canvas.height / 2, canvas.width / 24, canvas.height / 2);
  }
}

/** Draws without drift until the function it returns is called. */
function animate(canvas, fps, onPicture) {
  const began = performance.now();
  let number = 0;
  let timer;
  const step = () => {
    while (performance.now() >= began + (number * 1000) / fps) {
      draw(canvas, number++);
      onPicture();
    }
    timer = setTimeout(step, Math.max(0, began + (number * 1000) / fps - performance.now()));
  };
  step();
  return () => clearTimeout(timer);
}

async function openOwn(streams, { codec, width, height, fps }) {
  const recorder = createRecorder({ server: null, width, height, fps, codec, videoBitrate: BITRATE });
  await recorder.ready;
  const ids = streams.map((_, i) => `source-${i + 1}`);
  for (const [i, id] of ids.entries()) await recorder.addSource(streams[i], { id });
  const layout = ids.length === 1 ? 'screen-only' : 'grid';
  await recorder.setComposition({ layout, gap: 0, sources: ids.map((id) => ({ id, shape: 'rectangle' })) });
  return {
    start: () => recorder.start({ countdown: 0 }),
    stop: async () => base64((await recorder.stop()).file),
  };
}

async function openCameras(count) {
  const video = { width: 1280, height: 720, frameRate: 30 };
  const streams = [await navigator.mediaDevices.getUserMedia({ video })];
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput');
  for (let i = 1; i < count; i++) {
    const { deviceId } = devices[i % devices.length];
    streams.push(await navigator.mediaDevices.getUserMedia({ video: { ...video, deviceId: { exact: deviceId } } }));
  }
  return streams;
}

/** `kind`: own, native, none: a numbered canvas; cameras: so many. `rest`: seconds between the source and the start. */
window.bench = {
  async open({ kind, rest, cameras, ...options }) {
    if (kind === 'cameras') {
      this.recorder = await openOwn(await openCameras(cameras), options);
      return wait(rest * 1000);
    }
    const canvas = Object.assign(document.createElement('canvas'), { width: options.width, height: options.height });
    const stream = canvas.captureStream(0);
    const [track] = stream.getVideoTracks();
    animate(canvas, options.sourceFps, () => track.requestFrame());
    if (kind === 'own') this.recorder = await openOwn([stream], options);
    else if (kind === 'native') this.recorder = openBrowsers(stream, { ...options, bitrate: BITRATE });
    await wait(rest * 1000);
  },
  start() {
    return this.recorder?.start();
  },
  wait,
  stop() {
    return this.recorder?.stop();
  },
};
