// Organisations and tokens from the command line: listed, revoked, exported, deleted.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Keeptake, beginRecording, makeToken, putParts, runProgram, settings, someBytes, temporaryFolder } from './support/keeptake.mjs';

let data, server, call, owner;
const program = (...args) => runProgram([...args, '--data', data]);

before(async () => {
  data = temporaryFolder();
  for (const name of ['a', 'b']) assert.equal(program('organisation', 'create', name).status, 0);
  owner = makeToken(data, 'a', 'owner', ['--label', 'the owner’s']);
  server = await Keeptake.start({ data, args: ['--part-bytes', '65536'] });
  call = server.client(owner);
});
after(async () => {
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

test('tokens are listed without their text, and revoked', async () => {
  const token = makeToken(data, 'a', 'viewer', ['--expires', '30d']);
  const viewer = server.client(token);
  assert.equal((await viewer('GET', '/session')).status, 200);
  const { stdout } = program('token', 'list', '--organisation', 'a');
  const rows = stdout.trim().split('\n');
  assert.equal(rows.length, 2);
  assert.match(rows[0], /^tok_\S+ viewer \d{4}-\S+Z \d{4}-\S+Z$/);
  assert.match(rows[1], /^tok_\S+ owner \d{4}-\S+Z never the owner’s$/);
  assert.doesNotMatch(stdout, /kt_/);
  const id = rows[0].split(' ')[0];
  assert.match(program('token', 'revoke', id, '--organisation', 'b').stderr, /no such token in this organisation/);
  assert.equal(program('token', 'revoke', id, '--organisation', 'a').stdout, `${id}\n`);
  let status = 200;
  for (let i = 0; i < 100 && status !== 401; i++, await sleep(100)) ({ status } = await viewer('GET', '/session'));
  assert.equal(status, 401, 'the running server knows it soon');
  assert.equal(program('token', 'list', '--organisation', 'b').stdout, '');
  assert.equal(program('token', 'list', '--organisation', 'c').status, 2);
});

test('an organisation’s takes are exported as files, byte for byte', async (t) => {
  const bytes = someBytes(65536 * 3 + 100, 4);
  const id = await beginRecording(call, { title: 'Züge' });
  const slices = [0, 1, 2, 3].map((i) => bytes.subarray(i * 65536, (i + 1) * 65536));
  const parts = await putParts(server, call, id, slices);
  await call('PUT', `/recordings/${id}/timeline`, JSON.stringify({ version: 1, canvas: { width: 1280, height: 720 }, events: [] }));
  assert.equal((await call('POST', `/recordings/${id}/upload/complete`, { parts, bytes: bytes.length, duration: 5 })).status, 200);
  await call('POST', '/recordings', settings);
  const root = mkdtempSync(path.join(tmpdir(), 'keeptake-export-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const out = path.join(root, 'out');
  const made = program('organisation', 'export', 'a', out);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /^1 takes, 196708 bytes, 1 timelines; 1 unfinished were passed over, 0 failed$/m);
  assert.deepEqual(readdirSync(out).sort(), [`${id}.json`, `${id}.timeline.json`, `${id}.webm`]);
  assert.ok(readFileSync(path.join(out, `${id}.webm`)).equals(bytes));
  assert.equal(JSON.parse(readFileSync(path.join(out, `${id}.json`), 'utf8')).title, 'Züge');
  assert.equal(JSON.parse(readFileSync(path.join(out, `${id}.timeline.json`), 'utf8')).canvas.width, 1280);
  assert.equal(program('organisation', 'export', 'a', out).status, 2, 'not over what is there');
  assert.equal(program('organisation', 'export', 'nobody', path.join(root, 'x')).status, 2);
  assert.ok(!existsSync(path.join(root, 'x')));
});

test('an organisation goes with all it has, after it was said twice', async () => {
  const listed = program('organisation', 'list').stdout.trim().split('\n');
  assert.match(listed[0], /^a \d{4}-\S+Z 2 recordings 196708 bytes 1 tokens$/);
  assert.match(listed[1], /^b \d{4}-\S+Z 0 recordings 0 bytes 0 tokens$/);
  const asked = program('organisation', 'delete', 'a');
  assert.equal(asked.status, 2);
  assert.match(asked.stderr, /for ever: say --confirm a/);
  assert.equal(program('organisation', 'delete', 'a', '--confirm', 'b').status, 2);
  assert.match(program('organisation', 'delete', 'b', '--confirm', 'b').stdout, /^b is deleted$/m);
  assert.match(program('organisation', 'delete', 'a', '--confirm', 'a').stdout, /^a: its tokens are deleted, and 2 recordings are marked/m);
  await server.stop();
  server = await Keeptake.start({ data });
  const gone = () => program('organisation', 'delete', 'a', '--confirm', 'a').stdout;
  let said = '';
  for (let i = 0; i < 200 && !/^a is deleted$/m.test(said); i++, await sleep(50)) said = gone();
  assert.match(said, /^a is deleted$/m);
  assert.equal(program('organisation', 'list').stdout, '');
  assert.match(program('fsck').stdout, /^0 rows, 0 objects, 0 uploads: all is well/m);
  assert.equal(program('organisation', 'create', 'a').status, 0, 'the name is free again');
});

test('the schema of an older server is not changed under it, neither by commands nor by a backup', async (t) => {
  const root = temporaryFolder();
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const old = path.join(root, 'data');
  const file = path.join(old, 'keeptake.db');
  assert.equal(runProgram(['organisation', 'create', 'a', '--data', old]).status, 0);
  const bytes = readFileSync(file);
  bytes.writeUInt32BE(5, 60); // user_version
  writeFileSync(file, bytes);
  const lock = path.join(old, 'lock');
  writeFileSync(lock, '');
  const holder = spawn('flock', [lock, 'sh', '-c', 'echo held; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  t.after(() => process.kill(-holder.pid, 'SIGKILL'));
  await once(holder.stdout, 'data');
  for (const command of [['organisation', 'list'], ['token', 'list', '--organisation', 'a'], ['fsck']]) {
    const said = runProgram([...command, '--data', old]);
    assert.equal(said.status, 2, command.join(' '));
    assert.match(said.stderr, /An older server uses .*: use its own program, or stop it first/);
  }
  runProgram(['backup', path.join(root, 'saved'), '--data', old]);
  assert.ok(readFileSync(file).equals(bytes));
  assert.deepEqual(readdirSync(old).filter((name) => /\.v\d/.test(name)), [], 'nothing was brought up to date');
});
