// The life of takes: restart leaves nothing behind, limits stop a take and keep it, a take without a server is
// a Blob, sources come and go, a hidden page records at full rate.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { crashFolder } from '../crash/browser-kills.mjs';
import { openNetwork } from './support/faults.mjs';
import { frames, packetTimes, probe } from './support/media.mjs';
import { launchBrowser, openPage, openWindow, pageFolder, startServer, temporaryFolder } from './support/stack.mjs';

let server;
let browser;
const studio = pageFolder();
before(async () => {
  server = await startServer({ studio, env: { RECORDING_MAX_LENGTH: '4s' } });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function freshPage(url = server.url) {
  const { page } = await openPage(browser.context, `${url}/`);
  return page;
}

async function save(url) {
  const file = join(temporaryFolder('life'), 'take.webm');
  writeFileSync(file, Buffer.from(await (await fetch(url)).arrayBuffer()));
  return file;
}

describe('restart', () => {
  it('throws the take away on both sides and keeps the sources', async () => {
    const page = await freshPage();
    const seen = await page.evaluate(async () => {
      const { page } = window;
      const list = async () => (await (await fetch('/api/v1/recordings')).json()).recordings;
      await page.open({ codec: 'vp8', width: 320, height: 180 });
      await page.add('host', 'flat');
      await page.recorder.start({ countdown: 0 });
      await page.reached(1.2);
      const before = await list();
      await page.recorder.restart();
      const state = page.recorder.state.state;
      const sources = page.recorder.sources.map((source) => source.id);
      // restart() does not wait for the server, which is told in the background.
      let between = await list();
      for (let tries = 0; between.length > 0 && tries < 100; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        between = await list();
      }
      await page.recorder.start({ countdown: 0 });
      await page.reached(1);
      const take = await page.stop();
      return { before, between, after: await list(), state, sources, take };
    });
    assert.equal(seen.before.length, 1);
    assert.equal(seen.state, 'setup');
    assert.deepEqual(seen.sources, ['host']);
    assert.deepEqual(seen.between, [], 'the discarded take is gone from the server');
    assert.equal(seen.after.length, 1);
    assert.notEqual(seen.after[0].id, seen.before[0].id);
    assert.equal(seen.take.timeline.events.filter((event) => event.type === 'start').length, 1);
    await page.close();
  });
});

describe('sources', () => {
  it('come picture by picture from a video element where there is no MediaStreamTrackProcessor', async () => {
    const page = await freshPage();
    const seen = await page.evaluate(async () => {
      const { page } = window;
      delete globalThis.MediaStreamTrackProcessor;
      await page.open({ server: null, codec: 'vp8', width: 320, height: 180 });
      await page.add('host', 'camera');
      await page.recorder.start({ countdown: 0 });
      await page.reached(2);
      const take = await page.recorder.stop();
      const bytes = new Uint8Array(await take.file.arrayBuffer());
      return { warnings: page.warnings.map(({ code }) => code), bytes: [...bytes] };
    });
    assert.deepEqual(seen.warnings, ['capture-fallback']);
    const file = join(temporaryFolder('life'), 'fallback.webm');
    writeFileSync(file, Uint8Array.from(seen.bytes));
    const { streams } = probe(file);
    assert.deepEqual(streams.map((stream) => stream.codec_name), ['vp8', 'opus']);
    const pictures = frames(file, { filter: 'null', width: 32, height: 18 }).map(({ rgb }) => rgb.toString('hex'));
    assert.ok(new Set(pictures).size > 20, `the camera moves: ${new Set(pictures).size} of ${pictures.length} pictures differ`);
    await page.close();
  });

  it('a camera with a microphone is replaced by one without, and muted or gone with its own track', async () => {
    const page = await freshPage();
    const seen = await page.evaluate(async () => {
      const { page } = window;
      await page.open({ server: null, width: 320, height: 180 });
      await page.add('host', 'camera');
      await page.recorder.setGain('host', 0.5);
      const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
      canvas.getContext('2d').fillRect(0, 0, 64, 36);
      const replaced = await page.recorder.replaceSource('host', canvas.captureStream(10));
      const old = page.sources.get('host').stream.getVideoTracks()[0];
      const again = await page.recorder.replaceSource('host', page.sources.get('host').stream);
      old.stop();
      await page.until(() => page.recorder.sources[0].ended);
      return { replaced, again, alive: old.readyState };
    });
    assert.deepEqual([seen.replaced.hasAudio, seen.replaced.gain, seen.again.hasAudio], [false, 0.5, true]);
    assert.equal(seen.alive, 'ended');
    await page.close();
  });
});

describe('limits', () => {
  it('the longest take is stopped cleanly and kept', async () => {
    const page = await freshPage();
    const seen = await page.evaluate(async () => {
      const { page } = window;
      await page.open({ codec: 'vp8', width: 320, height: 180 });
      await page.add('host', 'flat');
      const over = new Promise((resolve) => page.recorder.on('state', (state) => state.state === 'stopped' && resolve(state.take)));
      await page.recorder.start({ countdown: 0 });
      const take = await over;
      return { url: await take.playbackUrl(), duration: take.duration, warnings: page.warnings.map((warning) => warning.code) };
    });
    assert.ok(Math.abs(seen.duration - 4) < 0.001, `${seen.duration} s`);
    assert.ok(seen.warnings.includes('limit-reached'));
    assert.ok(Math.abs(Number(probe(await save(seen.url)).format.duration) - 4) < 0.05);
    await page.close();
  });
});

describe('without a server', () => {
  it('the take is a finished file on this machine', async () => {
    const page = await freshPage();
    const base64 = await page.evaluate(async () => {
      const { page } = window;
      await page.open({ server: null, codec: 'vp9', width: 320, height: 180 });
      await page.add('host', 'flash', { width: 320, height: 180 });
      await page.recorder.start({ countdown: 0 });
      await page.reached(2);
      const take = await page.recorder.stop();
      const bytes = new Uint8Array(await take.file.arrayBuffer());
      return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
    });
    const file = join(temporaryFolder('blob'), 'take.webm');
    writeFileSync(file, Buffer.from(base64, 'base64'));
    const info = probe(file);
    assert.deepEqual(info.streams.map((stream) => stream.codec_name), ['vp9', 'opus']);
    assert.ok(Number(info.format.duration) >= 2);
    await page.close();
  });
});

describe('a recording that is deleted while it is being recorded', { timeout: 120_000 }, () => {
  it('is given as a file at Stop, and salvage makes a recording of its own of it', async () => {
    // Small parts, so that the store confirms some, which the journal drops.
    const net = await openNetwork({ studio: crashFolder(), args: ['--live-seconds', '2'] });
    try {
      const { page } = await openPage(browser.context, net.url);
      await page.evaluate(async () => {
        const source = { width: 320, height: 180, fps: 15, noise: 1, epoch: Date.now() };
        await window.crash.open({ codec: 'vp8', width: 320, height: 180, fps: 15, videoBitrate: 2_000_000, keyframeInterval: 0.4, governor: false, source });
        await window.crash.recorder.start({ countdown: 0 });
      });
      // What is not here any more is told by the records that the journal has.
      await page.waitForFunction(() => {
        const { fileBytes = 0, journalBytes = 0 } = window.crash.recorder.stats ?? {};
        return fileBytes > journalBytes + 65_536;
      }, null, { timeout: 30_000 });
      const deleted = await page.evaluate(async () => {
        const rows = await new Promise((resolve) => {
          indexedDB.open('keeptake').onsuccess = ({ target: { result } }) => {
            result.transaction('takes').objectStore('takes').getAll().onsuccess = ({ target }) => (result.close(), resolve(target.result));
          };
        });
        const [{ recordingId, writer }] = rows;
        const { status } = await fetch(`/api/v1/recordings/${recordingId}`, { method: 'DELETE', headers: { 'Keeptake-Writer': writer } });
        return { status, recordingId };
      });
      assert.equal(deleted.status, 204);
      await page.waitForFunction(() => window.crash.warningCodes().includes('upload-ended'), null, { timeout: 20_000 });
      const told = await page.evaluate(() => window.crash.recorder.stats.elapsed);
      await page.evaluate((seconds) => window.crash.reached(seconds), told + 1);
      const take = await page.evaluate(async () => {
        const { file, ...rest } = await window.crash.recorder.stop();
        return { ...rest, size: file.size, here: [...new Uint8Array(await file.arrayBuffer())], state: window.crash.recorder.state.state };
      });
      assert.deepEqual([take.state, take.recordingId, take.bytes], ['stopped', '', take.size]);
      assert.ok(take.missing.length > 0 && take.missing.every(([from, to]) => from < to && to <= take.duration), JSON.stringify(take.missing));
      const here = take.duration - take.missing.reduce((sum, [from, to]) => sum + to - from, 0);
      assert.ok(here > 1.5, `${here} s of ${take.duration} s are here`);
      const local = join(temporaryFolder('life'), 'local.webm');
      writeFileSync(local, Uint8Array.from(take.here));
      const pictures = packetTimes(local, 'v:0');
      assert.ok(frames(local, { filter: 'null', width: 32, height: 18 }).length === pictures.length && pictures.at(-1) > take.duration - 0.5);

      const salvaged = await page.evaluate(async (id) => {
        const ids = async () => (await (await fetch('/api/v1/recordings')).json()).recordings.map((recording) => [recording.id, recording.state]);
        const before = await ids();
        await window.crash.recorder.reset();
        return { before, ...(await window.crash.salvage(id)), after: await ids() };
      }, take.unfinishedId);
      assert.deepEqual([salvaged.before, salvaged.left, salvaged.lastEvent], [[], 0, 'stop']);
      assert.deepEqual(salvaged.after.map(([, state]) => state), ['complete']);
      assert.notEqual(salvaged.after[0][0], deleted.recordingId);
      const stored = await save(salvaged.url);
      assert.deepEqual(packetTimes(stored, 'v:0'), pictures, 'the same pictures as in the file');
      await page.close();
    } finally {
      await net.close();
    }
  });
});

describe('a worker that dies', { timeout: 60_000 }, () => {
  it('is replaced at reset: the next take is recorded as before, and the last one can be salvaged', async () => {
    const page = await freshPage();
    const seen = await page.evaluate(async () => {
      const { page } = window;
      const workers = [];
      const Plain = window.Worker;
      window.Worker = class extends Plain {
        constructor(...args) {
          super(...args);
          if (args[1]?.name === 'keeptake') workers.push(this);
        }
      };
      const { openRecovery } = await import('./keeptake/index.js');
      const recovery = openRecovery({ server: { url: location.origin } });
      const before = new Set((await recovery.list()).map(({ id }) => id));
      await page.open({ codec: 'vp8', width: 320, height: 180 });
      await page.add('host', 'flash', { width: 320, height: 180 });
      await page.recorder.start({ countdown: 0 });
      await page.reached(1);
      // As the browser tells of one that ran out of memory; what it held is gone with it.
      workers[0].dispatchEvent(new ErrorEvent('error', { message: 'out of memory' }));
      const failed = page.recorder.state;
      await page.recorder.reset();
      const canvas = document.createElement('canvas');
      page.recorder.attachPreview(canvas);
      await page.recorder.start({ countdown: 0 });
      await page.reached(1);
      const list = (await recovery.list()).filter(({ id }) => !before.has(id)).map(({ live, id, duration }) => ({ live, id, duration }));
      const take = await page.stop();
      const salvaged = await recovery.salvage(list.find(({ live }) => !live).id);
      return {
        failed: [failed.state, failed.error.code, failed.error.fatal], sources: page.recorder.sources.length, list,
        url: take.url, salvaged: [await salvaged.playbackUrl(), salvaged.duration], shown: canvas.width,
      };
    });
    assert.deepEqual([seen.failed, seen.sources, seen.shown], [['failed', 'engine-failed', false], 1, 320]);
    assert.deepEqual(seen.list.map(({ live }) => live).sort(), [false, true]);
    for (const url of [seen.url, seen.salvaged[0]]) {
      const { streams, format } = probe(await save(url));
      assert.deepEqual(streams.map((stream) => stream.codec_name), ['vp8', 'opus']);
      assert.ok(Number(format.duration) >= 0.7, `${format.duration} s`);
    }
    await page.close();
  });
});

describe('a hidden page', () => {
  it('goes on recording at its full rate', async (t) => {
    // A real tab behind another one, without a driver, which would make it count as visible.
    const window = await openWindow();
    try {
      window.open(`${server.url}/hidden.html`);
      await new Promise((resolve) => setTimeout(resolve, 6000));
      window.open('about:blank');
      const recording = await recorded(/^recorded/, 60_000);
      assert.equal(recording.title, 'recorded hidden');
      const times = packetTimes(await save(await playbackUrl(recording.id)), 'v:0').filter((time) => time >= 1 && time < 4);
      t.diagnostic(`${(times.length / 3).toFixed(1)} pictures a second while hidden`);
      assert.ok(times.length / 3 >= 20, `${times.length / 3} pictures a second`);
    } finally {
      window.close();
    }
  });
});

/** The owner's session, as a browser gets it with the page. */
async function ownerHeaders() {
  const cookie = (await fetch(`${server.url}/`)).headers.get('set-cookie').split(';')[0];
  return { Cookie: cookie, Origin: server.url, 'Content-Type': 'application/json' };
}

async function recorded(title, ms) {
  const headers = await ownerHeaders();
  for (const deadline = Date.now() + ms; Date.now() < deadline; ) {
    const { recordings } = await (await fetch(`${server.url}/api/v1/recordings`, { headers })).json();
    const found = recordings.find((recording) => title.test(recording.title));
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`No recording with the title ${title} within ${ms / 1000} s.`);
}

async function playbackUrl(id) {
  const headers = await ownerHeaders();
  const answer = await fetch(`${server.url}/api/v1/recordings/${id}/playback`, { method: 'POST', headers, body: '{}' });
  return (await answer.json()).url;
}
