// `npm start -- --demo 10 --out take.webm [--json summary.json]`: the whole main path without a person. Starts the
// server, drives the studio in headless Chromium with fake cameras as a host would, downloads the take through
// its playback address, looks at it, prints a summary. Throws when anything is wrong with the take.
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packetTimes, probe, readElements } from '../tests/e2e/support/media.mjs';
import { launchBrowser, openPage, startServer } from '../tests/e2e/support/stack.mjs';
import { ROOT } from './lib/run.mjs';

const PAUSE_SECONDS = 2;
const GAP_SECONDS = 0.25;

/** `argv`: the arguments after `--demo`'s own, as given to npm start. */
export function demoOptions(argv) {
    const value = (name) => {
        const at = argv.indexOf(name);
        return at < 0 ? undefined : argv[at + 1];
    };
    const seconds = Number(value('--demo') ?? 10);
    if (!(seconds >= 4 && seconds <= 3600)) throw new Error(`--demo ${value('--demo')}: seconds, 4 to 3600.`);
    return { seconds, out: resolve(value('--out') ?? 'take.webm'), json: value('--json') };
}

async function timerReaches(page, seconds) {
    const timer = page.getByRole('timer', { name: 'Elapsed time' });
    const deadline = Date.now() + (seconds * 3 + 60) * 1000;
    for (;;) {
        const parts = (await timer.innerText()).trim().split(':').map(Number);
        if (parts.reduce((sum, part) => sum * 60 + part, 0) >= seconds) return;
        if (Date.now() > deadline) throw new Error(`The take did not reach ${seconds} s.`);
        await page.waitForTimeout(50);
    }
}

/** The host's hands: three participants, one layout change, one hook, one pause. */
async function recordShow(page, seconds) {
    const button = (name) => page.getByRole('button', { name, exact: true });
    const state = page.getByRole('status', { name: 'Take state' });
    const becomes = (text, ms = 60_000) => state.filter({ hasText: text }).waitFor({ timeout: ms });
    await button('Turn on camera and microphone').click();
    await page.getByRole('list', { name: 'People' }).getByText('Host').waitFor();
    await button('Second camera').click();
    await page.getByRole('list', { name: 'People' }).getByText('Second camera').waitFor();
    await button('Test pattern').click();
    await page.getByRole('list', { name: 'People' }).getByText('Test pattern').waitFor();
    await page.waitForTimeout(500);
    await button('Start Recording').click();
    await becomes('Recording');
    await timerReaches(page, Math.floor(seconds * 0.3));
    await page.getByRole('tab', { name: 'Layout' }).click();
    await page.getByRole('radio', { name: 'Spotlight' }).check({ force: true });
    await timerReaches(page, Math.floor(seconds * 0.5));
    await page.getByRole('tab', { name: 'Hooks' }).click();
    await page.getByRole('textbox', { name: 'Text', exact: true }).fill('Live from the demo');
    await button('Show hook').click();
    await timerReaches(page, Math.floor(seconds * 0.7));
    await button('Pause').click();
    const dialog = page.getByRole('dialog', { name: 'Paused' });
    await dialog.waitFor();
    await page.waitForTimeout(PAUSE_SECONDS * 1000);
    await dialog.getByRole('button', { name: 'Resume' }).click();
    await becomes('Recording');
    await timerReaches(page, seconds);
    await button('Stop').click();
    await becomes('Saved', 120_000);
}

