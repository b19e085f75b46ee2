// A take that is being recorded cannot be ended from elsewhere, a creation can be repeated, and no title costs a take.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { rmSync } from 'node:fs';
import { Keeptake, beginRecording, isError, makeToken, putParts, runProgram, settings, someBytes, temporaryFolder } from './support/keeptake.mjs';

const PART = 65536;
const data = temporaryFolder();
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let server, owner, other, cohost;

before(async () => {
  assert.equal(runProgram(['organisation', 'create', 'a', '--data', data]).status, 0);
  const tokens = ['owner', 'owner', 'co-host'].map((role) => makeToken(data, 'a', role));
  server = await Keeptake.start({ data, args: ['--part-bytes', String(PART), '--allowed-origin', 'https://page.test'] });
  [owner, other, cohost] = tokens.map((token) => server.client(token));
});
after(async () => {
  await server?.stop();
  rmSync(data, { recursive: true, force: true });
});

/** A recording with its recorder: a client that sends the writer's secret. */
async function recorder(call, extra = {}) {
  const { status, json } = await call('POST', '/recordings', { ...settings, ...extra });
  assert.equal(status, 201);
  assert.match(json.writer, /^wr_[0-9a-f]{32}$/);
  const writer = { 'Keeptake-Writer': json.writer };
  const own = (method, target, body, headers = {}) => call(method, `/recordings/${json.id}${target}`, body, { ...writer, ...headers });
  assert.equal((await own('POST', '/upload')).status, 201);
  return { id: json.id, writer: json.writer, own };
}

const timeline = { version: 1, canvas: { width: 2, height: 2 }, events: [] };

test('others are refused while a take lives, its recorder is not', async () => {
  const { id, own } = await recorder(owner);
  const [url] = (await own('POST', '/upload/sign', { parts: [1] })).json.urls;
  const etag = (await server.request('PUT', url.url, { body: someBytes(PART, 1) })).headers.etag;
  const list = { parts: [{ part: 1, etag }], bytes: PART, duration: 1 };
  // Also with the very token of the recorder: another browser of the same person.
  for (const call of [owner, other]) {
    for (const [method, target, body] of [
      ['POST', '/salvage'],
      ['DELETE', '/upload'],
      ['DELETE', ''],
      ['POST', '/upload/complete', list],
      ['POST', '/upload/sign', { parts: [1] }],
      ['PUT', '/timeline', timeline],
    ]) {
      const answer = await call(method, `/recordings/${id}${target}`, body);
      isError(assert, answer, 409, 'take-live');
      assert.ok(Number(answer.headers['retry-after']) >= 1 && Number(answer.headers['retry-after']) <= 60);
    }
    const row = (await call('GET', `/recordings/${id}`)).json;
    assert.equal(row.state, 'recording');
    assert.equal(row.live, true);
    assert.ok(Math.abs(Date.parse(row.last_sign_of_life) - Date.now()) < 20000);
    assert.equal(row.writer, undefined, 'told once');
  }
  const wrong = { 'Keeptake-Writer': `wr_${'0'.repeat(32)}` };
  isError(assert, await other('DELETE', `/recordings/${id}`, undefined, wrong), 409, 'take-live');
  const foreign = await recorder(other);
  isError(assert, await other('DELETE', `/recordings/${id}`, undefined, { 'Keeptake-Writer': foreign.writer }), 409, 'take-live');
  assert.equal((await other('PATCH', `/recordings/${id}`, { title: 'New' })).status, 200, 'renaming harms nobody');
  assert.equal((await own('PUT', '/timeline', timeline)).status, 204);
  assert.equal((await own('POST', '/upload/complete', list)).json.state, 'complete');
  assert.equal((await other('DELETE', `/recordings/${id}`)).status, 204, 'a finished take has no recorder');
});

test('the recorder ends its own take', async () => {
  for (const [method, target, status] of [['DELETE', '/upload', 204], ['DELETE', '', 204], ['POST', '/salvage', 202]]) {
    const { id, own } = await recorder(owner);
    await own('POST', '/alive');
    isError(assert, await other(method, `/recordings/${id}${target}`), 409, 'take-live');
    assert.equal((await own(method, target)).status, status, `${method} ${target}`);
  }
});

