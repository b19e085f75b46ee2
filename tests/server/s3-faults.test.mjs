// keeptake-server with an S3 service that misbehaves (support/fake-s3.mjs): every fault either passes by itself or is
// answered as what it is, and no acknowledged take is ever given up.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { FakeS3, errorXml } from './support/fake-s3.mjs';
import { Keeptake, beginRecording, isError, makeToken, putParts, runProgram, settings, someBytes, temporaryFolder } from './support/keeptake.mjs';

const SECRET = 'a-secret-that-must-never-be-told';
const KEYS = { AWS_ACCESS_KEY_ID: 'test-key', AWS_SECRET_ACCESS_KEY: SECRET };
const TIMEOUT_S = 1;

let data, fake, server, call;
const options = (...more) => ['--store', 's3', '--s3-endpoint', fake.endpoint, '--s3-bucket', 'takes', '--s3-path-style', '--s3-timeout', String(TIMEOUT_S), ...more];

async function start(...more) {
  server = await Keeptake.start({ data, args: options(...more), env: KEYS });
  call = server.client(token);
}

let token;
before(() => {
  data = temporaryFolder();
  runProgram(['organisation', 'create', 'a', '--data', data]);
  token = makeToken(data, 'a', 'owner');
});
after(() => rmSync(data, { recursive: true, force: true }));
beforeEach(async () => {
  fake = await FakeS3.start();
});
afterEach(async () => {
  await server?.stop();
  assert.ok(!server?.log.includes(SECRET), 'the log has no secret');
  server = null;
  await fake.stop();
});

const is = (method, ...queries) => (request) => request.method === method && queries.every((name) => request.query.has(name));
const isComplete = (request) => request.method === 'POST' && request.query.has('uploadId');
const answer = (status, body = '', headers = {}) => (request, response) => fake.send(response, { status, body, headers }, request.method);

/** An upload with its parts; resolves to {id, body} for its completion. */
async function uploaded(count = 2) {
  const id = await beginRecording(call);
  const parts = Array.from({ length: count }, (_, i) => someBytes(1000 + i, i));
  const list = await putParts(server, call, id, parts);
  const whole = Buffer.concat(parts);
  return { id, whole, body: { parts: list, bytes: whole.length, duration: 1 } };
}

async function completes({ id, whole, body }) {
  const done = await call('POST', `/recordings/${id}/upload/complete`, body);
  assert.equal(done.status, 200, String(done.body));
  assert.equal(done.json.state, 'complete');
  const play = await call('POST', `/recordings/${id}/playback`);
  const got = await server.request('GET', play.json.url);
  assert.ok(got.body.equals(whole));
}

describe('failures that pass', () => {
  beforeEach(() => start());

  for (const [name, fault] of Object.entries({
    '503 SlowDown': answer(503, errorXml('SlowDown')),
    '500 without a document': answer(500),
    '429': answer(429, errorXml('TooManyRequests'), { 'Retry-After': '1' }),
    'a connection that breaks': (request, response) => response.destroy(),
    'silence': () => {},
    'a captive portal': answer(200, '<html><body>Please log in</body></html>', { 'Content-Type': 'text/html' }),
    'half an answer': (request, response) => {
      response.writeHead(200, { 'Content-Length': 1000 });
      response.write('<?xml');
      setTimeout(() => response.destroy(), 50);
    },
  })) {
    test(name, async () => {
      fake.fault(is('POST', 'uploads'), fault);
      fake.fault(isComplete, fault);
      const take = await uploaded();
      await completes(take);
      assert.equal((await call('DELETE', `/recordings/${take.id}`)).status, 204);
      assert.equal(fake.objects.size, 0);
    });
  }

  test('200 with an error inside, for Complete', async () => {
    fake.fault(isComplete, answer(200, errorXml('InternalError', 'We encountered an internal error.')), 2);
    await completes(await uploaded());
  });

  test('clocks that differ by an hour', async () => {
    fake.clockOffsetMs = -3_600_000;
    await completes(await uploaded());
    assert.match(server.log, /store-clock-differs/);
  });
});

