// The browser dies in the middle of takes, and what was recorded is there afterwards: several orphans at once,
// salvaged, started over, downloaded; deaths in the middle of stop, restart and salvage; a tab that is closed; a
// browser without room.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fill, smallDisk } from '../support/small-disk.mjs';
import { packetTimes, probe, readElements } from './support/media.mjs';
import { launchBrowser, openPage, pageFolder, startServer, temporaryFolder } from './support/stack.mjs';

const studio = pageFolder();
let server;
before(async () => {
  // So long a recorder that died counts as alive for everybody but its own browser.
  server = await startServer({ studio, args: ['--live-seconds', '2'] });
});
after(async () => {
  await server?.close();
});

/** The whole browser of that profile, as a crash or the system would end it. */
async function killBrowser({ profile, context }) {
  const gone = new Promise((resolve) => context.once('close', resolve));
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let line;
    try {
      line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      continue; // it has just ended
    }
    if (line.includes(`--user-data-dir=${profile}`) && !line.includes('--type=')) process.kill(Number(pid), 'SIGKILL');
  }
  await gone;
}

/** A page that records. */
async function record(browser, { seconds = 1.5, query = '', ...options } = {}) {
  const { page } = await openPage(browser.context, `${server.url}/${query}`);
  await page.evaluate(async ([until, recorder]) => {
    await window.page.open({ codec: 'vp8', width: 320, height: 180, ...recorder });
    await window.page.add('host', 'flash', { width: 320, height: 180 });
    await window.page.recorder.start({ countdown: 0 });
    await window.page.reached(until);
  }, [seconds, options]);
  return page;
}

/** A page with `window.recovery`. */
async function recoveryPage(browser, options = {}) {
  const { page } = await openPage(browser.context, `${server.url}/`);
  await page.evaluate(async (given) => {
    const { openRecovery } = await import('./keeptake/index.js');
    window.recovery = openRecovery({ server: { url: location.origin }, ...given });
    window.base64 = async (blob) => {
      const bytes = new Uint8Array(await blob.arrayBuffer());
      let text = '';
      for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
      return btoa(text);
    };
    window.rows = () =>
      new Promise((resolve) => {
        indexedDB.open('keeptake').onsuccess = ({ target }) => {
          const all = target.result.transaction(['takes', 'records', 'pictures']);
          const counts = [...target.result.objectStoreNames].map(
            (name) => new Promise((done) => (all.objectStore(name).count().onsuccess = (event) => done(event.target.result))));
          Promise.all(counts).then((found) => {
            target.result.close();
            resolve(found);
          });
        };
      });
    window.recordings = async () => (await (await fetch('/api/v1/recordings')).json()).recordings;
  }, options);
  return page;
}

const list = (page) =>
  page.evaluate(async () =>
    (await window.recovery.list()).map(({ picture, startedAt, ...take }) => ({
      ...take, startedAt: startedAt.getTime(), picture: picture && [picture.type, picture.size],
    })));

/** Salvages and looks at the file. */
async function salvage(page, id) {
  const take = await page.evaluate(async (which) => {
    const phases = new Set();
    const began = performance.now();
    const done = await window.recovery.salvage(which, { onProgress: ({ phase }) => phases.add(phase) });
    const url = done.file ? null : await done.playbackUrl();
    return {
      recordingId: done.recordingId, duration: done.duration, bytes: done.bytes, url, ms: performance.now() - began,
      phases: [...phases], timeline: await done.timeline(), scene: await done.scene(),
      file: done.file ? await window.base64(done.file) : null,
    };
  }, id);
  take.path = save(take.file === null ? Buffer.from(await (await fetch(take.url)).arrayBuffer()) : Buffer.from(take.file, 'base64'));
  return take;
}

