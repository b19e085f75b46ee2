// One scene, recorded by the package or by the browser's own MediaRecorder: both get the same I420 pictures.
import { createRecorder } from './keeptake/index.js';
import { base64, openBrowsers, wait } from './recorders.mjs';

/** Resolves once `worker` has said `what`. */
function hears(worker, what) {
  return new Promise((resolve, reject) => {
    worker.addEventListener('message', ({ data }) => {
      if (data.error) reject(new Error(data.error));
      else if (data[what]) resolve();
    });
    worker.addEventListener('error', (event) => reject(new Error(event.message)));
  });
}

async function openSource({ kind, width, height, frames, codec }) {
  const generator = new MediaStreamTrackGenerator({ kind: 'video' });
  const worker = new Worker('quality-source.mjs', { type: 'module' });
  const over = hears(worker, 'over');
  const ready = hears(worker, 'ready');
  // The engine's canvas has the matrix that each codec's players expect.
  const matrix = codec === 'vp8' ? 'smpte170m' : 'bt709';
  const { writable } = generator;
  worker.postMessage({ kind, width, height, frames, matrix, writable }, [writable]);
  await ready;
  return { stream: new MediaStream([generator]), begin: () => worker.postMessage('begin'), over };
}

async function openOwn(stream, { codec, width, height, bitrate, source }) {
  const recorder = createRecorder({ server: null, width, height, fps: 30, codec, videoBitrate: bitrate });
  await recorder.ready;
  await recorder.addSource(stream, { id: 'scene', kind: source });
  await recorder.setComposition({ layout: 'screen-only', gap: 0, sources: [{ id: 'scene', shape: 'rectangle' }] });
  /** What the governor lowers on a busy machine: the figures are those of the encoder's first speed only. */
  const speeds = new Set();
  recorder.on('stats', ({ speed }) => speeds.add(speed));
  return {
    start: () => recorder.start({ countdown: 0 }),
    stop: async () => base64((await recorder.stop()).file),
    speeds,
  };
}

/** `recorder`: own, browser, none. `rest`: seconds between the source and the start. */
window.bench = {
  async open({ recorder, rest, ...options }) {
    this.source = await openSource(options);
    if (recorder === 'own') this.recorder = await openOwn(this.source.stream, options);
    else if (recorder === 'browser') this.recorder = openBrowsers(this.source.stream, options);
    await wait(rest * 1000);
    await this.recorder?.start();
  },
  /** The whole scene, and a moment more for what waits in queues. */
  async play() {
    this.source.begin();
    await this.source.over;
    await wait(300);
  },
  async stop() {
    const { recorder } = this;
    return recorder && { file: await recorder.stop(), speeds: recorder.speeds && [...recorder.speeds] };
  },
};
