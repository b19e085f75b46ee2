#!/usr/bin/env node
// Kills browsers that record and looks at what is left. Each run: a headless Chromium records pictures and sound that
// carry wall time (tests/crash/page), is killed in one of five ways at a random moment, a new browser on the same
// profile salvages the take, and the finished file is decoded. Loss is the moment of the kill minus the last moment
// in the file. A sixth way takes the profile, too: then the server salvages alone. docs/crash.md; `npm run crash -- browser` builds what this needs first.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spawnSync } from 'node:child_process';
import { median, table } from '../../bench/lib/figures.mjs';
import { busyBetween, cpuTimes, describeMachine, describeVersions } from '../../bench/lib/machine.mjs';
import { packetTimes, probe, readElements } from '../e2e/support/media.mjs';
import { ROOT, launchBrowser, openPage, startServer, temporaryFolder } from '../e2e/support/stack.mjs';
import { lastMoments } from './marks.mjs';

const killBrowser = async ({ pid, pageTime }) => pageTime(killAll([pid]));

/** How each kill is done; resolves to the moment of it on the page's clock, null where only the page knows (`leftAt`). */
export const KINDS = {
  browser: killBrowser,
  renderer: async ({ pid, pageTime }) =>
    pageTime(killAll(descendants(pid).filter((one) => commandOf(one).includes('--type=renderer')))),
  worker: ({ page }) => page.evaluate(() => window.crash.terminateWorker()),
  tab: async ({ page }) => {
    const closed = new Promise((done) => page.once('close', done));
    await page.close({ runBeforeUnload: true });
    await closed;
    return null;
  },
  navigation: async ({ page }) => {
    await page.goto('about:blank');
    // The old page is told to go while the new one is there already; a browser that is closed now would kill it.
    await pause(500);
    return null;
  },
  machine: killBrowser, // its profile is not looked at again
};
const USUAL_KINDS = Object.keys(KINDS).filter((kind) => kind !== 'machine');

const KEEP_LOSS_MS = 1000;

const HELP = `npm run crash -- browser [OPTIONS]
  --runs N          kills in all, the kinds in turn (25)
  --seed S          of the moments (1); a run is repeated by its own seed: --runs 1 --seed S --kinds KIND
  --json FILE       options, machine, and every run
  --jobs N          takes at once (1)
  --kinds A,B       of ${Object.keys(KINDS).join(', ')} (all but machine)
  --least S         a kill comes after so many seconds of take at the earliest (1.5)
  --most S          and at the latest (6)
  --codec vp8|vp9   (vp8)
  --size WxH        (640x360)
  --fps N           (30)
  --bitrate N       bits a second of the picture (2500000)
  --durability D    of the journal: relaxed or strict (the package's default)
  --keep FOLDER     keeps profile and file of every run that failed or lost more than a second
  --plain           without a shared memory between page and worker (not cross-origin isolated)`;

function number(text, name, least, most) {
  const value = Number(text);
  if (!(value >= least && value <= most)) throw new Error(`--${name} ${text}: ${least} to ${most}.`);
  return value;
}

/** Options of the command line; null where help was asked for. */
export function parse(args) {
  const text = { type: 'string' };
  const { values } = parseArgs({
    args,
    options: {
      runs: text, seed: text, json: text, jobs: text, kinds: text, least: text, most: text, codec: text, size: text,
      fps: text, bitrate: text, durability: text, keep: text, plain: { type: 'boolean' }, help: { type: 'boolean' },
    },
  });
  if (values.help) return null;
  const [width, height] = (values.size ?? '640x360').split('x').map((one) => number(one, 'size', 64, 1920));
  const kinds = values.kinds?.split(',') ?? USUAL_KINDS;
  const unknown = kinds.find((kind) => !(kind in KINDS));
  if (unknown !== undefined) throw new Error(`--kinds ${unknown}: none of ${Object.keys(KINDS).join(', ')}.`);
  const least = number(values.least ?? 1.5, 'least', 1, 3600);
  return {
    runs: number(values.runs ?? 25, 'runs', 1, 100_000),
    seed: number(values.seed ?? 1, 'seed', 0, 2 ** 32 - 1),
    json: values.json ? resolve(values.json) : null,
    jobs: number(values.jobs ?? 1, 'jobs', 1, 16),
    kinds,
    least,
    most: number(values.most ?? Math.max(6, least), 'most', least, 3600),
    codec: values.codec ?? 'vp8',
    width,
    height,
    fps: number(values.fps ?? 30, 'fps', 5, 60),
    bitrate: number(values.bitrate ?? 2_500_000, 'bitrate', 50_000, 20_000_000),
    durability: values.durability ?? null,
    keep: values.keep ? resolve(values.keep) : null,
    plain: values.plain ?? false,
  };
}