describe('Complete is safe to repeat', () => {
  beforeEach(() => start());

  test('its answer is lost, and then there is no such upload', async () => {
    fake.fault(isComplete, (request, response, usual) => {
      usual();
      response.destroy();
    });
    await completes(await uploaded());
    assert.equal(fake.requests.filter(isComplete).length, 2);
  });

  test('Ceph: an empty ETag', async () => {
    fake.fault(isComplete, (request, response, usual) => {
      usual();
      fake.send(response, { body: '<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>' });
    });
    await completes(await uploaded());
  });

  test('done, and from then on 500', async () => {
    fake.fault(isComplete, (request, response, usual) => {
      usual();
      fake.send(response, { status: 500, body: errorXml('UnknownError') });
    });
    fake.fault(isComplete, answer(500, errorXml('UnknownError')), 100);
    await completes(await uploaded());
  });

  test('no such upload and no object: gone, and told so', async () => {
    const { id, body } = await uploaded();
    fake.fault(isComplete, (request, response) => {
      fake.uploads.clear();
      fake.send(response, { status: 404, body: errorXml('NoSuchUpload') });
    });
    isError(assert, await call('POST', `/recordings/${id}/upload/complete`, body), 410, 'gone');
  });

  test('another object lies under the key: not taken for this one', async () => {
    const { id, body, whole } = await uploaded();
    fake.fault(isComplete, (request, response) => {
      fake.objects.set(request.key, { bytes: Buffer.alloc(whole.length), etag: `${'0'.repeat(32)}-2` });
      fake.send(response, { status: 404, body: errorXml('NoSuchUpload') });
    });
    isError(assert, await call('POST', `/recordings/${id}/upload/complete`, body), 410, 'gone');
  });
});

describe('failures that stay', () => {
  beforeEach(() => start());

  test('the service is down: 503 in time, and the take goes on when it is back', async () => {
    const take = await uploaded();
    fake.fault(isComplete, (request, response) => response.destroy(), 100);
    const began = Date.now();
    isError(assert, await call('POST', `/recordings/${take.id}/upload/complete`, take.body), 503, 'store-unreachable');
    assert.ok(Date.now() - began < 40_000);
    fake.faults = [];
    await completes(take);
    assert.match(server.log, /"store-unreachable".*NoAnswer/);
    assert.match(server.log, /store-reachable/);
  });

  test('a proxy that answers 404 to everything does not end a take', async () => {
    const take = await uploaded();
    fake.fault((request) => request.method !== 'PUT', answer(404, '<html>not here</html>'), 100);
    const listed = await call('GET', `/recordings/${take.id}/upload/parts`);
    isError(assert, listed, 503, 'store-unreachable');
    fake.faults = [];
    assert.equal((await call('GET', `/recordings/${take.id}`)).json.state, 'recording');
    await completes(take);
  });

  test('a redirect is not followed, and says what is wrong', async () => {
    const other = await FakeS3.start();
    fake.fault(is('POST', 'uploads'), answer(301, errorXml('PermanentRedirect'), { Location: `${other.endpoint}/takes/x?uploads=` }));
    const { json } = await call('POST', '/recordings', settings);
    isError(assert, await call('POST', `/recordings/${json.id}/upload`), 503, 'store-unreachable');
    assert.equal(other.requests.length, 0);
    assert.match(server.log, /the endpoint or the region is not right/);
    await other.stop();
  });

  test('a full service is told apart', async () => {
    const { json } = await call('POST', '/recordings', settings);
    fake.fault(is('POST', 'uploads'), answer(403, errorXml('QuotaExceeded')));
    isError(assert, await call('POST', `/recordings/${json.id}/upload`), 507, 'store-full');
  });

  test('healthz says so at once', async () => {
    assert.equal((await server.request('GET', '/healthz')).status, 200);
    fake.fault(() => true, answer(503, errorXml('SlowDown')), 100);
    const began = Date.now();
    const failing = await server.request('GET', '/healthz');
    assert.equal(failing.status, 503);
    assert.equal(failing.json.store, 'failing');
    assert.ok(Date.now() - began < 5000);
    const metrics = await server.request('GET', '/metrics');
    assert.match(String(metrics.body), /keeptake_store_failures_total [1-9]/);
    assert.doesNotMatch(String(metrics.body), /keeptake_s3_requests_total/);
  });
});