/** Everything worth knowing of the file, and what is wrong with it. */
function inspect(file, wanted, scene) {
    const info = probe(file);
    const stream = (type) => info.streams.find((each) => each.codec_type === type);
    const [video, audio] = [stream('video'), stream('audio')];
    const times = packetTimes(file, 'v:0');
    const gaps = times.slice(1).flatMap((time, index) => {
        const length = time - times[index];
        return length > GAP_SECONDS ? [{ at: times[index], seconds: Number(length.toFixed(3)) }] : [];
    });
    const elements = readElements(file);
    const duration = Number(info.format.duration ?? 0);
    const problems = [];
    const expect = (holds, problem) => holds || problems.push(problem);
    expect(video?.codec_name === 'vp9' || video?.codec_name === 'vp8', `video codec ${video?.codec_name}`);
    expect(audio?.codec_name === 'opus', `audio codec ${audio?.codec_name}`);
    expect(duration >= wanted - 0.1 && duration < wanted + 2, `duration ${duration} s instead of ${wanted} s`);
    expect(Math.abs(duration - scene.duration) < 0.05, `file ${duration} s, scene ${scene.duration} s`);
    expect(elements.cues && elements.duration, 'not seekable: Cues or Duration are missing');
    expect(scene.pauses.length === 1, `${scene.pauses.length} pauses in the scene`);
    expect(scene.hooks.length === 1, `${scene.hooks.length} hooks in the scene`);
    expect(scene.sources.length === 3, `${scene.sources.length} participants in the scene`);
    expect(scene.sources.some((source) => source.spans.length > 1), 'no layout change in the scene');
    expect(gaps.every((gap) => gap.seconds < PAUSE_SECONDS - 0.5), 'the pause is in the file');
    return {
        file,
        video: video?.codec_name,
        audio: audio?.codec_name,
        width: video?.width,
        height: video?.height,
        bytes: Number(info.format.size),
        duration,
        frames: times.length,
        fps: Number((times.length / duration).toFixed(2)),
        seekable: elements.cues && elements.duration,
        gaps,
        problems,
    };
}

function print(summary) {
    const gaps = summary.gaps.map((gap) => `${gap.seconds} s at ${gap.at.toFixed(2)} s`).join(', ') || 'none';
    console.log(`
  file      ${summary.file}
  codec     ${summary.video} + ${summary.audio}
  size      ${summary.width} x ${summary.height}, ${(summary.bytes / 1e6).toFixed(2)} MB
  duration  ${summary.duration.toFixed(3)} s, ${summary.frames} pictures (${summary.fps} a second)
  seekable  ${summary.seekable ? 'yes' : 'no'}
  gaps      ${gaps}`);
    for (const problem of summary.problems) console.error(`  wrong     ${problem}`);
}

export async function demo(argv) {
    const options = demoOptions(argv);
    const studio = join(ROOT, 'web/pages/studio/dist');
    if (!existsSync(studio)) throw new Error('The studio is not built.');
    const server = await startServer({ studio });
    const browser = await launchBrowser({ args: ['--use-fake-device-for-media-stream=device-count=2'] });
    try {
        console.log(`  studio    ${server.url}/ in headless Chromium, ${options.seconds} s of take`);
        const { page, errors } = await openPage(browser.context, `${server.url}/`);
        await recordShow(page, options.seconds);
        const recording = await latestRecording(page);
        const response = await fetch(recording.url);
        if (!response.ok) throw new Error(`The playback address answered ${response.status}.`);
        writeFileSync(options.out, Buffer.from(await response.arrayBuffer()));
        const summary = inspect(options.out, options.seconds, recording.scene);
        for (const error of errors) summary.problems.push(`the page reported: ${error}`);
        print(summary);
        if (options.json) writeFileSync(options.json, `${JSON.stringify(summary, null, 2)}\n`);
        if (summary.problems.length > 0) throw new Error(`${summary.problems.length} things are wrong with the take.`);
    } finally {
        await browser.close();
        await server.close();
    }
}

/** Asked in the page, where the owner's session is. */
function latestRecording(page) {
    return page.evaluate(async () => {
        const call = async (method, path, body) => {
            const response = await fetch(`/api/v1${path}`, {
                method,
                headers: body ? { 'Content-Type': 'application/json' } : {},
                body: body ? JSON.stringify(body) : undefined,
            });
            if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`);
            return response.json();
        };
        const { recordings } = await call('GET', '/recordings?limit=1');
        const { id, state } = recordings[0];
        if (state !== 'complete') throw new Error(`The recording is "${state}".`);
        const { url } = await call('POST', `/recordings/${id}/playback`, {});
        return { id, url, scene: await call('GET', `/recordings/${id}/scene`) };
    });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
    try {
        await demo(process.argv.slice(2));
    } catch (error) {
        console.error(`The demo failed: ${error.message}`);
        process.exitCode = 1;
    }
}
