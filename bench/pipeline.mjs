// The whole pipeline in Chromium: four cameras of 1280x720 at 30 frames/s in one picture of that size, encoded, stored
// by keeptake-server; by turns with the browser's own MediaRecorder on a canvas that the page draws. CPU time is that
// of all the browser's processes, from /proc.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../scripts/lib/run.mjs';
import { packetTimes } from '../tests/e2e/support/media.mjs';
import { launchBrowser, openPage, pageFolder, startServer, temporaryFolder } from '../tests/e2e/support/stack.mjs';
import { bar, median, table, takeTurns } from './lib/figures.mjs';
import { commandLine, family, familyCpu, familyPssBytes, findProcess, mainThreadCpu } from './lib/machine.mjs';

const CAMERAS = 4;
/** The encoder has found its pace and the JavaScript engine has optimised the Wasm code. */
const WARM_UP_SECONDS = 3;
const SHORT_TAKE_SECONDS = 10;
const NOISE_SECONDS = 4;
const MIB = 1024 * 1024;
const CASES = [
  { name: 'Keeptake VP8', kind: 'keeptake', options: { codec: 'vp8', governor: false } },
  { name: 'MediaRecorder VP8', kind: 'native', options: { codec: 'vp8' } },
  { name: 'Keeptake VP9', kind: 'keeptake', options: { codec: 'vp9', governor: false } },
  { name: 'MediaRecorder VP9', kind: 'native', options: { codec: 'vp9' } },
  { name: 'Keeptake VP8, governor', kind: 'keeptake', options: { codec: 'vp8', governor: true } },
  { name: 'Keeptake VP9, governor', kind: 'keeptake', options: { codec: 'vp9', governor: true } },
  { name: 'canvas drawn, not recorded', kind: 'native', options: { codec: null } },
];

/** Cameras that Chromium makes up: flat colour with something that moves. */
function plainCameras() {
  return { name: 'plain', args: [`--use-fake-device-for-media-stream=device-count=${CAMERAS},fps=30`] };
}

/** A camera in bad light: detail everywhere and noise in every picture; one camera, used four times. */
function noisyCamera(folder) {
  const file = join(folder, 'camera.y4m');
  const source = `testsrc2=size=1280x720:rate=30:duration=${NOISE_SECONDS},noise=alls=10:allf=t`;
  const args = ['-v', 'error', '-y', '-f', 'lavfi', '-i', source, '-pix_fmt', 'yuv420p', file];
  execFileSync('ffmpeg', args);
  return { name: 'noisy', args: [`--use-file-for-fake-video-capture=${file}`] };
}

class Stage {
  constructor(folder, studio, server, browser) {
    Object.assign(this, { folder, studio, server, browser });
    this.browserPid = findProcess(`--user-data-dir=${browser.profile}`);
  }

