// Every error of the API, malformed input of all kinds, and the guards against foreign pages.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { Keeptake, beginRecording, isError, makeToken, runProgram, settings, temporaryFolder } from './support/keeptake.mjs';

const data = temporaryFolder();
let server, call;

before(async () => {
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const token = makeToken(data, 'a', 'owner');
  server = await Keeptake.start({ data, args: ['--allowed-origin', 'https://app.example'] });
  call = server.client(token);
});
after(async () => {
  await server?.stop();
  rmSync(data, { recursive: true, force: true });
});

test('unknown paths and methods', async () => {
  isError(assert, await call('GET', '/nothing'), 404, 'not-found');
  isError(assert, await call('GET', '/recordings/rec_x/unknown'), 404, 'not-found');
  isError(assert, await call('GET', '/recordings/'), 404, 'not-found');
  const put = await call('PUT', '/recordings', '{}');
  isError(assert, put, 405, 'bad-request');
  assert.equal(put.headers.allow, 'GET, POST');
  isError(assert, await server.request('POST', '/', { body: 'x' }), 405, 'bad-request');
});

test('ids that are none answer 404', async () => {
  for (const id of ['x', 'rec_', 'rec_aaaaaaaaaaaaaaaaaaaaaaaa', 'rec_AAAAAAAAAAAAAAAAAAAAAAAA', '%2e%2e', 'a'.repeat(3000), "rec_'--"]) {
    isError(assert, await call('GET', `/recordings/${id}`), 404, 'not-found');
    isError(assert, await call('DELETE', `/recordings/${id}`), 404, 'not-found');
    isError(assert, await call('POST', `/recordings/${id}/upload`), 404, 'not-found');
  }
});

test('malformed JSON', async () => {
  const bodies = ['', '{', '[]', 'null', '"x"', '{"title":}', '{"title":"a",}', "{'title':'a'}", '{"title":"\u0001"}',
    '{"title":"\\u0000"}', '{"title":"\\ud800"}', '{"a":01}', '{"a":1.}', '{"a":+1}', '{"a":NaN}', '{} {}',
    `${'['.repeat(1000)}`, `{"a":${'['.repeat(30)}${']'.repeat(30)}}`, `{"a":[${'1,'.repeat(5000)}1]}`];
  for (const body of bodies) isError(assert, await call('POST', '/recordings', body), 400, 'bad-request');
  const long = await call('POST', '/recordings', `{"a":${'1'.repeat(64)}}`);
  assert.match(long.json.error.message, /a number is malformed/, 'cJSON would read 63 digits of it');
  isError(assert, await call('POST', '/recordings', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), 400, 'bad-request');
});

test('every field is checked', async () => {
  const wrong = {
    title: [1],
    codec: [null, 'av1', 9],
    width: [null, 0, -1, 15, 3841, 1280.5, '1280', 1e300],
    height: [0, 8640],
    fps: [0, 31, 'fast', -30],
    video_bitrate: [0, 1e12, null],
    audio_bitrate: [-1, 2e6, null],
    max_length_seconds: [0, 10801, -5, 'long'],
  };
  for (const [field, values] of Object.entries(wrong)) {
    for (const value of values) {
      const answer = await call('POST', '/recordings', { ...settings, [field]: value });
      isError(assert, answer, 400, 'bad-request');
      assert.match(answer.json.error.message, new RegExp(field));
    }
  }
  assert.equal((await call('POST', '/recordings', { ...settings, title: 'ü'.repeat(200), max_length_seconds: 60 })).status, 201);
});

test('queries of the list', async () => {
  for (const query of ['limit=0', 'limit=201', 'limit=x', 'limit=', 'cursor=', 'cursor=1', 'cursor=1.rec_', 'cursor=-1.rec_aaaaaaaaaaaaaaaaaaaaaaaa', "cursor=1.rec_aaaaaaaaaaaaaaaaaaaaaaa'"]) {
    isError(assert, await call('GET', `/recordings?${query}`), 400, 'bad-request');
  }
});

