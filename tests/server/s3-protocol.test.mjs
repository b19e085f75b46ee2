// The S3 listener over real sockets: answers, errors, and clients that misbehave.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Store, presign, signedHeaders, tag } from './support/s3.mjs';

let store;
before(async () => {
  store = await Store.start();
  assert.equal((await store.send('PUT', '/takes')).status, 200);
});
after(async () => {
  const end = await store.stop();
  assert.deepEqual(end, { code: 0, signal: null }, store.log);
});

const md5 = (data) => createHash('md5').update(data).digest('hex');
const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const code = (answer) => tag(String(answer.body), 'Code');

function expectError(answer, status, name) {
  assert.equal(`${answer.status} ${code(answer)}`, `${status} ${name}`);
  assert.equal(answer.headers['content-type'], 'application/xml');
  assert.ok(tag(String(answer.body), 'RequestId'));
}

/** Sends bytes on a bare socket; resolves to all that came back when the peer closes or after ms. */
function talk(bytes, { ms = 5000, halfClose = false, until } = {}) {
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect(store.port, '127.0.0.1', () => {
      socket.write(bytes);
      if (halfClose) socket.end();
    });
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(done, ms);
    socket.on('data', (data) => {
      text += data;
      if (until?.(text)) done();
    });
    socket.on('close', done);
    socket.on('error', () => {});
  });
}

test('objects of all sizes come back byte for byte', async () => {
  for (const size of [0, 1, 4095, 4096, 262143, 262144, 262145, 3_000_000]) {
    const data = randomBytes(size);
    const put = await store.send('PUT', `/takes/size-${size}`, { body: data, headers: { 'Content-Type': 'video/webm' } });
    assert.equal(put.status, 200, String(put.body));
    assert.equal(put.headers.etag, `"${md5(data)}"`);
    const got = await store.send('GET', `/takes/size-${size}`);
    assert.equal(got.status, 200);
    assert.equal(got.headers['content-type'], 'video/webm');
    assert.equal(got.headers['cross-origin-resource-policy'], 'cross-origin');
    assert.ok(got.body.equals(data), `size ${size}`);
    const head = await store.send('HEAD', `/takes/size-${size}`);
    assert.equal(head.headers['content-length'], String(size));
    assert.equal(head.body.length, 0);
  }
});

test('ranges across part borders, conditions, overrides', async () => {
  const upload = await store.startUpload('/takes/r');
  const bodies = [70000, 65536, 100].map((n) => randomBytes(n));
  const parts = [];
  for (const [i, body] of bodies.entries()) {
    parts.push({ number: i + 1, etag: (await store.putPart('/takes/r', upload, i + 1, body)).headers.etag });
  }
  const done = await store.complete('/takes/r', upload, parts);
  assert.equal(done.status, 200, String(done.body));
  const all = Buffer.concat(bodies);
  const etag = `"${createHash('md5').update(Buffer.concat(bodies.map((b) => createHash('md5').update(b).digest()))).digest('hex')}-3"`;
  assert.equal(tag(String(done.body), 'ETag').replaceAll('&quot;', '"'), etag);
  for (const [range, from, to] of [
    ['bytes=0-0', 0, 0], ['bytes=69999-70000', 69999, 70000], ['bytes=60000-135600', 60000, 135600],
    ['bytes=135536-', 135536, all.length - 1], ['bytes=-1', all.length - 1, all.length - 1],
    ['bytes=100-99999999', 100, all.length - 1], ['bytes=-99999999', 0, all.length - 1],
  ]) {
    const got = await store.send('GET', '/takes/r', { headers: { Range: range } });
    assert.equal(got.status, 206, range);
    assert.equal(got.headers['content-range'], `bytes ${from}-${to}/${all.length}`);
    assert.ok(got.body.equals(all.subarray(from, to + 1)), range);
  }
  for (const range of [`bytes=${all.length}-`, 'bytes=-0']) {
    expectError(await store.send('GET', '/takes/r', { headers: { Range: range } }), 416, 'InvalidRange');
  }
  for (const range of ['bytes=5-4', 'bytes=x', 'lines=1-2', 'bytes=0-1,3-4', 'bytes=--1']) {
    assert.equal((await store.send('GET', '/takes/r', { headers: { Range: range } })).status, 200, range);
  }
  const second = await store.send('GET', '/takes/r', { query: { partNumber: 2 } });
  assert.equal(second.status, 206);
  assert.ok(second.body.equals(bodies[1]));
  const modified = (await store.send('HEAD', '/takes/r')).headers['last-modified'];
  const earlier = new Date(Date.parse(modified) - 5000).toUTCString();
  for (const [headers, status] of [
    [{ 'If-None-Match': etag }, 304], [{ 'If-None-Match': '"x"' }, 200], [{ 'If-Match': etag }, 200],
    [{ 'If-Match': '"x"' }, 412], [{ 'If-Modified-Since': modified }, 304], [{ 'If-Modified-Since': earlier }, 200],
    [{ 'If-Unmodified-Since': earlier }, 412], [{ 'If-Unmodified-Since': modified }, 200],
    [{ 'If-Modified-Since': 'yesterday' }, 200], [{ 'If-Range': '"x"', Range: 'bytes=0-1' }, 200],
    [{ 'If-Range': etag, Range: 'bytes=0-1' }, 206],
  ]) {
    assert.equal((await store.send('GET', '/takes/r', { headers })).status, status, JSON.stringify(headers));
  }
  const override = await store.send('GET', '/takes/r', {
    query: { 'response-content-type': 'video/webm', 'response-content-disposition': 'attachment; filename="a b.webm"' },
  });
  assert.equal(override.headers['content-type'], 'video/webm');
  assert.equal(override.headers['content-disposition'], 'attachment; filename="a b.webm"');
});

