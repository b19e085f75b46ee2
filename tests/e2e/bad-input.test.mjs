// What goes wrong on a host's page ends in a clear error with a code, and the take goes on.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchBrowser, openPage, pageFolder, startServer } from './support/stack.mjs';

let server;
let browser;
let page;
const studio = pageFolder();
before(async () => {
  server = await startServer({ studio });
  browser = await launchBrowser();
  ({ page } = await openPage(browser.context, `${server.url}/`));
  await page.evaluate(() => window.page.open({ codec: 'vp8', width: 320, height: 180 }));
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Runs `act` in the page; its failure as data. */
const attempt = (act, argument) =>
  page.evaluate(([source, value]) => window.page.attempt(() => new Function('page', 'value', `return (${source})(page, value)`)(window.page, value)), [
    act.toString(),
    argument,
  ]);

async function fails(code, pattern, act, argument) {
  const result = await attempt(act, argument);
  assert.equal(result.name, 'KeeptakeError', JSON.stringify(result));
  assert.equal(result.code, code, result.message);
  assert.match(result.message, pattern);
}

describe('arguments', () => {
  for (const [name, options, pattern] of [
    ['a width of 0', { width: 0 }, /width 0/],
    ['8K', { width: 7680, height: 4320 }, /width 7680/],
    ['an odd size', { width: 641, height: 360 }, /even/],
    ['NaN', { height: Number.NaN }, /height/],
    ['no frames', { fps: 0 }, /fps 0/],
    ['a wild bitrate', { videoBitrate: 1 }, /videoBitrate 1/],
  ])
    it(`refuses ${name}`, () =>
      fails('bad-argument', pattern, (kt, value) => kt.open({ server: null, ...value, ...(value.height === null ? { height: Number.NaN } : {}) }).then(() => kt.recorder.close()), options));

  it('refuses sources without tracks, with a bad or a used id', async () => {
    await fails('no-tracks', /no live/, (kt) => kt.recorder.addSource(new MediaStream(), { id: 'empty' }));
    await fails('bad-argument', /letters/, (kt) => kt.recorder.addSource(new MediaStream(), { id: 'not valid' }));
    await attempt((kt) => kt.add('twice', 'flat'));
    await fails('bad-argument', /already/, (kt) => kt.add('twice', 'flat'));
    await fails('no-such-source', /"nobody"/, (kt) => kt.recorder.removeSource('nobody'));
    await fails('bad-argument', /Gain/, (kt) => kt.recorder.setGain('twice', Number.NaN));
    await fails('bad-argument', /needs a text/, (kt) => kt.recorder.showHook({ text: ' ' }));
    await fails('no-such-source', /"ghost"/, (kt) => kt.recorder.showHook({ text: 'x', sourceId: 'ghost' }));
  });

  it('refuses compositions and names the field', async () => {
    const compose = (kt, value) => kt.recorder.setComposition(value);
    await fails('bad-composition', /layout/, compose, { layout: 'mosaic', sources: [] });
    await fails('bad-composition', /x/, (kt) => kt.recorder.setComposition({ layout: 'free', sources: [{ id: 'twice', placement: { x: Number.NaN, y: 0, width: 1, height: 1 } }] }));
    await fails('bad-composition', /16/, compose, { sources: Array.from({ length: 17 }, (_, i) => ({ id: `s${i}` })) });
    await fails('bad-composition', /radius/, compose, { sources: [{ id: 'twice', radius: 7 }] });
    await fails('bad-composition', /color|colour/, compose, { background: { kind: 'color', color: 'blue' }, sources: [] });
    const kept = await page.evaluate(() => window.page.recorder.composition.sources.map((source) => source.id));
    assert.deepEqual(kept, ['twice']);
  });
});

describe('the order of calls', () => {
  it('refuses what the state does not allow', async () => {
    await fails('bad-state', /paused/, (kt) => kt.recorder.pause());
    await fails('bad-state', /resumed/, (kt) => kt.recorder.resume());
    await fails('bad-state', /stopped/, (kt) => kt.recorder.stop());
    await fails('bad-state', /restart/, (kt) => kt.recorder.restart());
    await fails('bad-argument', /Countdown/, (kt) => kt.recorder.start({ countdown: -1 }));
    await attempt((kt) => {
      kt.began = kt.recorder.start({ countdown: 20 }).catch(({ code }) => code);
      return new Promise((done) => kt.recorder.on('state', ({ state }) => state === 'countdown' && done()));
    });
    await fails('bad-state', /started/, (kt) => kt.recorder.start());
    await attempt((kt) => kt.recorder.cancel());
    assert.equal(await page.evaluate(() => window.page.began), 'aborted');
    assert.equal(await page.evaluate(() => window.page.recorder.state.state), 'setup');
  });
});

describe('a running take', () => {
  it('survives an unplugged device, tiny and huge pictures, and a source that leaves', async () => {
    const take = await page.evaluate(async () => {
      const { page } = window;
      const canvas = (width, height) => {
        const element = Object.assign(document.createElement('canvas'), { width, height });
        const context = element.getContext('2d');
        setInterval(() => context.fillRect(0, 0, width, height), 100);
        return element.captureStream(10);
      };
      await page.add('camera', 'camera');
      await page.recorder.start({ countdown: 0 });
      await page.reached(1);
      const microphone = page.sources.get('camera').stream.getAudioTracks()[0];
      microphone.stop();
      microphone.dispatchEvent(new Event('ended'));
      const endedBySound = page.recorder.sources.find((source) => source.id === 'camera').ended;
      const track = page.sources.get('camera').stream.getVideoTracks()[0];
      track.stop();
      track.dispatchEvent(new Event('ended'));
      await page.recorder.addSource(canvas(2, 2), { id: 'tiny' });
      await page.recorder.addSource(canvas(7680, 4320), { id: 'huge' });
      await page.reached(2);
      await page.recorder.removeSource('twice');
      await page.reached(3);
      const ended = page.recorder.sources.find((source) => source.id === 'camera').ended;
      const stopped = await page.stop();
      await page.recorder.reset();
      return { ...stopped, ended, endedBySound, warnings: page.warnings.map((warning) => warning.code) };
    });
    assert.ok(take.ended);
    assert.ok(!take.endedBySound && take.warnings.includes('sound-ended'));
    assert.ok(take.warnings.includes('source-ended'), take.warnings.join());
    assert.ok(take.duration >= 3, `${take.duration} s`);
    assert.equal((await fetch(take.url, { headers: { Range: 'bytes=0-3' } })).status, 206);
  });
});

describe('devices', () => {
  it('says when the permission was refused', async () => {
    const strict = await launchBrowser({ args: ['--use-fake-ui-for-media-stream=deny'] });
    try {
      const opened = await openPage(strict.context, `${server.url}/`);
      const error = await opened.page.evaluate(async () => {
        const { openCamera } = await import('./keeptake/index.js');
        return window.page.attempt(() => openCamera());
      });
      assert.equal(error.code, 'permission-denied', error.message);
      assert.match(error.message, /Allow it/);
    } finally {
      await strict.close();
    }
  });

  it('says when the device is not there', async () => {
    const error = await page.evaluate(async () => {
      const { openCamera } = await import('./keeptake/index.js');
      return window.page.attempt(() => openCamera({ videoDeviceId: 'unplugged', audioDeviceId: false }));
    });
    assert.equal(error.code, 'no-device', error.message);
  });
});

describe('the server', () => {
  it('refuses a malformed token with a code', async () => {
    const error = await attempt(async (kt) => {
      await kt.open({ server: { url: location.origin, token: 'garbage' }, width: 320, height: 180 });
      await kt.recorder.start({ countdown: 0 });
    });
    assert.equal(error.code, 'unauthorized', error.message);
    assert.equal(await page.evaluate(() => window.page.recorder.state.state), 'setup');
  });

  it('is told apart when it is gone and nothing could keep the take', async () => {
    const error = await attempt(async (kt) => {
      await kt.open({ server: { url: 'http://127.0.0.1:9' }, journal: false, width: 320, height: 180 });
      await kt.recorder.start({ countdown: 0 });
    });
    assert.equal(error.code, 'server-unreachable', error.message);
  });

  it('can forbid recording', async () => {
    const closed = await startServer({ studio, env: { RECORDING_ENABLED: 'false' } });
    try {
      const opened = await openPage(browser.context, `${closed.url}/`);
      const error = await opened.page.evaluate(() =>
        window.page.attempt(async () => {
          await window.page.open({ width: 320, height: 180 });
          await window.page.recorder.start({ countdown: 0 });
        }));
      assert.equal(error.code, 'recording-disabled', error.message);
      await opened.page.close();
    } finally {
      await closed.close();
    }
  });
});
