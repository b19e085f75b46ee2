// What an end-to-end test stands on: the real server on free ports with its own data folder, and a headless
// Chromium of its own. Everything is stopped by `close`.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { ACCESS_KEY, SECRET_KEY, freePort, startCeph } from '../../support/ceph.mjs';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
export const SERVER = process.env.KEEPTAKE_SERVER ?? join(ROOT, 'build/native/server-stub/keeptake-server');
const CHROMIUM = process.env.KEEPTAKE_CHROMIUM ?? '/usr/bin/chromium';

/** Everything that runs. What a failed test did not close would keep its file's process alive for good. */
const running = new Set();
if (/\.test\.mjs$/.test(process.argv[1] ?? '')) after(() => Promise.all([...running].map((one) => one.close())));

export function temporaryFolder(name) {
  return mkdtempSync(join(tmpdir(), `keeptake-${name}-`));
}

/** A folder with tests/e2e/page and the built package beside it. */
export function pageFolder() {
  const folder = temporaryFolder('page');
  const dist = join(ROOT, 'web/dist');
  if (!existsSync(join(dist, 'index.js'))) throw new Error('The package is not built: npm test builds it.');
  cpSync(join(ROOT, 'tests/e2e/page'), folder, { recursive: true });
  cpSync(dist, join(folder, 'keeptake'), { recursive: true });
  return folder;
}

let ceph;

/** The Ceph of this test run, an S3 service for startServer({ store: 's3' }); it ends with the process. */
export function cephOfThisRun() {
  ceph ??= startCeph(temporaryFolder('ceph')).then((cluster) => {
    process.on('exit', () => rmSync(cluster.folder, { recursive: true, force: true, maxRetries: 3 }));
    return cluster;
  });
  return ceph;
}

/** Options and environment of a server whose store is a bucket of its own in Ceph, set up for its pages. */
async function inCeph(data, args) {
  const { endpoint } = await cephOfThisRun();
  const bucket = `takes-${createHash('sha256').update(data).digest('hex').slice(0, 12)}`;
  const options = ['--store', 's3', '--s3-endpoint', endpoint, '--s3-bucket', bucket, '--s3-path-style'];
  options.push(...(args.includes('--port') ? [] : ['--port', String(await freePort())]), ...args);
  const env = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY, NO_PROXY: '127.0.0.1' };
  // Where it cannot be set up just now (a test has killed the gateway), it was before.
  const made = spawnSync(SERVER, ['store', 'setup', ...options], { encoding: 'utf8', env: { ...process.env, ...env } });
  if (made.status !== 0) process.stderr.write(made.stdout + made.stderr);
  return { options, env };
}

/**
 * Starts keeptake-server; `studio` is the folder it serves. `store`: 'disk', or 's3' for Ceph (KEEPTAKE_TEST_STORE
 * makes that the choice of every test that has none of its own).
 */
export async function startServer({ studio, data = temporaryFolder('data'), args = [], env = {}, store = process.env.KEEPTAKE_TEST_STORE }) {
  const s3 = store === 's3' ? await inCeph(data, args) : { options: args, env: {} };
  const child = spawn(
    SERVER,
    ['--port', '0', '--s3-port', '0', '--data', data, '--studio', studio, '--local-owner', ...s3.options],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...s3.env, ...env } },
  );
  let log = '';
  child.stderr.on('data', (text) => (log += text));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const ready = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The server did not start within 10 s:\n${log}`)), 10_000);
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}:\n${log}`)));
    child.once('error', reject);
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('ready ')) return;
      clearTimeout(timer);
      resolve(JSON.parse(line.slice(6)));
    });
  });
  const server = {
    ...ready,
    data,
    pid: child.pid,
    log: () => log,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 6000))]);
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
    async close() {
      running.delete(server);
      await server.stop();
      rmSync(data, { recursive: true, force: true });
    },
  };
  running.add(server);
  return server;
}

export async function launchBrowser({ args = [], profile = temporaryFolder('profile') } = {}) {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    viewport: { width: 1440, height: 900 },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      ...args,
    ],
  });
  const browser = {
    context,
    profile,
    async close() {
      running.delete(browser);
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
  running.add(browser);
  // Killed by a test: nothing is left to close.
  context.once('close', () => running.delete(browser));
  return browser;
}

/** A browser with a real (virtual) screen that nothing drives; `open` brings a new tab to the front. */
export async function openWindow() {
  const profile = temporaryFolder('window');
  const screen = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const display = await new Promise((resolve, reject) => {
    screen.once('error', reject);
    screen.stdio[3].once('data', (text) => resolve(`:${String(text).trim()}`));
  });
  const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required', `--user-data-dir=${profile}`];
  const started = [];
  return {
    open(url) {
      const options = { stdio: 'ignore', detached: true, env: { ...process.env, DISPLAY: display } };
      started.push(spawn(CHROMIUM, [...flags, url], options));
    },
    close() {
      for (const child of started) {
        try {
          process.kill(-child.pid, 'SIGKILL');
        } catch {
          // It handed its address to the first one and is gone.
        }
      }
      screen.kill();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/** A page of the test folder; errors of the page end up in `errors`. */
export async function openPage(context, url) {
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors };
}
