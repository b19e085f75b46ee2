// An older database is put back beside a newer store: nothing that the store has is deleted. And the server stops in
// order whatever its clients do.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Keeptake, beginRecording, isError, makeToken, putParts, runProgram, settings, temporaryFolder } from './support/keeptake.mjs';
import { makeTake } from './support/takes.mjs';

const PART = 65536;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let files, take;

before(() => {
  files = mkdtempSync(path.join(tmpdir(), 'keeptake-takes-'));
  take = makeTake(files, 'take', '--bitrate', '300000');
});
after(() => rmSync(files, { recursive: true, force: true }));

const slices = (bytes) => Array.from({ length: Math.ceil(bytes.length / PART) }, (_, i) => bytes.subarray(i * PART, (i + 1) * PART));

/** Copies the database of a stopped server from folder to folder. */
function copyDatabase(from, to) {
  for (const name of readdirSync(to)) if (name.startsWith('keeptake.db')) rmSync(path.join(to, name));
  for (const name of readdirSync(from)) if (name.startsWith('keeptake.db')) cpSync(path.join(from, name), path.join(to, name));
}

async function until(what, check) {
  for (let i = 0; i < 400; i++) {
    const value = await check();
    if (value) return value;
    await wait(25);
  }
  throw new Error(`${what} did not come`);
}

test('takes that were completed after the copy of the database', async (t) => {
  const data = temporaryFolder();
  const copy = temporaryFolder();
  t.after(() => [data, copy].forEach((folder) => rmSync(folder, { recursive: true, force: true })));
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const token = makeToken(data, 'a', 'owner');
  const args = ['--part-bytes', String(PART), '--recording-startup-cleanup-enabled', '0'];
  let server = await Keeptake.start({ data, args });
  let call = server.client(token);
  const begun = await beginRecording(call); // known with its upload
  const created = (await call('POST', '/recordings', settings)).json.id; // known without one
  const open = (await call('POST', '/recordings', settings)).json.id; // the same; its upload stays open
  const broken = await beginRecording(call); // known with its upload, aborted behind the copy
  await server.stop();
  copyDatabase(data, copy);

  server = await Keeptake.start({ data, args });
  call = server.client(token);
  const parts = slices(take.whole);
  const completion = {};
  for (const id of [begun, created, open, broken]) {
    if (id !== begun && id !== broken) assert.equal((await call('POST', `/recordings/${id}/upload`)).status, 201);
    completion[id] = { parts: await putParts(server, call, id, parts), bytes: take.whole.length, duration: 5 };
  }
  for (const id of [begun, created]) assert.equal((await call('POST', `/recordings/${id}/upload/complete`, completion[id])).status, 200);
  assert.equal((await call('DELETE', `/recordings/${broken}/upload`)).status, 204);
  await server.stop();

  copyDatabase(copy, data);
  await wait(1100);
  const ages = ['--cleanup-age', '1s', '--empty-age', '1s', '--cleanup-interval', '1s', '--salvage-after', '30d'];
  server = await Keeptake.start({ data, args: ['--part-bytes', String(PART), ...ages] });
  call = server.client(token);
  for (const id of [begun, created]) {
    const row = await until(`${id} complete`, async () => {
      const { status, json } = await call('GET', `/recordings/${id}`);
      assert.equal(status, 200, 'it is not deleted');
      return json.state === 'complete' && json;
    });
    assert.equal(row.salvaged, false, 'as its browser left it');
    assert.equal(row.duration, 5);
    const { url } = (await call('POST', `/recordings/${id}/playback`)).json;
    assert.ok((await server.request('GET', url)).body.equals(take.whole));
    // Its browser comes back and repeats its last call.
    assert.equal((await call('POST', `/recordings/${id}/upload/complete`, completion[id])).status, 200);
  }
  const found = await until('the upload', async () => {
    const { status, json } = await call('GET', `/recordings/${open}`);
    assert.equal(status, 200);
    return json.state === 'recording' && json;
  });
  assert.equal(found.upload.uploaded_bytes, take.whole.length);
  assert.equal((await call('POST', `/recordings/${open}/upload/complete`, completion[open])).json.state, 'complete');
  await until('the removal of what is nowhere', async () => (await call('GET', `/recordings/${broken}`)).status === 404);
  await server.stop();
});

