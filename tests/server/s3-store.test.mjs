// keeptake-server with a real S3 service behind it, Ceph RGW: set up and checked by its commands, the life of a take,
// the gateway killed with -9 and the disk frozen in the middle of calls.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ACCESS_KEY, KMS_KEY, SECRET_KEY, cephOrReason, freePort, startCeph } from '../support/ceph.mjs';
import { Keeptake, beginRecording, isError, makeToken, md5, putParts, runProgram, someBytes, temporaryFolder } from './support/keeptake.mjs';
import { presign, tag } from './support/s3.mjs';
import { makeTake, validBytes } from './support/takes.mjs';

const PART = 65536;
const ORIGIN = 'https://pages.example.org';
const KEYS = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY };
const { ceph, reason } = await cephOrReason(() => startCeph(mkdtempSync(join(tmpdir(), 'keeptake-ceph-')), { leastPartBytes: PART }));
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let data, port, token, server, call;
const options = (...more) => ['--store', 's3', '--s3-endpoint', ceph.endpoint, '--s3-bucket', 'takes', '--s3-path-style', '--allowed-origin', ORIGIN, ...more];
const command = (name, ...more) => runProgram(['store', name, '--port', String(port), ...options(...more)], KEYS);

async function start() {
  server = await Keeptake.start({ data, args: options('--port', String(port), '--s3-timeout', '10', '--part-bytes', String(PART)), env: KEYS });
  call = server.client(token);
}

/** A request to the bucket as its owner. */
function bucket(method, query, body) {
  const target = presign(method, `127.0.0.1:${ceph.port}`, '/takes', { query, key: ACCESS_KEY, secret: SECRET_KEY });
  return fetch(`${ceph.endpoint}${target}`, { method, body });
}

async function uploaded(count = 3) {
  const id = await beginRecording(call);
  const parts = Array.from({ length: count }, (_, i) => someBytes(i === count - 1 ? 777 : PART, i + 1));
  const list = await putParts(server, call, id, parts);
  const whole = Buffer.concat(parts);
  return { id, parts, whole, body: { parts: list, bytes: whole.length, duration: 1 } };
}

async function isWhole({ id, whole }) {
  const play = await call('POST', `/recordings/${id}/playback`);
  assert.equal(play.status, 200, String(play.body));
  const got = await server.request('GET', play.json.url);
  assert.equal(got.status, 200);
  assert.ok(got.body.equals(whole), 'every byte is there');
}

/** Completes, again and again while the store cannot be reached, as the page does. */
async function completeInTheEnd(take) {
  for (let i = 0; i < 10; i++) {
    const done = await call('POST', `/recordings/${take.id}/upload/complete`, take.body);
    if (done.status === 200) return isWhole(take);
    isError(assert, done, 503, 'store-unreachable');
    await wait(500);
  }
  return assert.fail('the take was not completed');
}

