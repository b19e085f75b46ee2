// The whole life of a recording: created, uploaded to signed URLs, completed, played back, deleted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { Keeptake, beginRecording, isError, makeToken, md5, putParts, runProgram, settings, someBytes, temporaryFolder } from './support/keeptake.mjs';
import { rmSync } from 'node:fs';

const PART = 65536 + 1000;
const data = temporaryFolder();
let server, call;

before(async () => {
  assert.equal(runProgram(['organisation', 'create', 'studio-a', '--data', data]).status, 0);
  const token = makeToken(data, 'studio-a', 'owner');
  server = await Keeptake.start({ data });
  call = server.client(token);
});
after(async () => {
  await server?.stop();
  rmSync(data, { recursive: true, force: true });
});

test('session says who asks and what is allowed', async () => {
  const { status, json } = await call('GET', '/session');
  assert.equal(status, 200);
  assert.equal(json.organisation, 'studio-a');
  assert.equal(json.role, 'owner');
  assert.deepEqual(json.limits, { enabled: true, max_length_seconds: 10800, max_fps: 30 });
  assert.equal(json.s3_origin, server.s3Url);
  assert.ok(Math.abs(Date.parse(json.server_time) - Date.now()) < 5000);
  assert.match(json.server_time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('a recording is created, uploaded, completed, played and deleted', async () => {
  const created = await call('POST', '/recordings', settings);
  assert.equal(created.status, 201);
  const id = created.json.id;
  assert.match(id, /^rec_[a-z2-7]{24}$/);
  assert.equal(created.json.state, 'created');
  assert.equal(created.json.has_timeline, false);
  assert.equal(created.json.upload, undefined);

  const upload = await call('POST', `/recordings/${id}/upload`);
  assert.equal(upload.status, 201);
  assert.equal(upload.json.max_parts, 10000);
  assert.ok(upload.json.part_bytes >= 5 * 1024 * 1024);
  const again = await call('POST', `/recordings/${id}/upload`);
  assert.deepEqual(again.json, upload.json);

  const parts = [someBytes(PART, 1), someBytes(PART, 2), someBytes(777, 3)];
  const list = await putParts(server, call, id, parts);
  // Part 1 is sent again with another header, as the engine does at the end.
  parts[0] = someBytes(PART, 4);
  list[0] = (await putParts(server, call, id, [parts[0]]))[0];
  const whole = Buffer.concat(parts);

  const live = await call('GET', `/recordings/${id}`);
  assert.equal(live.json.state, 'recording');
  assert.equal(live.json.upload.uploaded_bytes, whole.length);
  assert.equal(live.json.upload.upload_id, upload.json.upload_id);
  assert.equal(live.json.upload.key, `takes/studio-a/${id}.webm`);

  const stored = await call('GET', `/recordings/${id}/upload/parts`);
  assert.deepEqual(stored.json.parts, parts.map((bytes, i) => ({ part: i + 1, bytes: bytes.length, etag: md5(bytes) })));

  isError(assert, await call('POST', `/recordings/${id}/playback`), 409, 'conflict');

  const body = { parts: list, bytes: whole.length, duration: 12.345 };
  const done = await call('POST', `/recordings/${id}/upload/complete`, body);
  assert.equal(done.status, 200, String(done.body));
  assert.equal(done.json.state, 'complete');
  assert.equal(done.json.bytes, whole.length);
  assert.equal(done.json.duration, 12.345);
  assert.ok(Date.parse(done.json.completed_at) >= Date.parse(done.json.created_at));
  assert.equal(done.json.upload, undefined);

  const repeated = await call('POST', `/recordings/${id}/upload/complete`, body);
  assert.equal(repeated.status, 200);
  assert.deepEqual(repeated.json, done.json);
  const other = { ...body, parts: body.parts.slice(0, 2) };
  isError(assert, await call('POST', `/recordings/${id}/upload/complete`, other), 409, 'conflict');
  isError(assert, await call('POST', `/recordings/${id}/upload/sign`, { parts: [1] }), 409, 'conflict');
  isError(assert, await call('POST', `/recordings/${id}/upload`), 409, 'conflict');
  isError(assert, await call('DELETE', `/recordings/${id}/upload`), 409, 'conflict');

  const play = await call('POST', `/recordings/${id}/playback`, { expires_seconds: 60 });
  assert.equal(play.status, 200);
  assert.equal(play.json.content_type, 'video/webm');
  assert.ok(Math.abs(Date.parse(play.json.expires_at) - Date.now() - 60000) < 5000);
  const all = await server.request('GET', play.json.url);
  assert.equal(all.status, 200);
  assert.equal(all.headers['content-type'], 'video/webm');
  assert.ok(all.body.equals(whole));
  const from = PART - 10;
  const range = await server.request('GET', play.json.url, { headers: { Range: `bytes=${from}-${from + 29}` } });
  assert.equal(range.status, 206);
  assert.equal(range.headers['content-range'], `bytes ${from}-${from + 29}/${whole.length}`);
  assert.ok(range.body.equals(whole.subarray(from, from + 30)));

  const download = await call('POST', `/recordings/${id}/playback`, { download: true });
  const saved = await server.request('GET', download.json.url);
  assert.equal(saved.status, 200);
  assert.equal(saved.headers['content-disposition'], 'attachment; filename="A-take.webm"');
  // A URL signed for the one cannot be turned into the other.
  const forged = play.json.url.replace('video%2Fwebm', 'text%2Fhtml');
  assert.equal((await server.request('GET', forged)).status, 403);

  assert.equal((await call('DELETE', `/recordings/${id}`)).status, 204);
  isError(assert, await call('GET', `/recordings/${id}`), 404, 'not-found');
  isError(assert, await call('DELETE', `/recordings/${id}`), 404, 'not-found');
  assert.equal((await server.request('GET', play.json.url)).status, 404);
});

test('playback without a body takes the defaults', async () => {
  const id = await beginRecording(call);
  const bytes = someBytes(1000, 9);
  const parts = await putParts(server, call, id, [bytes]);
  await call('POST', `/recordings/${id}/upload/complete`, { parts, bytes: 1000, duration: 1 });
  const play = await call('POST', `/recordings/${id}/playback`);
  assert.equal(play.status, 200);
  assert.ok(Math.abs(Date.parse(play.json.expires_at) - Date.now() - 3600000) < 5000);
});

test('an upload is aborted, twice, and leaves nothing', async () => {
  const id = await beginRecording(call);
  const signed = await call('POST', `/recordings/${id}/upload/sign`, { parts: [1, 2] });
  await putParts(server, call, id, [someBytes(PART, 5)]);
  assert.equal((await call('DELETE', `/recordings/${id}/upload`)).status, 204);
  assert.equal((await call('DELETE', `/recordings/${id}/upload`)).status, 204);
  const row = await call('GET', `/recordings/${id}`);
  assert.equal(row.json.state, 'aborted');
  assert.equal(row.json.upload, undefined);
  // A URL that is still good does not bring the upload back.
  const late = await server.request('PUT', signed.json.urls[1].url, { body: someBytes(10, 1) });
  assert.equal(late.status, 404);
  isError(assert, await call('POST', `/recordings/${id}/upload/sign`, { parts: [1] }), 410, 'gone');
  isError(assert, await call('POST', `/recordings/${id}/upload`), 410, 'gone');
  isError(assert, await call('GET', `/recordings/${id}/upload/parts`), 410, 'gone');
  isError(assert, await call('POST', `/recordings/${id}/playback`), 410, 'gone');
  isError(assert, await call('POST', `/recordings/${id}/upload/complete`, { parts: [{ part: 1, etag: 'a' }], bytes: 1, duration: 1 }), 410, 'gone');
  assert.equal((await call('DELETE', `/recordings/${id}`)).status, 204);
});

test('a recording that is being uploaded can be deleted', async () => {
  const id = await beginRecording(call);
  await putParts(server, call, id, [someBytes(PART, 6)]);
  assert.equal((await call('DELETE', `/recordings/${id}`)).status, 204);
  isError(assert, await call('GET', `/recordings/${id}`), 404, 'not-found');
});

test('a long completion is read on a thread, and answered as a short one', async () => {
  const counted = async () => Number(/^keeptake_pool_work_seconds_count\{pool="compute"\} (\d+)$/m.exec(String((await server.request('GET', '/metrics')).body))[1]);
  const id = await beginRecording(call);
  const list = await putParts(server, call, id, [someBytes(PART, 1)]);
  const path = `/recordings/${id}/upload/complete`;
  const before = await counted();
  isError(assert, await call('POST', path, { parts: list, bytes: 0, duration: 1 }), 400, 'bad-request');
  assert.equal(await counted(), before);
  const long = Array.from({ length: 10000 }, (_, i) => ({ part: i + 1, etag: md5(String(i)) }));
  isError(assert, await call('POST', path, { parts: [...list, ...long.slice(1)], bytes: PART, duration: 1 }), 409, 'conflict');
  isError(assert, await call('POST', path, { parts: [...long, { part: 10001, etag: 'a' }], bytes: PART, duration: 1 }), 400, 'bad-request');
  isError(assert, await call('POST', path, { parts: long, duration: 1 }), 400, 'bad-request');
  assert.equal(await counted(), before + 3);
  assert.equal((await call('POST', path, { parts: list, bytes: PART, duration: 1 })).json.state, 'complete');
});

test('completion names the part that is wrong and can be repeated', async () => {
  const id = await beginRecording(call);
  const parts = [someBytes(PART, 1), someBytes(PART, 2), someBytes(10, 3)];
  const list = await putParts(server, call, id, parts);
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const complete = (body) => call('POST', `/recordings/${id}/upload/complete`, { parts: list, bytes, duration: 1, ...body });
  const wrong = [...list];
  wrong[1] = { part: 2, etag: md5(parts[0]) };
  const etag = await complete({ parts: wrong });
  isError(assert, etag, 409, 'conflict');
  assert.match(etag.json.error.message, /Part 2 /);
  const order = await complete({ parts: [list[0], list[2], list[1]] });
  isError(assert, order, 409, 'conflict');
  assert.match(order.json.error.message, /Part 2 .*part 3/);
  const missing = await complete({ parts: [...list, { part: 4, etag: md5(parts[0]) }] });
  isError(assert, missing, 409, 'conflict');
  assert.match(missing.json.error.message, /Part 4 /);
  const twice = await complete({ parts: [list[0], list[0]] });
  isError(assert, twice, 409, 'conflict');
  const size = await complete({ bytes: bytes + 1 });
  isError(assert, size, 409, 'conflict');
  assert.match(size.json.error.message, new RegExp(`${bytes}.*${bytes + 1}`));
  assert.equal((await call('GET', `/recordings/${id}`)).json.state, 'recording');
  assert.equal((await complete({})).json.state, 'complete');
});

test('a part that is too small is a conflict and the upload goes on', async () => {
  const id = await beginRecording(call);
  const list = await putParts(server, call, id, [someBytes(100, 1), someBytes(100, 2)]);
  const answer = await call('POST', `/recordings/${id}/upload/complete`, { parts: list, bytes: 200, duration: 1 });
  isError(assert, answer, 409, 'conflict');
  assert.equal((await call('GET', `/recordings/${id}`)).json.state, 'recording');
  list[0] = (await putParts(server, call, id, [someBytes(PART, 1)]))[0];
  const done = await call('POST', `/recordings/${id}/upload/complete`, { parts: list, bytes: PART + 100, duration: 1 });
  assert.equal(done.json.state, 'complete');
});

test('many completions at the same time give one object', async () => {
  const id = await beginRecording(call);
  const bytes = someBytes(PART, 8);
  const parts = await putParts(server, call, id, [bytes]);
  const body = { parts, bytes: PART, duration: 2 };
  const answers = await Promise.all(Array.from({ length: 8 }, () => call('POST', `/recordings/${id}/upload/complete`, body)));
  for (const answer of answers) assert.deepEqual(answer.json, answers[0].json);
  assert.equal(answers[0].json.state, 'complete');
});

test('titles change, and the list is paged, newest first', async () => {
  const ids = [];
  for (let i = 0; i < 5; i++) ids.unshift((await call('POST', '/recordings', { ...settings, title: `Take ${i}` })).json.id);
  const patched = await call('PATCH', `/recordings/${ids[0]}`, { title: 'Ünïcode "quoted" 🎬' });
  assert.equal(patched.json.title, 'Ünïcode "quoted" 🎬');
  const seen = [];
  let cursor = '';
  for (let page = 0; page < 3 && cursor !== undefined; page++) {
    const answer = await call('GET', `/recordings?limit=2${cursor && `&cursor=${cursor}`}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.json.recordings.length, 2);
    seen.push(...answer.json.recordings.map((r) => r.id));
    cursor = answer.json.next_cursor;
  }
  assert.deepEqual(seen.slice(0, 5), ids);
  const everything = await call('GET', '/recordings?limit=200');
  assert.equal(everything.json.next_cursor, undefined);
});

test('a recording tells what it has in the store', async () => {
  const id = await beginRecording(call);
  const list = async (query = '') => (await call('GET', `/recordings/${id}/objects${query}`)).json;
  const [take, ...others] = (await list()).objects;
  assert.deepEqual(others, []);
  assert.equal(take.kind, 'take');
  assert.equal(take.state, 'recording');
  assert.equal(take.content_type, 'video/webm');
  assert.match(take.id, /^obj_[a-z2-7]{24}$/);
  assert.equal(take.bytes, undefined);
  assert.deepEqual(await list(`?cursor=${take.id}`), { objects: [] }, 'nothing comes after the last');
  await call('DELETE', `/recordings/${id}/upload`);
  assert.equal((await list()).objects[0].state, 'aborted');
  isError(assert, await call('GET', '/recordings/rec_aaaaaaaaaaaaaaaaaaaaaaaa/objects'), 404, 'not-found');
});

const timeline = (events) => ({ version: 1, canvas: { width: 1280, height: 720 }, events });

test('timeline and scene, plain and compressed, again and again', async (t) => {
  const id = await beginRecording(call);
  isError(assert, await call('GET', `/recordings/${id}/timeline`), 404, 'not-found');
  isError(assert, await call('GET', `/recordings/${id}/scene`), 404, 'not-found');
  const events = [
    { type: 'start', take: 0, wall: '2026-01-31T12:00:00.000Z' },
    { type: 'mark', take: 0.5, wall: '2026-01-31T12:00:00.500Z', data: { label: 'x' } },
    { type: 'stop', take: 2, wall: '2026-01-31T12:00:02.000Z' },
  ];
  const json = JSON.stringify(timeline(events));
  const put = await call('PUT', `/recordings/${id}/timeline`, json);
  if (put.status !== 204) t.diagnostic(String(put.body));
  assert.equal(put.status, 204);
  assert.equal((await call('PUT', `/recordings/${id}/timeline`, deflateSync(json), { 'Content-Type': 'application/zlib' })).status, 204);
  assert.equal((await call('GET', `/recordings/${id}`)).json.has_timeline, true);
  const got = await call('GET', `/recordings/${id}/timeline`);
  assert.equal(got.body.toString(), json);
  const scene = await call('GET', `/recordings/${id}/scene`);
  assert.equal(scene.status, 200);
  assert.equal(scene.json.canvas.width, 1280);
  const bad = [
    ['not json', 'application/json', 400, 'bad-request'],
    ['{"events":[]}', 'application/json', 400, 'bad-request'],
    ['not zlib', 'application/zlib', 400, 'bad-request'],
    [json, 'text/plain', 415, 'bad-request'],
    [deflateSync(Buffer.alloc(80 << 20, 32)), 'application/zlib', 413, 'too-large'],
    [Buffer.alloc((8 << 20) + 1, 32), 'application/json', 413, 'too-large'],
  ];
  for (const [body, type, status, code] of bad) {
    isError(assert, await call('PUT', `/recordings/${id}/timeline`, body, { 'Content-Type': type }), status, code);
  }
  assert.equal((await call('GET', `/recordings/${id}/timeline`)).body.toString(), json);
});

test('a timeline that gives no scene says why', async () => {
  const id = await beginRecording(call);
  const wall = '2026-01-31T12:00:00.000Z';
  const events = [
    { type: 'start', take: 0, wall },
    { type: 'composition', take: 0, wall, data: { layout: 'none' } },
  ];
  assert.equal((await call('PUT', `/recordings/${id}/timeline`, JSON.stringify(timeline(events)))).status, 204);
  const scene = await call('GET', `/recordings/${id}/scene`);
  isError(assert, scene, 409, 'conflict');
  assert.match(scene.json.error.message, /^The timeline gives no scene: events\[1\]\.data: .*layout/);
  assert.equal((await call('GET', `/recordings/${id}/timeline`)).status, 200);
});

test('health and metrics', async () => {
  const health = await server.request('GET', '/healthz');
  assert.equal(health.status, 200);
  assert.equal(health.json.status, 'ok');
  assert.equal(health.json.store, 'ok');
  const metrics = await server.request('GET', '/metrics');
  assert.match(metrics.headers['content-type'], /^text\/plain/);
  const text = metrics.body.toString();
  assert.match(text, /keeptake_requests_total\{route="session",status="200"\} 1\n/);
  assert.match(text, /keeptake_recordings\{state="complete"\} [1-9]/);
  assert.match(text, /process_resident_memory_bytes [1-9]\d+/);
  assert.match(text, /keeptake_s3_received_bytes_total [1-9]\d+/);
  assert.equal(health.json.version, undefined, 'nobody has to know');
  assert.equal((await server.request('GET', '/metrics', { base: server.url })).status, 404, 'it has a listener of its own');
});

test('logs are JSON lines without tokens or signatures', async () => {
  const lines = server.log.trim().split('\n');
  assert.ok(lines.length > 10);
  for (const line of lines) {
    assert.equal(typeof JSON.parse(line).event, 'string');
    assert.doesNotMatch(line, /kt_[A-Za-z0-9]|X-Amz|Signature|Bearer/);
  }
});