test('silence ends the guard, "alive" keeps it, over a restart too', async (t) => {
  const folder = temporaryFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  runProgram(['organisation', 'create', 'a', '--data', folder]);
  const tokens = [makeToken(folder, 'a', 'owner'), makeToken(folder, 'a', 'owner')];
  const long = ['--part-bytes', String(PART)];
  let own = await Keeptake.start({ data: folder, args: [...long, '--live-seconds', '600'] });
  const mine = await recorder(own.client(tokens[0]));
  const beat = await mine.own('POST', '/alive');
  assert.deepEqual(beat.json, { state: 'recording' });
  assert.equal((await own.client(tokens[0])('GET', '/session')).json.live_seconds, 600);
  await own.stop();
  own = await Keeptake.start({ data: folder, args: [...long, '--live-seconds', '600'] });
  isError(assert, await own.client(tokens[1])('DELETE', `/recordings/${mine.id}`), 409, 'take-live');
  await own.stop();
  own = await Keeptake.start({ data: folder, args: [...long, '--live-seconds', '1'] });
  await wait(1100);
  const row = (await own.client(tokens[1])('GET', `/recordings/${mine.id}`)).json;
  assert.equal(row.live, false);
  assert.equal((await own.client(tokens[1])('DELETE', `/recordings/${mine.id}`)).status, 204);
  await own.stop();
});

test('a client that knows no secret is known by its token, and by its parts', async (t) => {
  const id = await beginRecording(owner);
  await putParts(server, owner, id, [someBytes(PART, 1)]);
  isError(assert, await cohost('POST', `/recordings/${id}/salvage`), 409, 'take-live');
  isError(assert, await other('DELETE', `/recordings/${id}`), 409, 'take-live');
  assert.equal((await cohost('POST', `/recordings/${id}/upload/sign`, { parts: [2] })).status, 200, 'a page and its back end share a take');
  assert.equal((await cohost('DELETE', `/recordings/${id}/upload`)).status, 204, 'it signed last');

  const folder = temporaryFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  runProgram(['organisation', 'create', 'a', '--data', folder]);
  const tokens = [makeToken(folder, 'a', 'owner'), makeToken(folder, 'a', 'owner')];
  const small = await Keeptake.start({ data: folder, args: ['--part-bytes', String(PART), '--live-seconds', '3'] });
  const [call, stranger] = tokens.map((token) => small.client(token));
  const quiet = await beginRecording(call);
  const [url] = (await call('POST', `/recordings/${quiet}/upload/sign`, { parts: [1] })).json.urls;
  await wait(3100); // signed long ago; the part arrives now
  await small.request('PUT', url.url, { body: someBytes(PART, 2) });
  isError(assert, await stranger('POST', `/recordings/${quiet}/salvage`), 409, 'take-live');
  assert.equal((await call('POST', `/recordings/${quiet}/salvage`)).status, 202);
  await small.stop();
});

test('pages of allowed origins may send the two headers', async () => {
  const answer = await server.request('OPTIONS', '/api/v1/recordings', {
    headers: { Origin: 'https://page.test', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'keeptake-writer, idempotency-key' },
  });
  assert.equal(answer.status, 204);
  assert.match(answer.headers['access-control-allow-headers'], /Idempotency-Key.*Keeptake-Writer/);
});

test('a creation whose answer was lost is repeated, not doubled', async () => {
  const key = { 'Idempotency-Key': '5a1c8a0e-0b6e-4b3e-9f60-1d0c7f5f5e51' };
  const all = await Promise.all(Array.from({ length: 6 }, () => owner('POST', '/recordings', settings, key)));
  for (const answer of all) {
    assert.equal(answer.status, 201);
    assert.equal(answer.json.id, all[0].json.id);
    assert.equal(answer.json.writer, all[0].json.writer);
  }
  isError(assert, await owner('POST', '/recordings', { ...settings, width: 640 }, key), 409, 'conflict');
  const others = await other('POST', '/recordings', settings, key);
  assert.notEqual(others.json.id, all[0].json.id, 'a key counts for its token only');
  assert.equal((await owner('DELETE', `/recordings/${all[0].json.id}`)).status, 204);
  assert.notEqual((await owner('POST', '/recordings', settings, key)).json.id, all[0].json.id, 'free again');
  for (const bad of ['a b', 'x'.repeat(129), '']) {
    const answer = await owner('POST', '/recordings', settings, { 'Idempotency-Key': bad });
    isError(assert, answer, 400, 'bad-request');
  }
});

