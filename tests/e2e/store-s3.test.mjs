// Takes that go from the browser into a real S3 service, Ceph RGW, at another origin: one in peace, one while the gateway
// is killed with -9, one while the disk is frozen. Nothing is missing from any of them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cephOrReason } from '../support/ceph.mjs';
import { packetTimes, probe } from './support/media.mjs';
import { cephOfThisRun, launchBrowser, openPage, pageFolder, startServer, temporaryFolder } from './support/stack.mjs';

const FREEZE_MS = 8000;

const { ceph, reason } = await cephOrReason(cephOfThisRun);
let server, browser;

async function record(page, seconds) {
  await page.evaluate(async (until) => {
    await window.page.open({ codec: 'vp8', width: 640, height: 360 });
    await window.page.add('host', 'flash');
    await window.page.recorder.start({ countdown: 0 });
    await window.page.reached(until);
  }, seconds);
}

/** The file in the store is the whole take: its bytes, its length, no gap, and every picture decodes. */
async function checkWhole(take, seconds) {
  const folder = temporaryFolder('whole');
  const file = join(folder, 'take.webm');
  const bytes = Buffer.from(await (await fetch(take.url)).arrayBuffer());
  writeFileSync(file, bytes);
  assert.equal(bytes.length, take.bytes);
  assert.ok(take.duration >= seconds, `${take.duration} s of at least ${seconds}`);
  assert.ok(Math.abs(Number(probe(file).format.duration) - take.duration) < 0.05);
  const times = packetTimes(file, 'v:0');
  const gaps = times.slice(1).map((time, index) => time - times[index]);
  assert.ok(Math.max(...gaps) < 1, `the longest gap is ${Math.max(...gaps)} s`);
  assert.equal(String(execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-f', 'null', '-'], { stdio: ['ignore', 'ignore', 'pipe'] }) ?? ''), '');
  rmSync(folder, { recursive: true, force: true });
}

describe('a take in Ceph RGW', { skip: reason }, () => {
  before(async () => {
    server = await startServer({ studio: pageFolder(), store: 's3' });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    await ceph?.stop();
  });

  it('is stored, and plays in the page from the other origin', { timeout: 60_000 }, async () => {
    const { page, errors } = await openPage(browser.context, `${server.url}/`);
    assert.equal(new URL(server.s3_url).origin, ceph.endpoint);
    await record(page, 3);
    const take = await page.evaluate(() => window.page.stop());
    await checkWhole(take, 3);
    const played = await page.evaluate(async (url) => {
      const video = Object.assign(document.createElement('video'), { crossOrigin: 'anonymous', muted: true, src: url });
      await new Promise((resolve, reject) => {
        video.onseeked = resolve;
        video.onerror = () => reject(new Error(video.error.message));
        video.onloadedmetadata = () => (video.currentTime = 2);
      });
      return { isolated: crossOriginIsolated, time: video.currentTime, width: video.videoWidth };
    }, take.url);
    assert.deepEqual(played, { isolated: true, time: 2, width: 640 });
    assert.deepEqual(errors, []);
    await page.close();
  });

  it('the gateway is killed with -9 while recording, and again at Stop', { timeout: 90_000 }, async () => {
    const { page } = await openPage(browser.context, `${server.url}/`);
    await record(page, 3);
    await ceph.killGateway();
    await page.evaluate(() => window.page.reached(5));
    await ceph.startGateway();
    await page.evaluate(() => window.page.reached(7));
    await ceph.killGateway();
    await page.evaluate(() => void (window.stopped = window.page.stop()));
    await page.waitForTimeout(1500);
    await ceph.startGateway();
    const take = await page.evaluate(() => window.stopped);
    await checkWhole(take, 7);
    await page.close();
  });

  it(`the disk is frozen for ${FREEZE_MS / 1000} s while recording`, { timeout: 90_000 }, async () => {
    const { page } = await openPage(browser.context, `${server.url}/`);
    await record(page, 2);
    ceph.freezeDisk();
    await page.waitForTimeout(FREEZE_MS);
    ceph.thawDisk();
    await page.evaluate(() => window.page.reached(10));
    const take = await page.evaluate(() => window.page.stop());
    await checkWhole(take, 10);
    await page.close();
  });
});