const orphans = (data, ...args) => runProgram(['store', 'orphans', '--data', data, ...args]);
const metricOf = async (server, name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(String((await server.request('GET', '/metrics')).body))?.[1]);

test('takes that were begun after the copy of the database are told of, kept, and given back when asked for', async (t) => {
  const data = temporaryFolder();
  const copy = temporaryFolder();
  t.after(() => [data, copy].forEach((folder) => rmSync(folder, { recursive: true, force: true })));
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const token = makeToken(data, 'a', 'owner');
  const args = ['--part-bytes', String(PART), '--least-part-bytes', String(PART)];
  copyDatabase(data, copy);
  let server = await Keeptake.start({ data, args });
  let call = server.client(token);
  const ids = [];
  for (const completes of [true, false, true]) { // a take, one that its browser left, one that nobody wants
    const id = await beginRecording(call);
    const parts = await putParts(server, call, id, slices(completes ? take.whole : take.bytes));
    if (completes) assert.equal((await call('POST', `/recordings/${id}/upload/complete`, { parts, bytes: take.whole.length, duration: 5 })).status, 200);
    ids.push(id);
  }
  const [whole, left, unwanted] = ids;
  await server.stop();

  copyDatabase(copy, data);
  await wait(1100);
  const ages = ['--cleanup-age', '1s', '--empty-age', '1s', '--salvage-age', '1s', '--cleanup-interval', '1s'];
  server = await Keeptake.start({ data, args: [...args, ...ages] });
  await until('what was found', async () => (await metricOf(server, 'keeptake_orphan_objects')) === 2);
  assert.equal(await metricOf(server, 'keeptake_orphan_uploads'), 1);
  assert.equal(await metricOf(server, 'keeptake_orphan_bytes'), 2 * take.whole.length);
  const passes = () => server.log.split('"orphans"').length - 1;
  await wait(2500); // two more passes
  assert.equal(passes(), 1, 'told once');
  assert.match(orphans(data).stderr, /Another server uses the store/);
  await server.stop();

  const listed = orphans(data);
  assert.equal(listed.status, 0, listed.stderr);
  assert.match(listed.stdout, new RegExp(`^object ${whole} a ${take.whole.length} \\d{4}-`, 'm'));
  assert.match(listed.stdout, new RegExp(`^upload ${left} a ${take.bytes.length} \\d{4}-`, 'm'));
  assert.match(listed.stdout, /^3 found, 0 adopted, 0 deleted$/m);
  assert.match(orphans(data, '--delete', unwanted).stdout, /^3 found, 0 adopted, 1 deleted$/m);
  assert.match(orphans(data, '--adopt', 'all').stdout, /^2 found, 2 adopted, 0 deleted$/m);
  assert.match(orphans(data).stdout, /^0 found/m);

  server = await Keeptake.start({ data, args });
  call = server.client(token);
  for (const id of [whole, left]) {
    const row = await until(`${id} complete`, async () => {
      const { json } = await call('GET', `/recordings/${id}`);
      return json.state === 'complete' && json;
    });
    assert.deepEqual([row.codec, row.width > 0, row.salvaged], ['vp9', true, id === left]);
    const { url } = (await call('POST', `/recordings/${id}/playback`)).json;
    const { body } = await server.request('GET', url);
    if (id === whole) assert.ok(body.equals(take.whole));
    else assert.ok(body.subarray(4096, take.bytes.length - PART).equals(take.bytes.subarray(4096, take.bytes.length - PART)));
  }
  assert.equal((await call('GET', `/recordings/${unwanted}`)).status, 404);
  assert.equal(await metricOf(server, 'keeptake_orphan_objects'), 0);
  await server.stop();
});