test('UploadPartCopy takes a range of another object', async () => {
  const data = randomBytes(200000);
  await store.send('PUT', '/takes/from', { body: data });
  const upload = await store.startUpload('/takes/to');
  const first = await store.putPart('/takes/to', upload, 1, data.subarray(0, 65536));
  const copied = await store.sendSigned('PUT', '/takes/to', {
    query: { partNumber: 2, uploadId: upload },
    headers: { 'x-amz-copy-source': '/takes/from', 'x-amz-copy-source-range': 'bytes=65536-199999' },
  });
  assert.equal(copied.status, 200, String(copied.body));
  const etag = tag(String(copied.body), 'ETag').replaceAll('&quot;', '"');
  assert.equal(etag, `"${md5(data.subarray(65536))}"`);
  assert.equal((await store.complete('/takes/to', upload, [{ number: 1, etag: first.headers.etag }, { number: 2, etag }])).status, 200);
  assert.ok((await store.send('GET', '/takes/to')).body.equals(data));
});

test('errors of signatures', async () => {
  const minute = 60_000;
  expectError(await store.raw('GET', '/takes/none'), 403, 'AccessDenied');
  expectError(await store.send('GET', '/takes/none'), 404, 'NoSuchKey');
  const old = await store.send('GET', '/takes/none', { time: Date.now() - 2 * minute, expires: 60 });
  expectError(old, 403, 'AccessDenied');
  assert.equal(tag(String(old.body), 'Message'), 'Request has expired');
  expectError(await store.send('GET', '/takes/none', { time: Date.now() + 16 * minute }), 403, 'RequestTimeTooSkewed');
  expectError(await store.sendSigned('GET', '/takes/none', { time: Date.now() - 16 * minute }), 403, 'RequestTimeTooSkewed');
  expectError(await store.send('GET', '/takes/none', { key: 'nobody' }), 403, 'InvalidAccessKeyId');
  expectError(await store.send('GET', '/takes/none', { secret: 'wrong' }), 403, 'SignatureDoesNotMatch');
  expectError(await store.send('GET', '/takes/none', { expires: 604801 }), 400, 'AuthorizationQueryParametersError');
  expectError(await store.raw('PUT', presign('GET', store.host, '/takes/x'), { body: 'x' }), 403, 'SignatureDoesNotMatch');
  expectError(await store.raw('GET', presign('GET', store.host, '/takes/x').replace('/takes/x', '/takes/y')), 403, 'SignatureDoesNotMatch');
  expectError(await store.raw('PUT', presign('PUT', store.host, '/takes/x'), { body: 'x', headers: { 'x-amz-acl': 'public-read' } }), 403, 'AccessDenied');
  for (const authorization of ['AWS4-HMAC-SHA256 x', 'Basic abc', '']) {
    const answer = await store.raw('GET', '/takes/none', { headers: { Authorization: authorization } });
    assert.ok(answer.status === 400 || answer.status === 403, authorization);
  }
});

test('payload hashes and checksums are verified', async () => {
  const body = 'payload';
  const put = (headers, payload) => store.sendSigned('PUT', '/takes/sum', { body, payload, headers });
  assert.equal((await put({}, sha256(body))).status, 200);
  expectError(await put({}, sha256('other')), 400, 'XAmzContentSHA256Mismatch');
  const sum = (name, data) => createHash(name).update(data).digest('base64');
  assert.equal((await put({ 'Content-MD5': sum('md5', body) })).status, 200);
  expectError(await put({ 'Content-MD5': sum('md5', 'other') }), 400, 'BadDigest');
  expectError(await put({ 'Content-MD5': 'nonsense' }), 400, 'InvalidDigest');
  const good = await put({ 'x-amz-checksum-sha256': sum('sha256', body) });
  assert.equal(good.headers['x-amz-checksum-sha256'], sum('sha256', body));
  expectError(await put({ 'x-amz-checksum-sha256': sum('sha256', 'other') }), 400, 'BadDigest');
  expectError(await put({ 'x-amz-checksum-crc32': 'AAAAAA==' }), 400, 'BadDigest');
  expectError(await put({ 'x-amz-checksum-md99': 'AAAAAA==' }), 400, 'InvalidRequest');
  assert.equal(String((await store.send('GET', '/takes/sum')).body), body);
});

