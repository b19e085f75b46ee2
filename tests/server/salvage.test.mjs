// The server finishes takes alone: real VP9 and VP8 takes cut at any byte, kill -9 in the middle of it, and the
// browser that comes back too late. KEEPTAKE_KILLS=N and KEEPTAKE_SEED=N as in api-crash.test.mjs.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { smallDisk } from '../support/small-disk.mjs';
import { Keeptake, beginRecording, isError, makeToken, putParts, runProgram, settings, someBytes, temporaryFolder } from './support/keeptake.mjs';
import { makeTake, validBytes } from './support/takes.mjs';

const PART = 65536;
const HEADER = 4096;
const CUES_ID = '1c53bb6b';
const smallParts = ['--part-bytes', String(PART)];
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let files;
const takes = {};

before(() => {
  files = mkdtempSync(path.join(tmpdir(), 'keeptake-takes-'));
  takes.vp9 = makeTake(files, 'vp9', '--bitrate', '600000');
  takes.vp8 = makeTake(files, 'vp8', '--codec', 'vp8', '--bitrate', '600000');
  takes.sound = makeTake(files, 'sound', '--no-video');
});
after(() => rmSync(files, { recursive: true, force: true }));

function folder(t) {
  const data = temporaryFolder();
  t.after(() => rmSync(data, { recursive: true, force: true }));
  assert.equal(runProgram(['organisation', 'create', 'a', '--data', data]).status, 0);
  return { data, token: makeToken(data, 'a', 'owner') };
}

function slices(bytes) {
  return Array.from({ length: Math.ceil(bytes.length / PART) }, (_, i) => bytes.subarray(i * PART, (i + 1) * PART));
}

async function upload(server, call, bytes, extra) {
  const id = await beginRecording(call, { ...settings, width: 320, height: 180, ...extra });
  return { id, list: await putParts(server, call, id, slices(bytes)) };
}

/** Polls until the server has ended its work on the recording. */
async function ended(call, id) {
  for (let i = 0; i < 400; i++) {
    const { json } = await call('GET', `/recordings/${id}`);
    if (json.state !== 'salvaging' && json.state !== 'recording') return json;
    await wait(25);
  }
  throw new Error(`${id} is still being salvaged`);
}

async function download(server, call, id) {
  const play = await call('POST', `/recordings/${id}/playback`);
  assert.equal(play.status, 200, String(play.body));
  const object = await server.request('GET', play.json.url);
  assert.equal(object.status, 200);
  return object.body;
}

/** What programs say of a file that know nothing of ours: its length; it decodes without complaint. */
function look(bytes) {
  const file = path.join(files, 'look.webm');
  writeFileSync(file, bytes);
  const decoded = spawnSync('ffmpeg', ['-v', 'warning', '-xerror', '-i', file, '-f', 'null', '-'], { encoding: 'utf8' });
  assert.equal(decoded.stderr, '');
  assert.equal(decoded.status, 0);
  const probe = (...args) => JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-of', 'json', ...args, file], { encoding: 'utf8' }));
  const { format } = probe('-show_format');
  const seek = (second) => probe('-read_intervals', `${second}%+#1`, '-select_streams', 'v', '-show_entries', 'packet=pts_time,pos').packets[0];
  return { duration: Number(format.duration), seek };
}

/** The recording is the whole clusters of the take's first `cut` bytes, seekable. Returns the file. */
async function check(server, call, id, take, cut) {
  const row = await ended(call, id);
  assert.equal(row.state, 'complete', JSON.stringify(row));
  assert.equal(row.salvaged, true);
  const file = await download(server, call, id);
  const valid = validBytes(take, cut);
  assert.equal(row.bytes, file.length);
  assert.ok(file.subarray(HEADER, valid).equals(take.bytes.subarray(HEADER, valid)), 'the same to the byte');
  assert.equal(file.subarray(valid, valid + 4).toString('hex'), CUES_ID);
  const end = Math.max(...take.clusters.filter((chunk) => chunk.offset < valid).map((chunk) => chunk.endUs)) / 1e6;
  // The decoder's delay of 6.5 ms does not count, and the last sound of a take may be trimmed.
  assert.ok(row.duration > end - 0.028 && row.duration < end + 0.002, `${row.duration} of ${end} s`);
  return { file, row };
}