test('a stop under load: every answer is whole, the exit is clean', async (t) => {
  for (let round = 0; round < 4; round++) {
    const data = temporaryFolder();
    t.after(() => rmSync(data, { recursive: true, force: true }));
    runProgram(['organisation', 'create', 'a', '--data', data]);
    const token = makeToken(data, 'a', 'owner');
    const server = await Keeptake.start({ data });
    const id = await beginRecording(server.client(token));
    const line = `GET /api/v1/recordings/${id} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    let answers = 0;
    const sockets = Array.from({ length: 12 }, () => {
      const socket = net.connect(server.port, '127.0.0.1', () => socket.write(line));
      socket.on('data', () => {
        answers++;
        socket.write(line);
      });
      socket.on('error', () => {});
      return socket;
    });
    await until('load', () => answers > 200);
    const began = Date.now();
    const ended = await server.stop();
    assert.deepEqual(ended, { code: 0, signal: null }, server.log.slice(-400));
    assert.ok(Date.now() - began < 20000);
    sockets.forEach((socket) => socket.destroy());
  }
});

test('a disk that does not answer does not keep the server from ending', async (t) => {
  const data = temporaryFolder();
  t.after(() => rmSync(data, { recursive: true, force: true }));
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const server = await Keeptake.start({ data });
  const call = server.client(makeToken(data, 'a', 'owner'));
  const id = await beginRecording(call);
  const parts = await putParts(server, call, id, [Buffer.alloc(PART, 1)]);
  assert.equal((await call('POST', `/recordings/${id}/upload/complete`, { parts, bytes: PART, duration: 1 })).status, 200);
  const { url } = (await call('POST', `/recordings/${id}/playback`)).json;
  const [folder] = readdirSync(path.join(data, 'store', 'data'));
  const file = path.join(data, 'store', 'data', folder, '00001');
  rmSync(file);
  execFileSync('mkfifo', [file]); // whoever opens it waits
  const waiting = Array.from({ length: 3 }, () => server.request('GET', url).catch(() => 'cut'));
  await until('the requests', async () => /^keeptake_connections_open [3-9]/m.test(String((await server.request('GET', '/metrics')).body)));
  await wait(300);
  const began = Date.now();
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.log.slice(-400));
  assert.ok(Date.now() - began < 60000);
  assert.match(server.log, /"stopped-busy"/);
  await Promise.all(waiting);
});

test('an aborted salvage is no salvage: what failed is not the co-host’s to delete', async (t) => {
  const data = temporaryFolder();
  t.after(() => rmSync(data, { recursive: true, force: true }));
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const server = await Keeptake.start({ data, args: ['--part-bytes', String(PART), '--live-seconds', '0'] });
  const call = server.client(makeToken(data, 'a', 'co-host'));
  const id = await beginRecording(call);
  await putParts(server, call, id, [Buffer.alloc(PART, 1)]);
  assert.equal((await call('POST', `/recordings/${id}/salvage`)).status, 202);
  await until('the end', async () => (await call('GET', `/recordings/${id}`)).json.state === 'failed');
  isError(assert, await call('DELETE', `/recordings/${id}/upload`), 410, 'gone');
  assert.equal((await call('GET', `/recordings/${id}`)).json.state, 'failed');
  await server.stop();
});

test('a closed terminal or a rotated log does not end the server', async () => {
  const server = await Keeptake.start({});
  for (let i = 0; i < 3; i++) server.child.kill('SIGHUP');
  await until('the log line', () => server.log.includes('"hangup"'));
  assert.equal((await server.request('GET', '/healthz', { headers: { Host: `127.0.0.1:${server.port}` } })).status, 200);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});