test('multipart: parts are replaced, wrong lists refused, Complete repeated', async () => {
  const name = '/takes/multi';
  const id = await store.startUpload(name);
  const big = randomBytes(65536);
  const etags = [];
  for (const n of [1, 2, 3]) etags.push((await store.putPart(name, id, n, n === 1 ? randomBytes(70000) : big)).headers.etag);
  const stale = etags[0];
  etags[0] = (await store.putPart(name, id, 1, big)).headers.etag;
  const part = (number, etag = etags[number - 1]) => ({ number, etag });
  const listed = String((await store.send('GET', name, { query: { uploadId: id } })).body);
  assert.deepEqual([...listed.matchAll(/<Size>(\d+)</g)].map((m) => m[1]), ['65536', '65536', '65536']);
  expectError(await store.complete(name, id, [part(2), part(1)]), 400, 'InvalidPartOrder');
  expectError(await store.complete(name, id, [part(1, stale)]), 400, 'InvalidPart');
  expectError(await store.complete(name, id, [part(1), { number: 9, etag: etags[0] }]), 400, 'InvalidPart');
  expectError(await store.complete(name, id, []), 400, 'MalformedXML');
  expectError(await store.send('POST', name, { query: { uploadId: id }, body: '<x' }), 400, 'MalformedXML');
  expectError(await store.complete(name, 'f'.repeat(32), [part(1)]), 404, 'NoSuchUpload');
  expectError(await store.complete('/takes/other', id, [part(1)]), 404, 'NoSuchUpload');
  expectError(await store.putPart(name, id, 0, 'x'), 400, 'InvalidArgument');
  expectError(await store.putPart(name, id, 10001, 'x'), 400, 'InvalidArgument');
  expectError(await store.putPart(name, '../../tmp', 1, 'x'), 404, 'NoSuchUpload');
  await store.putPart(name, id, 4, 'small');
  const small = { number: 4, etag: md5('small') };
  const fifth = { number: 5, etag: (await store.putPart(name, id, 5, 'last')).headers.etag };
  expectError(await store.complete(name, id, [part(1), small, fifth]), 400, 'EntityTooSmall');
  assert.equal((await store.send('HEAD', name)).status, 404);
  const list = [part(1), part(3), fifth];
  const [first, second] = await Promise.all([store.complete(name, id, list), store.complete(name, id, list)]);
  assert.equal(first.status, 200, String(first.body));
  assert.equal(second.status, 200, String(second.body));
  assert.equal(String(first.body).replace(/.*<ETag>/s, ''), String(second.body).replace(/.*<ETag>/s, ''));
  assert.ok((await store.send('GET', name)).body.equals(Buffer.concat([big, big, Buffer.from('last')])));
  expectError(await store.send('DELETE', name, { query: { uploadId: id } }), 404, 'NoSuchUpload');
});

test('abort leaves no file behind', async () => {
  const before = readdirSync(path.join(store.dir, 'data')).length;
  const id = await store.startUpload('/takes/abort');
  await store.putPart('/takes/abort', id, 1, randomBytes(1000));
  assert.equal((await store.send('DELETE', '/takes/abort', { query: { uploadId: id } })).status, 204);
  expectError(await store.putPart('/takes/abort', id, 1, 'x'), 404, 'NoSuchUpload');
  for (let i = 0; i < 200 && readdirSync(path.join(store.dir, 'data')).length > before; i++) await sleep(20); // they go behind the answer
  assert.ok(readdirSync(path.join(store.dir, 'data')).length <= before);
  assert.deepEqual(readdirSync(path.join(store.dir, 'tmp')), []);
});

test('buckets, methods, malformed names', async () => {
  expectError(await store.send('GET', '/nowhere'), 404, 'NoSuchBucket');
  expectError(await store.send('PUT', '/nowhere/k', { body: 'x' }), 404, 'NoSuchBucket');
  expectError(await store.send('PUT', '/No_Bucket'), 400, 'InvalidBucketName');
  expectError(await store.send('DELETE', '/takes'), 409, 'BucketNotEmpty');
  expectError(await store.send('PATCH', '/takes/k'), 405, 'MethodNotAllowed');
  for (const [method, name, what] of [
    ['GET', '/takes', 'acl'], ['PUT', '/takes', 'versioning'], ['PUT', '/takes', 'lifecycle'], ['PUT', '/takes/k', 'acl'],
  ]) {
    const answer = await store.send(method, name, { query: { [what]: '' } });
    expectError(answer, 501, 'NotImplemented');
    assert.match(tag(String(answer.body), 'Message'), new RegExp(what));
  }
  expectError(await store.send('PUT', `/takes/${'k'.repeat(1025)}`, { body: 'x' }), 400, 'KeyTooLongError');
  assert.equal((await store.send('PUT', `/takes/${'k'.repeat(1024)}`, { body: 'x' })).status, 200);
  const strange = '/takes/../ä%2F \u{1F600}//';
  assert.equal((await store.send('PUT', strange, { body: 'strange' })).status, 200);
  assert.equal(String((await store.send('GET', strange)).body), 'strange');
  const list = String((await store.send('GET', '/takes', { query: { 'list-type': 2, prefix: '../', 'encoding-type': 'url' } })).body);
  assert.equal(decodeURIComponent(tag(list, 'Key')), strange.slice('/takes/'.length));
});

