// What an end-to-end test stands on: the real server on free ports with its own data folder, and a headless
// Chromium of its own. Everything is stopped by `close`.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');
export const SERVER = process.env.KEEPTAKE_SERVER ?? join(ROOT, 'build/native/server-stub/keeptake-server');
const CHROMIUM = process.env.KEEPTAKE_CHROMIUM ?? '/usr/bin/chromium';

export function temporaryFolder(name) {
  return mkdtempSync(join(tmpdir(), `keeptake-${name}-`));
}

/** A folder with tests/e2e/page and the built package beside it. */
export function pageFolder() {
  const folder = temporaryFolder('page');
  const dist = join(ROOT, 'web/dist');
  if (!existsSync(join(dist, 'src/index.js'))) throw new Error('The package is not built: npm test builds it.');
  cpSync(join(ROOT, 'tests/e2e/page'), folder, { recursive: true });
  cpSync(dist, join(folder, 'keeptake'), { recursive: true });
  return folder;
}

/** Starts keeptake-server; `studio` is the folder it serves. */
export async function startServer({ studio, data = temporaryFolder('data'), args = [], env = {} }) {
  const child = spawn(
    SERVER,
    ['--port', '0', '--s3-port', '0', '--data', data, '--studio', studio, '--local-owner', ...args],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } },
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
  return {
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
      await this.stop();
      rmSync(data, { recursive: true, force: true });
    },
  };
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
  return {
    context,
    profile,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
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