describe('lists', () => {
  test('of parts come in pages', async () => {
    await start();
    fake.pageSize = 2;
    const take = await uploaded(7);
    const listed = await call('GET', `/recordings/${take.id}/upload/parts`);
    assert.deepEqual(listed.json.parts.map(({ part, etag }) => ({ part, etag })), take.body.parts.map(({ part, etag }) => ({ part, etag: etag.slice(1, -1) })));
    await completes(take);
  });

  test('a marker that leads back ends, with an error', async () => {
    await start();
    const take = await uploaded(3);
    fake.fault(is('GET', 'uploadId'), answer(200, '<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>0</NextPartNumberMarker></ListPartsResult>'), 100);
    isError(assert, await call('GET', `/recordings/${take.id}/upload/parts`), 503, 'store-unreachable');
  });

  test('of uploads come in pages: the clean-up finds every orphan', async () => {
    await start();
    const names = 'abcde'.split('').map((letter) => `takes/a/rec_${letter.repeat(24)}.webm`);
    for (const [index, key] of names.entries()) fake.uploads.set(`orphan-${index}`, { key, parts: new Map(), initiated: new Date(0).toISOString() });
    await server.stop();
    fake.pageSize = 2;
    await start();
    for (let i = 0; i < 100 && [...fake.uploads.keys()].some((id) => id.startsWith('orphan')); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual([...fake.uploads.keys()].filter((id) => id.startsWith('orphan')), []);
  });
});

describe('encryption', () => {
  test('is asked for, and verified', async () => {
    await start('--s3-encryption', 'aws:kms:my-key');
    fake.encryption = 'aws:kms';
    await completes(await uploaded());
    const { headers } = fake.requests.find(is('POST', 'uploads'));
    assert.equal(headers['x-amz-server-side-encryption'], 'aws:kms');
    assert.equal(headers['x-amz-server-side-encryption-aws-kms-key-id'], 'my-key');
  });

  test('a service that takes no notice of it is refused, and nothing is left there', async () => {
    await start('--s3-encryption', 'AES256');
    const { json } = await call('POST', '/recordings', settings);
    isError(assert, await call('POST', `/recordings/${json.id}/upload`), 503, 'store-unreachable');
    assert.match(server.log, /takes no notice of the encryption AES256/);
    assert.equal([...fake.uploads.values()].filter(({ key }) => key.includes(json.id)).length, 0);
  });
});

describe('keys', () => {
  test('come from a file, which others must not read, never from the arguments', async () => {
    const file = path.join(data, 'keys');
    writeFileSync(file, `[default]\naws_access_key_id = test-key\naws_secret_access_key = ${SECRET}\n`, { mode: 0o644 });
    const refused = runProgram(['--data', data, ...options('--s3-credentials', file)]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /chmod 600/);
    chmodSync(file, 0o600);
    server = await Keeptake.start({ data, args: options('--s3-credentials', file) });
    call = server.client(token);
    await completes(await uploaded());
    for (const name of ['cmdline', 'environ']) assert.ok(!readFileSync(`/proc/${server.child.pid}/${name}`, 'utf8').includes(SECRET));
  });

  test('none: the server says which are wanted', () => {
    const refused = runProgram(['--data', data, '--port', '0', ...options()]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/);
  });

  test('temporary ones: the token goes along, signed', async () => {
    server = await Keeptake.start({ data, args: options(), env: { ...KEYS, AWS_SESSION_TOKEN: 'to/ken=' } });
    call = server.client(token);
    await completes(await uploaded());
    const { headers } = fake.requests.find(is('POST', 'uploads'));
    assert.equal(headers['x-amz-security-token'], 'to/ken=');
    assert.match(headers.authorization, /SignedHeaders=[^,]*x-amz-security-token/);
    assert.equal(fake.requests.find(is('PUT', 'partNumber')).query.get('X-Amz-Security-Token'), 'to/ken=');
  });
});

test('HTTPS: a certificate of nobody is refused, one of --s3-ca is taken', async () => {
  const file = (name) => path.join(data, name);
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost', '-keyout', file('key.pem'), '-out', file('cert.pem')], { stdio: 'ignore' });
  const secure = await FakeS3.start({ key: readFileSync(file('key.pem')), cert: readFileSync(file('cert.pem')) });
  const health = async (...more) => {
    const args = ['--store', 's3', '--s3-endpoint', secure.endpoint, '--s3-bucket', 'takes', '--s3-path-style', ...more];
    server = await Keeptake.start({ data, args, env: KEYS });
    const { status } = await server.request('GET', '/healthz');
    await server.stop();
    return status;
  };
  assert.equal(await health(), 503);
  assert.equal(secure.requests.length, 0, 'nothing was said to it');
  assert.match(server.log, /certificate is not valid/);
  assert.equal(await health('--s3-ca', file('cert.pem')), 200);
  await secure.stop();
});
