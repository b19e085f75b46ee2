// Networks that fail in every way a take can meet: each take is whole in the end, the host was told, nothing is lost.
// Proxies stand between the browser and the real server (support/faults.mjs). KEEPTAKE_LONG=1 makes outages minutes.
import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { crashFolder } from '../crash/browser-kills.mjs';
import { readClock } from '../crash/marks.mjs';
import { during, openNetwork, randomFrom, storeError } from './support/faults.mjs';
import { packetTimes, probe } from './support/media.mjs';
import { launchBrowser, openPage, temporaryFolder } from './support/stack.mjs';

const LONG = process.env.KEEPTAKE_LONG === '1';
const OUTAGE_SECONDS = LONG ? 150 : 3;
const PATIENCE_SECONDS = LONG ? 300 : 30;
const TIMEOUT = { timeout: LONG ? 600_000 : 60_000 };
const PORTAL = { status: 200, body: '<html><h1>Welcome to our network</h1></html>' };
/** At that size and rate a take has three or four parts of 64 KiB a second. */
const RECORDER = { codec: 'vp8', width: 320, height: 180, fps: 15, videoBitrate: 2_000_000, governor: false };

const studio = crashFolder();
let browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser?.close());

/** A take over a network of its own; `check` stops it where need be and looks at the file. */
async function record(options = {}, network = {}) {
  const net = await openNetwork({ studio, ...network });
  const epoch = Date.now() - 5000;
  const { page } = await openPage(browser.context, net.url);
  const source = { width: 320, height: 180, fps: 15, noise: 1, epoch };
  await page.evaluate((settings) => window.crash.open(settings), { ...RECORDER, source, ...options });
  const take = {
    net,
    page,
    start: () => page.evaluate(() => window.crash.recorder.start({ countdown: 0 })),
    reached: (seconds) => page.evaluate((until) => window.crash.reached(until), seconds),
    /** Records on for so long. */
    more: async (seconds) => take.reached((await take.stats()).elapsed + seconds),
    state: () => page.evaluate(() => window.crash.recorder.state.state),
    /** The system says that the network is back. */
    online: () => page.evaluate(() => void dispatchEvent(new Event('online'))),
    stats: () => page.evaluate(() => window.crash.recorder.stats),
    warnings: () => page.evaluate(() => window.crash.warningCodes()),
    stop() {
      const stopped = page.evaluate(() => window.crash.stop());
      stopped.catch(() => undefined);
      return stopped;
    },
    async check(stopped = take.stop()) {
      const [{ placed }, done] = [await page.evaluate(() => window.crash.facts()), await stopped];
      const { url, timeline } = await page.evaluate(() => window.crash.playback());
      await checkWhole(done, url, placed);
      assert.equal(timeline.events.at(-1).type, 'stop', 'the server has the whole timeline');
      assert.equal((await take.warnings()).includes('timeline-lost'), false);
      return done;
    },
    async close() {
      await page.close();
      await net.close();
    },
  };
  return take;
}

async function checkWhole({ duration, bytes }, url, placed) {
  const file = join(temporaryFolder('whole'), 'take.webm');
  writeFileSync(file, Buffer.from(await (await fetch(url)).arrayBuffer()));
  assert.equal(statSync(file).size, bytes);
  assert.ok(Math.abs(Number(probe(file).format.duration) - duration) < 0.05);
  // A busy machine leaves out pictures, but never sound.
  for (const [stream, longest] of [['v:0', 2], ['a:0', 0.1]]) {
    const times = packetTimes(file, stream);
    const gaps = times.slice(1).map((time, index) => time - times[index]);
    assert.ok(Math.max(...gaps) < longest, `the longest gap of ${stream} is ${Math.max(...gaps)} s`);
    assert.ok(times[0] < longest && duration - times.at(-1) < longest, `${stream} spans ${times[0]} to ${times.at(-1)} of ${duration} s`);
  }
  const walls = readClock(file, placed).flatMap(({ wall }) => wall ?? []);
  const back = walls.findIndex((wall, index) => index > 0 && wall < walls[index - 1]);
  assert.equal(back, -1, `picture ${back} is older than the one before: ${walls.slice(back - 1, back + 1)}`);
  assert.ok(walls.length > 1, `${walls.length} pictures can be read`);
}

/** One scenario: a take, closed whatever happens. */
function scenario(name, act, { options, network, timeout = TIMEOUT } = {}) {
  it(name, timeout, async () => {
    const take = await record(options, network);
    try {
      await act(take);
    } finally {
      await take.close();
    }
  });
}