test('CORS: preflights and exposed headers', async () => {
  const preflight = await store.raw('OPTIONS', '/takes/k', {
    headers: { Origin: 'http://studio.test', 'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'content-type' },
  });
  assert.equal(preflight.status, 200);
  assert.equal(preflight.headers['access-control-allow-origin'], 'http://studio.test');
  assert.match(preflight.headers['access-control-allow-methods'], /PUT/);
  assert.equal(preflight.headers['access-control-allow-headers'], 'content-type');
  expectError(await store.raw('OPTIONS', '/takes/k'), 403, 'AccessForbidden');
  const put = await store.send('PUT', '/takes/cors', { body: 'x', headers: { Origin: 'http://studio.test' } });
  assert.match(put.headers['access-control-expose-headers'], /ETag/);
  const refused = await store.send('GET', '/takes/cors', { secret: 'wrong', headers: { Origin: 'http://studio.test' } });
  assert.equal(refused.headers['access-control-allow-origin'], 'http://studio.test', 'pages can read errors');
});

test('a CORS document counts for its bucket, within what the server allows', async () => {
  assert.equal((await store.send('PUT', '/pages')).status, 200);
  const rule = (inner) => `<CORSRule>${inner}</CORSRule>`;
  const put = (...rules) => store.send('PUT', '/pages', { query: { cors: '' }, body: `<CORSConfiguration>${rules.join('')}</CORSConfiguration>` });
  const whole = (origin, method, more = '') => rule(`<AllowedOrigin>${origin}</AllowedOrigin><AllowedMethod>${method}</AllowedMethod>${more}`);
  const ask = (method, asked, bucket = 'pages') => store.raw('OPTIONS', `/${bucket}/k`, {
    headers: { Origin: 'http://studio.test', 'Access-Control-Request-Method': method, ...(asked && { 'Access-Control-Request-Headers': asked }) },
  });
  for (const method of ['ET', 'GET, HEAD', 'get', ' ', 'PATCH']) expectError(await ask(method), 403, 'AccessForbidden');
  for (const method of ['ET', 'GET PUT', 'put', '', 'OPTIONS']) expectError(await put(whole('*', method)), 400, 'InvalidRequest');
  expectError(await put(whole('http://*.*', 'GET')), 400, 'InvalidRequest');
  for (const rules of [['<Other/>'], [], [rule('<AllowedMethod>GET</AllowedMethod>')], [whole('*', 'GET', '<MaxAgeSeconds>x</MaxAgeSeconds>')], Array(101).fill(whole('*', 'GET'))]) {
    expectError(await put(...rules), 400, 'MalformedXML');
  }
  const set = await put(
    whole('http://other.test', 'DELETE'),
    whole('http://*.test', 'PUT', '<AllowedHeader>Content-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>7</MaxAgeSeconds>'),
  );
  assert.equal(set.status, 200, String(set.body));
  const good = await ask('PUT', 'content-type, CONTENT-md5');
  assert.equal(good.status, 200);
  assert.equal(good.headers['access-control-allow-methods'], 'PUT');
  assert.equal(good.headers['access-control-max-age'], '7');
  for (const [method, asked] of [['DELETE'], ['GET'], ['PUT', 'content-type, x-amz-acl'], ['PUT', Array(80).fill('content-type').join(',')], ['PUT', `${'content-type '.repeat(64)}x-amz-acl`]]) {
    expectError(await ask(method, asked), 403, 'AccessForbidden');
  }
  assert.equal((await ask('DELETE', undefined, 'takes')).status, 200, 'another bucket has rules of its own');
  const headers = { Origin: 'http://studio.test' };
  const written = await store.send('PUT', '/pages/k', { body: 'x', headers });
  assert.equal(written.headers['access-control-allow-origin'], 'http://studio.test');
  assert.equal(written.headers['access-control-expose-headers'], 'ETag');
  const read = await store.send('GET', '/pages/k', { headers });
  assert.equal(read.status, 200);
  assert.equal(read.headers['access-control-allow-origin'], undefined, 'the rule says PUT');
  assert.equal((await store.send('DELETE', '/pages', { query: { cors: '' } })).status, 204);
  expectError(await store.send('GET', '/pages', { query: { cors: '' } }), 404, 'NoSuchCORSConfiguration');
  assert.equal((await ask('DELETE')).status, 200, 'the list of the server alone');
});

test('a CORS document never goes beyond the origins of the server', async () => {
  const narrow = await Store.start({ origin: 'http://studio.test' });
  assert.equal((await narrow.send('PUT', '/pages')).status, 200);
  const body = '<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>';
  assert.equal((await narrow.send('PUT', '/pages', { query: { cors: '' }, body })).status, 200);
  for (const [origin, status] of [['http://studio.test', 200], ['http://studio.test.evil', 403], ['null', 403]]) {
    const headers = { Origin: origin, 'Access-Control-Request-Method': 'GET' };
    assert.equal((await narrow.raw('OPTIONS', '/pages/k', { headers })).status, status, origin);
    const list = await narrow.send('GET', '/pages', { headers: { Origin: origin } });
    assert.equal(list.headers['access-control-allow-origin'], status === 200 ? origin : undefined);
  }
  assert.deepEqual(await narrow.stop(), { code: 0, signal: null }, narrow.log);
});

test('a request target may name its host, and has to name the one of Host', async () => {
  assert.equal((await store.send('PUT', '/takes/absolute', { body: 'whole' })).status, 200);
  const target = presign('GET', store.host, '/takes/absolute');
  const got = await store.raw('GET', `http://${store.host}${target}`);
  assert.equal(`${got.status} ${got.body}`, '200 whole');
  assert.equal((await store.raw('GET', `HTTP://${store.host}${target}`)).status, 200);
  expectError(await store.raw('GET', `http://${store.host}`), 403, 'AccessDenied');
  expectError(await store.raw('GET', `http://${store.host}?x=1`), 403, 'AccessDenied');
  for (const host of ['other.test', `${store.host}0`, '', `a@${store.host}`]) {
    assert.equal((await store.raw('GET', `http://${host}${target}`, { headers: { Host: store.host } })).status, 400, host);
  }
});

test('conditions take the three forms of an HTTP date', async () => {
  assert.equal((await store.send('PUT', '/takes/dated', { body: 'x' })).status, 200);
  for (const [past, future] of [
    ['Sun, 06 Nov 1994 08:49:37 GMT', 'Wed, 06 Nov 2050 08:49:37 GMT'],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 'Sunday, 06-Nov-50 08:49:37 GMT'],
    ['Sun Nov  6 08:49:37 1994', 'Sun Nov  6 08:49:37 2050'],
  ]) {
    expectError(await store.send('GET', '/takes/dated', { headers: { 'If-Unmodified-Since': past } }), 412, 'PreconditionFailed');
    assert.equal((await store.send('GET', '/takes/dated', { headers: { 'If-Unmodified-Since': future } })).status, 200, future);
  }
});

