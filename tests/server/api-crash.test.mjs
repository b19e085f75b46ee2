// kill -9 at any instant, a full disk, two servers on one folder, clean-up by age, orderly stop.
// KEEPTAKE_KILLS=N changes how many kills the history test makes; KEEPTAKE_SEED=N repeats one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { smallDisk } from '../support/small-disk.mjs';
import { Keeptake, beginRecording, isError, makeToken, md5, putParts, runProgram, serverProgram, settings, someBytes, temporaryFolder } from './support/keeptake.mjs';

const PART = 65536 + 500;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function folder(t) {
  const data = temporaryFolder();
  t.after(() => rmSync(data, { recursive: true, force: true }));
  assert.equal(runProgram(['organisation', 'create', 'a', '--data', data]).status, 0);
  return { data, token: makeToken(data, 'a', 'owner') };
}

/** Files of the store below data, to see that nothing is left. */
function storeFiles(data) {
  const list = (dir) => readdirSync(dir, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? list(path.join(dir, entry.name)) : [path.join(dir, entry.name)]));
  return list(path.join(data, 'store'));
}

async function playsAs(server, call, id, whole) {
  const play = await call('POST', `/recordings/${id}/playback`);
  assert.equal(play.status, 200, String(play.body));
  const object = await server.request('GET', play.json.url);
  assert.equal(object.status, 200);
  assert.equal(md5(object.body), md5(whole));
}

test('kill -9 around a completion: complete and whole, or still an upload that can be completed', async (t) => {
  const { data, token } = folder(t);
  const kills = Number(process.env.KEEPTAKE_KILLS ?? 12);
  const seed = Number(process.env.KEEPTAKE_SEED ?? 7);
  const outcomes = { complete: 0, recording: 0 };
  for (let i = 0; i < kills; i++) {
    let server = await Keeptake.start({ data });
    let call = server.client(token);
    const id = await beginRecording(call);
    const parts = [someBytes(PART, i + 1), someBytes(PART, i + 2), someBytes(99, i + 3)];
    const list = await putParts(server, call, id, parts);
    const whole = Buffer.concat(parts);
    const body = { parts: list, bytes: whole.length, duration: 3 };
    const answer = call('POST', `/recordings/${id}/upload/complete`, body).catch(() => null);
    await wait((i * 1.7 + seed) % 20);
    await server.kill();
    const acknowledged = (await answer)?.status === 200;

    server = await Keeptake.start({ data });
    call = server.client(token);
    let row = await call('GET', `/recordings/${id}`);
    for (let n = 0; n < 100 && row.json.state === 'completing'; n++) {
      await wait(20);
      row = await call('GET', `/recordings/${id}`);
    }
    assert.ok(['complete', 'recording'].includes(row.json.state), `kill ${i}: ${row.body} (KEEPTAKE_SEED=${seed})`);
    if (acknowledged) assert.equal(row.json.state, 'complete');
    outcomes[row.json.state]++;
    const repeated = await call('POST', `/recordings/${id}/upload/complete`, body);
    assert.equal(repeated.status, 200, `kill ${i}: ${repeated.body} (KEEPTAKE_SEED=${seed})`);
    assert.equal(repeated.json.duration, 3);
    await playsAs(server, call, id, whole);
    assert.equal((await call('DELETE', `/recordings/${id}`)).status, 204);
    await server.stop();
  }
  t.diagnostic(`after the kill: ${JSON.stringify(outcomes)}`);
});

test('kill -9 around an abort and a deletion: nothing is left in the store', async (t) => {
  const { data, token } = folder(t);
  for (let i = 0; i < 6; i++) {
    let server = await Keeptake.start({ data });
    let call = server.client(token);
    const id = await beginRecording(call);
    await putParts(server, call, id, [someBytes(PART, i)]);
    const gone = call('DELETE', `/recordings/${id}${i % 2 ? '/upload' : ''}`).catch(() => null);
    await wait(i * 2);
    await server.kill();
    const acknowledged = (await gone)?.status === 204;
    server = await Keeptake.start({ data });
    call = server.client(token);
    if (!acknowledged) {
      const answer = await call('DELETE', `/recordings/${id}`);
      assert.ok([204, 404].includes(answer.status), `${answer.body}`);
    } else if (i % 2) {
      assert.equal((await call('GET', `/recordings/${id}`)).json.state, 'aborted');
    } else {
      isError(assert, await call('GET', `/recordings/${id}`), 404, 'not-found');
    }
    await server.stop();
    const left = storeFiles(data).filter((file) => path.basename(file) !== 'store.lock');
    assert.deepEqual(left, [], `kill ${i}`);
  }
});

