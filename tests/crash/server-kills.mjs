#!/usr/bin/env node
// Kills the server (SIGKILL) at random moments, again and again, while clients of its API and of its store work, and
// compares what is left with what was acknowledged. After each restart:
//   - an acknowledged part, object, completion, timeline reads byte for byte as it was sent, ever after;
//   - what was under way is there whole or not at all, never mixed with what was there before;
//   - a salvage that was answered with 202 ends in a complete take, always the same file for the same bytes.
// One kill in ten falls into the start itself, while it still brings things in order.
//
// With --store ceph the takes are in a Ceph RGW of its own; its clients are those of the API alone.
//
//   npm run crash -- server [--kills N] [--seed S] [--store disk|ceph] [--json FILE] [--clients N] [--busy-ms N]
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Keeptake, makeToken, runProgram, serverProgram } from '../server/support/keeptake.mjs';
import { makeTake } from '../server/support/takes.mjs';
import { ACCESS_KEY, SECRET_KEY, startCeph } from '../support/ceph.mjs';
import { ApiClient } from './support/api-client.mjs';
import { BrokenPromise } from './support/client.mjs';
import { makeRandom, spread } from './support/random.mjs';
import { Endpoint, LEAST_PART, S3Client } from './support/s3-client.mjs';

const PART = 65536;
const OPTIONS = {
  kills: { type: 'string', default: '1000' },
  seed: { type: 'string' },
  store: { type: 'string', default: 'disk' },
  json: { type: 'string' },
  clients: { type: 'string', default: '3' }, // of each kind
  'busy-ms': { type: 'string', default: '150' },
  help: { type: 'boolean', default: false },
};

/** Connections to a running server, for both kinds of clients. */
function connect(server, token, account) {
  const agent = new http.Agent({ keepAlive: true });
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const request = (method, url, options = {}) => send(agent, method, url, options);
  return {
    s3: new Endpoint(server.s3Url, { ...account, agent }),
    call: (method, target, body) =>
      request(method, `${server.url}/api/v1${target}`, { headers, body: body === undefined ? undefined : JSON.stringify(body) }),
    put: (url, body) => request('PUT', url, { body }),
    get: (url) => request('GET', url),
    close: () => agent.destroy(),
  };
}

function send(agent, method, url, { headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('aborted', () => reject(new Error('aborted')));
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const isJson = /json/.test(response.headers['content-type'] ?? '') && bytes.length > 0;
        resolve({ status: response.statusCode, headers: response.headers, body: bytes, json: isJson ? JSON.parse(bytes) : undefined });
      });
    });
    request.on('error', reject);
    if (body !== undefined) request.setHeader('Content-Length', Buffer.byteLength(body));
    request.end(body);
  });
}

/** What the server is told of its store; close() ends what was started for it. */
async function openStore(kind) {
  if (kind === 'disk') return { args: [], env: {}, close: async () => {} };
  if (kind !== 'ceph') throw new Error(`"${kind}" is neither disk nor ceph.`);
  const ceph = await startCeph(mkdtempSync(path.join(tmpdir(), 'keeptake-ceph-')), { leastPartBytes: LEAST_PART });
  const args = ['--store', 's3', '--s3-endpoint', ceph.endpoint, '--s3-bucket', 'takes', '--s3-path-style'];
  const env = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };
  const made = runProgram(['store', 'setup', '--port', '8080', ...args], env);
  if (made.status !== 0) throw new Error(made.stdout + made.stderr);
  return { args, env, close: () => ceph.stop() };
}

/** A start that is killed before or soon after it is ready. */
async function killStart(args, env, afterMs) {
  const child = spawn(serverProgram(), args, { stdio: 'ignore', env: { PATH: process.env.PATH, ...env } });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.kill('SIGKILL');
  await gone;
}

/** All clients work until the server is killed. */
async function workUntilKilled(server, clients, connection, busyMs) {
  let killed = false;
  const work = clients.map(async (client) => {
    while (!killed) {
      try {
        await client.step(connection);
      } catch (error) {
        if (error instanceof BrokenPromise || !killed) throw error;
      }
    }
  });
  const failed = Promise.race(work.map((promise) => promise.then(() => new Promise(() => {}))));
  failed.catch(() => {});
  await Promise.race([failed, new Promise((resolve) => setTimeout(resolve, busyMs))]);
  killed = true;
  await server.kill();
  await Promise.all(work);
}

/** Half-written files, and folders of parts that belong to no object and no upload: none may be left. */
function countStrays(data, clients) {
  const store = path.join(data, 'store');
  const left = ['tmp', 'trash'].flatMap((name) => readdirSync(path.join(store, name)));
  if (left.length > 0) throw new BrokenPromise(`${left.length} half-written files are left`);
  const uploads = new Set(readdirSync(path.join(store, 'uploads')));
  const objects = readdirSync(path.join(store, 'data')).filter((id) => !uploads.has(id)).length;
  const expected = clients.reduce((sum, client) => sum + (client.kept ? client.kept.length : Number(client.object !== null)), 0);
  return objects - expected;
}

