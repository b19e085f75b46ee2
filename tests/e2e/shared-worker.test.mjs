// Sixteen recorders in one worker, with one engine: each has its own take, and none is held up by another's end.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { probe } from './support/media.mjs';
import { launchBrowser, openPage, pageFolder, startServer, temporaryFolder } from './support/stack.mjs';

let server;
let browser;
const studio = pageFolder();
before(async () => {
  server = await startServer({ studio });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

describe('a shared worker', () => {
  it('has sixteen recorders that start, pause, close and stop each for itself', { timeout: 120_000 }, async () => {
    const { page, errors } = await openPage(browser.context, `${server.url}/`);
    const seen = await page.evaluate(async () => {
      const { createRecorder } = await import('./keeptake/index.js');
      const { page } = window;
      const own = { server: null, shareWorker: true, codec: 'vp8', width: 160, height: 90, fps: 10, videoBitrate: 100_000, speed: 16 };
      // One of them keeps a journal: its pieces are its own, too.
      const recorders = Array.from({ length: 16 }, (_, i) => createRecorder({ ...own, journal: i === 0 ? {} : false }));
      const until = (recorder, seconds) => page.until(() => (recorder.stats?.elapsed ?? 0) >= seconds);
      await Promise.all(recorders.map(async (recorder, i) => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 90 });
        const context = canvas.getContext('2d');
        setInterval(() => ((context.fillStyle = `hsl(${i * 20 + Math.random() * 10} 80% 50%)`), context.fillRect(0, 0, 160, 90)), 100);
        await recorder.addSource(canvas.captureStream(10), { id: 'one', name: `Person ${i}` });
        await recorder.start({ countdown: 0 });
      }));
      await recorders[3].pause();
      const [closed, restarted] = [recorders[5], recorders[7]];
      void closed.close();
      await restarted.restart();
      const others = recorders.filter((each) => each !== closed && each !== restarted && each !== recorders[3]);
      await Promise.all(others.map((recorder) => until(recorder, 1.5)));
      const refused = await page.attempt(() => closed.setTitle('late'));
      const takes = await Promise.all([...others, recorders[3]].map((recorder) => recorder.stop()));
      // The places of those that are gone are free again.
      const next = createRecorder(own);
      await next.ready;
      const states = [next.state.state, restarted.state.state];
      const bytes = [...new Uint8Array(await takes[1].file.arrayBuffer())];
      await Promise.all([...recorders, next].map((recorder) => recorder.close()));
      return { durations: takes.map((take) => take.duration), sizes: takes.map((take) => take.file.size), states, refused, bytes };
    });
    assert.equal(seen.durations.length, 14);
    for (const duration of seen.durations.slice(0, -1)) assert.ok(duration >= 1.4, `${seen.durations}`);
    assert.ok(seen.durations.at(-1) < 1.4, 'the paused one is shorter');
    assert.ok(seen.sizes.every((size) => size > 4096));
    assert.deepEqual(seen.states, ['setup', 'setup']);
    assert.equal(seen.refused.code, 'closed');
    const file = join(temporaryFolder('shared'), 'one.webm');
    writeFileSync(file, Buffer.from(seen.bytes));
    assert.ok(Math.abs(Number(probe(file).format.duration) - seen.durations[1]) < 0.2);
    assert.deepEqual(errors, []);
    // The page is told of a worker's end some moments after it.
    for (let left = 50; left > 0 && page.workers().length > 0; left--) await page.waitForTimeout(100);
    assert.equal(page.workers().length, 0, 'the worker ended with the last of them');
    await page.close();
  });

  it('is one worker, however many share it; others have their own', { timeout: 60_000 }, async () => {
    const { page } = await openPage(browser.context, `${server.url}/`);
    const open = (options) => page.evaluate(async (given) => {
      const { createRecorder } = await import('./keeptake/index.js');
      const recorder = createRecorder({ server: null, variant: 'single-threaded', ...given });
      await recorder.ready;
    }, options);
    await open({ shareWorker: true });
    await open({ shareWorker: true });
    assert.equal(page.workers().length, 1);
    await open({});
    assert.equal(page.workers().length, 2);
    await page.close();
  });
});
