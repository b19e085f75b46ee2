// What a newcomer types: `npm start`, and `npm start -- --demo`. Everything is set up and built already here, so
// this also shows that a second start takes seconds.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { probe } from './support/media.mjs';
import { ROOT, temporaryFolder } from './support/stack.mjs';

const folder = temporaryFolder('start');
after(() => rmSync(folder, { recursive: true, force: true }));

/** scripts/start.mjs as npm runs it: what it printed, and its exit code once it ends. */
function npmStart(args, env = {}) {
  const child = spawn(process.execPath, [join(ROOT, 'scripts/start.mjs'), ...args], {
    cwd: ROOT,
    env: { ...process.env, INIT_CWD: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output.text += text));
  return { child, output, exit: new Promise((resolve) => child.once('exit', (code) => resolve(code))) };
}

describe('npm start', () => {
  it('says where the studio is, serves it, and ends on SIGTERM', { timeout: 60_000 }, async () => {
    const started = npmStart([], { PORT: '0', S3_PORT: '0', KEEPTAKE_DATA: join(folder, 'data') });
    const url = await Promise.race([
      new Promise((resolve) =>
        started.child.stdout.on('data', () => {
          const found = /The studio: (\S+)/.exec(started.output.text);
          if (found) resolve(found[1]);
        }),
      ),
      started.exit.then((code) => assert.fail(`It ended with ${code}:\n${started.output.text}`)),
    ]);
    const response = await fetch(url);
    assert.equal(response.status, 200);
    assert.match(await response.text(), /<title>/);
    assert.ok(existsSync(join(folder, 'data')), 'KEEPTAKE_DATA is where takes go');
    started.child.kill('SIGTERM');
    assert.equal(await started.exit, 0, started.output.text);
  });

  it('says in one line what is wrong with a data folder', { timeout: 60_000 }, async () => {
    writeFileSync(join(folder, 'file'), '');
    for (const data of [join(folder, 'file'), join(folder, 'file/below')]) {
      const { exit, output } = npmStart([], { PORT: '0', S3_PORT: '0', KEEPTAKE_DATA: data });
      assert.equal(await exit, 1, output.text);
      assert.ok(output.text.includes(`the data folder ${data} cannot be made`), output.text);
      assert.match(output.text, /What to do: KEEPTAKE_DATA/);
      assert.doesNotMatch(output.text, /^ +at /m);
    }
  });

  it('--demo records a take with a pause, a layout change and a hook, and says what it is', { timeout: 120_000 }, async () => {
    const { exit, output } = npmStart(['--demo', '6', '--out', 'demo.webm', '--json', 'demo.json']);
    assert.equal(await exit, 0, output.text);
    const summary = JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8'));
    assert.deepEqual(summary.problems, []);
    assert.equal(summary.seekable, true);
    assert.match(output.text, /codec +vp9 \+ opus/);
    assert.equal(Number(probe(join(folder, 'demo.webm')).format.duration), summary.duration);
  });

  it('--demo ends with an error where it cannot do what was asked', { timeout: 60_000 }, async () => {
    const short = npmStart(['--demo', '1']);
    assert.equal(await short.exit, 1);
    assert.match(short.output.text, /--demo 1: seconds, 4 to 3600/);
  });
});