/** The codes that somebody else gets who wants to end a take, undefined where that is done; `writer`: in its recorder's name. */
function end(page, recordingId, ways = ['POST /salvage'], writer = null) {
  return page.evaluate(async ([id, asked, secret]) => {
    const headers = { 'Content-Type': 'application/json', ...(secret ? { 'Keeptake-Writer': secret } : {}) };
    const codes = {};
    for (const way of asked) {
      const [method, path] = way.split(' ');
      const answer = await fetch(`/api/v1/recordings/${id}${path}`, { method, headers, body: method === 'POST' ? '{}' : undefined });
      codes[way] = answer.ok ? undefined : (await answer.json()).error.code;
    }
    return codes;
  }, [recordingId, ways, writer]);
}

function save(bytes) {
  const path = join(temporaryFolder('recovered'), 'take.webm');
  writeFileSync(path, bytes);
  return path;
}

/**
 * Whole, seekable, as long as it says, and with all but the last moment of `seconds`: how little that is on an idle
 * machine, tests/crash measures.
 */
function check(path, duration, seconds) {
  assert.ok(Math.abs(Number(probe(path).format.duration) - duration) < 0.05, `${duration} s`);
  const { cues, duration: stated, seekHead, unknownSizes } = readElements(path);
  assert.deepEqual({ cues, stated, seekHead, unknownSizes }, { cues: true, stated: true, seekHead: true, unknownSizes: 0 });
  const times = packetTimes(path, 'v:0');
  const gap = Math.max(...times.slice(1).map((time, index) => time - times[index]));
  assert.ok(gap < 2, `a gap of ${gap} s`);
  assert.ok(duration >= seconds - 1, `${duration} s of at least ${seconds} s`);
}

const elapsed = (page) => page.evaluate(() => window.page.recorder.stats.elapsed);

describe('a browser that is killed', { timeout: 120_000 }, () => {
  let browser;
  const profile = temporaryFolder('profile');
  let pages;
  let reached;
  before(async () => {
    browser = await launchBrowser({ profile });
    pages = [
      await record(browser, { title: 'First' }),
      await record(browser, { title: 'Second', journal: { durability: 'strict', keepLocalCopy: true } }),
      await record(browser, { title: 'Alone', server: null, query: '?isolation=off' }),
    ];
    reached = await Promise.all(pages.map(elapsed));
    await killBrowser(browser);
    browser = await launchBrowser({ profile });
  });
  after(() => browser?.close());

  it('leaves every take it was recording', async () => {
    const page = await recoveryPage(browser);
    const takes = await list(page);
    assert.deepEqual(takes.map(({ title, live }) => [title, live]), [['Alone', false], ['Second', false], ['First', false]]);
    for (const [index, take] of takes.toReversed().entries()) {
      assert.ok(take.duration >= reached[index] - 1, `${take.title}: ${take.duration} of ${reached[index]} s`);
      assert.equal(take.picture[0], 'image/jpeg');
      assert.ok(take.bytes > 4096 && take.localBytes > take.bytes * 0.9);
      assert.ok(Date.now() - take.startedAt < 60_000);
    }
    await page.close();
  });

  it('salvage finishes the same upload, with everything up to the end', async () => {
    const page = await recoveryPage(browser);
    const [first] = (await list(page)).filter(({ title }) => title === 'First');
    const take = await salvage(page, first.id);
    check(take.path, take.duration, reached[0]);
    assert.equal(take.recordingId, first.recordingId);
    assert.deepEqual(take.phases.filter((phase) => phase === 'sending' || phase === 'completing'), ['sending', 'completing']);
    assert.equal(take.timeline.events.at(-1).type, 'stop');
    assert.ok(Math.abs(take.timeline.events.at(-1).take - take.duration) < 0.001);
    const stored = await page.evaluate(async (id) => (await (await fetch(`/api/v1/recordings/${id}`)).json()), take.recordingId);
    assert.deepEqual([stored.state, stored.bytes], ['complete', take.bytes]);
    assert.deepEqual((await list(page)).map(({ title }) => title), ['Alone', 'Second']);
    const again = await page.evaluate((id) => window.page.attempt(() => window.recovery.salvage(id)), first.id);
    assert.equal(again.code, 'no-such-take');
    await page.close();
  });

  it('start over leaves nothing', async () => {
    const page = await recoveryPage(browser);
    const [second] = (await list(page)).filter(({ title }) => title === 'Second');
    await page.evaluate((id) => window.recovery.startOver(id), second.id);
    assert.deepEqual((await list(page)).map(({ title }) => title), ['Alone']);
    const left = await page.evaluate(() => window.recordings());
    assert.deepEqual(left.map(({ title, state }) => [title, state]), [['First', 'complete']]);
    await page.close();
  });

  it('a take without a server is downloaded, and salvaged as a file, until it is started over', async () => {
    const page = await recoveryPage(browser, { server: null });
    const [alone] = await list(page);
    const local = await page.evaluate(async (id) => {
      const { file, ...rest } = await window.recovery.download(id);
      return { ...rest, file: await window.base64(file) };
    }, alone.id);
    assert.deepEqual([local.complete, local.missing], [true, []]);
    check(save(Buffer.from(local.file, 'base64')), local.duration, reached[2]);
    const take = await salvage(page, alone.id);
    check(take.path, take.duration, reached[2]);
    await page.evaluate((id) => window.recovery.startOver(id), alone.id);
    assert.deepEqual(await page.evaluate(() => window.rows()), [0, 0, 0], 'nothing is left in the browser');
    await page.close();
  });
});

