// The server with its own limits under a crowd: as many silent sockets as it takes on both listeners, and hundreds of
// bodies that stand still. Others are served meanwhile, and memory stays within bounds.
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { Keeptake, beginRecording, makeToken, putParts, runProgram, someBytes, temporaryFolder } from './support/keeptake.mjs';

const MOST_MB = 128;
const SILENT = 1024;
const PART = 65536;
const data = temporaryFolder('keeptake-crowd');
const sockets = [];
let server, call;

before(async () => {
  assert.equal(runProgram(['organisation', 'create', 'a', '--data', data]).status, 0);
  server = await Keeptake.start({ data });
  call = server.client(makeToken(data, 'a', 'owner'));
});
after(() => {
  sockets.forEach((socket) => socket.destroy());
  rmSync(data, { recursive: true, force: true });
});

const procFile = (name) => readFileSync(`/proc/${server.child.pid}/${name}`, 'utf8');
const residentMb = () => Number(/VmRSS:\s+(\d+)/.exec(procFile('status'))[1]) / 1024;
const isSanitized = () => /asan/.test(procFile('maps'));

function memoryIsBounded() {
  const mb = residentMb();
  console.log(`resident: ${mb.toFixed(0)} MB`);
  if (!isSanitized()) assert.ok(mb < MOST_MB, `${mb} MB`);
}

/** A socket that is connected (or refused), after it has written `bytes`; what becomes of it is its own affair. */
function open(port, bytes) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const done = () => resolve(socket);
    sockets.push(socket);
    socket.on('error', done);
    socket.on('close', done);
    socket.on('connect', () => (bytes ? socket.write(bytes, done) : done()));
    socket.resume();
  });
}

async function crowd(count, port, bytes) {
  for (let i = 0; i < count; i += 64) {
    await Promise.all(Array.from({ length: Math.min(64, count - i) }, (_, k) => open(port, typeof bytes === 'function' ? bytes(i + k) : bytes)));
  }
}

/** What a host and a viewer do. */
async function everybodyIsServed(seed) {
  const id = await beginRecording(call);
  const bytes = someBytes(PART, seed);
  const parts = await putParts(server, call, id, [bytes]);
  assert.equal((await call('POST', `/recordings/${id}/upload/complete`, { parts, bytes: PART, duration: 1 })).status, 200);
  const { url } = (await call('POST', `/recordings/${id}/playback`)).json;
  assert.ok((await server.request('GET', url)).body.equals(bytes));
  assert.equal((await call('DELETE', `/recordings/${id}`)).status, 204);
}

const stalled = (url) => {
  const { host, pathname, search } = new URL(url);
  return Buffer.concat([Buffer.from(`PUT ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5242880\r\n\r\n`), Buffer.alloc(700_000)]);
};

const signed = async (id, count) => {
  const urls = [];
  for (let from = 1; from <= count; from += 50) {
    const parts = Array.from({ length: Math.min(50, count - from + 1) }, (_, i) => from + i);
    urls.push(...(await call('POST', `/recordings/${id}/upload/sign`, { parts })).json.urls.map(({ url }) => url));
  }
  return urls;
};

test('silent sockets, as many as are taken and more', async () => {
  const s3Port = Number(new URL(server.s3Url).port);
  await crowd(SILENT + 200, server.port, (i) => (i % 2 ? 'GET / HT' : undefined));
  await crowd(SILENT + 200, s3Port);
  for (let i = 0; i < 3; i++) await everybodyIsServed(i);
  memoryIsBounded();
});

test('500 bodies of one part that stand still keep nobody’s place', async () => {
  const id = await beginRecording(call);
  const [url] = await signed(id, 1);
  await crowd(500, Number(new URL(url).port), stalled(url));
  for (let i = 0; i < 3; i++) await everybodyIsServed(10 + i);
  memoryIsBounded();
  // Whoever sends this part, and does so to its end, has it stored: the newest body counts.
  const bytes = someBytes(PART, 20);
  const [{ etag }] = await putParts(server, call, id, [bytes]);
  const listed = (await call('GET', `/recordings/${id}/upload/parts`)).json.parts;
  assert.deepEqual(listed.map((part) => `"${part.etag}"`), [etag]);
});

test('bodies of many parts that stand still, and no place is left', async () => {
  const id = await beginRecording(call);
  const urls = await signed(id, 300);
  let at = 0;
  await crowd(urls.length, Number(new URL(urls[0]).port), () => stalled(urls[at++]));
  for (let i = 0; i < 3; i++) await everybodyIsServed(30 + i);
  memoryIsBounded();
  assert.match(String((await server.request('GET', '/metrics')).body), /^keeptake_connections_cut_total [1-9]\d\d/m);
  sockets.forEach((socket) => socket.destroy());
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.log.slice(-400));
});