// ---- processes --------------------------------------------------------------------------------------

function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ');
  } catch {
    return '';
  }
}

function parents() {
  const found = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      found.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It is gone.
    }
  }
  return found;
}

function descendants(pid) {
  const all = parents();
  const below = (one) => [...all].flatMap(([child, parent]) => (parent === one ? [child, ...below(child)] : []));
  return below(pid);
}

/** The browser process of a profile. */
function browserPid(profile) {
  const found = [...parents().keys()].find((pid) => {
    const command = commandOf(pid);
    return command.includes(`--user-data-dir=${profile}`) && !command.includes('--type=');
  });
  if (!found) throw new Error(`No browser runs on ${profile}.`);
  return found;
}

/** SIGKILL for processes of a browser that this program started; the moment of the first, by `performance.now()`. */
function killAll(pids) {
  if (pids.length === 0) throw new Error('There is no process to kill.');
  const at = performance.now();
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It went with another one.
    }
  }
  return at;
}

// ---- one run ----------------------------------------------------------------------------------------

/** 0 <= x < 1 from a 32-bit seed (mulberry32). */
export function random(seed) {
  let state = (seed + 0x6d2b79f5) >>> 0;
  state = Math.imul(state ^ (state >>> 15), state | 1);
  state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
  return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
}

/** The folder that the server serves: the package and the page that is killed. */
export function crashFolder() {
  const dist = join(ROOT, 'web/dist');
  if (!existsSync(join(dist, 'index.js'))) throw new Error('The package is not built: npm run crash builds it.');
  const folder = temporaryFolder('crash-page');
  cpSync(join(ROOT, 'tests/crash/page'), folder, { recursive: true });
  cpSync(dist, join(folder, 'keeptake'), { recursive: true });
  return folder;
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** `promise`, or an error that says what did not come within `seconds`. */
function within(seconds, what, promise) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${seconds} s.`)), seconds * 1000);
  });
  promise.catch(() => undefined);
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/** Turns moments of this program's `performance.now()` into those of the page's clock; both never jump. */
async function clockOf(page) {
  let best = { trip: Infinity, offset: 0 };
  for (let i = 0; i < 8; i++) {
    const before = performance.now();
    const there = await page.evaluate(() => window.crash.now());
    const after = performance.now();
    if (after - before < best.trip) best = { trip: after - before, offset: there - (before + after) / 2 };
  }
  return (moment) => moment + best.offset;
}

/** Records and kills. Resolves to what the reader needs. */
async function recordAndKill(url, run, options, profile) {
  const browser = await launchBrowser({ profile });
  try {
    const { page } = await openPage(browser.context, url);
    const pid = browserPid(profile);
    await page.evaluate((settings) => window.crash.open(settings), {
      codec: options.codec,
      width: options.width,
      height: options.height,
      fps: options.fps,
      videoBitrate: options.bitrate,
      ...(options.plain ? { variant: 'single-threaded' } : {}),
      ...(options.durability ? { journal: { durability: options.durability } } : {}),
      source: { width: options.width, height: options.height, fps: options.fps, noise: 1, epoch: run.epoch },
    });
    await page.evaluate(() => window.crash.recorder.start({ countdown: 0 }));
    await page.evaluate((seconds) => window.crash.reached(seconds), Math.min(1, run.after / 2));
    const elapsed = await page.evaluate(() => window.crash.recorder.stats.elapsed);
    await pause(Math.max(0, (run.after - elapsed) * 1000));
    const warnings = await page.evaluate(() => window.crash.warningCodes());
    const facts = await page.evaluate(() => window.crash.facts());
    const pageTime = await clockOf(page);
    const killedAt = await KINDS[run.kind]({ page, pid, pageTime });
    return { facts, killedAt, warnings };
  } finally {
    await within(20, 'Closing the killed browser', browser.context.close()).catch(() => undefined);
  }
}

/** A new browser on the same profile finds the take, salvages it, and says when the page was left. */
async function salvage(url, profile) {
  const browser = await launchBrowser({ profile });
  try {
    const { page, errors } = await openPage(browser.context, url);
    const list = await page.evaluate(() => window.crash.unfinished());
    const leftAt = await page.evaluate(() => window.crash.leftAt());
    if (list.length !== 1) throw new Error(`${list.length} unfinished takes are listed instead of one. ${errors.join(' ')}`);
    const take = await page.evaluate((id) => window.crash.salvage(id), list[0].id);
    return { listed: list[0], leftAt, take };
  } finally {
    await browser.context.close();
  }
}

/** The server finishes the take from what arrived, asked as an operator would. */
async function salvageByServer(url, { recordingId: id }) {
  // The studio's page gives whoever opens it on this machine the owner's cookie.
  const Cookie = (await fetch(url)).headers.get('set-cookie').split(';')[0];
  const headers = { Cookie, Origin: new URL(url).origin, 'Content-Type': 'application/json' };
  const api = async (method, path, body) => {
    const answer = await fetch(new URL(`/api/v1${path}`, url), { method, headers, ...(body && { body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  // The dead recorder counts as alive until it has been silent for a second (`--live-seconds`).
  for (let tries = 0; (await api('GET', `/recordings/${id}`)).live && tries < 200; tries++) await pause(50);
  const began = performance.now();
  let recording = await api('POST', `/recordings/${id}/salvage`);
  while (recording.state === 'salvaging') {
    await pause(50);
    recording = await api('GET', `/recordings/${id}`);
  }
  const ms = performance.now() - began;
  if (recording.state !== 'complete') throw new Error(`The recording is ${recording.state}.`);
  const timeline = await api('GET', `/recordings/${id}/timeline`);
  const { url: playback } = await api('POST', `/recordings/${id}/playback`, {});
  const take = { ms, url: new URL(playback, url).href, duration: recording.duration, lastEvent: timeline.events?.at(-1)?.type, left: 0 };
  return { listed: recording, leftAt: null, take };
}

/** What is wrong with the file, [] if nothing. */
function problemsOf(file, take) {
  const problems = [];
  const decoded = spawnSync('ffmpeg', ['-v', 'error', '-xerror', '-i', file, '-f', 'null', '-'], { encoding: 'utf8' });
  if (decoded.status !== 0 || decoded.stderr !== '') problems.push(`ffmpeg: ${decoded.stderr.split('\n')[0]}`);
  const duration = Number(probe(file).format.duration);
  if (!(Math.abs(duration - take.duration) < 0.05)) problems.push(`the file says ${duration} s, the take ${take.duration} s`);
  const elements = readElements(file);
  if (!elements.cues || !elements.duration) problems.push('it is not seekable');
  for (const stream of ['v:0', 'a:0']) {
    const times = packetTimes(file, stream);
    const longest = Math.max(0, ...times.slice(1).map((time, index) => time - times[index]));
    if (longest > 1) problems.push(`${stream} has a gap of ${longest.toFixed(2)} s`);
  }
  if (take.lastEvent !== 'stop') problems.push(`the timeline ends with ${take.lastEvent}`);
  if (take.left !== 0) problems.push(`${take.left} takes are listed after the salvage`);
  return problems;
}

async function examine(file, run, { facts, killedAt, warnings }, { listed, leftAt, take }) {
  writeFileSync(file, Buffer.from(await (await fetch(take.url)).arrayBuffer()));
  const at = (killedAt ?? leftAt) - run.epoch;
  if (!(at > 0)) throw new Error('Nobody noted when the page was left.');
  const problems = problemsOf(file, take);
  const moments = lastMoments(file, { placed: facts.placed, soundStartedAt: facts.soundStartedAt - run.epoch });
  if (moments.pictureWall === null || moments.soundWall === null) problems.push('neither picture nor sound may be missing');
  return {
    pictureLossMs: moments.pictureWall === null ? null : Math.round(at - moments.pictureWall),
    soundLossMs: moments.soundWall === null ? null : Math.round(at - moments.soundWall),
    salvageMs: Math.round(take.ms),
    overhead: facts.sentBytes > 0 ? Number((facts.sentBytes / facts.fileBytes).toFixed(3)) : null,
    seconds: take.duration,
    frames: moments.frames,
    marks: moments.marks,
    brokenMarks: moments.brokenMarks,
    listed,
    warnings,
    remarks: moments.problems,
    problems,
  };
}

async function runOnce(url, run, options) {
  const folder = temporaryFolder('crash');
  const profile = join(folder, 'profile');
  const file = join(folder, 'take.webm');
  mkdirSync(profile);
  const result = { index: run.index, kind: run.kind, seed: run.seed, after: run.after };
  try {
    const killed = await within(60 + run.after, 'Recording', recordAndKill(url, run, options, profile));
    Object.assign(result, { stage: 'salvage' });
    const salvaged = await within(60, 'The salvage', run.kind === 'machine' ? salvageByServer(url, killed.facts) : salvage(url, profile));
    Object.assign(result, { stage: 'file' }, await examine(file, run, killed, salvaged), { stage: 'done' });
  } catch (error) {
    result.problems = [`${result.stage ?? 'recording'}: ${error.message.split('\n')[0]}`];
  }
  const worst = Math.max(result.pictureLossMs ?? 0, result.soundLossMs ?? 0);
  if ((result.problems.length > 0 || worst > KEEP_LOSS_MS) && options.keep) {
    mkdirSync(options.keep, { recursive: true });
    cpSync(folder, join(options.keep, `${run.kind}-${run.seed}`), { recursive: true });
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  return result;
}

// ---- all of them ------------------------------------------------------------------------------------

/** The runs that a seed stands for; one alone is repeated by its own seed and kind. */
export function plan({ runs, seed, kinds, least, most }) {
  return Array.from({ length: runs }, (_, index) => {
    const own = (seed + index) >>> 0;
    const after = Number((least + (most - least) * random(own)).toFixed(3));
    return { index, kind: kinds[index % kinds.length], seed: own, after };
  });
}

/** Carries out a plan; `tell` gets each result as it comes. */
export async function runKills(options, tell = () => undefined) {
  const studio = crashFolder();
  const server = await startServer({ studio, args: ['--live-seconds', '1'] });
  const waiting = plan(options);
  const results = [];
  const job = async () => {
    for (let run = waiting.shift(); run; run = waiting.shift()) {
      // 24 bits of milliseconds are 4.6 hours: each run has an epoch of its own.
      const result = await runOnce(`${server.url}/${options.plain ? '?isolation=off' : ''}`, { ...run, epoch: Date.now() - 5000 }, options);
      results.push(result);
      tell(result);
    }
  };
  try {
    await Promise.all(Array.from({ length: options.jobs }, job));
  } finally {
    await server.close();
    rmSync(studio, { recursive: true, force: true });
  }
  return results.sort((a, b) => a.index - b.index);
}

function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

function spread(values) {
  const known = values.filter((value) => typeof value === 'number');
  if (known.length === 0) return { median: null, p95: null, worst: null };
  return { median: median(known), p95: percentile(known, 0.95), worst: Math.max(...known) };
}

/** Per kind and in all: how many failed, and what was lost. */
export function summary(results) {
  const kinds = [...new Set(results.map(({ kind }) => kind)), 'all'];
  return kinds.map((kind) => {
    const of = kind === 'all' ? results : results.filter((result) => result.kind === kind);
    return {
      kind,
      runs: of.length,
      failed: of.filter(({ problems }) => problems.length > 0).length,
      picture: spread(of.map(({ pictureLossMs }) => pictureLossMs)),
      sound: spread(of.map(({ soundLossMs }) => soundLossMs)),
      salvage: spread(of.map(({ salvageMs }) => salvageMs)),
      overhead: spread(of.map(({ overhead }) => overhead)),
    };
  });
}

function print(rows) {
  table('Lost when killed, milliseconds (kill minus last moment in the file); overhead: bytes sent to the store / of the file', [
    ['killed', 'kind'],
    ['runs', 'runs'],
    ['failed', 'failed'],
    ...['picture', 'sound', 'salvage', 'overhead'].flatMap((what) =>
      ['median', 'p95', 'worst'].map((figure) => [`${what} ${figure}`, (row) => row[what][figure]]),
    ),
  ], rows);
}

function tellRun(result) {
  const what = result.problems.length > 0 ? `FAILED ${result.problems.join('; ')}` : (result.remarks ?? []).join('; ');
  const loss = `picture ${result.pictureLossMs ?? '-'} ms, sound ${result.soundLossMs ?? '-'} ms`;
  console.log(`${String(result.index + 1).padStart(4)} ${result.kind.padEnd(10)} seed ${result.seed} after ${result.after.toFixed(2)} s: ${loss}  ${what}`);
}

/** The program; resolves to its exit code. */
export async function main(args) {
  const options = parse(args);
  if (!options) {
    console.log(HELP);
    return 0;
  }
  const [before, began] = [cpuTimes(), Date.now()];
  const results = await runKills(options, tellRun);
  const rows = summary(results);
  print(rows);
  const seconds = Math.round((Date.now() - began) / 1000);
  const failed = rows.at(-1).failed;
  console.log(`\n${results.length} kills in ${seconds} s, ${failed} unplayable or unsalvageable`);
  if (options.json) {
    const machine = { ...describeMachine(), busy: busyBetween(before, cpuTimes()) };
    const all = { date: new Date().toISOString(), seconds, machine, versions: describeVersions(ROOT), options, summary: rows, runs: results };
    writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`);
  }
  return failed > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 2;
  }
}