test('corners of ranges and conditions', async () => {
  const data = randomBytes(1000);
  await store.send('PUT', '/takes/corner', { body: data });
  await store.send('PUT', '/takes/nothing', { body: Buffer.alloc(0) });
  const { etag, 'last-modified': modified } = (await store.send('HEAD', '/takes/corner')).headers;
  const at = new Date(modified);
  const two = (n) => String(n).padStart(2, '0');
  const time = modified.slice(17, 25);
  const month = modified.slice(8, 11);
  const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
  const forms = [modified, `${days[at.getUTCDay()]}, ${two(at.getUTCDate())}-${month}-${two(at.getUTCFullYear() % 100)} ${time} GMT`,
    `${modified.slice(0, 3)} ${month} ${String(at.getUTCDate()).padStart(2)} ${time} ${at.getUTCFullYear()}`];
  const get = (headers, name = '/takes/corner', method = 'GET') => store.send(method, name, { headers });
  const whole = async (headers) => {
    const got = await get(headers);
    assert.deepEqual([got.status, got.body.equals(data), got.headers['content-range']], [200, true, undefined], JSON.stringify(headers));
  };
  const part = async (headers, from, to) => {
    const got = await get(headers);
    assert.deepEqual([got.status, got.headers['content-range']], [206, `bytes ${from}-${to}/1000`], JSON.stringify(headers));
    assert.ok(got.body.equals(data.subarray(from, to + 1)));
  };
  // A suffix longer than the object is all of it; numbers beyond any integer are just large.
  await part({ Range: 'bytes=-1001' }, 0, 999);
  await part({ Range: 'bytes=-99999999999999999999999' }, 0, 999);
  await part({ Range: 'bytes=998-99999999999999999999999' }, 998, 999);
  expectError(await get({ Range: 'bytes=99999999999999999999999-' }), 416, 'InvalidRange');
  expectError(await get({ Range: 'bytes=1000-1000' }), 416, 'InvalidRange');
  expectError(await get({ Range: 'bytes=-5' }, '/takes/nothing'), 416, 'InvalidRange');
  // Several ranges, and what is none: the whole object, as RFC 9110 allows and asks.
  for (const range of ['bytes=0-0,-1', 'bytes=0-0, 5-6', 'bytes=-1,0-', 'bytes=', 'bytes=-', 'bytes=1', 'bytes=0x0-1', 'bytes= 0-1', 'bytes=+0-1', '0-1', 'seconds=0-1'])
    await whole({ Range: range });
  // If-Range compares strongly: a weak tag never holds, nor does a list, nor a time that is not exactly that one.
  await part({ Range: 'bytes=0-1', 'If-Range': etag }, 0, 1);
  for (const value of [`W/${etag}`, '*', 'W/"x"', '"x"', 'yesterday', new Date(+at + 60_000).toUTCString(), new Date(+at - 60_000).toUTCString()])
    await whole({ Range: 'bytes=0-1', 'If-Range': value });
  for (const form of forms) await part({ Range: 'bytes=0-1', 'If-Range': form }, 0, 1);
  // If-None-Match compares weakly, "*" is any object there is, and it decides where there is a date as well.
  for (const value of ['*', etag, `W/${etag}`, `"x", W/${etag}`, `"x",${etag}`]) {
    for (const method of ['GET', 'HEAD']) assert.equal((await get({ 'If-None-Match': value }, '/takes/corner', method)).status, 304, value);
  }
  await whole({ 'If-None-Match': '"x"', 'If-Modified-Since': modified });
  expectError(await get({ 'If-None-Match': '*' }, '/takes/none'), 404, 'NoSuchKey');
  for (const form of forms) assert.equal((await get({ 'If-Modified-Since': form })).status, 304, form);
  await whole({ 'If-Match': '*' });
  await whole({ 'If-Match': etag, 'If-Unmodified-Since': new Date(+at - 60_000).toUTCString() });
  for (const value of [`W/${etag}`, '"x"']) assert.equal((await get({ 'If-Match': value })).status, 412, value);
  assert.equal((await get({ 'If-Match': '"x"', Range: 'bytes=0-1' })).status, 412, 'a condition comes before the range');
  assert.equal((await get({ 'If-None-Match': etag, Range: 'bytes=0-1' })).status, 304);
});

