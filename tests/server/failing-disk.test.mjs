// The disk of the embedded store reports errors: what is stored is read on, nothing is written, everybody is told.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Keeptake, beginRecording, isError, makeToken, putParts, runProgram, serverProgram, settings, someBytes, temporaryFolder } from './support/keeptake.mjs';

const library = path.resolve(path.dirname(serverProgram()), '..', 'tests', 'libfailing_disk.so');

async function begin(t) {
  const data = temporaryFolder();
  const fault = path.join(data, 'fault');
  t.after(() => rmSync(data, { recursive: true, force: true }));
  assert.equal(runProgram(['organisation', 'create', 'a', '--data', data]).status, 0);
  const token = makeToken(data, 'a', 'owner');
  const server = await Keeptake.start({ data, env: { LD_PRELOAD: library, KT_DISK_FAULT: fault, ASAN_OPTIONS: 'verify_asan_link_order=0' } });
  return { data, token, server, call: server.client(token), fail: (words) => writeFileSync(fault, words), mend: () => rmSync(fault) };
}

const metric = async (server, name) => {
  const { body } = await server.request('GET', '/metrics');
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(String(body))?.[1]);
};

for (const what of ['sync', 'write']) {
  test(`a disk whose ${what} fails takes no more writes until a restart`, async (t) => {
    const { data, token, server, call, fail, mend } = await begin(t);
    const bytes = someBytes(100000, 1);
    const whole = await beginRecording(call);
    const parts = await putParts(server, call, whole, [bytes]);
    assert.equal((await call('POST', `/recordings/${whole}/upload/complete`, { parts, bytes: bytes.length, duration: 1 })).status, 200);
    const open = await beginRecording(call);
    await putParts(server, call, open, [bytes]);
    const { urls } = (await call('POST', `/recordings/${open}/upload/sign`, { parts: [2] })).json;
    assert.equal((await server.request('GET', '/healthz')).status, 200);

    for (const step of [() => fail(what), mend]) { // a disk that says yes again has lost what it had lost
      step();
      const refused = await server.request('PUT', urls[0].url, { body: bytes });
      assert.equal(refused.status, 503);
      assert.match(String(refused.body), /ServiceUnavailable.*disk has failed/s);
    }
    const created = (await call('POST', '/recordings', settings)).json;
    isError(assert, await call('POST', `/recordings/${created.id}/upload`), 503, 'store-unreachable');
    isError(assert, await call('POST', `/recordings/${open}/upload/complete`, { parts, bytes: bytes.length, duration: 1 }), 503, 'store-unreachable');
    const health = await server.request('GET', '/healthz');
    assert.deepEqual([health.status, health.json.status, health.json.store], [503, 'failing', 'broken']);
    assert.equal(await metric(server, 'keeptake_store_disk_failed'), 1);
    const { url } = (await call('POST', `/recordings/${whole}/playback`, {})).json;
    const played = await server.request('GET', url);
    assert.equal(played.status, 200, 'reads go on');
    assert.match(server.log, /"store-broken".*Input\/output error/);
    await server.stop();

    const again = await Keeptake.start({ data });
    assert.equal((await again.request('GET', '/healthz')).json.store, 'ok');
    const client = again.client(token);
    assert.equal((await client('POST', `/recordings/${open}/upload/complete`, { parts, bytes: bytes.length, duration: 1 })).status, 200, 'nothing acknowledged is lost');
    await again.stop();
  });
}

test('reads that fail are counted, and writing goes on', async (t) => {
  const { server, call, fail, mend } = await begin(t);
  const id = await beginRecording(call);
  const bytes = someBytes(300000, 2);
  const parts = await putParts(server, call, id, [bytes]);
  const done = await call('POST', `/recordings/${id}/upload/complete`, { parts, bytes: bytes.length, duration: 1 });
  assert.equal(done.status, 200);
  const { url } = (await call('POST', `/recordings/${id}/playback`, {})).json;
  fail('read');
  await server.request('GET', url).then((answer) => assert.notEqual(answer.status, 200), () => {}); // refused, or cut
  mend();
  for (let i = 0; i < 50 && (await server.request('GET', '/healthz')).status !== 200; i++) await sleep(100);
  const read = await server.request('GET', url);
  assert.equal(read.status, 200, String(read.body));
  assert.equal(await metric(server, 'keeptake_store_disk_failed'), 0);
  assert.equal((await call('POST', '/recordings', settings)).status, 201);
  await server.stop();
});