test('parts survive kill -9 and the same upload goes on', async (t) => {
  const { data, token } = folder(t);
  let server = await Keeptake.start({ data });
  let call = server.client(token);
  const id = await beginRecording(call);
  const parts = [someBytes(PART, 1), someBytes(PART, 2)];
  const list = await putParts(server, call, id, parts);
  await server.kill();
  server = await Keeptake.start({ data });
  call = server.client(token);
  const stored = await call('GET', `/recordings/${id}/upload/parts`);
  assert.deepEqual(stored.json.parts.map((part) => part.etag), parts.map(md5));
  parts.push(someBytes(10, 3));
  list.push(...(await putParts(server, call, id, [parts[2]], 3)));
  const bytes = 2 * PART + 10;
  assert.equal((await call('POST', `/recordings/${id}/upload/complete`, { parts: list, bytes, duration: 1 })).json.state, 'complete');
  await playsAs(server, call, id, Buffer.concat(parts));
  await server.stop();
});

test('a second server on the same folder is refused', async (t) => {
  const { data } = folder(t);
  const server = await Keeptake.start({ data });
  const second = runProgram(['--port', '0', '--s3-port', '0', '--data', data]);
  assert.equal(second.status, 1);
  assert.match(second.stderr, /Another server uses the data folder/);
  assert.equal(second.stdout, '');
  assert.equal((await server.request('GET', '/healthz')).status, 200);
  await server.stop();
});

test('a port that is taken and a host that others can reach are refused', async (t) => {
  const { data } = folder(t);
  const server = await Keeptake.start({ data });
  const other = temporaryFolder();
  t.after(() => rmSync(other, { recursive: true, force: true }));
  const taken = runProgram(['--port', String(server.port), '--s3-port', '0', '--data', other]);
  assert.equal(taken.status, 1);
  assert.match(taken.stderr, /in use/i);
  await server.stop();
  assert.match(runProgram(['--host', '0.0.0.0', '--data', other]).stderr, /--allow-remote/);
  assert.match(runProgram(['--host', '0.0.0.0', '--allow-remote', '--local-owner', '--data', other]).stderr, /loopback/);
  assert.match(runProgram(['--version']).stdout, /^keeptake-server \d+\.\d+\.\d+(\+[0-9a-z.]+)?\n$/);
  assert.match(runProgram(['--help']).stdout, /--allowed-origin VALUE/);
});

test('SIGTERM and SIGINT stop it in order, also while requests are open', async (t) => {
  const { data, token } = folder(t);
  for (const signal of ['SIGTERM', 'SIGINT']) {
    const server = await Keeptake.start({ data });
    const call = server.client(token);
    const open = Array.from({ length: 5 }, () => call('POST', '/recordings', settings).catch(() => null));
    await wait(3);
    const from = Date.now();
    server.child.kill(signal);
    const { code } = await server.exited;
    assert.equal(code, 0, server.log);
    assert.ok(Date.now() - from < 5000);
    await Promise.all(open);
  }
});