test('takes cut at any byte become seekable files', async (t) => {
  const { data, token } = folder(t);
  const server = await Keeptake.start({ data, args: smallParts });
  const call = server.client(token);
  for (const [name, take] of Object.entries(takes)) {
    const size = take.bytes.length;
    const first = take.clusters[0].offset + take.clusters[0].bytes;
    const cuts = { vp9: [first, 3 * PART, size - 777, size], vp8: [PART + 1, size - 5], sound: [size - 11] }[name];
    for (const cut of cuts) {
      const { id } = await upload(server, call, take.bytes.subarray(0, cut), { codec: name === 'vp8' ? 'vp8' : 'vp9' });
      const asked = await call('POST', `/recordings/${id}/salvage`);
      assert.equal(asked.status, 202, String(asked.body));
      assert.ok(['salvaging', 'complete'].includes(asked.json.state));
      const { file, row } = await check(server, call, id, take, cut);
      const seen = look(file);
      assert.ok(Math.abs(seen.duration - row.duration) < 0.002, `${name} ${cut}: ${seen.duration} of ${row.duration} s`);
      if (row.duration > 2 && name !== 'sound') {
        const packet = seen.seek(1.6);
        const cluster = take.clusters.filter((chunk) => chunk.keyframe && chunk.startUs <= 1.6e6).at(-1);
        assert.ok(Number(packet.pos) >= cluster.offset && Number(packet.pos) < cluster.offset + cluster.bytes, 'seeks to the keyframe');
      }
      assert.equal((await call('POST', `/recordings/${id}/salvage`)).status, 200, 'asked again');
    }
  }
  const metrics = String((await server.request('GET', '/metrics')).body);
  assert.match(metrics, /keeptake_salvaged_takes_total 7\n/);
  assert.match(metrics, /keeptake_salvage_failures_total 0\n/);
  await server.stop();
});

test('the timeline ends where the take does, and gives a scene', async (t) => {
  const { data, token } = folder(t);
  const server = await Keeptake.start({ data, args: smallParts });
  const call = server.client(token);
  const cut = takes.vp9.bytes.length - 5000;
  const { id } = await upload(server, call, takes.vp9.bytes.subarray(0, cut));
  const composition = { version: 1, layout: 'grid', sources: [{ id: 'host' }] };
  const event = (type, take, extra = {}) => ({ type, take, wall: new Date(1769860800000 + take * 1000).toISOString(), ...extra });
  const timeline = {
    version: 1,
    canvas: { width: 320, height: 180 },
    events: [event('start', 0), event('composition', 0, { data: composition }), event('mark', 1), event('mark', 3000)],
  };
  const put = await call('PUT', `/recordings/${id}/timeline`, timeline);
  assert.equal(put.status, 204, String(put.body));
  await call('POST', `/recordings/${id}/salvage`);
  const { row } = await check(server, call, id, takes.vp9, cut);
  const stored = (await call('GET', `/recordings/${id}/timeline`)).json;
  assert.deepEqual(stored.events.map((e) => e.type), ['start', 'composition', 'mark', 'stop']);
  assert.ok(Math.abs(stored.events[3].take - row.duration) < 1e-5);
  const scene = await call('GET', `/recordings/${id}/scene`);
  assert.equal(scene.status, 200, String(scene.body));
  assert.ok(Math.abs(scene.json.duration - row.duration) < 1e-5);
  await server.stop();
});

