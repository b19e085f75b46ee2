// One organisation, one URL, one disk: none of them takes the room of all, and deleting works when there is none left.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { fill, smallDisk } from '../support/small-disk.mjs';
import { Keeptake, beginRecording, isError, makeToken, putParts, runProgram, settings, someBytes, temporaryFolder } from './support/keeptake.mjs';

const PART = 65536;
/** Announces a body and waits for what is said to that; the body is never sent. */
function announce(server, url, length) {
  const { hostname, port, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(port, hostname, () =>
      socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`));
    socket.setTimeout(10000, () => reject(new Error('no answer')));
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk;
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
      if (!status) return;
      socket.end();
      resolve({ status, body: text });
    });
  });
}

const health = async (server) => (await server.request('GET', '/healthz')).json;

function folder(t) {
  const data = temporaryFolder();
  t.after(() => rmSync(data, { recursive: true, force: true }));
  assert.equal(runProgram(['organisation', 'create', 'a', '--data', data]).status, 0);
  return { data, token: makeToken(data, 'a', 'owner') };
}

test('a part’s URL takes a part and no more', async (t) => {
  const { data, token } = folder(t);
  const server = await Keeptake.start({ data });
  const call = server.client(token);
  const id = await beginRecording(call);
  const [{ url }] = (await call('POST', `/recordings/${id}/upload/sign`, { parts: [1] })).json.urls;
  const bound = Number(new URL(url).searchParams.get('x-kt-max-bytes'));
  assert.ok(bound >= 5 << 20 && bound <= 16 << 20);
  const whole = Buffer.alloc(bound, 7);
  const refused = await announce(server, url, bound + 1);
  assert.equal(refused.status, 400);
  assert.match(String(refused.body), /EntityTooLarge/);
  for (const forged of [url.replace(/x-kt-max-bytes=\d+/, 'x-kt-max-bytes=99999999999'), url.replace(/&?x-kt-max-bytes=\d+/, '')]) {
    assert.equal((await announce(server, forged, 10)).status, 403);
  }
  assert.equal((await server.request('PUT', url, { body: whole })).status, 200);
  await server.stop();
});

test('an organisation has its quota, and another one its own', async (t) => {
  const { data, token } = folder(t);
  runProgram(['organisation', 'create', 'b', '--data', data]);
  const server = await Keeptake.start({ data, args: ['--organisation-max-bytes', '100000', '--organisation-max-open', '2'] });
  const call = server.client(token);
  const other = server.client(makeToken(data, 'b', 'co-host'));
  const ids = [await beginRecording(call), await beginRecording(call)];
  isError(assert, await call('POST', '/recordings', settings), 403, 'quota');
  assert.equal((await other('POST', '/recordings', settings)).status, 201);
  const many = await Promise.all(Array.from({ length: 6 }, () => other('POST', '/recordings', settings)));
  assert.equal(many.filter((answer) => answer.status === 201).length, 1, 'also when asked at once');
  const bytes = someBytes(100000, 1);
  const parts = await putParts(server, call, ids[0], [bytes]);
  assert.equal((await call('POST', `/recordings/${ids[0]}/upload/complete`, { parts, bytes: 100000, duration: 1 })).status, 200);
  isError(assert, await call('POST', '/recordings', settings), 403, 'quota'); // now for its bytes
  assert.equal((await call('DELETE', `/recordings/${ids[0]}`)).status, 204);
  assert.equal((await call('POST', '/recordings', settings)).status, 201);
  await server.stop();
});

test('below the low-water mark nothing new is taken, and all else works', async (t) => {
  const { data, token } = folder(t);
  let server = await Keeptake.start({ data });
  let call = server.client(token);
  assert.equal((await health(server)).status, 'ok');
  const [id, other] = [await beginRecording(call), await beginRecording(call)];
  const parts = await putParts(server, call, id, [someBytes(PART, 1)]);
  await server.stop();
  server = await Keeptake.start({ data, args: ['--low-bytes', String(2 ** 49)] });
  call = server.client(token);
  assert.deepEqual({ ...(await health(server)), version: '' }, { status: 'degraded', version: '', store: 'full', database: 'ok' });
  isError(assert, await call('POST', '/recordings', settings), 507, 'store-full');
  isError(assert, await call('POST', `/recordings/${id}/upload/sign`, { parts: [2] }), 507, 'store-full');
  const done = await call('POST', `/recordings/${id}/upload/complete`, { parts, bytes: PART, duration: 1 });
  assert.equal(done.json.state, 'complete', 'what is there is finished');
  assert.equal((await call('POST', `/recordings/${id}/playback`)).status, 200);
  assert.equal((await call('DELETE', `/recordings/${id}`)).status, 204);
  assert.equal((await call('DELETE', `/recordings/${other}/upload`)).status, 204);
  const metrics = String((await server.request('GET', '/metrics')).body);
  assert.match(metrics, /keeptake_disk_free_bytes \d+/);
  await server.stop();
});

test('a part that arrives on a full disk is refused before it is read', async (t) => {
  const { data, token } = folder(t);
  let server = await Keeptake.start({ data });
  const id = await beginRecording(server.client(token));
  const s3Port = new URL(server.s3Url).port;
  const [{ url }] = (await server.client(token)('POST', `/recordings/${id}/upload/sign`, { parts: [1] })).json.urls;
  await server.stop();
  server = await Keeptake.start({ data, args: ['--low-bytes', String(2 ** 49), '--s3-port', s3Port] });
  const refused = await announce(server, url, PART);
  assert.equal(refused.status, 507);
  await server.stop();
});

test('a disk without one free block: deleting makes room, after a restart too', async (t) => {
  const mount = smallDisk(t, '6m');
  if (mount === null) return;
  const data = path.join(mount, 'data');
  mkdirSync(data);
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const token = makeToken(data, 'a', 'owner');
  let server = await Keeptake.start({ data });
  let call = server.client(token);
  const ids = [];
  for (let i = 0; i < 3; i++) {
    const id = await beginRecording(call);
    const parts = await putParts(server, call, id, [someBytes(8 * PART, i)]);
    assert.equal((await call('POST', `/recordings/${id}/upload/complete`, { parts, bytes: 8 * PART, duration: 1 })).status, 200);
    ids.push(id);
  }
  assert.ok(existsSync(path.join(data, 'reserve')));
  await server.stop();
  server = await Keeptake.start({ data });
  call = server.client(token);
  fill(path.join(mount, 'filler'));
  fill(path.join(mount, 'filler'));
  isError(assert, await call('POST', '/recordings', settings), 507, 'store-full');
  for (const id of ids) {
    const answer = await call('DELETE', `/recordings/${id}`);
    assert.equal(answer.status, 204, String(answer.body));
  }
  assert.equal((await call('GET', '/recordings')).json.recordings.length, 0);
  for (let i = 0; i < 200 && (await health(server)).status !== 'ok'; i++) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await health(server)).status, 'ok', 'the room is there again');
  assert.equal((await call('POST', '/recordings', settings)).status, 201);
  await server.stop();
});

test('a timeline is unpacked to 32 MiB and no further', async (t) => {
  const { data, token } = folder(t);
  const server = await Keeptake.start({ data });
  const call = server.client(token);
  const id = await beginRecording(call);
  const text = JSON.stringify({ version: 1, canvas: { width: 2, height: 2 }, events: [] });
  const put = (bytes) => call('PUT', `/recordings/${id}/timeline`, deflateSync(text + ' '.repeat(bytes - text.length)), { 'Content-Type': 'application/zlib' });
  assert.equal((await put(32 << 20)).status, 204);
  isError(assert, await put((32 << 20) + 1), 413, 'too-large');
  // Many at once, each of which takes its time: the others are served meanwhile, and all are answered.
  const slow = Array.from({ length: 8 }, () => put(32 << 20));
  assert.equal((await call('GET', '/session')).status, 200);
  await putParts(server, call, id, [someBytes(PART, 1)]);
  for (const answer of await Promise.all(slow)) assert.equal(answer.status, 204, String(answer.body));
  await server.stop();
});
