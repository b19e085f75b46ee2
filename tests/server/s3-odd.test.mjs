// What clients do that is rare: parts sent twice at once, many tiny ones, headers that ask first, readers that stand still.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { base64 } from './support/checksums.mjs';
import { Store, presign, signedHeaders, tag } from './support/s3.mjs';

let store;
before(async () => {
  store = await Store.start({ leastPartBytes: 1 });
  assert.equal((await store.send('PUT', '/takes')).status, 200);
});
after(async () => {
  assert.deepEqual(await store.stop(), { code: 0, signal: null }, store.log);
});

const etagOf = (body) => `"${createHash('md5').update(body).digest('hex')}"`;

/** A PUT that waits half-way until go() is called; cut() gives it up. */
function slowPut(target, body) {
  const request = http.request({ host: '127.0.0.1', port: store.port, method: 'PUT', path: target, headers: { 'Content-Length': body.length } });
  const answer = new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => response.resume().on('end', () => resolve(response)));
  });
  answer.catch(() => {});
  const begun = new Promise((resolve) => request.write(body.subarray(0, body.length >> 1), resolve));
  return {
    begun,
    go: () => {
      request.end(body.subarray(body.length >> 1));
      return answer;
    },
    cut: () => request.destroy(),
  };
}

test('a part that is sent again while it is still on its way: the last complete one counts', async () => {
  const id = await store.startUpload('/takes/twice');
  const target = presign('PUT', store.host, '/takes/twice', { query: { partNumber: 1, uploadId: id } });
  const listed = async () => /<ETag>([^<]*)</.exec(String((await store.send('GET', '/takes/twice', { query: { uploadId: id } })).body))?.[1].replaceAll('&quot;', '"');
  const [slow, lost, fast] = [randomBytes(900_000), randomBytes(900_000), randomBytes(300_000)];
  const first = slowPut(target, slow);
  const second = slowPut(target, lost);
  await Promise.all([first.begun, second.begun]);
  assert.equal(await listed(), undefined, 'a body that is not whole is no part');
  assert.equal((await store.putPart('/takes/twice', id, 1, fast)).headers.etag, etagOf(fast));
  second.cut();
  assert.equal(await listed(), etagOf(fast), 'one that broke off changes nothing');
  const late = await first.go();
  assert.deepEqual([late.statusCode, late.headers.etag], [200, etagOf(slow)]);
  assert.equal(await listed(), etagOf(slow));
  const refused = await store.complete('/takes/twice', id, [{ number: 1, etag: etagOf(fast) }]);
  assert.equal(tag(String(refused.body), 'Code'), 'InvalidPart');
  assert.equal((await store.complete('/takes/twice', id, [{ number: 1, etag: etagOf(slow) }])).status, 200);
  assert.ok((await store.send('GET', '/takes/twice')).body.equals(slow));
});

test('a part that arrives behind Complete or Abort is refused', async () => {
  for (const end of ['complete', 'abort']) {
    const id = await store.startUpload('/takes/late');
    const part = await store.putPart('/takes/late', id, 1, Buffer.from('x'));
    const late = slowPut(presign('PUT', store.host, '/takes/late', { query: { partNumber: 2, uploadId: id } }), randomBytes(700_000));
    await late.begun;
    if (end === 'complete') await store.complete('/takes/late', id, [{ number: 1, etag: part.headers.etag }]);
    else await store.send('DELETE', '/takes/late', { query: { uploadId: id } });
    assert.equal((await late.go()).statusCode, 404);
  }
});

test('one upload of many parts of one byte, listed in pages', async () => {
  const COUNT = 1500;
  const id = await store.startUpload('/takes/many');
  const parts = [];
  let next = 1;
  await Promise.all(Array.from({ length: 16 }, async () => {
    while (next <= COUNT) {
      const number = next++;
      const answer = await store.putPart('/takes/many', id, number, Buffer.from([number & 255]));
      parts[number - 1] = { number, etag: answer.headers.etag };
    }
  }));
  const page = async (query) => String((await store.send('GET', '/takes/many', { query: { uploadId: id, ...query } })).body);
  const first = await page({});
  assert.deepEqual([first.match(/<Part>/g).length, tag(first, 'IsTruncated'), tag(first, 'NextPartNumberMarker')], [1000, 'true', '1000']);
  const last = await page({ 'part-number-marker': 1000 });
  assert.deepEqual([last.match(/<Part>/g).length, tag(last, 'IsTruncated')], [500, 'false']);
  assert.equal((await store.complete('/takes/many', id, parts)).status, 200);
  const got = await store.send('GET', '/takes/many');
  assert.ok(got.body.equals(Buffer.from(Array.from({ length: COUNT }, (_, i) => (i + 1) & 255))));
  const range = await store.send('GET', '/takes/many', { headers: { Range: 'bytes=254-257' } });
  assert.deepEqual([...range.body], [255, 0, 1, 2]);
  const attributes = await store.sendSigned('GET', '/takes/many', {
    query: { attributes: '' }, headers: { 'x-amz-object-attributes': 'ObjectParts', 'x-amz-part-number-marker': '1400' },
  });
  assert.deepEqual([tag(String(attributes.body), 'PartsCount'), String(attributes.body).match(/<Part>/g).length], [String(COUNT), 100]);
});

test('Expect: 100-continue: asked before the body is sent, refused before it is sent', async () => {
  const ask = (headers) => new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: store.port, method: 'PUT', path: '/takes/asked', headers: { ...headers, Expect: '100-continue' } });
    let continued = false;
    request.on('continue', () => {
      continued = true;
      request.end('hello');
    });
    request.on('response', (response) => {
      response.resume();
      request.destroy();
      resolve([continued, response.statusCode]);
    });
    request.on('error', reject);
    request.flushHeaders();
  });
  const sum = base64('crc32', Buffer.from('hello'));
  const signed = (extra) => signedHeaders('PUT', store.host, '/takes/asked', { headers: { 'Content-Length': '5', ...extra } });
  assert.deepEqual(await ask(signed({ 'x-amz-checksum-crc32': sum })), [true, 200]);
  assert.deepEqual(await ask(signed({ 'x-amz-checksum-md99': sum })), [false, 400]);
  assert.deepEqual(await ask({ 'Content-Length': '5' }), [false, 403]);
});

test('many readers that stand still cost little', async () => {
  const READERS = 400;
  await store.send('PUT', '/takes/played', { body: Buffer.alloc(5_000_000, 7) });
  const target = presign('GET', store.host, '/takes/played');
  const read = () => new Promise((resolve, reject) => {
    const socket = net.connect({ port: store.port, host: '127.0.0.1' });
    socket.on('error', reject);
    socket.once('readable', () => resolve(socket)); // and nothing is read
    socket.write(`GET ${target} HTTP/1.1\r\nHost: ${store.host}\r\n\r\n`);
  });
  const sockets = [];
  for (let i = 0; i < READERS; i += 100) sockets.push(...(await Promise.all(Array.from({ length: 100 }, read))));
  await sleep(300);
  const status = readFileSync(`/proc/${store.child.pid}/status`, 'utf8');
  const resident = Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024;
  console.log(`resident: ${resident.toFixed(0)} MB`);
  if (!/asan/.test(readFileSync(`/proc/${store.child.pid}/maps`, 'utf8'))) assert.ok(resident < 128, `${resident} MB`);
  assert.equal((await store.send('GET', '/takes/played')).body.length, 5_000_000, 'others are served meanwhile');
  for (const socket of sockets) socket.destroy();
});
