// Numbered pictures of a source, made with exact times and handed to the browser in bursts, as a busy machine does: the
// file shows each of them in a slot of its own. And what a take is that was stopped while it began.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packetTimes, probe } from './support/media.mjs';
import { BITS, judgeNumbers } from './support/numbered.mjs';
import { launchBrowser, openPage, pageFolder, startServer, temporaryFolder } from './support/stack.mjs';

const BURST = 3;
const SECONDS = 5;
/** Of the pictures; without slots that are made up for, a burst of three costs two of them. */
const MOST_LOST = 0.15;

let server;
let browser;
before(async () => {
  server = await startServer({ studio: pageFolder() });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** In the page: a recorder without a server, and a generator whose pictures show their number. */
function install({ bits, burst }) {
  const FPS = 30;
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const draw = (canvas, number) => {
    const context = canvas.getContext('2d', { alpha: false });
    context.fillStyle = '#446';
    context.fillRect(0, 0, canvas.width, canvas.height);
    for (let bit = 0; bit < bits; bit++) {
      context.fillStyle = (number >> bit) & 1 ? '#fff' : '#000';
      context.fillRect((bit * canvas.width) / bits, 0, canvas.width / bits, canvas.height / 2);
    }
  };
  const source = () => {
    const track = new MediaStreamTrackGenerator({ kind: 'video' });
    const writer = track.writable.getWriter();
    const canvas = Object.assign(document.createElement('canvas'), { width: 480, height: 270 });
    const began = performance.now();
    let number = 0;
    const timer = setInterval(() => {
      // All pictures of a burst when the last one of them is made.
      while (performance.now() >= began + ((number + burst - 1) * 1000) / FPS)
        for (let i = 0; i < burst; i++, number++) {
          draw(canvas, number);
          writer.write(new VideoFrame(canvas, { timestamp: Math.round((number * 1e6) / FPS) })).catch(() => undefined);
        }
    }, 4);
    return { stream: new MediaStream([track]), stop: () => (clearInterval(timer), track.stop()) };
  };
  const base64 = async (blob) => {
    let text = '';
    for (const byte of new Uint8Array(await blob.arrayBuffer())) text += String.fromCharCode(byte);
    return btoa(text);
  };
  window.cadence = {
    wait,
    async open(codec) {
      const { createRecorder } = await import('./keeptake/index.js');
      const recorder = createRecorder({ server: null, width: 480, height: 270, fps: FPS, codec });
      this.source = source();
      await recorder.ready;
      await recorder.addSource(this.source.stream, { id: 'numbers' });
      await recorder.setComposition({ layout: 'screen-only', gap: 0, sources: [{ id: 'numbers', shape: 'rectangle' }] });
      await wait(1500);
      return (this.recorder = recorder);
    },
    async stop() {
      const take = await this.recorder.stop();
      this.source.stop();
      const { duration } = take;
      const file = await base64(take.file);
      await this.recorder.close();
      return { duration, file };
    },
  };
}

async function withPage(work) {
  const { page, errors } = await openPage(browser.context, `${server.url}/`);
  try {
    await page.evaluate(install, { bits: BITS, burst: BURST });
    const take = await work(page);
    assert.deepEqual(errors, []);
    const file = join(temporaryFolder('cadence'), 'take.webm');
    writeFileSync(file, Buffer.from(take.file, 'base64'));
    return { ...take, file };
  } finally {
    await page.close();
  }
}

describe('pictures of a source', () => {
  for (const codec of ['vp8', 'vp9'])
    it(`that come in bursts have slots of their own, ${codec}`, { timeout: 60_000 }, async () => {
      const { file } = await withPage((page) =>
        page.evaluate(async ([codec, seconds]) => {
          const { cadence } = window;
          const recorder = await cadence.open(codec);
          await recorder.start({ countdown: 0 });
          await cadence.wait(seconds * 1000);
          return cadence.stop();
        }, [codec, SECONDS]));
      const found = judgeNumbers(file, 30);
      const told = JSON.stringify(found);
      assert.ok(found.pictures > SECONDS * 30 * (1 - MOST_LOST), told);
      assert.ok(found.missing < found.pictures * MOST_LOST, told);
      assert.ok(found.twice < found.pictures * MOST_LOST, told);
      // Whatever the machine did, times lie on the grid.
      const off = packetTimes(file, 'v:0').filter((time) => Math.abs(time * 30 - Math.round(time * 30)) > 0.04);
      assert.deepEqual(off, []);
    });
});

describe('a take that is stopped while it begins', () => {
  it('is as long as it was recorded, and says so', { timeout: 60_000 }, async () => {
    const take = await withPage((page) =>
      page.evaluate(async () => {
        const { cadence } = window;
        const recorder = await cadence.open('vp8');
        let begun = 0;
        const recording = new Promise((resolve) =>
          recorder.on('state', ({ state }) => {
            if (state !== 'recording') return;
            begun = performance.now();
            resolve();
          }));
        const started = recorder.start({ countdown: 0 }).then(() => 'started', ({ code }) => code);
        await recording;
        const stopped = cadence.stop();
        const asked = performance.now();
        return { ...(await stopped), asked: (asked - begun) / 1000, started: await started };
      }));
    assert.equal(take.started, 'started');
    const pictures = packetTimes(take.file, 'v:0');
    const inFile = Number(probe(take.file).format.duration);
    assert.equal(pictures[0], 0);
    assert.ok(Math.abs(inFile - take.duration) < 0.002, `${inFile} s in the file, ${take.duration} s told`);
    assert.ok(pictures.at(-1) < inFile, `a picture at ${pictures.at(-1)} of ${inFile} s`);
    // From the edge in the worker to Stop: the page sees it a little later than it is.
    assert.ok(take.duration < take.asked + 1, `${take.duration} s, ${take.asked} s in the page`);
  });
});