test('chunked bodies: signed chunks, trailers, and forged ones', async () => {
  const body = Buffer.from('3\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:hYfYZQ==\r\n\r\n');
  const send = (data, length = 5) => store.sendSigned('PUT', '/takes/chunked', {
    body: data,
    payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    headers: {
      'Content-Encoding': 'aws-chunked', 'x-amz-decoded-content-length': String(length), 'x-amz-trailer': 'x-amz-checksum-crc32',
    },
  });
  const good = await send(body);
  assert.equal(good.status, 200, String(good.body));
  const got = await store.send('GET', '/takes/chunked');
  assert.equal(String(got.body), 'abcde');
  assert.equal(got.headers['content-encoding'], undefined);
  expectError(await send(String(body).replace('abc', 'abX')), 400, 'BadDigest');
  expectError(await send(body, 6), 400, 'IncompleteBody');
  expectError(await send('zz\r\n'), 400, 'InvalidRequest');
  expectError(await send('5\r\nabcde\r\n'), 400, 'IncompleteBody');
  for (const trailers of ['', 'no colon\r\n', 'x-amz-meta-a:b\r\n', `x-amz-checksum-crc32:${'A'.repeat(600)}\r\n`]) {
    expectError(await send(`5\r\nabcde\r\n0\r\n${trailers}\r\n`), 400, 'MalformedTrailerError');
  }
  expectError(await send('5\r\nabcde\r\n0\r\nx-amz-checksum-crc32:AA\r\n\r\n'), 400, 'InvalidRequest');
  const forged = await store.sendSigned('PUT', '/takes/chunked', {
    body: `5;chunk-signature=${'0'.repeat(64)}\r\nabcde\r\n0;chunk-signature=${'0'.repeat(64)}\r\n\r\n`,
    payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    headers: { 'x-amz-decoded-content-length': '5' },
  });
  expectError(forged, 403, 'SignatureDoesNotMatch');
  assert.equal(String((await store.send('GET', '/takes/chunked')).body), 'abcde');
});

