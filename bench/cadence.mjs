// Each picture of a source once: a numbered canvas of 30 pictures a second, recorded by turns with the package and with
// the browser's own MediaRecorder; the numbers are read from the files. Then the first second of a take in a browser
// profile that has never run the engine. CPU time is that of all the browser's processes above drawing alone.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../scripts/lib/run.mjs';
import { packetTimes } from '../tests/e2e/support/media.mjs';
import { launchBrowser, openPage, pageFolder, startServer, temporaryFolder } from '../tests/e2e/support/stack.mjs';
import { bar, median, table, takeTurns } from './lib/figures.mjs';
import { family, familyCpu, findProcess } from './lib/machine.mjs';

const SIZE = { width: 1280, height: 720, fps: 30, sourceFps: 30 };
const BITS = 12;
const REST_SECONDS = 4;
const CODECS = ['vp8', 'vp9'];

/** The number that each picture of a file shows: its bars, each as one pixel. */
function numbers(file) {
  const filter = `crop=iw:ih/2:0:0,scale=${BITS}:1:flags=area`;
  const args = ['-v', 'error', '-i', file, '-vsync', '0', '-vf', filter, '-pix_fmt', 'gray', '-f', 'rawvideo', '-'];
  const bytes = execFileSync('ffmpeg', args, { maxBuffer: 1 << 26 });
  return Array.from({ length: bytes.length / BITS }, (_, picture) =>
    bytes.subarray(picture * BITS, (picture + 1) * BITS).reduce((all, level, bit) => all | (level > 127 ? 1 << bit : 0), 0));
}

/** Twice and missing between the first and the last picture; holes: slots without a picture in the first second. */
function judge(file) {
  const shown = numbers(file);
  const times = packetTimes(file, 'v:0');
  let twice = 0;
  let missing = 0;
  let firstMissing = 0;
  for (let i = 1; i < shown.length; i++) {
    if (shown[i] === shown[i - 1]) twice++;
    const left = Math.max(0, shown[i] - shown[i - 1] - 1);
    missing += left;
    if (times[i] < 1) firstMissing += left;
  }
  let holes = 0;
  for (let i = 1; i < times.length && times[i] < 1; i++)
    holes += Math.max(0, Math.round((times[i] - times[i - 1]) * SIZE.fps) - 1);
  return { pictures: shown.length, twice, missing, firstMissing, holes };
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
    const figures = { cpu, ...judge(file) };
    console.log(`  ${each.name}: ${JSON.stringify(figures)}`);
    return figures;
  } finally {
    await page.close();
  }
}

async function withBrowser(world, work) {
  const browser = await launchBrowser();
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

export async function run(options) {
  const plan = options.quick ? { seconds: 4, rounds: 1 } : { seconds: 30, rounds: 1 };
  const studio = pageFolder();
  for (const name of ['cadence.html', 'cadence.mjs']) cpSync(join(ROOT, 'bench/page', name), join(studio, name));
  const server = await startServer({ studio });
  const world = { server, folder: temporaryFolder('cadence') };
  try {
    const codecs = [];
    for (const codec of CODECS) codecs.push(await compare(world, codec, plan));
    const first = await firstSeconds(world);
    table('One numbered source, 1280x720 at 30/s', [
      ['recorder', 'name'], ['pictures', 'pictures'], ['twice', 'twice'], ['missing', 'missing'],
      ['CPU s/s above drawing', 'above'],
    ], codecs.flatMap(({ own, native }) => [own, native]));
    table('The first second of a take', [['take', 'name'], ['slots without a picture', 'holes'], ['pictures missing', 'firstMissing']], first);
    const bars = codecs.flatMap(({ codec, own, ratio }) => [
      bar(`${codec}: pictures twice or missing, %`, (100 * Math.max(own.twice, own.missing)) / own.pictures, { most: 0.31 }),
      bar(`${codec}: CPU, times the browser's own recorder`, ratio, { most: codec === 'vp8' ? 1.5 : 1.8 }),
    ]);
    return { codecs, first, bars };
  } finally {
    await server.close();
    rmSync(studio, { recursive: true, force: true });
    rmSync(world.folder, { recursive: true, force: true });
  }
}
