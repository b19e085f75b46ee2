// Each picture of a source once: a numbered canvas of 30 pictures a second, recorded by turns with the package and with
// the browser's own MediaRecorder; the numbers are read from the files. Then the first second of a take in a browser
// profile that has never run the engine, and the pace of four cameras in 1920x1080, where the governor has to choose a
// rate. CPU time is that of all the browser's processes above drawing alone.
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../scripts/lib/run.mjs';
import { packetTimes } from '../tests/e2e/support/media.mjs';
import { judgeNumbers, spacing } from '../tests/e2e/support/numbered.mjs';
import { launchBrowser, openPage, pageFolder, startServer, temporaryFolder } from '../tests/e2e/support/stack.mjs';
import { bar, median, table, takeTurns } from './lib/figures.mjs';
import { family, familyCpu, findProcess } from './lib/machine.mjs';

const SIZE = { width: 1280, height: 720, fps: 30, sourceFps: 30 };
const REST_SECONDS = 4;
const CODECS = ['vp8', 'vp9'];
const FULL = { width: 1920, height: 1080 };
const CAMERAS = 4;
/** The governor has found its rate. */
const SETTLED_SECONDS = 8;

/** Pictures a second once the pace is found, and how even they are: the share that lies at the commonest distance. */
function judgeTimes(file) {
  const times = packetTimes(file, 'v:0').filter((time) => time >= SETTLED_SECONDS);
  const gaps = spacing(times);
  // 33 and 34 ms are the same distance in a file that counts milliseconds.
  const near = gaps.filter(([ms]) => Math.abs(ms - gaps[0][0]) <= 1).reduce((all, [, count]) => all + count, 0);
  return { fps: (times.length - 1) / (times.at(-1) - times[0]), even: near / (times.length - 1), spacing: gaps.slice(0, 5) };
}

async function measure(world, each, seconds) {
  const { page, errors } = await openPage(world.browser.context, `${world.server.url}/cadence.html`);
  try {
    page.setDefaultTimeout(0);
    await page.waitForFunction('window.bench !== undefined');
    await page.evaluate((options) => window.bench.open(options), { ...SIZE, rest: REST_SECONDS, ...each });
    await page.evaluate(() => window.bench.start());
    const pid = findProcess(`--user-data-dir=${world.browser.profile}`);
    const [before, began] = [family(pid), performance.now()];
    await page.evaluate((ms) => window.bench.wait(ms), seconds * 1000);
    const cpu = familyCpu(before, family(pid)) / ((performance.now() - began) / 1000);
    const data = await page.evaluate(() => window.bench.stop());
    if (errors.length > 0) throw new Error(`Errors of the page: ${errors.join(' | ')}`);
    if (!data) return { cpu };
    const file = join(world.folder, 'take.webm');
    writeFileSync(file, Buffer.from(data, 'base64'));
    const figures = { cpu, ...(each.kind === 'cameras' ? judgeTimes(file) : judgeNumbers(file, SIZE.fps)) };
    console.log(`  ${each.name}: ${JSON.stringify(figures)}`);
    return figures;
  } finally {
    await page.close();
  }
}

async function withBrowser(world, work, args = []) {
  const browser = await launchBrowser({ args });
  try {
    return await work({ ...world, browser });
  } finally {
    await browser.close();
  }
}

const summary = (name, runs) =>
  Object.assign({ name, runs }, ...Object.keys(runs[0]).map((key) => ({ [key]: median(runs.map((run) => run[key])) })));

async function compare(world, codec, { seconds, rounds }) {
  const cases = [
    { name: `Keeptake ${codec}`, kind: 'own', codec },
    { name: `MediaRecorder ${codec}`, kind: 'native', codec },
    { name: 'drawn, not recorded', kind: 'none', codec },
  ];
  const results = await withBrowser(world, (open) =>
    takeTurns(cases.map((each) => () => measure(open, each, seconds)), rounds));
  const [own, native, none] = cases.map(({ name }, i) => summary(name, results[i]));
  for (const row of [own, native]) row.above = row.cpu - none.cpu;
  return { codec, own, native, none, ratio: own.above / native.above };
}