test('a body that comes byte by byte, and one whose sender vanishes', async () => {
  const target = presign('PUT', store.host, '/takes/slow');
  const socket = net.connect(store.port, '127.0.0.1');
  socket.setNoDelay(true);
  let answer = '';
  socket.on('data', (data) => (answer += data));
  for (const byte of `PUT ${target} HTTP/1.1\r\nHost: ${store.host}\r\nContent-Length: 20\r\n\r\n`) socket.write(byte);
  for (let i = 0; i < 20; i++) {
    socket.write('s');
    await sleep(5);
  }
  for (let i = 0; i < 100 && !answer.includes('\r\n\r\n'); i++) await sleep(20);
  socket.destroy();
  assert.match(answer, /^HTTP\/1.1 200/);
  assert.equal(String((await store.send('GET', '/takes/slow')).body), 's'.repeat(20));
  const gone = net.connect(store.port, '127.0.0.1');
  gone.on('error', () => {});
  gone.write(`PUT ${presign('PUT', store.host, '/takes/gone')} HTTP/1.1\r\nHost: ${store.host}\r\nContent-Length: 9000000\r\n\r\n`);
  gone.write(randomBytes(2_000_000));
  await sleep(100);
  gone.destroy();
  expectError(await store.send('GET', '/takes/gone'), 404, 'NoSuchKey');
  for (let i = 0; i < 50 && readdirSync(path.join(store.dir, 'tmp')).length; i++) await sleep(20);
  assert.deepEqual(readdirSync(path.join(store.dir, 'tmp')), []);
});

test('pipelining, half-closed peers, oversize and broken requests', async () => {
  const get = (key) => `GET ${presign('GET', store.host, key)} HTTP/1.1\r\nHost: ${store.host}\r\n\r\n`;
  await store.send('PUT', '/takes/p1', { body: 'first-body' });
  await store.send('PUT', '/takes/p2', { body: 'second-body' });
  const both = await talk(get('/takes/p1') + get('/takes/p2') + get('/takes/p1'), {
    until: (text) => (text.match(/-body/g) ?? []).length === 3,
  });
  assert.ok(both.indexOf('first-body') < both.indexOf('second-body'));
  /* A peer that half-closes counts as gone: its body is not whole, nothing is stored. */
  const half = `PUT ${presign('PUT', store.host, '/takes/half')} HTTP/1.1\r\nHost: ${store.host}\r\nContent-Length: 10\r\n\r\n12345`;
  assert.doesNotMatch(await talk(half, { halfClose: true }), /^HTTP\/1.1 200/);
  expectError(await store.send('GET', '/takes/half'), 404, 'NoSuchKey');
  assert.match(await talk(`GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: h\r\n\r\n`, { until: (t) => t.includes('\r\n\r\n') }), /^HTTP\/1.1 414/);
  assert.match(await talk(`GET / HTTP/1.1\r\nHost: h\r\nX: ${'y'.repeat(40000)}\r\n\r\n`, { until: (t) => t.includes('\r\n\r\n') }), /^HTTP\/1.1 431/);
  assert.match(await talk('NONSENSE\r\n\r\n', { ms: 1000 }), /^(HTTP\/1.1 4|$)/);
  assert.match(await talk('GET /takes/%zz?X-Amz-Signature=1 HTTP/1.1\r\nHost: h\r\n\r\n', { ms: 1000 }), /^HTTP\/1.1 4/);
  const waits = signedHeaders('PUT', store.host, '/nowhere/k', { headers: { 'Content-Length': '5', Expect: '100-continue' } });
  waits.Authorization = waits.Authorization.slice(0, -4) + '0000';
  const lines = Object.entries(waits).map(([k, v]) => `${k}: ${v}\r\n`).join('');
  const early = await talk(`PUT /nowhere/k HTTP/1.1\r\n${lines}\r\n`, { ms: 2000 });
  assert.match(early, /^HTTP\/1.1 403/, 'answered before the body is asked for');
  assert.equal((await store.send('GET', '/takes/p1')).status, 200, 'still alive');
});

test('a reader keeps its object while it is deleted', async () => {
  const data = randomBytes(8_000_000);
  await store.send('PUT', '/takes/read', { body: data });
  const chunks = [];
  await new Promise((resolve, reject) => {
    const socket = net.connect(store.port, '127.0.0.1', () => {
      socket.write(`GET ${presign('GET', store.host, '/takes/read')} HTTP/1.1\r\nHost: ${store.host}\r\nConnection: close\r\n\r\n`);
    });
    socket.once('data', async (first) => {
      chunks.push(first);
      socket.pause();
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.pause();
      await store.send('DELETE', '/takes/read');
      assert.equal((await store.send('HEAD', '/takes/read')).status, 404);
      socket.resume();
    });
    socket.on('close', resolve);
    socket.on('error', reject);
  });
  const all = Buffer.concat(chunks);
  assert.ok(all.subarray(all.indexOf('\r\n\r\n') + 4).equals(data));
});