/** Waits for what comes sooner or later, sooner where the machine is quiet. */
async function until(what, holds) {
  for (let tries = 0; tries < 10 * PATIENCE_SECONDS; tries++) {
    if (await holds()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  assert.fail(`not within ${PATIENCE_SECONDS} s: ${what}`);
}

const isTold = (take, code) => until(`the host is told ${code}`, async () => (await take.warnings()).includes(code));
const isMet = ({ api, store }, faults) => until(`${faults} faults are met`, () => api.faults + store.faults >= faults);

/** Nearly everything that was recorded so far is in the store. */
const caughtUp = (take) =>
  until('the upload has caught up', async () => {
    const { backlogBytes, safeBytes, uploadState } = await take.stats();
    return uploadState === 'sending' && safeBytes > 65_536 && backlogBytes < 3 * 65_536;
  });

it('a server whose name is not found, without a journal: start says so, and nothing is recorded', async () => {
  const net = await openNetwork({ studio });
  const { page } = await openPage(browser.context, net.url);
  const source = { width: 320, height: 180, fps: 15, noise: 0, epoch: Date.now() };
  await page.evaluate((settings) => window.crash.open(settings), { ...RECORDER, source, journal: false, server: { url: 'http://gone.invalid' } });
  const told = await page.evaluate(() => window.crash.recorder.start({ countdown: 0 }).catch(({ code, message }) => ({ code, message })));
  assert.equal(told.code, 'server-unreachable');
  assert.match(told.message, /gone\.invalid cannot be reached/);
  assert.equal(await page.evaluate(() => window.crash.recorder.state.state), 'setup');
  await page.close();
  await net.close();
});

describe('a take goes on and is whole in the end', { concurrency: 4 }, () => {
  scenario('a part that stands still in the middle is cancelled after 20 s and sent again', async (take) => {
    let puts = 0;
    take.net.store.fault = ({ method }) => (method === 'PUT' && ++puts === 2 ? { stall: 20_000 } : null);
    await take.start();
    await take.reached(2);
    await isMet(take.net, 1);
    await take.check();
    const part = ({ query }) => new URLSearchParams(query).get('partNumber');
    const { seen } = take.net.store;
    const at = seen.findIndex(({ result }) => result === 'stall');
    const again = seen.slice(at + 1).find((one) => one.method === 'PUT' && part(one) === part(seen[at]));
    const waited = (again.at - seen[at].at) / 1000;
    assert.ok(waited > 19 && waited < 40, `sent again after ${waited} s`);
  });

  scenario(`server and store refuse connections for ${OUTAGE_SECONDS} s`, async (take) => {
    const { api, store } = take.net;
    await take.start();
    await take.reached(1);
    await Promise.all([api.down(), store.down()]);
    await take.more(OUTAGE_SECONDS);
    await isTold(take, 'upload-retrying');
    assert.ok((await take.stats()).backlogBytes > 65_536);
    await Promise.all([api.up(), store.up()]);
    await take.online();
    await caughtUp(take);
    await isTold(take, 'upload-recovered');
    await take.check();
  }, { network: LONG ? { args: ['--url-seconds', '120'] } : {} });

  scenario('server and store are away at Start, and come in the middle', async (take) => {
    const { api, store } = take.net;
    await Promise.all([api.down(), store.down()]);
    await take.start();
    await take.reached(OUTAGE_SECONDS);
    await isTold(take, 'upload-retrying');
    const { uploadState, safeBytes, journalState } = await take.stats();
    assert.deepEqual([uploadState, safeBytes, journalState], ['waiting', 0, 'on']);
    await Promise.all([api.up(), store.up()]);
    await take.online();
    await caughtUp(take);
    await isTold(take, 'upload-recovered');
    await take.check();
  });

  scenario('the store alone is gone, and Stop is pressed meanwhile', async (take) => {
    await take.start();
    await take.reached(1);
    await take.net.store.down();
    await take.more(1);
    const stopped = take.stop();
    await take.page.waitForTimeout(OUTAGE_SECONDS * 1000);
    assert.equal(await take.state(), 'stopping');
    await take.net.store.up();
    await take.check(stopped);
  });

  scenario('one request in five fails, before or after it was carried out', async (take) => {
    const random = randomFrom(11);
    const fault = () => (random() > 0.2 ? null : random() > 0.5 ? { drop: true } : { lose: true });
    await take.start();
    await during(take.net, { api: fault, store: fault }, async () => {
      await take.reached(LONG ? 60 : 5);
      await isMet(take.net, 3);
      await take.stop();
    });
    await take.check();
  });

  scenario('500s and SlowDown', async (take) => {
    await take.start();
    await take.reached(1);
    let number = 0;
    const store = () =>
      ++number % 2 ? storeError(503, 'SlowDown', 'Please reduce your request rate.') : storeError(500, 'InternalError', 'Try again.');
    const api = () => ({ status: 502, body: '<html>Bad Gateway</html>' });
    const began = Date.now();
    await during(take.net, { api, store }, async () => {
      await take.more(OUTAGE_SECONDS);
      await isMet(take.net, 3);
      await isTold(take, 'upload-retrying');
    });
    const seconds = (Date.now() - began) / 1000;
    assert.ok(number <= 10 + seconds, `${number} requests in ${seconds} s to a store that asks for less`);
    await take.online();
    await caughtUp(take);
    // Nor is the timeline lost where the server is not well yet after Stop.
    let timelines = 0;
    take.net.api.fault = ({ method, path }) => (method === 'PUT' && path.endsWith('/timeline') && ++timelines <= 3 ? { status: 503, body: 'no' } : null);
    await take.check();
    assert.ok(timelines > 3);
  });

  scenario('the store finds the time too skewed, and addresses expired while the machine slept', async (take) => {
    await take.start();
    await take.reached(1);
    const skewed = ({ method }) => (method === 'PUT' ? storeError(403, 'RequestTimeTooSkewed', 'Too skewed.') : null);
    await during(take.net, { store: skewed }, () => isTold(take, 'upload-retrying'));
    await take.online();
    await caughtUp(take);
    const before = take.net.store.faults;
    // Times in addresses have whole seconds; it slept for a little longer.
    await take.more(1.2);
    const woken = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    take.net.store.fault = ({ query }) =>
      new URLSearchParams(query).get('X-Amz-Date') < woken ? storeError(403, 'AccessDenied', 'Request has expired') : null;
    await until('an old address is used', () => take.net.store.faults > before);
    await take.check();
    assert.ok(take.net.store.faults - before <= 6, 'an address that has expired is not tried for each part');
  });

  for (const hours of [-3, 3])
    scenario(`the browser's clock is ${Math.abs(hours)} hours ${hours < 0 ? 'fast' : 'slow'}`, async (take) => {
      take.net.api.clockSeconds = hours * 3600;
      await take.start();
      await take.reached(2);
      await caughtUp(take);
      assert.deepEqual(await take.warnings(), []);
      await take.check();
      const signs = take.net.api.seen.filter(({ path }) => path.endsWith('/sign')).length;
      assert.ok(signs <= 6, `${signs} signing requests`);
    });

  scenario('the signing endpoint is down', async (take) => {
    take.net.api.fault = ({ path }) => (path.endsWith('/sign') ? { status: 503, body: 'no' } : null);
    await take.start();
    await take.reached(OUTAGE_SECONDS);
    await isTold(take, 'upload-retrying');
    assert.equal((await take.stats()).safeBytes, 0);
    take.net.api.fault = () => null;
    await take.check();
  });

  scenario('a captive portal answers for everybody, also at Stop', async (take) => {
    await take.start();
    await take.reached(1);
    for (const proxy of [take.net.api, take.net.store]) proxy.faultsPreflights = true;
    const kinds = [PORTAL, { status: 200, body: '' }, { status: 302, headers: { Location: 'http://127.0.0.1:9/' } },
      { status: 404, body: '<html>404</html>' }, { ...PORTAL, cors: true, headers: { 'Access-Control-Allow-Methods': 'PUT' } }];
    let number = 0;
    const portal = () => kinds[number++ % kinds.length];
    let stopped;
    await during(take.net, { api: portal, store: portal }, async () => {
      await take.more(OUTAGE_SECONDS);
      await isTold(take, 'upload-retrying');
      stopped = take.stop();
      await isMet(take.net, kinds.length);
      await take.page.waitForTimeout(1000);
      assert.equal(await take.state(), 'stopping');
    });
    await take.online();
    await take.check(stopped);
  });

  scenario('a link of 256 kbit/s', async (take) => {
    take.net.store.link.bytesPerSecond = 32_000;
    await take.start();
    await take.reached(LONG ? 60 : 4);
    assert.ok((await take.stats()).backlogBytes > 65_536, 'more is recorded than sent');
    await take.check();
  }, { options: { videoBitrate: 600_000, audioBitrate: 48_000 } });
});
