// keeptake-server with an S3 service that misbehaves (support/fake-s3.mjs): every fault either passes by itself or is
// answered as what it is, and no acknowledged take is ever given up.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { FakeS3, errorXml } from './support/fake-s3.mjs';
import { Keeptake, beginRecording, isError, makeToken, putParts, runProgram, settings, someBytes, temporaryFolder } from './support/keeptake.mjs';

const SECRET = 'a-secret-that-must-never-be-told';
const KEYS = { AWS_ACCESS_KEY_ID: 'test-key', AWS_SECRET_ACCESS_KEY: SECRET };

let data, token;
before(() => {
  data = temporaryFolder();
  runProgram(['organisation', 'create', 'a', '--data', data]);
  token = makeToken(data, 'a', 'owner');
});
after(() => rmSync(data, { recursive: true, force: true }));

const storeOptions = (fake, ...more) => ['--store', 's3', '--s3-endpoint', fake.endpoint, '--s3-bucket', 'takes', '--s3-path-style', '--s3-timeout', '3', ...more];

/** A service, and a server on a copy of the data folder that uses it. Each test has its own: most of them wait. */
async function open(t, { args = [], env = KEYS, fake } = {}) {
  const stage = { fake: fake ?? (await FakeS3.start()), data: temporaryFolder() };
  cpSync(data, stage.data, { recursive: true });
  stage.start = async () => {
    stage.server = await Keeptake.start({ data: stage.data, args: storeOptions(stage.fake, ...args), env });
    stage.call = stage.server.client(token);
  };
  t.after(async () => {
    await stage.server.stop();
    await stage.fake.stop();
    rmSync(stage.data, { recursive: true, force: true });
    assert.ok(!stage.server.log.includes(SECRET), 'the log has no secret');
  });
  await stage.start();
  return stage;
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const is = (method, ...queries) => (request) => request.method === method && queries.every((name) => request.query.has(name));
const isComplete = (request) => request.method === 'POST' && request.query.has('uploadId');
const answer = (status, body = '', headers = {}) => (request, response, usual, fake) => fake.send(response, { status, body, headers }, request.method);

/** An upload with its parts; resolves to {id, body} for its completion. */
async function uploaded({ server, call }, count = 2) {
  const id = await beginRecording(call);
  const parts = Array.from({ length: count }, (_, i) => someBytes(1000 + i, i));
  const list = await putParts(server, call, id, parts);
  const whole = Buffer.concat(parts);
  return { id, whole, body: { parts: list, bytes: whole.length, duration: 1 } };
}

async function completes({ server, call }, { id, whole, body }) {
  const done = await call('POST', `/recordings/${id}/upload/complete`, body);
  assert.equal(done.status, 200, String(done.body));
  assert.equal(done.json.state, 'complete');
  const play = await call('POST', `/recordings/${id}/playback`);
  const got = await server.request('GET', play.json.url);
  assert.ok(got.body.equals(whole));
}

describe('an S3 service that misbehaves', { concurrency: true }, () => {
  describe('failures that pass', { concurrency: true }, () => {
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
      test(name, async (t) => {
        const stage = await open(t, name === 'silence' ? { args: ['--s3-timeout', '2'] } : {});
        for (const which of [is('POST', 'uploads'), is('GET', 'uploadId'), isComplete, is('HEAD')]) stage.fake.fault(which, fault);
        const take = await uploaded(stage);
        await completes(stage, take);
        assert.equal((await stage.call('DELETE', `/recordings/${take.id}`)).status, 204);
        assert.equal(stage.fake.objects.size, 0);
      });
    }

    test('200 with an error inside, for Complete', async (t) => {
      const stage = await open(t);
      stage.fake.fault(isComplete, answer(200, errorXml('InternalError', 'We encountered an internal error.')), 2);
      await completes(stage, await uploaded(stage));
    });

    test('clocks that differ by an hour', async (t) => {
      const stage = await open(t);
      stage.fake.clockOffsetMs = -3_600_000;
      await completes(stage, await uploaded(stage));
      assert.match(stage.server.log, /store-clock-differs/);
    });
  });

  describe('Complete is safe to repeat', { concurrency: true }, () => {
    test('its answer is lost, and then there is no such upload', async (t) => {
      const stage = await open(t);
      stage.fake.fault(isComplete, (request, response, usual) => {
        usual();
        response.destroy();
      });
      await completes(stage, await uploaded(stage));
      assert.equal(stage.fake.requests.filter(isComplete).length, 2);
    });

    test('Ceph: an empty ETag', async (t) => {
      const stage = await open(t);
      stage.fake.fault(isComplete, (request, response, usual, fake) => {
        usual();
        fake.send(response, { body: '<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>' });
      });
      await completes(stage, await uploaded(stage));
    });

    test('done, and from then on 500', async (t) => {
      const stage = await open(t);
      stage.fake.fault(isComplete, (request, response, usual, fake) => {
        usual();
        fake.send(response, { status: 500, body: errorXml('UnknownError') });
      });
      stage.fake.fault(isComplete, answer(500, errorXml('UnknownError')), 100);
      await completes(stage, await uploaded(stage));
    });

    test('no such upload and no object: gone, and told so', async (t) => {
      const stage = await open(t);
      const { id, body } = await uploaded(stage);
      stage.fake.fault(isComplete, (request, response, usual, fake) => {
        fake.uploads.clear();
        fake.send(response, { status: 404, body: errorXml('NoSuchUpload') });
      });
      isError(assert, await stage.call('POST', `/recordings/${id}/upload/complete`, body), 410, 'gone');
    });

    test('another object lies under the key: not taken for this one', async (t) => {
      const stage = await open(t);
      const { id, body, whole } = await uploaded(stage);
      stage.fake.fault(isComplete, (request, response, usual, fake) => {
        fake.objects.set(request.key, { bytes: Buffer.alloc(whole.length), etag: `${'0'.repeat(32)}-2` });
        fake.send(response, { status: 404, body: errorXml('NoSuchUpload') });
      });
      isError(assert, await stage.call('POST', `/recordings/${id}/upload/complete`, body), 410, 'gone');
    });
  });

  describe('failures that stay', { concurrency: true }, () => {
    test('the service is down: 503 in time, and the take goes on when it is back', async (t) => {
      const stage = await open(t);
      const take = await uploaded(stage);
      stage.fake.fault(isComplete, (request, response) => response.destroy(), 100);
      const began = Date.now();
      isError(assert, await stage.call('POST', `/recordings/${take.id}/upload/complete`, take.body), 503, 'store-unreachable');
      assert.ok(Date.now() - began < 20_000);
      stage.fake.faults = [];
      await completes(stage, take);
      assert.match(stage.server.log, /"store-unreachable".*NoAnswer/);
      assert.match(stage.server.log, /store-reachable/);
    });

    test('a proxy that answers 404 to everything does not end a take', async (t) => {
      const stage = await open(t);
      const take = await uploaded(stage);
      stage.fake.fault((request) => request.method !== 'PUT', answer(404, '<html>not here</html>'), 100);
      isError(assert, await stage.call('GET', `/recordings/${take.id}/upload/parts`), 503, 'store-unreachable');
      stage.fake.faults = [];
      assert.equal((await stage.call('GET', `/recordings/${take.id}`)).json.state, 'recording');
      await completes(stage, take);
    });

    test('a redirect is not followed, and says what is wrong', async (t) => {
      const { fake, server, call } = await open(t);
      const other = await FakeS3.start();
      fake.fault(is('POST', 'uploads'), answer(301, errorXml('PermanentRedirect'), { Location: `${other.endpoint}/takes/x?uploads=` }));
      const { json } = await call('POST', '/recordings', settings);
      isError(assert, await call('POST', `/recordings/${json.id}/upload`), 503, 'store-unreachable');
      assert.equal(other.requests.length, 0);
      assert.match(server.log, /the endpoint or the region is not right/);
      await other.stop();
    });

    test('a full service is told apart', async (t) => {
      const { fake, call } = await open(t);
      const { json } = await call('POST', '/recordings', settings);
      fake.fault(is('POST', 'uploads'), answer(403, errorXml('QuotaExceeded')));
      isError(assert, await call('POST', `/recordings/${json.id}/upload`), 507, 'store-full');
    });

    test('healthz says so at once, and asks the service once a second at most', async (t) => {
      const { fake, server } = await open(t);
      const asked = () => fake.requests.filter(({ method, key }) => method === 'HEAD' && !key).length;
      const first = Date.now();
      for (let i = 0; i < 10; i++) assert.equal((await server.request('GET', '/healthz')).status, 200);
      assert.ok(asked() <= 1 + (Date.now() - first) / 1000, `${asked()} requests in ${Date.now() - first} ms`);
      fake.fault(() => true, answer(503, errorXml('SlowDown')), 100);
      await wait(1100);
      const began = Date.now();
      const failing = await server.request('GET', '/healthz');
      assert.equal(failing.status, 503);
      assert.equal(failing.json.store, 'failing');
      assert.ok(Date.now() - began < 5000);
      const metrics = await server.request('GET', '/metrics');
      assert.match(String(metrics.body), /keeptake_store_failures_total [1-9]/);
      assert.doesNotMatch(String(metrics.body), /keeptake_s3_requests_total/);
    });

    test('a service that is down does not hold up the end of the server', async (t) => {
      const { fake, server, call } = await open(t);
      const { json } = await call('POST', '/recordings', settings);
      fake.fault(() => true, (request, response) => response.destroy(), 100);
      const answered = call('POST', `/recordings/${json.id}/upload`);
      await wait(300);
      const began = Date.now();
      server.child.kill('SIGTERM');
      isError(assert, await answered, 503, 'store-unreachable');
      assert.deepEqual(await server.exited, { code: 0, signal: null });
      assert.ok(Date.now() - began < 4000, `${Date.now() - began} ms`);
      assert.doesNotMatch(server.log, /stopped-busy/);
    });
  });

  describe('lists', { concurrency: true }, () => {
    test('of parts come in pages', async (t) => {
      const stage = await open(t);
      stage.fake.pageSize = 2;
      const take = await uploaded(stage, 7);
      const listed = await stage.call('GET', `/recordings/${take.id}/upload/parts`);
      const stored = listed.json.parts.map(({ part, etag }) => ({ part, etag: `"${etag}"` }));
      assert.deepEqual(stored, take.body.parts);
      await completes(stage, take);
    });

    test('are asked for once a second, however many look at a running take', async (t) => {
      const stage = await open(t);
      const take = await uploaded(stage, 3);
      const asked = () => stage.fake.requests.filter((request) => is('GET', 'uploadId')(request)).length;
      const before = asked();
      const looks = async (n) => Promise.all(Array.from({ length: n }, () => stage.call('GET', `/recordings/${take.id}`)));
      const first = await looks(1);
      const began = Date.now();
      const answers = [...first, ...(await looks(40)), ...(await looks(40))];
      const seconds = Math.ceil((Date.now() - began) / 1000);
      assert.ok(answers.every(({ json }) => json.upload.uploaded_bytes === take.whole.length));
      assert.ok(asked() - before <= 1 + 41 * (seconds - 1), `${asked() - before} in ${seconds} s`);
      await wait(1100);
      const more = await putParts(stage.server, stage.call, take.id, [someBytes(500, 9)], 4);
      assert.equal(more.length, 1);
      await wait(1100);
      assert.equal((await looks(1))[0].json.upload.uploaded_bytes, take.whole.length + 500, 'and the answer is no older than that');
    });

    test('a marker that leads back ends, with an error', async (t) => {
      const stage = await open(t);
      const take = await uploaded(stage, 3);
      const cut = '<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>0</NextPartNumberMarker></ListPartsResult>';
      stage.fake.fault(is('GET', 'uploadId'), answer(200, cut), 100);
      isError(assert, await stage.call('GET', `/recordings/${take.id}/upload/parts`), 503, 'store-unreachable');
    });

    test('of uploads come in pages: the clean-up finds every orphan', async (t) => {
      const fake = await FakeS3.start();
      fake.pageSize = 2;
      const orphans = 'abcde'.split('').map((letter) => `takes/a/rec_${letter.repeat(24)}.webm`);
      for (const [index, key] of orphans.entries()) fake.uploads.set(`orphan-${index}`, { key, parts: new Map(), initiated: new Date(0).toISOString() });
      await open(t, { fake });
      for (let i = 0; i < 100 && fake.uploads.size > 0; i++) await wait(50);
      assert.deepEqual([...fake.uploads.keys()], []);
    });
  });

  test('objects that no recording knows are counted over all pages, and stay', async (t) => {
    const fake = await FakeS3.start();
    fake.pageSize = 2;
    const keys = 'abcdefg'.split('').map((letter) => `takes/a/rec_${letter.repeat(24)}.webm`);
    for (const key of [...keys, 'takes/a/readme.txt', 'other']) fake.objects.set(key, { bytes: Buffer.alloc(10), etag: 'f'.repeat(32), modified: new Date(0) });
    const { server } = await open(t, { fake });
    const metrics = async () => String((await server.request('GET', '/metrics')).body);
    for (let i = 0; i < 100 && !/^keeptake_orphan_objects 7$/m.test(await metrics()); i++) await wait(50);
    assert.match(await metrics(), /^keeptake_orphan_objects 7$/m);
    assert.match(await metrics(), /^keeptake_orphan_bytes 70$/m);
    assert.equal(fake.objects.size, 9);
  });

  describe('encryption', { concurrency: true }, () => {
    test('is asked for, and verified', async (t) => {
      const stage = await open(t, { args: ['--s3-encryption', 'aws:kms:my-key'] });
      stage.fake.encryption = 'aws:kms';
      await completes(stage, await uploaded(stage));
      const { headers } = stage.fake.requests.find(is('POST', 'uploads'));
      assert.equal(headers['x-amz-server-side-encryption'], 'aws:kms');
      assert.equal(headers['x-amz-server-side-encryption-aws-kms-key-id'], 'my-key');
    });

    test('a service that takes no notice of it is refused, and nothing is left there', async (t) => {
      const { fake, server, call } = await open(t, { args: ['--s3-encryption', 'AES256'] });
      const { json } = await call('POST', '/recordings', settings);
      isError(assert, await call('POST', `/recordings/${json.id}/upload`), 503, 'store-unreachable');
      assert.match(server.log, /takes no notice of the encryption AES256/);
      assert.equal(fake.uploads.size, 0);
    });
  });

  describe('keys', { concurrency: true }, () => {
    test('come from a file, which others must not read, never from the arguments', async (t) => {
      const file = path.join(data, 'keys');
      writeFileSync(file, `[default]\naws_access_key_id = test-key\naws_secret_access_key = ${SECRET}\n`, { mode: 0o644 });
      const refused = runProgram(['--data', data, ...storeOptions({ endpoint: 'http://127.0.0.1:1' }, '--s3-credentials', file)]);
      assert.equal(refused.status, 1);
      assert.match(refused.stderr, /chmod 600/);
      chmodSync(file, 0o600);
      const stage = await open(t, { args: ['--s3-credentials', file], env: {} });
      await completes(stage, await uploaded(stage));
      for (const name of ['cmdline', 'environ']) assert.ok(!readFileSync(`/proc/${stage.server.child.pid}/${name}`, 'utf8').includes(SECRET));
    });

    test('none: the server says which are wanted', () => {
      const refused = runProgram(['--data', data, '--port', '0', ...storeOptions({ endpoint: 'http://127.0.0.1:1' })]);
      assert.equal(refused.status, 1);
      assert.match(refused.stderr, /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/);
    });

    test('temporary ones: the token goes along, signed', async (t) => {
      const stage = await open(t, { env: { ...KEYS, AWS_SESSION_TOKEN: 'to/ken=' } });
      await completes(stage, await uploaded(stage));
      const { headers } = stage.fake.requests.find(is('POST', 'uploads'));
      assert.equal(headers['x-amz-security-token'], 'to/ken=');
      assert.match(headers.authorization, /SignedHeaders=[^,]*x-amz-security-token/);
      assert.equal(stage.fake.requests.find(is('PUT', 'partNumber')).query.get('X-Amz-Security-Token'), 'to/ken=');
    });
  });

  test('HTTPS: a certificate of nobody is refused, one of --s3-ca is taken', async (t) => {
    const file = (name) => path.join(data, name);
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
      '-addext', 'subjectAltName=DNS:localhost', '-keyout', file('key.pem'), '-out', file('cert.pem')], { stdio: 'ignore' });
    const tls = { key: readFileSync(file('key.pem')), cert: readFileSync(file('cert.pem')) };
    const refused = await open(t, { fake: await FakeS3.start(tls), args: ['--s3-timeout', '10'] });
    assert.equal((await refused.server.request('GET', '/healthz')).status, 503);
    assert.equal(refused.fake.requests.length, 0, 'nothing was said to it');
    assert.match(refused.server.log, /certificate is not valid/);
    const taken = await open(t, { fake: await FakeS3.start(tls), args: ['--s3-timeout', '10', '--s3-ca', file('cert.pem')] });
    assert.equal((await taken.server.request('GET', '/healthz')).status, 200);
  });
});
