// The studio as `npm start` serves it: built by Vite, under the server's own policy.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { beeps, frames } from './support/media.mjs';
import { launchBrowser, openPage, ROOT, startServer } from './support/stack.mjs';

let server;
let browser;
before(async () => {
  const studio = join(ROOT, 'web/pages/studio/dist');
  assert.ok(existsSync(join(studio, 'index.html')), 'npm test builds the studio');
  server = await startServer({ studio });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

describe('the built studio', () => {
  it('records with threads, from files that can be cached for good', { timeout: 60_000 }, async () => {
    const { page, errors } = await openPage(browser.context, 'about:blank');
    const engine = new Map();
    page.on('response', (response) => {
      const file = response.url().split('/').pop();
      if (file.startsWith('keeptake-engine-')) engine.set(file, response.headers()['cache-control']);
    });
    await page.goto(`${server.url}/`);
    await page.waitForFunction(() => document.querySelector('keeptake-studio')?.recorder?.state.state === 'setup');
    const seen = await page.evaluate(async () => {
      const { recorder } = document.querySelector('keeptake-studio');
      await recorder.start({ countdown: 0 });
      while ((recorder.stats?.elapsed ?? 0) < 1) await new Promise((resolve) => setTimeout(resolve, 50));
      const { variant } = recorder.stats;
      return { variant, duration: (await recorder.stop()).duration };
    });
    assert.equal(seen.variant, 'threaded');
    assert.ok(seen.duration >= 1);
    assert.deepEqual([...engine.keys()].map((name) => name.replace(/-[\w-]{8}\./, '.')).sort(), ['keeptake-engine-mt.mjs', 'keeptake-engine-mt.wasm']);
    for (const [file, caching] of engine) assert.match(caching, /immutable/, file);
    assert.deepEqual(errors, []);
    await page.close();
  });

  it('records a file that begins with the take, a logo and a mark, and lists the take with its last picture', { timeout: 90_000 }, async () => {
    const { page, errors } = await openPage(browser.context, `${server.url}/?width=320&height=180&codec=vp8&countdown=0`);
    await page.waitForFunction(() => document.querySelector('keeptake-studio')?.recorder?.state.state === 'setup');
    await page.getByLabel('Video file').setInputFiles(clip());
    await page.waitForFunction(() => document.querySelector('keeptake-studio').recorder.sources.length === 1);
    await page.getByRole('switch', { name: 'Start with the take' }).check();
    await page.evaluate(() => {
      const { store } = document.querySelector('keeptake-studio').shadowRoot.querySelector('kt-device-picker');
      const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40" fill="#f00"/></svg>';
      const image = new Blob([svg], { type: 'image/svg+xml' });
      const composition = { ...store.composition, layout: 'screen-only', gap: 0 };
      return store.perform('kt-composition-request', { composition })
        .then(() => store.perform('kt-logo-request', { image, corner: 'bottom-right', size: 0.25 }));
    });
    await page.getByRole('button', { name: 'Start Recording' }).click();
    await page.waitForFunction(() => (document.querySelector('keeptake-studio').recorder.stats?.elapsed ?? 0) >= 2);
    await page.keyboard.press('k');
    await page.waitForFunction(() => (document.querySelector('keeptake-studio').recorder.stats?.elapsed ?? 0) >= 4);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('kt-player').waitFor();
    await page.getByRole('button', { name: /^00:0[2-4], go to Mark 1$/ }).waitFor();
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download' }).click();
    const file = await (await saved).path();
    // The clip is green and then blue, with a tone half a second after its beginning.
    const seen = frames(file, { filter: 'crop=160:90:40:30', width: 1, height: 1 });
    const is = (channel) => ({ rgb }) => rgb[channel] > 120 && rgb[(channel + 1) % 3] < 90 && rgb[(channel + 2) % 3] < 90;
    const [green, blue] = [seen.filter(is(1)), seen.filter(is(2))];
    assert.ok(green.length > 5 && blue.length > 5, `${green.length} green and ${blue.length} blue pictures of ${seen.length}`);
    assert.ok(blue[0].time > green[0].time);
    assert.ok(beeps(file).starts.length > 0, 'its sound is in the take');
    const corner = frames(file, { filter: 'crop=20:20:280:140', width: 1, height: 1 });
    assert.ok(corner.filter(is(0)).length > 0.9 * corner.length, 'the logo is in the take');
    await page.getByRole('button', { name: 'New take' }).click();
    await page.getByRole('button', { name: 'Recordings' }).click();
    const picture = page.locator('studio-thumbnail img').first();
    await picture.waitFor();
    assert.equal(await picture.evaluate((image) => image.decode().then(() => image.naturalWidth)), 320);
    assert.deepEqual(errors, []);
    await page.close();
  });

  it('offers a take that was cut off, salvages it and plays it; another one is thrown away', { timeout: 90_000 }, async () => {
    const cutAt = await cutOff(2.5);
    const { page, errors } = await openPage(browser.context, `${server.url}/`);
    const modal = page.locator('kt-recovery-modal');
    await modal.locator('dialog[open]').waitFor();
    assert.equal(await modal.locator('h3').textContent(), 'Tide tables');
    assert.equal(await modal.locator('img').evaluate((image) => image.decode().then(() => image.naturalWidth)), 320);
    await modal.getByRole('button', { name: 'Salvage' }).click();
    const video = page.locator('kt-player video');
    await video.waitFor();
    await page.waitForFunction(() => document.querySelector('keeptake-studio').shadowRoot.querySelector('kt-player')
      .shadowRoot.querySelector('video')?.readyState >= 2);
    const duration = await video.evaluate((element) => element.duration);
    // How little is lost is measured by tests/crash; on a busy machine the tab lives on for a while.
    assert.ok(duration > cutAt - 1 && duration < cutAt + 6, `${duration} s of ${cutAt} s`);
    await page.getByRole('button', { name: 'Scene JSON' }).click();
    await page.getByRole('region', { name: 'Scene JSON text' }).filter({ hasText: 'duration' }).waitFor();
    assert.equal(await page.locator('button.unfinished').count(), 0);
    assert.deepEqual(errors, []);
    await page.close();

    await cutOff(1.5);
    const again = (await openPage(browser.context, `${server.url}/`)).page;
    await again.getByRole('button', { name: 'Start Over' }).click();
    await again.getByRole('button', { name: 'Undo: keep Tide tables' }).click();
    await again.locator('kt-recovery-modal h3').filter({ hasText: 'Tide tables' }).waitFor();
    await again.getByRole('button', { name: 'Start Over' }).click();
    await again.locator('kt-recovery-modal dialog[open]').waitFor({ state: 'detached' });
    // What is thrown away goes when the time to undo is over.
    await again.waitForFunction(async () =>
      (await (await fetch('/api/v1/recordings')).json()).recordings.every((recording) => recording.state === 'complete'));
    await again.reload();
    await again.waitForFunction(() => document.querySelector('keeptake-studio')?.recorder?.state.state === 'setup');
    assert.equal(await again.locator('kt-recovery-modal dialog[open]').count(), 0);
    await again.close();
  });
});

describe('the host at the real studio', () => {
  it('hears itself before the take: levels, words, five seconds through the package, and the echo switch', { timeout: 90_000 }, async () => {
    const { page, errors } = await openPage(browser.context, `${server.url}/?width=320&height=180&codec=vp8&countdown=0`);
    await page.getByRole('button', { name: 'Turn on camera and microphone' }).click();
    await page.getByRole('button', { name: 'Sound check' }).click();
    // The fake microphone beeps once a second.
    await page.locator('kt-sound-check .words', { hasText: /We hear you|Too loud/ }).waitFor();
    const track = () => page.evaluate(() => {
      const { media } = document.querySelector('keeptake-studio').shadowRoot.querySelector('kt-device-picker').store;
      const [microphone] = media.get('host').stream.getAudioTracks();
      return { state: microphone.readyState, ...microphone.getSettings() };
    });
    assert.equal((await track()).echoCancellation, true);
    await page.getByRole('switch', { name: 'Cancel echo' }).click();
    await page.waitForFunction(() => {
      const { media } = document.querySelector('keeptake-studio').shadowRoot.querySelector('kt-device-picker').store;
      return media.get('host').stream.getAudioTracks()[0]?.getSettings().echoCancellation === false;
    });
    assert.equal((await track()).state, 'live');
    await page.getByRole('button', { name: 'Record 5 seconds' }).click();
    const played = page.locator('kt-sound-check video');
    await played.waitFor({ timeout: 45_000 });
    const heard = await played.evaluate(async (video) => {
      const context = new AudioContext();
      const meter = context.createAnalyser();
      context.createMediaElementSource(video).connect(meter);
      const samples = new Float32Array(meter.fftSize);
      let loudest = 0;
      video.currentTime = 0;
      await video.play();
      for (const end = performance.now() + 8000; performance.now() < end && loudest < 0.01;) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        meter.getFloatTimeDomainData(samples);
        loudest = samples.reduce((most, each) => Math.max(most, Math.abs(each)), loudest);
      }
      await context.close();
      return { seconds: video.duration, loudest };
    });
    assert.ok(heard.seconds > 4.5 && heard.seconds < 9, `${heard.seconds} s`);
    assert.ok(heard.loudest > 0.01, `the beep is in it: ${heard.loudest}`);
    await page.getByRole('button', { name: 'Done' }).click();
    // The recorder beside it is unharmed, and is told at Start of what is wrong.
    await page.getByRole('button', { name: 'Mute my microphone' }).click();
    await page.getByRole('button', { name: 'Start Recording' }).click();
    await page.getByRole('button', { name: 'Unmute and record' }).click();
    await page.waitForFunction(() => (document.querySelector('keeptake-studio').recorder.stats?.elapsed ?? 0) >= 1);
    assert.equal(await page.evaluate(() => document.querySelector('keeptake-studio').recorder.sources[0].audioMuted), false);
    await page.keyboard.press('Shift+S');
    await page.locator('kt-player').waitFor();
    assert.deepEqual(errors, []);
    await page.close();
  });

  it('does not wait for a server that is gone: the take is left, downloaded, and the next one begins', { timeout: 90_000 }, async () => {
    const own = await startServer({ studio: join(ROOT, 'web/pages/studio/dist') });
    const { page } = await openPage(browser.context, 'about:blank');
    // What brings takes back is loaded while the server is there.
    const ready = page.waitForEvent('response', { predicate: (response) => /keeptake-engine-st.*\.wasm/.test(response.url()), timeout: 30_000 });
    await page.goto(`${own.url}/?width=320&height=180&codec=vp8&countdown=0`);
    await page.getByRole('button', { name: 'Test pattern' }).click();
    await page.waitForFunction(() => document.querySelector('keeptake-studio').recorder.sources.length === 1);
    await (await ready).finished();
    await page.getByRole('button', { name: 'Start Recording' }).click();
    await page.waitForFunction(() => (document.querySelector('keeptake-studio').recorder.stats?.elapsed ?? 0) >= 1.5);
    await own.stop('SIGKILL');
    await page.keyboard.press('Shift+S');
    await page.getByRole('button', { name: 'Try now' }).click({ timeout: 30_000 });
    await page.getByRole('button', { name: 'Download or finish later' }).click();
    const modal = page.locator('kt-recovery-modal');
    await modal.locator('dialog[open]').waitFor();
    assert.equal(await page.evaluate(() => document.querySelector('keeptake-studio').recorder.state.state), 'setup');
    const downloading = page.waitForEvent('download', { timeout: 30_000 });
    await modal.getByRole('button', { name: 'Download what is here' }).click();
    assert.match((await downloading).suggestedFilename(), /\.webm$/);
    await modal.getByRole('button', { name: 'Decide later' }).click();
    // The next one needs no server either, and is left in the same way.
    await page.getByRole('button', { name: 'Start Recording' }).click();
    await page.waitForFunction(() => (document.querySelector('keeptake-studio').recorder.stats?.elapsed ?? 0) >= 1);
    await page.keyboard.press('Shift+S');
    await page.getByRole('button', { name: 'Download or finish later' }).click({ timeout: 30_000 });
    await modal.locator('dialog[open]').waitFor();
    assert.equal(await modal.locator('.take').count(), 2);
    await page.close();
    await own.close();
  });
});

/** A file of 4 s: green, from 1.5 s on blue; a tone from 0.5 to 1.5 s. */
function clip() {
  const file = join(server.data, 'clip.webm');
  const picture = 'color=0x00c000:s=320x180:r=30:d=1.5[a];color=0x0000ff:s=320x180:r=30:d=2.5[b];[a][b]concat[v]';
  const sound = 'sine=frequency=880:duration=1:sample_rate=48000,volume=5,adelay=500,apad=whole_dur=4,asetnsamples=960[s]';
  const args = ['-v', 'error', '-y', '-filter_complex', `${picture};${sound}`, '-map', '[v]', '-map', '[s]'];
  execFileSync('ffmpeg', [...args, '-c:v', 'libvpx', '-b:v', '400k', '-c:a', 'libopus', '-t', '4', file]);
  return file;
}

/** Records in a tab of its own and closes it without a word; gives the take's time at that moment, seconds. */
async function cutOff(seconds) {
  const { page } = await openPage(browser.context, `${server.url}/?width=320&height=180&codec=vp8&countdown=0`);
  await page.waitForFunction(() => document.querySelector('keeptake-studio')?.recorder?.state.state === 'setup');
  await page.getByRole('textbox', { name: 'Take title' }).fill('Tide tables');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Test pattern' }).click();
  const studio = page.locator('keeptake-studio');
  await page.waitForFunction(() => document.querySelector('keeptake-studio').recorder.sources.length === 1);
  await page.getByRole('button', { name: 'Start Recording' }).click();
  await page.waitForFunction((end) => (document.querySelector('keeptake-studio').recorder.stats?.elapsed ?? 0) >= end, seconds);
  const elapsed = await studio.evaluate((element) => element.recorder.stats.elapsed);
  await page.close();
  return elapsed;
}