test('titles are cleaned and cut, never refused', async () => {
  const family = '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}';
  const cases = [
    ['x'.repeat(201), 'x'.repeat(200)],
    ['\u{1F600}'.repeat(201), '\u{1F600}'.repeat(200)],
    [family.repeat(201), family.repeat(200)],
    ['e\u0301'.repeat(230), 'e\u0301'.repeat(200)],
    ['\u{1F1E9}\u{1F1EA}'.repeat(201), '\u{1F1E9}\u{1F1EA}'.repeat(200)],
    ['कि'.repeat(201), 'कि'.repeat(200)],
    ['\u{1F44D}\u{1F3FD}'.repeat(205), '\u{1F44D}\u{1F3FD}'.repeat(200)],
    ['Talk\r\nDay 2\u2028\t', 'Talk Day 2'],
    ['a\0b', 'a b'],
    ['back\\u0000slash', 'back\\u0000slash'],
    ['half \ud83d', 'half \ufffd'],
    ['\ude00 half', '\ufffd half'],
    ['a\u202egpj.exe', 'agpj.exe'],
    ['\u001b[31m', '[31m'],
    ['   ', ''],
    ['z'.repeat(60000), 'z'.repeat(200)],
    [null, ''],
  ];
  for (const [title, kept] of cases) {
    const made = await owner('POST', '/recordings', { ...settings, title });
    assert.equal(made.status, 201, `${JSON.stringify(title)?.slice(0, 60)}: ${made.body}`);
    assert.equal(made.json.title, kept);
    if (title === null) continue;
    const renamed = await owner('PATCH', `/recordings/${made.json.id}`, { title });
    assert.equal(renamed.json.title, kept);
  }
  const marks = (await owner('POST', '/recordings', { ...settings, title: 'o' + '\u0308'.repeat(9000) })).json.title;
  assert.ok(Buffer.byteLength(marks) <= 6000);
  isError(assert, await owner('POST', '/recordings', { ...settings, title: 7 }), 400, 'bad-request');
});

test('weak ETags complete, and downloads are named after the title', async () => {
  const id = await beginRecording(owner);
  const list = await putParts(server, owner, id, [someBytes(5000, 1)]);
  const parts = list.map(({ part, etag }) => ({ part, etag: `W/${etag}` }));
  assert.equal((await owner('POST', `/recordings/${id}/upload/complete`, { parts, bytes: 5000, duration: 1 })).json.state, 'complete');
  const named = async (title) => {
    await owner('PATCH', `/recordings/${id}`, { title });
    const { url } = (await owner('POST', `/recordings/${id}/playback`, { download: true })).json;
    const answer = await server.request('GET', url);
    assert.equal(answer.status, 200);
    return answer.headers['content-disposition'];
  };
  const star = (header) => decodeURIComponent(/filename\*=UTF-8''(\S+)$/.exec(header)?.[1] ?? 'none');
  assert.equal(await named('A take'), 'attachment; filename="A-take.webm"');
  assert.equal(await named('con'), 'attachment; filename="_con.webm"');
  assert.equal(star(await named('Интервью №5')), 'Интервью №5.webm');
  assert.equal(star(await named('会議の録画')), '会議の録画.webm');
  assert.equal(star(await named('שלום.v2')), 'שלום.v2.webm');
  assert.equal(star(await named('\u{1F3AC}')), '\u{1F3AC}.webm');
  assert.equal(star(await named('a/b\\c:"d"*')), 'a-b-c-d.webm');
  assert.equal(star(await named('\u2067../x\u2069;y')), 'x;y.webm');
  const long = star(await named('録'.repeat(200)));
  assert.ok(Buffer.byteLength(long) <= 205 && /^録+\.webm$/.test(long));
  assert.match(await named('會'), new RegExp(`filename="${id}.webm"; filename\\*=`));
});