function makeCounts() {
  const counts = { acknowledged: {}, interrupted: {}, reads: 0, bytes: 0, salvaged: new Map() };
  counts.read = (content) => {
    counts.reads++;
    counts.bytes += content?.length ?? 0;
  };
  return counts;
}

/**
 * Runs a history with so many kills. Returns its figures; throws a BrokenPromise where the server did what it must not.
 * @param {{kills: number, seed: number, store?: 'disk' | 'ceph', clients?: number, busyMs?: number, onKill?: (kill: number) => void}} options
 */
export async function runServerKills({ kills, seed, store: kind = 'disk', clients: each = 3, busyMs = 150, onKill = () => {} }) {
  const data = mkdtempSync(path.join(tmpdir(), 'keeptake-kills-'));
  const random = makeRandom(seed);
  const counts = makeCounts();
  const started = performance.now();
  const restarts = [];
  let startKills = 0;
  const store = await openStore(kind);
  const { env } = store;
  const args = ['--part-bytes', String(PART), ...store.args];
  const allArgs = ['--port', '0', '--s3-port', '0', '--data', data, '--least-part-bytes', String(LEAST_PART), ...args];
  try {
    const take = makeTake(data, 'take', '--bitrate', '600000');
    runProgram(['organisation', 'create', 'crash', '--data', data]);
    const token = makeToken(data, 'crash', 'owner');
    const clients = Array.from({ length: each }, (_, i) => [
      ...(kind === 'disk' ? [new S3Client(i, makeRandom(seed * 31 + i), counts)] : []),
      new ApiClient(i, makeRandom(seed * 37 + i), counts, { take, partBytes: PART }),
    ]).flat();
    for (let kill = 0; kill <= kills; kill++) {
      if (kill > 0 && kill < kills && random() < 0.1) {
        await killStart(allArgs, env, random() * 40);
        startKills++;
        kill++;
      }
      const from = performance.now();
      const server = await Keeptake.start({ data, args, env });
      restarts.push(performance.now() - from);
      const secrets = JSON.parse(readFileSync(path.join(data, 'secrets.json'), 'utf8'));
      const connection = connect(server, token, { key: secrets.s3_access_key, secret: secrets.s3_secret_key });
      try {
        for (const client of clients) await client.verify(connection);
        if (kill >= kills) {
          for (const client of clients) await client.verifyAll?.(connection);
          await server.stop();
        } else {
          await workUntilKilled(server, clients, connection, 3 + random() * busyMs);
          onKill(kill + 1);
        }
      } finally {
        connection.close();
        await server.kill();
      }
    }
    const strays = kind === 'disk' ? countStrays(data, clients) : 0;
    if (strays !== 0) throw new BrokenPromise(`${strays} folders of parts belong to nobody`);
  } finally {
    await store.close();
    rmSync(data, { recursive: true, force: true });
  }
  return {
    kills, startKills, seed, store: kind,
    seconds: (performance.now() - started) / 1000,
    acknowledged: counts.acknowledged,
    interrupted: counts.interrupted,
    verified: { reads: counts.reads, bytes: counts.bytes },
    salvages: counts.salvaged.size,
    restartMs: spread(restarts),
    lost: 0,
    mixed: 0,
  };
}

const sum = (object) => Object.values(object).reduce((total, n) => total + n, 0);

function printTable(figures) {
  const kinds = [...new Set([...Object.keys(figures.acknowledged), ...Object.keys(figures.interrupted)])].sort();
  console.log('| request | acknowledged | under way at a kill |\n| --- | ---: | ---: |');
  for (const kind of kinds) console.log(`| ${kind} | ${figures.acknowledged[kind] ?? 0} | ${figures.interrupted[kind] ?? 0} |`);
  console.log(`| all | ${sum(figures.acknowledged)} | ${sum(figures.interrupted)} |`);
  const { reads, bytes } = figures.verified;
  const { median, p95, worst } = figures.restartMs;
  console.log(`\n${figures.kills} kills (${figures.startKills} of them during a start) in ${figures.seconds.toFixed(0)} s, seed ${figures.seed}; ` +
    `${reads} contents read and compared, ${(bytes / 2 ** 20).toFixed(0)} MiB.`);
  console.log(`From start to ready: median ${median.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, worst ${worst.toFixed(0)} ms.`);
  console.log('0 acknowledged bytes lost, 0 contents mixed.');
}

async function main() {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    console.log('npm run crash -- server [--kills N] [--seed S] [--store disk|ceph] [--json FILE] [--clients N] [--busy-ms N]');
    return;
  }
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const kills = Number(values.kills);
  const repeat = `npm run crash -- server --kills ${kills} --seed ${seed} --store ${values.store}`;
  console.log(`${kills} kills of ${path.relative(process.cwd(), serverProgram())}; repeat with: ${repeat}`);
  try {
    const onKill = (kill) => kill % 100 === 0 && console.log(`  ${kill} kills`);
    const options = { kills, seed, store: values.store, clients: Number(values.clients), busyMs: Number(values['busy-ms']), onKill };
    const figures = await runServerKills(options);
    printTable(figures);
    if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
  } catch (error) {
    console.error(`${error.stack}\nrepeat with: ${repeat}`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