describe('deaths at bad moments', { timeout: 120_000 }, () => {
  it('in the middle of stop, restart and salvage', async () => {
    const profile = temporaryFolder('profile');
    let browser = await launchBrowser({ profile });
    const stopping = await record(browser, { title: 'Stopping' });
    const restarting = await record(browser, { title: 'Restarting' });
    const reached = await elapsed(stopping);
    await Promise.all([
      stopping.evaluate(() => void window.page.recorder.stop()),
      restarting.evaluate(() => void window.page.recorder.restart()),
    ]);
    await killBrowser(browser);

    browser = await launchBrowser({ profile });
    let page = await recoveryPage(browser);
    const before = await list(page);
    for (const { id } of before)
      await page.evaluate((which) => void window.recovery.salvage(which, { onProgress: () => (window.begun = true) }), id);
    await page.waitForTimeout(50);
    await killBrowser(browser);

    browser = await launchBrowser({ profile });
    page = await recoveryPage(browser);
    for (const { id } of await list(page)) {
      const take = await salvage(page, id);
      check(take.path, take.duration, 0);
    }
    const settled = async () => {
      for (const end = Date.now() + 10_000; Date.now() < end; ) {
        const rows = await page.evaluate(() => window.rows());
        if (rows.every((count) => count === 0)) break;
        await page.waitForTimeout(100);
        await list(page);
      }
      return page.evaluate(() => window.rows());
    };
    assert.deepEqual(await settled(), [0, 0, 0]);
    const left = (await page.evaluate(() => window.recordings())).filter(({ title }) => /ing$/.test(title));
    assert.ok(left.every(({ state }) => state === 'complete'), JSON.stringify(left));
    const stopped = left.filter(({ title }) => title === 'Stopping');
    assert.equal(stopped.length, 1, 'the stopped take is there once');
    // Killed before Stop was carried out, it loses as much as a take that runs.
    assert.ok(stopped[0].duration >= reached - 0.6, `${stopped[0].duration} of ${reached} s`);
    await browser.close();
  });

  it('a take of another tab is said to live there; when that tab is closed, it is salvaged', async () => {
    const browser = await launchBrowser();
    const recording = await record(browser, { title: 'Elsewhere', seconds: 1 });
    const page = await recoveryPage(browser);
    const [live] = await list(page);
    assert.deepEqual([live.live, live.page.url], [true, `${server.url}/`]);
    for (const what of ['salvage', 'startOver', 'download']) {
      const refused = await page.evaluate(([name, id]) => window.page.attempt(() => window.recovery[name](id)), [what, live.id]);
      assert.equal(refused.code, 'take-live', what);
    }
    const reached = await elapsed(recording);
    await recording.goto('about:blank');
    for (let [take] = await list(page); take.live; [take] = await list(page)) await page.waitForTimeout(20);
    const take = await salvage(page, live.id);
    check(take.path, take.duration, reached);
    assert.ok(take.duration >= reached - 0.5, `${take.duration} s of ${reached} s before the page was left`);
    await browser.close();
  });
});

