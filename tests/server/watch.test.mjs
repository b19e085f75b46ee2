// What an operator sees: the store's log, latencies, health.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Keeptake, beginRecording, makeToken, putParts, runProgram, serverProgram, someBytes, temporaryFolder } from './support/keeptake.mjs';

const PART = 65536;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const library = path.resolve(path.dirname(serverProgram()), '..', 'tests', 'libfailing_disk.so');
let data, fault, server, call;

before(async () => {
  data = temporaryFolder();
  fault = path.join(data, 'fault');
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const token = makeToken(data, 'a', 'owner');
  server = await Keeptake.start({
    data,
    args: ['--part-bytes', String(PART)],
    env: { LD_PRELOAD: library, KT_DISK_FAULT: fault, ASAN_OPTIONS: 'verify_asan_link_order=0' },
  });
  call = server.client(token);
});
after(async () => {
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

/** Lines of the log about the store's requests; waits until there are so many that match. */
async function lines(wanted, count = 1) {
  for (let i = 0; i < 200; i++) {
    const found = server.log.split('\n').filter((line) => line.includes('"event":"store-request"')).map((line) => JSON.parse(line)).filter(wanted);
    if (found.length >= count) return found;
    await wait(25);
  }
  throw new Error(`no such line in ${server.log.slice(-3000)}`);
}

test('each request of the store is one line, without what would let others in', async () => {
  const id = await beginRecording(call);
  const bytes = someBytes(PART, 1);
  const { urls } = (await call('POST', `/recordings/${id}/upload/sign`, { parts: [1] })).json;
  const put = await server.request('PUT', urls[0].url, { body: bytes });
  assert.equal(put.status, 200);
  const [line] = await lines((one) => one.request === put.headers['x-amz-request-id']);
  assert.deepEqual(
    [line.level, line.method, line.operation, line.status, line.code, line.bytes_in, line.error, line.sent, line.bucket, line.key],
    ['info', 'PUT', 'UploadPart', 200, null, PART, null, 1, 'keeptake', `takes/a/${id}.webm`],
  );
  assert.ok(line.ms > 0 && line.ms < 60000);
  assert.equal(line.peer, '127.0.0.1');

  const forged = await server.request('PUT', urls[0].url.replace(/Signature=..../, 'Signature=0000'), { body: bytes });
  assert.equal(forged.status, 403);
  const [refused] = await lines((one) => one.request === forged.headers['x-amz-request-id']);
  assert.deepEqual([refused.status, refused.code, refused.operation], [403, 'signature-mismatch', 'none']);
  for (const text of server.log.split('\n')) assert.doesNotMatch(text, /X-Amz-|Signature=|Credential|uploadId/);
});

test('a body that breaks off is told of', async () => {
  const id = await beginRecording(call);
  const { urls } = (await call('POST', `/recordings/${id}/upload/sign`, { parts: [1] })).json;
  const { default: http } = await import('node:http');
  const url = new URL(urls[0].url);
  await new Promise((resolve) => {
    const request = http.request({ host: url.hostname, port: url.port, path: url.pathname + url.search, method: 'PUT', headers: { 'Content-Length': PART } });
    request.on('error', resolve);
    request.write(Buffer.alloc(1000), () => setTimeout(() => request.destroy(new Error('left')), 50));
  });
  const [line] = await lines((one) => one.key?.includes(id) && one.sent === 0);
  assert.deepEqual([line.status, line.bytes_in], [0, 1000]);
});

test('latencies are histograms: by route, by operation, of turns, pools', async () => {
  const text = String((await server.request('GET', '/metrics')).body);
  const value = (name) => Number(new RegExp(`^${name.replace(/[{}"+.]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);
  assert.ok(value('keeptake_request_seconds_count{route="recording-create"}') >= 2);
  assert.equal(value('keeptake_s3_operations_total{operation="UploadPart",status="200"}'), 1);
  assert.equal(value('keeptake_s3_operations_total{operation="none",status="403"}'), 1);
  assert.ok(value('keeptake_loop_turn_seconds_count') > 10);
  assert.ok(value('keeptake_pool_wait_seconds_count{pool="writes"}') >= 1);
  assert.ok(value('keeptake_pool_work_seconds_sum{pool="writes"}') > 0);
  assert.ok(value('keeptake_database_write_seconds_count') >= 4);
  assert.ok(value('keeptake_database_read_seconds_sum') > 0);
  assert.equal(value('keeptake_oldest_pending_seconds'), 0);
  // Buckets of one histogram never fall.
  const rows = new Map();
  for (const [, name, labels, count] of text.matchAll(/^(\w+)_bucket\{(.*?),?le="[^"]+"\} (\d+)$/gm)) {
    const key = `${name}{${labels}`;
    assert.ok(Number(count) >= (rows.get(key) ?? 0), key);
    rows.set(key, Number(count));
  }
  assert.ok(rows.size > 8);
});

test('the operator’s listener tells this machine and the bearer of the token, and no page', async (t) => {
  const own = await Keeptake.start({ args: ['--metrics-token', 'operator-token-0123'] });
  t.after(() => own.stop());
  const ask = async (target, headers = {}) => own.request('GET', target, { headers, base: own.metricsUrl });
  assert.equal((await ask('/metrics')).status, 200);
  assert.equal((await ask('/metrics', { Host: 'localhost:1' })).status, 200);
  for (const headers of [{ Host: 'evil.example' }, { Host: '127.0.0.1.evil.example' }, { 'X-Forwarded-For': '203.0.113.9' }]) {
    assert.equal((await ask('/metrics', headers)).status, 401, JSON.stringify(headers));
    assert.equal((await ask('/metrics', { ...headers, Authorization: 'Bearer operator-token-0123' })).status, 200);
    assert.equal((await ask('/metrics', { ...headers, Authorization: 'Bearer operator-token-0124' })).status, 401);
    assert.deepEqual((await ask('/readyz', headers)).json, { status: 'ready' });
  }
  const health = (await ask('/healthz')).json;
  assert.deepEqual({ ...health, version: '' }, { status: 'ok', version: '', store: 'ok', database: 'ok' });
  assert.match(String((await ask('/metrics')).body), new RegExp(`^keeptake_build_info\\{version="${health.version.replace(/[+.]/g, '\\$&')}",`, 'm'));
  assert.equal((await ask('/livez')).status, 200);
  assert.equal((await ask('/other')).status, 404);
  assert.equal((await own.request('POST', '/metrics', { base: own.metricsUrl, body: 'x' })).status, 405);
  const taken = runProgram(['--port', '0', '--s3-port', '0', '--metrics-port', new URL(own.metricsUrl).port, '--data', temporaryFolder()]);
  assert.equal(taken.status, 1);
  assert.match(taken.stderr, /in use.*--metrics-port/);
});

test('a server that drains says so, serves on, and ends', async () => {
  const own = await Keeptake.start({ args: ['--drain-seconds', '30'] });
  const probe = async (base) => {
    const { status, json } = await own.request('GET', '/readyz', { base, headers: { Host: '10.1.2.3' } });
    return [status, json.status];
  };
  for (const base of [own.url, own.metricsUrl]) assert.deepEqual(await probe(base), [200, 'ready']);
  own.child.kill('SIGTERM');
  for (let i = 0; i < 200 && (await probe(own.url))[0] === 200; i++) await wait(25);
  for (const base of [own.url, own.metricsUrl]) assert.deepEqual(await probe(base), [503, 'draining']);
  assert.equal((await own.request('GET', '/livez')).status, 200);
  assert.equal((await own.request('GET', '/api/v1/session')).status, 401, 'it is served as before');
  assert.deepEqual(await own.stop(), { code: 0, signal: null }, 'a second signal does not wait');
});

test('the errno of the disk is in the line of the request that met it', async () => {
  const id = await beginRecording(call);
  const { urls } = (await call('POST', `/recordings/${id}/upload/sign`, { parts: [1] })).json;
  writeFileSync(fault, 'sync');
  const put = await server.request('PUT', urls[0].url, { body: someBytes(PART, 2) });
  rmSync(fault);
  assert.equal(put.status, 503);
  const [line] = await lines((one) => one.request === put.headers['x-amz-request-id']);
  assert.deepEqual([line.level, line.status, line.code, line.error], ['error', 503, 'ServiceUnavailable', 'Input/output error']);
});