  static async open(folder, args) {
    const studio = pageFolder();
    for (const name of ['pipeline.html', 'pipeline.mjs']) cpSync(join(ROOT, 'bench/page', name), join(studio, name));
    const server = await startServer({ studio });
    try {
      return new Stage(folder, studio, server, await launchBrowser({ args }));
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  async close() {
    await this.browser.close();
    await this.server.close();
    rmSync(this.studio, { recursive: true, force: true });
  }

  /** CPU and memory of the browser and of the page's main thread at this moment. */
  async reading(page) {
    const members = family(this.browserPid);
    const { metrics } = await page.cdp.send('Performance.getMetrics');
    const metric = (name) => metrics.find((each) => each.name === name).value;
    return { members, at: metric('Timestamp'), tasks: metric('TaskDuration') };
  }

  /** Runs `work` on a fresh page with the cameras open. */
  async onPage({ kind, options }, work) {
    const { page, errors } = await openPage(this.browser.context, `${this.server.url}/pipeline.html`);
    page.setDefaultTimeout(0);
    page.cdp = await this.browser.context.newCDPSession(page);
    try {
      await page.cdp.send('Performance.enable');
      await page.waitForFunction('window.bench !== undefined');
      const devices = await page.evaluate((args) => window.bench.open(...args), [kind, CAMERAS, options]);
      await page.evaluate(() => window.bench.start());
      const result = await work(page);
      await page.evaluate(() => window.bench.close());
      if (errors.length > 0) throw new Error(`Errors of the page: ${errors.join(' | ')}`);
      return { devices, ...result };
    } finally {
      await page.close();
    }
  }

  /** Picture times of a finished file. */
  async pictures(page, { url }) {
    const file = join(this.folder, 'take.webm');
    const data = url
      ? Buffer.from(await (await fetch(url)).arrayBuffer())
      : Buffer.from(await page.evaluate(() => window.bench.file()), 'base64');
    writeFileSync(file, data);
    return packetTimes(file, 'v:0');
  }
}

/** Main thread of the renderer that works most: its share of the time between two readings. */
function busiestRenderer(before, after) {
  const renderers = [...after.keys()].filter((pid) => commandLine(pid).join(' ').includes('--type=renderer'));
  const used = (pid) => after.get(pid).cpuSeconds - (before.get(pid)?.cpuSeconds ?? 0);
  return renderers.sort((a, b) => used(b) - used(a))[0];
}

const reached = (page, seconds) => page.evaluate((s) => window.bench.reached(s), seconds);

/** One take; figures are of the time after the warm-up unless they say otherwise. */
async function measureTake(stage, each, seconds) {
  return stage.onPage(each, async (page) => {
    const first = await reached(page, WARM_UP_SECONDS);
    const before = await stage.reading(page);
    const threads = new Map([...before.members.keys()].map((pid) => [pid, mainThreadCpu(pid)]));
    const last = await reached(page, WARM_UP_SECONDS + seconds);
    const after = await stage.reading(page);
    const renderer = busiestRenderer(before.members, after.members);
    const elapsed = after.at - before.at;
    const mainCpu = mainThreadCpu(renderer) - (threads.get(renderer) ?? 0);
    const take = await page.evaluate(() => window.bench.stop());
    const figures = {
      cpuPerSecond: familyCpu(before.members, after.members) / elapsed,
      mainThreadShare: (after.tasks - before.tasks) / elapsed,
      mainThreadCpuShare: mainCpu / elapsed,
      playableMs: take.playableMs,
      bytesPerSecond: take.bytes === undefined ? undefined : take.bytes / take.duration,
      pssBytes: familyPssBytes(after.members),
    };
    if (take.bytes) Object.assign(figures, rates(await stage.pictures(page, take), WARM_UP_SECONDS, seconds));
    if (each.kind === 'keeptake') Object.assign(figures, engineFigures(first, last, take));
    return figures;
  });
}

/** Frames per second and the longest pause between two, seconds, in the span of the file that was measured. */
function rates(times, from, seconds) {
  const inside = times.filter((time) => time >= from && time < from + seconds);
  const gaps = inside.slice(1).map((time, index) => time - inside[index]);
  return { fps: inside.length / seconds, longestGap: Math.max(...gaps) };
}

function engineFigures(first, last, take) {
  return {
    dropped: last.framesDropped - first.framesDropped,
    droppedInAll: last.framesDropped,
    composeMs: last.composeMs,
    encodeMs: last.encodeMs,
    speed: last.speed,
    targetFps: last.targetFps,
    memoryBytes: last.memoryBytes,
    stoppedMs: take.stoppedMs,
    urlMs: take.urlMs,
    warnings: take.warnings,
  };
}

function summary(name, content, runs) {
  const row = { name, content, runs };
  for (const key of Object.keys(runs[0]))
    if (typeof runs[0][key] === 'number') row[key] = median(runs.map((run) => run[key]));
  return row;
}

async function compare(content, folder, { seconds, rounds }) {
  const stage = await Stage.open(folder, content.args);
  try {
    const actors = CASES.map((each) => async () => {
      const figures = await measureTake(stage, each, seconds);
      const fps = figures.fps === undefined ? '' : `, ${figures.fps.toFixed(1)} frames/s`;
      console.log(`  ${content.name}, ${each.name}: ${figures.cpuPerSecond.toFixed(2)} CPU s/s${fps}`);
      return figures;
    });
    const results = await takeTurns(actors, rounds);
    return CASES.map(({ name }, index) => summary(name, content.name, results[index]));
  } finally {
    await stage.close();
  }
}

/** Memory over a long take, and how long the wait after Stop is for a short and for a long one. */
async function longTake(folder, content, { longSeconds }) {
  const stage = await Stage.open(folder, content.args);
  const each = { kind: 'keeptake', options: { codec: 'vp9', governor: true } };
  try {
    const short = await stage.onPage(each, async (page) => {
      await reached(page, SHORT_TAKE_SECONDS);
      return page.evaluate(() => window.bench.stop());
    });
    const samples = [];
    const long = await stage.onPage(each, async (page) => {
      const step = Math.min(60, longSeconds / 2);
      for (let at = step; at <= longSeconds; at += step) {
        const { elapsed, memoryBytes, backlogBytes, framesDropped } = await reached(page, at);
        samples.push({ elapsed, memoryBytes, backlogBytes, framesDropped, pssBytes: familyPssBytes(family(stage.browserPid)) });
      }
      return page.evaluate(() => window.bench.stop());
    });
    const wait = ({ duration, bytes, stoppedMs, urlMs, playableMs }) => ({ duration, bytes, stoppedMs, urlMs, playableMs });
    return { samples, waits: [wait(short), wait(long)] };
  } finally {
    await stage.close();
  }
}

function printTakes(rows, seconds) {
  table(`Pipeline in Chromium: ${CAMERAS} cameras to 1280x720 at 30 frames/s, takes of ${seconds} s`, [
    ['recorder', 'name'], ['picture', 'content'], ['frames/s', 'fps'], ['dropped', 'dropped'], ['longest gap, s', 'longestGap'],
    ['CPU s/s', 'cpuPerSecond'], ['main thread, %', (row) => 100 * row.mainThreadShare],
    ['compose, ms', 'composeMs'], ['encode, ms', 'encodeMs'], ['speed', 'speed'], ['kbit/s', (row) => row.bytesPerSecond / 125],
  ], rows);
}

function printLong({ samples, waits }) {
  table('A long take: memory', [
    ['take, s', 'elapsed'], ['engine, MiB', (row) => row.memoryBytes / MIB], ['browser, MiB', (row) => row.pssBytes / MIB],
    ['not yet stored, KiB', (row) => row.backlogBytes / 1024], ['dropped', 'framesDropped'],
  ], samples);
  table('From Stop to a take that plays, ms', [
    ['take, s', 'duration'], ['stored', 'stoppedMs'], ['URL', 'urlMs'], ['plays', 'playableMs'],
  ], waits);
}

function judge(rows, { samples, waits }) {
  const of = (name, content) => rows.find((row) => row.name === name && row.content === content);
  const bars = [];
  for (const content of [...new Set(rows.map((row) => row.content))]) {
    const [vp8, vp9] = [of('Keeptake VP8', content), of('Keeptake VP9', content)];
    bars.push(bar(`VP8, ${content} cameras, frames/s`, vp8.fps, { least: 29.9 }));
    bars.push(bar(`VP8, ${content} cameras, frames dropped`, vp8.dropped, { most: 1 }));
    bars.push(bar(`VP9, ${content} cameras, frames/s`, vp9.fps, { least: 24 }));
    bars.push(bar(`main thread, VP9, ${content} cameras, share`, vp9.mainThreadShare, { most: 0.05 }));
  }
  const [first, last] = [samples[0], samples.at(-1)];
  bars.push(bar('memory of the engine, MB', last.memoryBytes / 1e6, { most: 400 }));
  bars.push(bar('memory of the engine, end against first minute', last.memoryBytes / first.memoryBytes, { most: 1.01 }));
  for (const wait of waits) bars.push(bar(`Stop to playable, take of ${wait.duration.toFixed(0)} s, ms`, wait.playableMs, { most: 1000 }));
  return bars;
}

export async function run({ quick, long }) {
  const settings = quick ? { seconds: 4, rounds: 1, longSeconds: 12 } : { seconds: 15, rounds: 3, longSeconds: long ? 600 : 120 };
  const folder = mkdtempSync(join(temporaryFolder('bench-pipeline'), 'take-'));
  try {
    const rows = [];
    for (const content of [plainCameras(), noisyCamera(folder)]) rows.push(...(await compare(content, folder, settings)));
    printTakes(rows, settings.seconds);
    const longResult = await longTake(folder, plainCameras(), settings);
    printLong(longResult);
    return { settings, rows, ...longResult, bars: judge(rows, longResult) };
  } finally {
    rmSync(join(folder, '..'), { recursive: true, force: true });
  }
}