describe('a take that the server finished by itself', { timeout: 120_000 }, () => {
  it('becomes a recording of its own where more of it is on this machine', async () => {
    const browser = await launchBrowser();
    const recording = await record(browser, { title: 'Twice', seconds: 5.5 });
    const page = await recoveryPage(browser);
    const [{ id, recordingId }] = await list(page);
    const stored = () => page.evaluate(async (which) => (await fetch(`/api/v1/recordings/${which}`)).json(), recordingId);
    while (!((await stored()).upload.uploaded_bytes > 0)) await page.waitForTimeout(100);
    const reached = await elapsed(recording);
    await recording.goto('about:blank');
    const code = async () => (await end(page, recordingId))['POST /salvage'];
    for (let answer = await code(); answer !== undefined; answer = await code()) {
      assert.equal(answer, 'take-live');
      await page.waitForTimeout(100);
    }
    while ((await stored()).state !== 'complete') await page.waitForTimeout(50);
    const take = await salvage(page, id);
    check(take.path, take.duration, reached);
    const { state, duration } = await stored();
    assert.notEqual(take.recordingId, recordingId);
    assert.ok(state === 'complete' && duration < take.duration, `what the server finished stays there, ${duration} of ${take.duration} s`);
    assert.deepEqual([await list(page), await page.evaluate(() => window.rows())], [[], [0, 0, 0]]);
    await browser.close();
  });
});

describe('a take that others want to end', { timeout: 120_000 }, () => {
  it('is refused to them while it is recorded; one that is ended all the same goes on in the journal', async () => {
    const [browser, others] = await Promise.all([launchBrowser(), launchBrowser()]);
    const recording = await record(browser, { title: 'Wanted' });
    const [page, other] = await Promise.all([recoveryPage(browser), recoveryPage(others)]);
    const [{ id, recordingId }] = await list(page);
    assert.deepEqual(await list(other), []);
    await recording.evaluate(() => window.page.recorder.pause());
    // Longer than a silent recorder would count as alive, with nothing to upload.
    await recording.waitForTimeout(2500);
    const ways = ['DELETE ', 'DELETE /upload', 'POST /salvage'];
    assert.deepEqual(await end(other, recordingId, ways), Object.fromEntries(ways.map((way) => [way, 'take-live'])));
    await recording.evaluate(() => window.page.recorder.resume());
    const before = await elapsed(recording);
    await recording.evaluate((seconds) => window.page.reached(seconds), before + 0.5);
    assert.deepEqual(await recording.evaluate(() => window.page.warnings.map(({ code }) => code)), []);

    const writer = await page.evaluate(() => new Promise((resolve) => {
      indexedDB.open('keeptake').onsuccess = ({ target: { result } }) => {
        result.transaction('takes').objectStore('takes').getAll().onsuccess = ({ target }) => {
          result.close();
          resolve(target.result[0].writer);
        };
      };
    }));
    assert.deepEqual(await end(other, recordingId, ['DELETE /upload'], writer), { 'DELETE /upload': undefined });
    await recording.waitForFunction(() => window.page.warnings.some(({ code }) => code === 'upload-ended'), null, { timeout: 20_000 });
    const told = await elapsed(recording);
    await recording.evaluate((seconds) => window.page.reached(seconds), told + 1.5);
    const { state, stats } = await recording.evaluate(() => ({ state: window.page.recorder.state.state, stats: window.page.recorder.stats }));
    assert.deepEqual([state, stats.uploadState, stats.safeBytes, stats.safeIn, stats.journalState], ['recording', 'failed', 0, null, 'on']);
    const reached = await elapsed(recording);
    const stopped = await recording.evaluate(async () => {
      const { file, unfinishedId, missing, recordingId: there } = await window.page.recorder.stop();
      return { bytes: [...new Uint8Array(await file.arrayBuffer())], unfinishedId, missing, there };
    });
    assert.deepEqual([stopped.unfinishedId, stopped.missing, stopped.there], [id, undefined, '']);
    check(save(Uint8Array.from(stopped.bytes)), reached, reached);
    await recording.evaluate(() => window.page.recorder.reset());

    const [kept] = await list(page);
    assert.deepEqual([kept.id, kept.live], [id, false]);
    const take = await salvage(page, id);
    check(take.path, take.duration, reached);
    assert.notEqual(take.recordingId, recordingId);
    assert.deepEqual([take.bytes, await list(page)], [stopped.bytes.length, []]);
    await Promise.all([browser.close(), others.close()]);
  });
});