describe('Ceph RGW behind the server', { skip: reason }, () => {
  before(async () => {
    data = temporaryFolder();
    port = await freePort();
    runProgram(['organisation', 'create', 'a', '--data', data]);
    token = makeToken(data, 'a', 'owner');
  });
  after(async () => {
    await server?.stop();
    await ceph?.stop();
    if (data) rmSync(data, { recursive: true, force: true });
  });

  describe('commands', () => {
    test('check says that the bucket is missing', () => {
      const { status, stdout } = command('check');
      assert.equal(status, 1);
      assert.match(stdout, /^FAIL .*there is no such bucket: keeptake-server store setup makes it/m);
    });

    test('setup makes the bucket, its CORS rule and its lifecycle rule, and can be repeated', async () => {
      for (let turn = 0; turn < 2; turn++) {
        const { status, stdout } = command('setup');
        assert.equal(status, 0, stdout);
        assert.match(stdout, turn ? /The bucket takes is there/ : /The bucket takes is made/);
      }
      const cors = await (await bucket('GET', { cors: '' })).text();
      assert.match(cors, /<ExposeHeader>ETag<\/ExposeHeader>/);
      for (const origin of [ORIGIN, `http://127.0.0.1:${port}`, `http://localhost:${port}`]) assert.ok(cors.includes(`<AllowedOrigin>${origin}<`), origin);
      const lifecycle = await (await bucket('GET', { lifecycle: '' })).text();
      assert.equal(tag(lifecycle, 'DaysAfterInitiation'), '32');
      assert.equal(tag(lifecycle, 'Prefix'), 'takes/');
    });

    test('setup leaves rules of others alone, unless it is told to replace them', async () => {
      const rule = '<CORSConfiguration><CORSRule><ID>other</ID><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>';
      assert.equal((await bucket('PUT', { cors: '' }, rule)).status, 200);
      const { status, stdout } = command('setup');
      assert.equal(status, 1);
      assert.match(stdout, /FAIL .*1 cors rules that are not Keeptake's/);
      assert.match(await (await bucket('GET', { cors: '' })).text(), /<ID>other</);
      assert.equal(command('setup', '--replace').status, 0);
    });

    test('check finds all in order, by path and by host name', () => {
      const byPath = command('check');
      assert.equal(byPath.status, 0, byPath.stdout);
      assert.doesNotMatch(byPath.stdout, /FAIL|note/);
      const byHost = runProgram(['store', 'check', '--port', String(port), '--s3-endpoint', `http://localhost:${ceph.port}`, '--s3-bucket', 'takes', '--allowed-origin', ORIGIN], KEYS);
      assert.equal(byHost.status, 0, byHost.stdout);
      assert.match(byHost.stdout, new RegExp(`Signed URLs take parts \\(http://takes.localhost:${ceph.port}\\)`));
    });

    test('check says in words what is wrong', async () => {
      const cases = [
        [['--s3-bucket', 'takes'], { AWS_SECRET_ACCESS_KEY: 'wrong' }, /FAIL .*the secret key is wrong/],
        [['--s3-bucket', 'takes'], { AWS_ACCESS_KEY_ID: 'wrong' }, /FAIL .*the access key is not known there/],
        [['--s3-endpoint', `http://127.0.0.1:${await freePort()}`], {}, /FAIL .*Nothing answers at its address/],
        [['--s3-endpoint', 'http://nowhere.invalid'], {}, /FAIL .*Its name cannot be resolved/],
        [['--allowed-origin', 'https://else.example.org'], {}, /FAIL  Pages of https:\/\/else.example.org may not send parts \(CORS\)/],
        [['--s3-encryption', 'AES256'], {}, /FAIL .*--s3-encryption AES256: the service refuses that, or takes no notice of it/],
      ];
      for (const [more, env, words] of cases) {
        const { status, stdout } = runProgram(['store', 'check', '--port', String(port), ...options(...more)], { ...KEYS, ...env });
        assert.equal(status, 1, `${more} ${stdout}`);
        assert.match(stdout, words);
      }
      const kms = command('check', '--s3-encryption', `aws:kms:${KMS_KEY}`);
      assert.equal(kms.status, 0, kms.stdout);
      assert.match(kms.stdout, /Uploads begin, encrypted by aws:kms:/);
    });

    test('nothing of the checks is left over', async () => {
      assert.doesNotMatch(await (await bucket('GET', { uploads: '' })).text(), /<UploadId>/);
      assert.doesNotMatch(await (await bucket('GET', { 'list-type': '2' })).text(), /<Key>/);
    });
  });

  describe('takes', () => {
    before(start);

    test('the whole life', async () => {
      const session = await call('GET', '/session');
      assert.equal(session.json.s3_origin, ceph.endpoint);
      const page = await server.request('GET', '/');
      assert.equal(page.status, 200);
      const take = await uploaded();
      // Part 1 again with another header, as at the end of a take.
      take.parts[0] = someBytes(PART, 9);
      take.body.parts[0] = (await putParts(server, call, take.id, [take.parts[0]]))[0];
      take.whole = Buffer.concat(take.parts);
      const stored = await call('GET', `/recordings/${take.id}/upload/parts`);
      assert.deepEqual(stored.json.parts, take.parts.map((bytes, i) => ({ part: i + 1, bytes: bytes.length, etag: md5(bytes) })));
      for (let turn = 0; turn < 2; turn++) {
        const done = await call('POST', `/recordings/${take.id}/upload/complete`, take.body);
        assert.equal(done.status, 200, String(done.body));
        assert.equal(done.json.bytes, take.whole.length);
      }
      await isWhole(take);
      assert.equal((await call('DELETE', `/recordings/${take.id}`)).status, 204);
      const gone = await bucket('GET', { 'list-type': '2' });
      assert.doesNotMatch(await gone.text(), new RegExp(take.id));
    });

    test('a wrong ETag is a conflict, an aborted upload is gone', async () => {
      const take = await uploaded();
      const wrong = { ...take.body, parts: take.body.parts.map((part) => ({ ...part, etag: '0'.repeat(32) })) };
      isError(assert, await call('POST', `/recordings/${take.id}/upload/complete`, wrong), 409, 'conflict');
      assert.equal((await call('DELETE', `/recordings/${take.id}/upload`)).status, 204);
      isError(assert, await call('POST', `/recordings/${take.id}/upload/complete`, take.body), 410, 'gone');
      assert.doesNotMatch(await (await bucket('GET', { uploads: '' })).text(), new RegExp(take.id));
    });

    test('the gateway is killed: health says so, and the take is completed when it is back', async () => {
      const take = await uploaded();
      await ceph.killGateway();
      assert.equal((await server.request('GET', '/healthz')).status, 503);
      const done = completeInTheEnd(take);
      await ceph.startGateway();
      await done;
      await wait(1000);
      assert.equal((await server.request('GET', '/healthz')).status, 200);
    });

    test('the disk is frozen in the middle of Complete', async () => {
      const take = await uploaded();
      ceph.freezeDisk();
      const done = completeInTheEnd(take);
      await wait(1500);
      ceph.thawDisk();
      await done;
    });

    test('the gateway is killed in the middle of Complete, with a frozen disk', async () => {
      const take = await uploaded();
      ceph.freezeDisk();
      const done = completeInTheEnd(take);
      await wait(500);
      await ceph.killGateway();
      ceph.thawDisk();
      await ceph.startGateway();
      await done;
    });

    test('the server alone finishes a take that was cut off: parts are copied inside the store', async () => {
      const take = makeTake(data, 'take', '--seconds', '10', '--bitrate', '600000');
      assert.ok(take.bytes.length > 5 * PART);
      const valid = validBytes(take, 3 * PART);
      // Part 4 has not arrived, part 5 has: Ceph takes no list without it.
      const id = await beginRecording(call, { width: 320, height: 180 });
      const parts = Array.from({ length: 5 }, (_, i) => take.bytes.subarray(i * PART, (i + 1) * PART));
      await putParts(server, call, id, parts.slice(0, 3));
      await putParts(server, call, id, parts.slice(4), 5);
      ceph.freezeDisk();
      const asked = await call('POST', `/recordings/${id}/salvage`);
      assert.equal(asked.status, 202, String(asked.body));
      await wait(1000);
      ceph.thawDisk();
      let row;
      for (let i = 0; i < 400 && row?.state !== 'complete'; i++) {
        await wait(25);
        row = (await call('GET', `/recordings/${id}`)).json;
      }
      assert.equal(row.salvaged, true, JSON.stringify(row));
      const play = await call('POST', `/recordings/${id}/playback`);
      const { body } = await server.request('GET', play.json.url);
      assert.ok(body.subarray(4096, valid).equals(take.bytes.subarray(4096, valid)), 'the same to the byte');
      assert.equal(body.subarray(valid, valid + 4).toString('hex'), '1c53bb6b', 'Cues follow');
      assert.doesNotMatch(await (await bucket('GET', { uploads: '' })).text(), new RegExp(id));
    });

    test('the server is killed in the middle of Complete, and finds out what became of it', async () => {
      const take = await uploaded();
      ceph.freezeDisk();
      const cut = call('POST', `/recordings/${take.id}/upload/complete`, take.body).catch(() => null);
      await wait(500);
      await server.kill();
      await cut;
      ceph.thawDisk();
      await start();
      await completeInTheEnd(take);
    });
  });
});
