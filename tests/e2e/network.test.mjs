// The server goes away and comes back: the take goes on, and is whole in the end.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packetTimes, probe } from './support/media.mjs';
import { launchBrowser, openPage, pageFolder, startServer, temporaryFolder } from './support/stack.mjs';

const studio = pageFolder();
const data = temporaryFolder('network');
let server;
let browser;
before(async () => {
  server = await startServer({ studio, data });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** The same server again, on the same ports and with what it had stored. */
async function startAgain() {
  const { port } = new URL(server.url);
  const s3 = new URL(server.s3_url ?? server.s3).port;
  server = await startServer({ studio, data, args: ['--port', port, '--s3-port', s3] });
}

async function record(page, seconds) {
  await page.evaluate(async (until) => {
    await window.page.open({ codec: 'vp8', width: 320, height: 180 });
    await window.page.add('host', 'flat');
    await window.page.recorder.start({ countdown: 0 });
    await window.page.reached(until);
  }, seconds);
}

describe('a server that is gone', () => {
  it('while recording: nothing is missing from the take', { timeout: 60_000 }, async () => {
    const { page } = await openPage(browser.context, `${server.url}/`);
    await record(page, 1);
    await server.stop('SIGKILL');
    await page.evaluate(() => window.page.reached(7));
    await startAgain();
    const take = await page.evaluate(() => window.page.stop());
    await checkWhole(take);
    assert.equal((await page.evaluate(() => window.page.warnings.map(({ code }) => code))).includes('upload-retrying'), true);
    await page.close();
  });

  it('at Stop: the take waits for it, timeline included', { timeout: 60_000 }, async () => {
    const { page } = await openPage(browser.context, `${server.url}/`);
    await record(page, 2);
    await server.stop('SIGKILL');
    await page.evaluate(() => void (window.stopped = window.page.stop()));
    await page.waitForTimeout(3000);
    assert.equal(await page.evaluate(() => window.page.recorder.state.state), 'stopping');
    await startAgain();
    const take = await page.evaluate(() => window.stopped);
    await checkWhole(take);
    const events = await page.evaluate(async (id) => (await (await fetch(`/api/v1/recordings/${id}/timeline`)).json()).events, take.recordingId);
    assert.equal(events.at(-1).type, 'stop', 'the server has the whole timeline');
    assert.deepEqual(await page.evaluate(() => window.page.warnings.map(({ code }) => code).filter((code) => code === 'timeline-lost')), []);
    await page.close();
  });
});

async function checkWhole(take) {
  const file = join(temporaryFolder('whole'), 'take.webm');
  writeFileSync(file, Buffer.from(await (await fetch(take.url)).arrayBuffer()));
  assert.ok(Math.abs(Number(probe(file).format.duration) - take.duration) < 0.05);
  const times = packetTimes(file, 'v:0');
  const gaps = times.slice(1).map((time, index) => time - times[index]);
  assert.ok(Math.max(...gaps) < 1, `the longest gap is ${Math.max(...gaps)} s`);
}