test('listings page through everything', async () => {
  await store.send('PUT', '/lists');
  const keys = Array.from({ length: 30 }, (_, i) => `d${i % 3}/k&${String(i).padStart(2, '0')}`).sort();
  await Promise.all(keys.map((key) => store.send('PUT', `/lists/${key}`, { body: '' })));
  const seen = [];
  let token;
  do {
    const query = { 'list-type': 2, 'max-keys': 7, ...(token && { 'continuation-token': token }) };
    const xml = String((await store.send('GET', '/lists', { query })).body);
    seen.push(...[...xml.matchAll(/<Key>([^<]*)</g)].map((m) => m[1].replaceAll('&amp;', '&')));
    token = tag(xml, 'NextContinuationToken');
  } while (token);
  assert.deepEqual(seen, keys);
  expectError(await store.send('GET', '/lists', { query: { 'list-type': 2, 'continuation-token': 'zz' } }), 400, 'InvalidArgument');
  expectError(await store.send('GET', '/lists', { query: { 'max-keys': '-1' } }), 400, 'InvalidArgument');
  const body = `<Delete>${keys.map((k) => `<Object><Key>${k.replace('&', '&amp;')}</Key></Object>`).join('')}</Delete>`;
  const gone = await store.send('POST', '/lists', { query: { delete: '' }, body });
  assert.equal((String(gone.body).match(/<Deleted>/g) ?? []).length, 30);
  assert.equal((await store.send('DELETE', '/lists')).status, 204);
});

test('Content-Encoding keeps codings of the object only', async () => {
  for (const [given, kept] of [
    ['aws-chunked', undefined], ['gzip,aws-chunked', 'gzip'], ['AWS-Chunked, gzip', 'gzip'], ['gzip , aws-chunked , br', 'gzip, br'],
    ['aws-chunked-too', 'aws-chunked-too'],
  ]) {
    assert.equal((await store.send('PUT', '/takes/coding', { body: 'x', headers: { 'Content-Encoding': given } })).status, 200);
    assert.equal((await store.send('HEAD', '/takes/coding')).headers['content-encoding'], kept, given);
  }
});

test('units of ranges know no case; a 304 carries what caches need', async () => {
  const put = await store.send('PUT', '/takes/cached', {
    body: 'abcdef', headers: { 'Cache-Control': 'max-age=60', Expires: 'Thu, 01 Jan 2099 00:00:00 GMT' },
  });
  const part = await store.send('GET', '/takes/cached', { headers: { Range: 'BYTES=1-2' } });
  assert.equal(`${part.status} ${part.body}`, '206 bc');
  const headers = { 'If-None-Match': `W/${put.headers.etag}` };
  for (const method of ['GET', 'HEAD']) {
    const same = await store.send(method, '/takes/cached', { headers });
    assert.equal(same.status, 304);
    assert.equal(same.headers['cache-control'], 'max-age=60');
    assert.equal(same.headers.expires, 'Thu, 01 Jan 2099 00:00:00 GMT');
    assert.equal(same.headers.etag, put.headers.etag);
    assert.equal((await store.send(method, '/takes/cached', { headers: { 'If-Match': `W/${put.headers.etag}` } })).status, 412);
  }
});

test('of many writes that want no object to be there, one wins', async () => {
  const put = (i) => store.send('PUT', '/takes/once', { body: `writer ${i}`, headers: { 'If-None-Match': '*' } });
  const answers = await Promise.all(Array.from({ length: 24 }, (_, i) => put(i)));
  assert.deepEqual(answers.map((a) => a.status).sort().slice(0, 2), [200, 412]);
  const winner = answers.findIndex((a) => a.status === 200);
  assert.equal(String((await store.send('GET', '/takes/once')).body), `writer ${winner}`);
  const { etag } = answers[winner].headers;
  const replaced = await Promise.all([1, 2, 3, 4].map((i) => store.send('PUT', '/takes/once', { body: `next ${i}`, headers: { 'If-Match': etag } })));
  assert.equal(replaced.filter((a) => a.status === 200).length, 1);
  const copy = { 'x-amz-copy-source': '/takes/once', 'If-None-Match': '*' };
  expectError(await store.sendSigned('PUT', '/takes/once', { headers: copy }), 412, 'PreconditionFailed');
  const id = await store.startUpload('/takes/once');
  const part = (await store.putPart('/takes/once', id, 1, 'x')).headers.etag;
  const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${part}</ETag></Part></CompleteMultipartUpload>`;
  const refused = await store.send('POST', '/takes/once', { query: { uploadId: id }, body, headers: { 'If-None-Match': '*' } });
  expectError(refused, 412, 'PreconditionFailed');
  assert.equal((await store.send('DELETE', '/takes/once', { query: { uploadId: id } })).status, 204, 'the upload stays');
});

test('a continuation token longer than any key is refused', async () => {
  const long = await store.send('GET', '/takes', { query: { 'list-type': 2, 'continuation-token': `k${'61'.repeat(1025)}` } });
  expectError(long, 400, 'InvalidArgument');
  assert.equal((await store.send('GET', '/takes', { query: { 'list-type': 2, 'continuation-token': `k${'61'.repeat(1024)}` } })).status, 200);
});