test('parts to sign and to complete', async () => {
  const created = await call('POST', '/recordings', settings);
  isError(assert, await call('POST', `/recordings/${created.json.id}/upload/sign`, { parts: [1] }), 409, 'conflict');
  isError(assert, await call('GET', `/recordings/${created.json.id}/upload/parts`), 409, 'conflict');
  const id = await beginRecording(call);
  for (const parts of [undefined, [], [0], [10001], [1.5], ['1'], [null], {}, Array.from({ length: 65 }, (_, i) => i + 1)]) {
    isError(assert, await call('POST', `/recordings/${id}/upload/sign`, { parts }), 400, 'bad-request');
  }
  const good = [{ part: 1, etag: 'd41d8cd98f00b204e9800998ecf8427e' }];
  const bad = [{}, { parts: good }, { parts: good, bytes: 1 }, { parts: [], bytes: 1, duration: 1 }, { parts: good, bytes: 0, duration: 1 },
    { parts: good, bytes: 1, duration: -1 }, { parts: [{ part: 1 }], bytes: 1, duration: 1 }, { parts: [{ etag: 'x' }], bytes: 1, duration: 1 },
    { parts: [7], bytes: 1, duration: 1 }, { parts: [{ part: 1, etag: 'a<b' }], bytes: 1, duration: 1 }, { parts: [{ part: 1, etag: 'x'.repeat(500) }], bytes: 1, duration: 1 }];
  for (const body of bad) isError(assert, await call('POST', `/recordings/${id}/upload/complete`, body), 400, 'bad-request');
  isError(assert, await call('POST', `/recordings/${id}/upload/complete`, { parts: good, bytes: 1, duration: 1 }), 409, 'conflict');
  for (const body of [{ expires_seconds: 59 }, { expires_seconds: 604801 }, { download: 'yes' }]) {
    isError(assert, await call('POST', `/recordings/${id}/playback`, body), 400, 'bad-request');
  }
});

test('bodies that are too large, announced or not', async () => {
  const big = Buffer.alloc(70 << 10, 32);
  isError(assert, await call('POST', '/recordings', big), 413, 'too-large');
  isError(assert, await call('POST', '/recordings', big, { 'Transfer-Encoding': 'chunked' }), 413, 'too-large');
  assert.equal((await call('GET', '/session')).status, 200);
});

test('a peer that leaves in the middle of a body does no harm', async () => {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => {
      const socket = net.connect(server.port, '127.0.0.1', () => {
        socket.write(`POST /api/v1/recordings HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nAuthorization: Bearer x\r\nContent-Length: 100\r\n\r\n{"ti`);
        setTimeout(() => socket.destroy(), 5);
      });
      socket.on('close', resolve);
      socket.on('error', () => {});
    });
  }
  assert.equal((await call('GET', '/session')).status, 200);
});

test('a Host that is not ours is refused (DNS rebinding)', async () => {
  const port = server.port;
  for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${port + 1}`, `127.0.0.1.evil.example:${port}`, `localhost.:${port}`]) {
    isError(assert, await server.request('GET', '/api/v1/session', { headers: { Host: host } }), 403, 'forbidden', 'host');
    isError(assert, await server.request('GET', '/', { headers: { Host: host } }), 403, 'forbidden', 'host');
  }
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, `LOCALHOST:${port}`]) {
    isError(assert, await server.request('GET', '/api/v1/session', { headers: { Host: host } }), 401, 'unauthorized');
  }
});

test('CORS is for the configured origins', async () => {
  const preflight = (Origin) => server.request('OPTIONS', '/api/v1/recordings', { headers: { Origin, 'Access-Control-Request-Method': 'POST' } });
  const good = await preflight('https://app.example');
  assert.equal(good.status, 204);
  assert.equal(good.headers['access-control-allow-origin'], 'https://app.example');
  assert.match(good.headers['access-control-allow-headers'], /Authorization/);
  assert.equal(good.headers['access-control-allow-credentials'], undefined);
  const bad = await preflight('https://evil.example');
  isError(assert, bad, 403, 'forbidden', 'origin');
  assert.equal(bad.headers['access-control-allow-origin'], undefined);
  const answer = await call('GET', '/session', undefined, { Origin: 'https://app.example' });
  assert.equal(answer.headers['access-control-allow-origin'], 'https://app.example');
  const refused = await call('GET', '/nothing', undefined, { Origin: 'https://app.example' });
  assert.equal(refused.headers['access-control-allow-origin'], 'https://app.example');
  const other = await call('GET', '/session', undefined, { Origin: 'null' });
  assert.equal(other.headers['access-control-allow-origin'], undefined);
});

test('limits of the environment hold, and recording can be switched off', async () => {
  const off = await Keeptake.start({ data: undefined, env: { RECORDING_ENABLED: '0', RECORDING_MAX_FPS: '24', RECORDING_MAX_LENGTH: '90s' }, args: ['--local-owner', '--recording-max-length', '2m'] });
  try {
    const cookie = (await off.request('GET', '/')).headers['set-cookie']?.[0];
    assert.equal(cookie, undefined); // there is no studio page here
    const token = makeToken(off.data, 'local', 'owner');
    const client = off.client(token);
    assert.deepEqual((await client('GET', '/session')).json.limits, { enabled: false, max_length_seconds: 120, max_fps: 24 });
    isError(assert, await client('POST', '/recordings', settings), 403, 'recording-disabled');
  } finally {
    await off.stop();
  }
});