test('clean-up by age spares every salvageable take', async (t) => {
  const { data, token } = folder(t);
  let server = await Keeptake.start({ data });
  let call = server.client(token);
  const made = { created: (await call('POST', '/recordings', settings)).json.id };
  made.empty = await beginRecording(call);
  made.salvageable = await beginRecording(call);
  await putParts(server, call, made.salvageable, [someBytes(PART, 1)]);
  made.aborted = await beginRecording(call);
  await call('DELETE', `/recordings/${made.aborted}/upload`);
  made.complete = await beginRecording(call);
  const list = await putParts(server, call, made.complete, [someBytes(10, 1)]);
  await call('POST', `/recordings/${made.complete}/upload/complete`, { parts: list, bytes: 10, duration: 1 });
  await server.stop();
  await wait(1100);

  const ages = ['--empty-age', '1s', '--cleanup-age', '1s', '--cleanup-interval', '0'];
  const left = async () => {
    const rows = (await call('GET', '/recordings')).json.recordings.map((row) => row.id);
    return Object.keys(made).filter((name) => rows.includes(made[name])).sort();
  };
  server = await Keeptake.start({ data, args: ages, env: { RECORDING_STARTUP_CLEANUP_ENABLED: 'off' } });
  call = server.client(token);
  await wait(500);
  assert.deepEqual(await left(), Object.keys(made).sort());
  await server.stop();

  server = await Keeptake.start({ data, args: ages });
  call = server.client(token);
  for (let i = 0; i < 50 && (await left()).length > 2; i++) await wait(50);
  assert.deepEqual(await left(), ['complete', 'salvageable']);
  assert.equal((await call('GET', `/recordings/${made.salvageable}/upload/parts`)).json.parts.length, 1);
  await server.stop();

  server = await Keeptake.start({ data, args: [...ages, '--salvage-age', '1s', '--cleanup-interval', '1s'] });
  call = server.client(token);
  for (let i = 0; i < 100 && (await left()).length > 1; i++) await wait(50);
  assert.deepEqual(await left(), ['complete']);
  const counted = async () => /keeptake_cleanup_recordings_total 1\n/.test((await server.request('GET', '/metrics')).body.toString());
  for (let i = 0; i < 50 && !(await counted()); i++) await wait(20); // the row goes just before it is counted
  assert.ok(await counted());
  await server.stop();
});

test('a full disk is a clear error and loses nothing', async (t) => {
  const mount = smallDisk(t, '3m');
  if (mount === null) return;
  const data = path.join(mount, 'data');
  mkdirSync(data);
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const token = makeToken(data, 'a', 'owner');
  const server = await Keeptake.start({ data });
  const call = server.client(token);
  const id = await beginRecording(call);
  const first = someBytes(PART, 1);
  const list = await putParts(server, call, id, [first]);
  const signed = await call('POST', `/recordings/${id}/upload/sign`, { parts: [2] });
  const refused = await server.request('PUT', signed.json.urls[0].url, { body: someBytes(4 << 20, 2) }).catch((error) => ({ status: error.code }));
  assert.notEqual(refused.status, 200);
  // Fill what is left, so that the database cannot write either.
  spawnSync('dd', ['if=/dev/zero', `of=${path.join(mount, 'filler')}`, 'bs=4k']);
  let full;
  for (let i = 0; i < 200 && !full; i++) {
    const answer = await call('POST', '/recordings', { ...settings, title: 'x'.repeat(200) });
    if (answer.status !== 201) full = answer;
  }
  isError(assert, full, 507, 'store-full');
  assert.equal((await call('GET', `/recordings/${id}/upload/parts`)).json.parts[0].etag, md5(first));
  rmSync(path.join(mount, 'filler'));
  const done = await call('POST', `/recordings/${id}/upload/complete`, { parts: list, bytes: PART, duration: 1 });
  assert.equal(done.status, 200, String(done.body));
  await playsAs(server, call, id, first);
  await server.stop();
});

test('files for as many connections as are accepted', async (t) => {
  const { data } = folder(t);
  const server = await Keeptake.start({ data });
  const [soft, hard] = /^Max open files +(\S+) +(\S+)/m.exec(readFileSync(`/proc/${server.child.pid}/limits`, 'utf8')).slice(1);
  assert.ok(soft === hard || Number(soft) >= 4096, `${soft} of ${hard}`);
  await server.stop();
});

test('idle memory', async (t) => {
  const { data } = folder(t);
  const server = await Keeptake.start({ data });
  await wait(300);
  const text = (await server.request('GET', '/metrics')).body.toString();
  const mib = Number(/process_resident_memory_bytes (\d+)/.exec(text)[1]) / 1048576;
  t.diagnostic(`resident ${mib.toFixed(1)} MiB idle`);
  const sanitized = /asan/.test(serverProgram()) || (process.env.KEEPTAKE_SANITIZED ?? '') !== '';
  if (!sanitized) assert.ok(mib < 20, `${mib} MiB`);
  await server.stop();
});