describe('a browser without room', { timeout: 120_000 }, () => {
  /** A take in a browser whose disk is full by now, and the host knows it; null where no small disk is to be had. */
  async function recordTight(t, options) {
    const disk = smallDisk(t, '50m');
    if (!disk) return null;
    const profile = join(disk, 'profile');
    const browser = await launchBrowser({ profile });
    const page = await record(browser, options);
    const ballast = join(disk, 'ballast');
    fill(ballast);
    await page.waitForFunction(() => window.page.warnings.some(({ code }) => code.startsWith('journal-')), null, { timeout: 20_000 });
    return { browser, page, profile, ballast, full: await elapsed(page) };
  }

  it('is told, and the take goes on to the server alone', async (t) => {
    const tight = await recordTight(t, { title: 'Tight', seconds: 1, journal: { keepLocalCopy: true } });
    if (!tight) return;
    const { browser, page, full } = tight;
    await page.evaluate((seconds) => window.page.reached(seconds), full + 1);
    const state = await page.evaluate(() => window.page.recorder.stats.journalState);
    const take = await page.evaluate(() => window.page.stop());
    const warnings = await page.evaluate(() => window.page.warnings.map(({ code }) => code));
    assert.deepEqual([warnings.filter((code) => code.startsWith('journal-')), state], [['journal-full'], 'full']);
    assert.ok(take.duration >= full + 1, `${take.duration} s, full at ${full} s`);
    check(save(Buffer.from(await (await fetch(take.url)).arrayBuffer())), take.duration, take.duration);
    await browser.close();
  });

  it('dies: the take is as long as what the store has, which is more than what is here', async (t) => {
    const tight = await recordTight(t, { title: 'Longer there' });
    if (!tight) return;
    const stored = (page) =>
      page.evaluate(async () => {
        const ask = async (path) => (await fetch(`/api/v1/recordings${path}`)).json();
        const { id } = (await ask('')).recordings.find(({ title }) => title === 'Longer there');
        return ask(`/${id}`);
      });
    const journaled = await tight.page.evaluate(() => window.page.recorder.stats.journalBytes);
    while (!((await stored(tight.page)).upload.uploaded_bytes > journaled)) await tight.page.waitForTimeout(100);
    const { uploaded_bytes: uploaded } = (await stored(tight.page)).upload;
    await killBrowser(tight.browser);
    rmSync(tight.ballast);

    const browser = await launchBrowser({ profile: tight.profile });
    const page = await recoveryPage(browser);
    const [here] = await list(page);
    // The figures are told twice a second.
    assert.ok(here.bytes < uploaded && here.duration < tight.full + 0.6, JSON.stringify({ here, uploaded, full: tight.full }));
    const take = await salvage(page, here.id);
    assert.deepEqual([take.recordingId, take.phases.includes('sending')], [here.recordingId, false]);
    const { state, salvaged, bytes, duration } = await stored(page);
    assert.deepEqual([state, salvaged, bytes, duration], ['complete', true, take.bytes, take.duration]);
    assert.ok(take.bytes >= uploaded && take.duration > here.duration, JSON.stringify({ take, here, uploaded }));
    check(take.path, take.duration, take.duration);
    assert.deepEqual([await list(page), await page.evaluate(() => window.rows())], [[], [0, 0, 0]]);
    await browser.close();
  });
});