test('a browser that comes back too late is told so', async (t) => {
  const { data, token } = folder(t);
  const server = await Keeptake.start({ data, args: smallParts });
  const call = server.client(token);
  const { bytes } = takes.vp9;
  const { id, list } = await upload(server, call, bytes.subarray(0, 3 * PART));
  const [early] = (await call('POST', `/recordings/${id}/upload/sign`, { parts: [4] })).json.urls;
  await call('POST', `/recordings/${id}/salvage`);
  await check(server, call, id, takes.vp9, 3 * PART);
  const late = await server.request('PUT', early.url, { body: bytes.subarray(3 * PART, 4 * PART) });
  assert.equal(late.status, 404);
  const completion = { parts: list, bytes: 3 * PART, duration: 5 };
  for (const [method, target, body] of [
    ['POST', '/upload/complete', completion],
    ['POST', '/upload/sign', { parts: [4] }],
    ['GET', '/upload/parts'],
    ['POST', '/upload'],
    ['DELETE', '/upload'],
    ['PUT', '/timeline', { version: 1, canvas: { width: 2, height: 2 }, events: [] }],
  ]) {
    isError(assert, await call(method, `/recordings/${id}${target}`, body), 409, 'salvaged');
  }
  await server.stop();
});

test('all had arrived but the last call: the browser’s own completion is answered as ever', async (t) => {
  const { data, token } = folder(t);
  const server = await Keeptake.start({ data, args: smallParts });
  const call = server.client(token);
  const { whole } = takes.vp9;
  const { id, list } = await upload(server, call, whole);
  await call('POST', `/recordings/${id}/salvage`);
  const row = await ended(call, id);
  assert.equal(row.duration, 5);
  assert.ok((await download(server, call, id)).equals(whole), 'not one byte changed');
  const answer = await call('POST', `/recordings/${id}/upload/complete`, { parts: list, bytes: whole.length, duration: 5 });
  assert.equal(answer.status, 200, String(answer.body));
  isError(assert, await call('POST', `/recordings/${id}/upload/complete`, { parts: list.slice(1).map((p, i) => ({ ...p, part: i + 1 })), bytes: 9, duration: 5 }), 409, 'salvaged');
  await server.stop();
});

test('who may ask, and what there is nothing to salvage of', async (t) => {
  const { data, token } = folder(t);
  const server = await Keeptake.start({ data, args: [...smallParts, '--live-seconds', '0'] });
  const call = server.client(token);
  const { id } = await upload(server, call, takes.vp9.bytes.subarray(0, PART));
  const path1 = `/recordings/${id}/salvage`;
  assert.equal((await server.client(makeToken(data, 'a', 'viewer'))('POST', path1)).status, 403);
  runProgram(['organisation', 'create', 'b', '--data', data]);
  assert.equal((await server.client(makeToken(data, 'b', 'owner'))('POST', path1)).status, 404);
  assert.equal((await server.client('wrong')('POST', path1)).status, 401);
  assert.equal((await call('GET', path1)).status, 405);
  assert.equal((await call('GET', `/recordings/${id}`)).json.state, 'recording');
  assert.equal((await server.client(makeToken(data, 'a', 'co-host'))('POST', path1)).status, 202);
  assert.equal((await ended(call, id)).state, 'complete');

  const created = (await call('POST', '/recordings', settings)).json.id;
  isError(assert, await call('POST', `/recordings/${created}/salvage`), 409, 'conflict');
  const empty = await beginRecording(call);
  assert.equal((await call('POST', `/recordings/${empty}/salvage`)).status, 202);
  assert.equal((await ended(call, empty)).state, 'aborted');
  isError(assert, await call('POST', `/recordings/${empty}/salvage`), 410, 'gone');
  const garbage = (await upload(server, call, someBytes(2 * PART, 3))).id;
  assert.equal((await call('POST', `/recordings/${garbage}/salvage`)).status, 202);
  assert.equal((await ended(call, garbage)).state, 'failed');
  isError(assert, await call('POST', `/recordings/${garbage}/salvage`), 410, 'gone');
  const late = await beginRecording(call);
  await putParts(server, call, late, [someBytes(PART, 1)], 2);
  await call('POST', `/recordings/${late}/salvage`);
  for (let i = 0; i < 100 && (await call('GET', `/recordings/${late}`)).json.state !== 'recording'; i++) await wait(20);
  assert.equal((await call('GET', `/recordings/${late}/upload/parts`)).json.parts[0].part, 2, 'waits for its beginning');
  await server.stop();
});