/** A browser that has never run the engine, started at once and after some seconds of setup; then the same again. */
async function firstSeconds(world) {
  const rows = [];
  for (const codec of CODECS)
    for (const height of [720, 1080])
      for (const rest of [0, REST_SECONDS])
        await withBrowser(world, async (open) => {
          for (const profile of ['cold', 'warm']) {
            const name = `${codec} ${height}p, ${rest} s of setup, ${profile}`;
            const size = { width: (height * 16) / 9, height };
            rows.push({ name, ...(await measure(open, { name, kind: 'own', codec, rest, ...size }, 3)) });
          }
        });
  return rows;
}

/** Four cameras of 1280x720 to 1920x1080, the governor on, as a page has it that asks for nothing else. */
async function fourCameras(world, seconds) {
  const args = [`--use-fake-device-for-media-stream=device-count=${CAMERAS},fps=30`];
  const rows = [];
  for (const codec of CODECS)
    await withBrowser(world, async (open) => {
      const each = { name: `${codec}, ${CAMERAS} cameras, 1920x1080`, kind: 'cameras', cameras: CAMERAS, codec, ...FULL };
      rows.push({ name: each.name, codec, ...(await measure(open, each, SETTLED_SECONDS + seconds)) });
    }, args);
  return rows;
}

/** For a look at single takes. */
export { withBrowser, measure, firstSeconds, fourCameras };

export async function inWorld(work) {
  const studio = pageFolder();
  for (const name of ['cadence.html', 'cadence.mjs', 'recorders.mjs']) cpSync(join(ROOT, 'bench/page', name), join(studio, name));
  const server = await startServer({ studio });
  const world = { server, folder: temporaryFolder('cadence') };
  try {
    return await work(world);
  } finally {
    await server.close();
    rmSync(studio, { recursive: true, force: true });
    rmSync(world.folder, { recursive: true, force: true });
  }
}

const PLANS = { quick: { seconds: 4, rounds: 1 }, full: { seconds: 30, rounds: 1 } };

/** One numbered camera with the package and with the browser's own recorder: rows and bars, the table printed. */
async function numbered(world, plan) {
  const codecs = [];
  for (const codec of CODECS) codecs.push(await compare(world, codec, plan));
  table('One numbered source, 1280x720 at 30/s', [
    ['recorder', 'name'], ['pictures', 'pictures'], ['twice', 'twice'], ['missing', 'missing'],
    ['CPU s/s above drawing', 'above'],
  ], codecs.flatMap(({ own, native }) => [own, native]));
  const bars = codecs.flatMap(({ codec, own, ratio }) => [
    bar(`${codec}: pictures twice or missing, %`, (100 * Math.max(own.twice, own.missing)) / own.pictures, { most: 0.31 }),
    bar(`${codec}: CPU, times the browser's own recorder`, ratio, { most: codec === 'vp8' ? 1.5 : 1.8 }),
  ]);
  return { codecs, bars };
}

/** The numbered pictures alone, for the quality suite. */
export function numberedPictures({ quick }) {
  return inWorld((world) => numbered(world, quick ? PLANS.quick : PLANS.full));
}

export async function run({ quick }) {
  const plan = quick ? PLANS.quick : PLANS.full;
  return inWorld(async (world) => {
    const { codecs, bars } = await numbered(world, plan);
    const first = await firstSeconds(world);
    const cameras = await fourCameras(world, plan.seconds);
    table('The first second of a take', [
      ['take', 'name'], ['slots without a picture', 'holes'], ['pictures missing', 'firstMissing'], ['twice', 'firstTwice'],
    ], first);
    table('The pace of four cameras', [
      ['take', 'name'], ['pictures/s', 'fps'], ['of them at one distance, %', (row) => 100 * row.even],
      ['distances, ms (how often)', ({ spacing: all }) => all.map(([ms, count]) => `${ms} (${count})`).join(' ')],
      ['CPU s/s', 'cpu'],
    ], cameras);
    bars.push(bar('first second: slots without a picture, most of any take', Math.max(...first.map(({ holes }) => holes)), { most: 1 }));
    for (const { name, codec, fps, even } of cameras) {
      bars.push(bar(`${name}, pictures/s`, fps, { least: codec === 'vp8' ? 29.9 : 23.9 }));
      bars.push(bar(`${name}, evenly spaced, share`, even, { least: 0.995 }));
    }
    return { codecs, first, cameras, bars };
  });
}
