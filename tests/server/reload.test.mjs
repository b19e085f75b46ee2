// What a service manager does: SIGHUP, sd_notify, probes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeS3 } from './support/fake-s3.mjs';
import { Keeptake, beginRecording, makeToken, runProgram } from './support/keeptake.mjs';

function folder(t) {
  const made = mkdtempSync(path.join(tmpdir(), 'keeptake-reload-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function until(what, check) {
  for (let i = 0; i < 200; i++, await sleep(25)) if (await check()) return;
  throw new Error(`${what} did not come`);
}

/** SIGHUP, and the line of the log that tells how it went. */
async function hangUp(server) {
  const count = () => (server.log.match(/"event":"reload(ed|-failed)"/g) ?? []).length;
  const before = count();
  server.child.kill('SIGHUP');
  await until('the reload', () => count() > before);
  return JSON.parse(server.log.trim().split('\n').filter((line) => /"reload/.test(line)).at(-1));
}

test('SIGHUP takes over level, origins and hosts, and a bad file changes nothing', async (t) => {
  const file = path.join(folder(t), 'keeptake.conf');
  const write = (...lines) => writeFileSync(file, `${lines.join('\n')}\n`);
  write('KEEPTAKE_ALLOWED_ORIGINS=https://one.example', 'KEEPTAKE_LOG_LEVEL=info');
  const server = await Keeptake.start({ args: ['--config', file] });
  t.after(() => server.stop());
  const preflight = async (base, target, Origin) =>
    (await server.request('OPTIONS', target, { base, headers: { Origin, 'Access-Control-Request-Method': 'PUT' } })).headers['access-control-allow-origin'];
  const allowed = async (origin) => [await preflight(server.url, '/api/v1/recordings', origin), await preflight(server.s3Url, '/keeptake/x', origin)];
  assert.deepEqual(await allowed('https://one.example'), ['https://one.example', 'https://one.example']);
  assert.deepEqual(await allowed('https://two.example'), [undefined, undefined]);

  write('KEEPTAKE_ALLOWED_ORIGINS=https://two.example', 'KEEPTAKE_LOG_LEVEL=debug', 'KEEPTAKE_ALLOWED_HOSTS=inside.example');
  assert.equal((await hangUp(server)).rest, null);
  assert.deepEqual(await allowed('https://two.example'), ['https://two.example', 'https://two.example']);
  assert.deepEqual(await allowed('https://one.example'), [undefined, undefined]);
  assert.equal((await server.request('GET', '/healthz', { headers: { Host: 'inside.example' } })).status, 200);
  await until('a line that only debug has', () => /"level":"debug"/.test(server.log));

  for (const lines of [['KEEPTAKE_LOG_LEVEL=loud'], ['KEEPTAKE_ALLOWED_ORIGINS=nonsense'], ['NO SUCH LINE'], ['KEEPTAKE_HOST=0.0.0.0']]) {
    write(...lines);
    const said = await hangUp(server);
    assert.deepEqual([said.event, said.level, said.effect], ['reload-failed', 'error', 'the old values count'], lines[0]);
    assert.ok(said.reason.length > 10);
  }
  rmSync(file);
  assert.equal((await hangUp(server)).event, 'reload-failed');
  assert.deepEqual(await allowed('https://two.example'), ['https://two.example', 'https://two.example']);
  write('KEEPTAKE_ALLOWED_ORIGINS=https://two.example', 'RECORDING_MAX_FPS=10');
  assert.match((await hangUp(server)).rest, /from the next start on/);
  for (let i = 0; i < 50; i++) server.child.kill('SIGHUP'); // a storm is no reason to end
  assert.deepEqual(await allowed('https://two.example'), ['https://two.example', 'https://two.example']);
});

test('SIGHUP reads the keys of an S3 service again', async (t) => {
  const root = folder(t);
  const keys = path.join(root, 'keys');
  const write = (name) => writeFileSync(keys, `[default]\naws_access_key_id = ${name}\naws_secret_access_key = secret-of-${name}\n`, { mode: 0o600 });
  write('FIRST');
  const fake = await FakeS3.start();
  t.after(() => fake.stop());
  const data = path.join(root, 'data');
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const args = ['--store', 's3', '--s3-endpoint', fake.endpoint, '--s3-bucket', 'takes', '--s3-path-style', '--s3-credentials', keys];
  const server = await Keeptake.start({ data, args });
  t.after(() => server.stop());
  const call = server.client(makeToken(data, 'a', 'owner'));
  const id = await beginRecording(call);
  const credential = async () => new URL((await call('POST', `/recordings/${id}/upload/sign`, { parts: [1] })).json.urls[0].url).searchParams.get('X-Amz-Credential').split('/')[0];
  assert.equal(await credential(), 'FIRST');
  write('SECOND');
  assert.equal((await hangUp(server)).event, 'reloaded');
  assert.equal(await credential(), 'SECOND');
  await beginRecording(call);
  assert.match(fake.requests.at(-1).headers.authorization, /Credential=SECOND\//);
  writeFileSync(keys, 'not keys\n');
  const said = await hangUp(server);
  assert.match(said.reason, /line 1 is not NAME=VALUE/);
  assert.equal(await credential(), 'SECOND');
  assert.doesNotMatch(server.log, /secret-of/);
});

const LISTEN = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(60)
print('bound', flush=True)
while True:
    print(s.recv(4096).decode().replace('\\n', ' '), flush=True)
`;

test('a service manager is told when the server is ready, reloads, lives, drains and stops', async (t) => {
  const socket = path.join(folder(t), 'notify');
  const listener = spawn('python3', ['-c', LISTEN, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => listener.kill());
  let heard = '';
  listener.stdout.on('data', (chunk) => (heard += chunk));
  await until('the socket', () => heard.includes('bound'));
  const server = await Keeptake.start({ args: ['--drain-seconds', '1'], env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '200000' } });
  await until('READY', () => /^READY=1 STATUS=/m.test(heard));
  await until('the watchdog', () => /^WATCHDOG=1$/m.test(heard));
  await hangUp(server);
  await until('the reload', () => /^RELOADING=1 MONOTONIC_USEC=\d+\nREADY=1$/m.test(heard));
  server.child.kill('SIGTERM');
  await until('the draining', () => /^STOPPING=1 STATUS=Draining/m.test(heard));
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  await until('the stop', () => /^STOPPING=1$/m.test(heard));
  rmSync(server.data, { recursive: true, force: true });
});

test('a probe asks the server of this machine', async () => {
  const server = await Keeptake.start({ args: ['--drain-seconds', '30'] });
  const probe = () => runProgram(['probe', '--metrics-port', new URL(server.metricsUrl).port]);
  assert.deepEqual([probe().status, JSON.parse(probe().stdout).status], [0, 'ready']);
  server.child.kill('SIGTERM');
  await until('the draining', () => probe().status === 1);
  await server.stop();
  const none = probe();
  assert.equal(none.status, 2);
  assert.match(none.stderr, /does not answer/);
  assert.match(runProgram(['probe', '--port', '9000']).stderr, /needs the --metrics-port/);
});

test('threads and buffers are options', async () => {
  const threads = async (...args) => {
    const server = await Keeptake.start({ args });
    const { readdirSync } = await import('node:fs');
    const count = readdirSync(`/proc/${server.child.pid}/task`).length;
    await server.stop();
    return count;
  };
  const usual = await threads();
  assert.equal(await threads('--write-threads', '3', '--read-threads', '1', '--compute-threads', '5'), usual - 5 - 3 + 3);
  for (const [name, value] of [['write-threads', '0'], ['read-threads', '65'], ['compute-threads', 'x'], ['upload-memory', '1000']])
    assert.match(runProgram([`--${name}`, value]).stderr, new RegExp(`${name}: "${value}"`));
});