test('a take that gives no sign of life is finished by itself', async (t) => {
  const { data, token } = folder(t);
  const ages = ['--cleanup-interval', '1s', ...smallParts];
  let server = await Keeptake.start({ data, args: ['--salvage-after', '0', ...ages] });
  let call = server.client(token);
  const silent = (await upload(server, call, takes.vp9.bytes.subarray(0, 3 * PART))).id;
  const alive = (await upload(server, call, takes.vp9.bytes.subarray(0, 2 * PART))).id;
  await wait(1300);
  assert.equal((await call('GET', `/recordings/${silent}`)).json.state, 'recording', '0: never');
  const live = async () => {
    const put = await call('PUT', `/recordings/${alive}/timeline`, { version: 1, canvas: { width: 2, height: 2 }, events: [] });
    assert.equal(put.status, 204, String(put.body));
  };
  await live();
  await server.stop();
  server = await Keeptake.start({ data, args: ['--salvage-after', '2s', ...ages] });
  call = server.client(token);
  let row;
  for (let i = 0; i < 100; i++) {
    await live();
    row = (await call('GET', `/recordings/${silent}`)).json;
    if (row.state === 'complete') break;
    await wait(50);
  }
  await check(server, call, silent, takes.vp9, 3 * PART);
  assert.equal((await call('GET', `/recordings/${alive}`)).json.state, 'recording');
  await check(server, call, alive, takes.vp9, 2 * PART);
  await server.stop();
});

test('a full disk holds a salvage up and loses nothing', async (t) => {
  const mount = smallDisk(t, '4m');
  if (mount === null) return;
  const data = path.join(mount, 'data');
  mkdirSync(data);
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const token = makeToken(data, 'a', 'owner');
  const server = await Keeptake.start({ data, args: [...smallParts, '--cleanup-interval', '1s'] });
  const call = server.client(token);
  const cut = takes.vp9.bytes.length - 99;
  const { id, list } = await upload(server, call, takes.vp9.bytes.subarray(0, cut));
  const stored = async () => (await call('GET', `/recordings/${id}/upload/parts`)).json.parts.map(({ etag }) => `"${etag}"`);
  spawnSync('dd', ['if=/dev/zero', `of=${path.join(mount, 'filler')}`, 'bs=4k']);
  const asked = await call('POST', `/recordings/${id}/salvage`);
  assert.ok(asked.status === 202 || asked.status === 507, `${asked.status} ${asked.body}`);
  await wait(300);
  const { state } = (await call('GET', `/recordings/${id}`)).json;
  assert.ok(state === 'salvaging' || state === 'recording', state);
  if (state === 'recording') assert.deepEqual(await stored(), list.map(({ etag }) => etag));
  rmSync(path.join(mount, 'filler'));
  // By itself at the next clean-up, or asked for again.
  if (state === 'recording') assert.equal((await call('POST', `/recordings/${id}/salvage`)).status, 202);
  await check(server, call, id, takes.vp9, cut);
  await server.stop();
});

test('kill -9 in the middle of a salvage: it goes on after the start', async (t) => {
  const { data, token } = folder(t);
  const kills = Number(process.env.KEEPTAKE_KILLS ?? 6);
  const seed = Number(process.env.KEEPTAKE_SEED ?? 1);
  const cut = takes.vp8.bytes.length - 333;
  let first;
  let server = await Keeptake.start({ data, args: smallParts });
  for (let i = 0; i < kills; i++) {
    let call = server.client(token);
    const { id } = await upload(server, call, takes.vp8.bytes.subarray(0, cut), { codec: 'vp8' });
    const asked = call('POST', `/recordings/${id}/salvage`).catch(() => null);
    await wait(((i * 7 + seed) % 10) * 6);
    await server.kill();
    const begun = (await asked)?.status === 202;
    server = await Keeptake.start({ data, args: smallParts });
    call = server.client(token);
    if ((await call('GET', `/recordings/${id}`)).json.state === 'recording') {
      assert.ok(!begun, `kill ${i}: what was promised is kept (KEEPTAKE_SEED=${seed})`);
      assert.equal((await call('POST', `/recordings/${id}/salvage`)).status, 202);
    }
    const { file } = await check(server, call, id, takes.vp8, cut);
    first ??= file;
    assert.ok(file.equals(first), `kill ${i}: the same file (KEEPTAKE_SEED=${seed})`);
  }
  await server.stop();
});
