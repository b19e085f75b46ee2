// The programs of bench/native on three machines in one: native, as Wasm in Node, as Wasm in a worker of
// headless Chromium. All have `run(program, args)`, which resolves to the JSON that the program prints.
import { execFile } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { launchBrowser, openPage, ROOT } from '../../tests/e2e/support/stack.mjs';
import { runProgram } from '../page/program.mjs';

const PAGE = join(dirname(fileURLToPath(import.meta.url)), '../page');
/** Holds native/, wasm-st/ and wasm-mt/. */
export const BUILD = process.env.KEEPTAKE_BUILD ?? join(ROOT, 'build');
const TYPES = { '.html': 'text/html', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
const RUN_TIMEOUT_MS = 300_000;

/** Where a variant's programs are. */
export function programFolder(variant) {
  return join(BUILD, variant, 'bench');
}

export function openNative() {
  const execute = promisify(execFile);
  return {
    name: 'native',
    async run(program, args) {
      const { stdout } = await execute(join(programFolder('native'), program), [...args, '--json'], {
        timeout: RUN_TIMEOUT_MS,
        maxBuffer: 1 << 24,
      });
      return JSON.parse(stdout);
    },
    async close() {},
  };
}

export function openNode(variant = 'wasm-st') {
  return {
    name: 'node',
    async run(program, args) {
      const url = pathToFileURL(join(programFolder(variant), `${program}.mjs`)).href;
      return JSON.parse(await runProgram(url, [...args, '--json']));
    },
    async close() {},
  };
}

/** Serves the page and the programs, cross-origin isolated, on a free port. */
async function serve(variant) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, 'http://localhost').pathname);
    const inPrograms = path.startsWith('/programs/');
    const file = inPrograms ? join(programFolder(variant), path.slice(9)) : join(PAGE, path === '/' ? 'index.html' : path);
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

export async function openChromium(variant = 'wasm-st') {
  const server = await serve(variant);
  const browser = await launchBrowser();
  const { page } = await openPage(browser.context, `http://127.0.0.1:${server.address().port}/`);
  page.setDefaultTimeout(RUN_TIMEOUT_MS);
  await page.waitForFunction('window.runProgram !== undefined');
  return {
    name: 'chromium',
    async run(program, args) {
      const path = `/programs/${program}.mjs`;
      const call = ([where, withArgs]) => window.runProgram(where, withArgs);
      return JSON.parse(await page.evaluate(call, [path, [...args, '--json']]));
    },
    async close() {
      await browser.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
