// Organisations, roles, tokens and the local owner's session.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, statSync, writeFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Keeptake, beginRecording, isError, makeToken, putParts, runProgram, settings, someBytes, temporaryFolder } from './support/keeptake.mjs';

const data = temporaryFolder();
const studio = temporaryFolder('keeptake-studio');
let server;
const clients = {};

before(async () => {
  writeFileSync(path.join(studio, 'index.html'), '<!doctype html><title>studio</title>');
  mkdirSync(path.join(studio, 'assets'));
  writeFileSync(path.join(studio, 'assets', 'app.js'), 'export {};');
  for (const name of ['red', 'blue']) assert.equal(runProgram(['organisation', 'create', name, '--data', data]).status, 0);
  server = await Keeptake.start({ data, args: ['--local-owner', '--studio', studio] });
  // The command works while the server runs.
  for (const [name, organisation, role] of [['owner', 'red', 'owner'], ['cohost', 'red', 'co-host'], ['viewer', 'red', 'viewer'], ['foreign', 'blue', 'owner']]) {
    clients[name] = server.client(makeToken(data, organisation, role));
  }
});
after(async () => {
  await server?.stop();
  rmSync(data, { recursive: true, force: true });
  rmSync(studio, { recursive: true, force: true });
});

async function finished(call) {
  const id = await beginRecording(call);
  const parts = await putParts(server, call, id, [someBytes(500, 1)]);
  const done = await call('POST', `/recordings/${id}/upload/complete`, { parts, bytes: 500, duration: 1 });
  assert.equal(done.status, 200);
  return id;
}

test('one organisation never sees the other', async () => {
  const id = await finished(clients.owner);
  const open = await beginRecording(clients.owner);
  const tries = [['GET', ''], ['PATCH', '', { title: 'x' }], ['DELETE', ''], ['POST', '/upload'], ['POST', '/upload/sign', { parts: [1] }], ['GET', '/upload/parts'],
    ['POST', '/upload/complete', { parts: [{ part: 1, etag: 'a' }], bytes: 1, duration: 1 }], ['DELETE', '/upload'], ['PUT', '/timeline', {}], ['GET', '/timeline'], ['GET', '/scene'], ['POST', '/playback']];
  for (const target of [id, open]) {
    for (const [method, tail, body] of tries) {
      isError(assert, await clients.foreign(method, `/recordings/${target}${tail}`, body), 404, 'not-found');
    }
  }
  assert.deepEqual((await clients.foreign('GET', '/recordings')).json, { recordings: [] });
  assert.equal((await clients.owner('GET', `/recordings/${id}`)).json.state, 'complete');
  assert.equal((await clients.owner('GET', `/recordings/${open}`)).json.state, 'recording');
});

test('roles', async () => {
  const id = await finished(clients.cohost);
  isError(assert, await clients.cohost('DELETE', `/recordings/${id}`), 403, 'forbidden', 'role');
  isError(assert, await clients.cohost('GET', '/tokens'), 403, 'forbidden', 'role');
  isError(assert, await clients.cohost('POST', '/tokens', { role: 'viewer' }), 403, 'forbidden', 'role');
  for (const [method, tail, body] of [['PATCH', '', { title: 'x' }], ['DELETE', ''], ['POST', '/upload'], ['POST', '/upload/sign', { parts: [1] }], ['POST', '/upload/complete', {}], ['DELETE', '/upload'], ['PUT', '/timeline', {}]]) {
    isError(assert, await clients.viewer(method, `/recordings/${id}${tail}`, body), 403, 'forbidden', 'role');
  }
  isError(assert, await clients.viewer('POST', '/recordings', settings), 403, 'forbidden', 'role');
  assert.equal((await clients.viewer('GET', `/recordings/${id}`)).status, 200);
  assert.equal((await clients.viewer('GET', '/recordings')).status, 200);
  const play = await clients.viewer('POST', `/recordings/${id}/playback`);
  assert.equal((await server.request('GET', play.json.url)).body.length, 500);
  assert.equal((await clients.owner('DELETE', `/recordings/${id}`)).status, 204);
});

test('tokens that are garbled, unknown or expired', async () => {
  const good = makeToken(data, 'red', 'viewer', ['--expires', '1s', '--label', 'short']);
  const ask = (Authorization) => server.request('GET', '/api/v1/session', { headers: { Authorization } });
  assert.equal((await ask(`Bearer ${good}`)).status, 200);
  assert.equal((await ask(`bearer ${good}`)).status, 200);
  for (const text of ['', 'Bearer', 'Bearer ', 'Bearer kt_', `Bearer ${good}x`, `Bearer ${good.slice(0, -1)}`, `Basic ${good}`, good, `Bearer ${'A'.repeat(5000)}`, `Bearer ${good.slice(0, -1)}${good.endsWith('A') ? 'B' : 'A'}`]) {
    isError(assert, await ask(text), 401, 'unauthorized', 'unknown');
  }
  isError(assert, await server.request('GET', '/api/v1/session'), 401, 'unauthorized', 'missing');
  await new Promise((resolve) => setTimeout(resolve, 1100));
  isError(assert, await ask(`Bearer ${good}`), 401, 'unauthorized', 'expired');
});

test('owners make, list and delete tokens of their organisation', async () => {
  const made = await clients.owner('POST', '/tokens', { role: 'viewer', label: 'TV "wall"', expires_seconds: 3600 });
  assert.equal(made.status, 201);
  assert.match(made.json.token, /^kt_[A-Za-z0-9_-]{43}$/);
  assert.ok(Math.abs(Date.parse(made.json.expires_at) - Date.now() - 3600000) < 5000);
  const session = await server.client(made.json.token)('GET', '/session');
  assert.equal(session.json.role, 'viewer');
  assert.equal(session.json.organisation, 'red');
  const listed = await clients.owner('GET', '/tokens');
  const mine = listed.json.tokens.find((token) => token.id === made.json.id);
  assert.equal(mine.label, 'TV "wall"');
  assert.equal(mine.token, undefined);
  assert.ok(!readFileSync(path.join(data, 'keeptake.db')).includes(made.json.token));
  isError(assert, await clients.foreign('DELETE', `/tokens/${made.json.id}`), 404, 'not-found');
  isError(assert, await clients.owner('POST', '/tokens', { role: 'viewer', organisation: 'blue' }), 403, 'forbidden', 'organisation');
  for (const body of [{}, { role: 'god' }, { role: 'viewer', expires_seconds: 0 }, { role: 'viewer', expires_seconds: 1e12 }, { role: 'viewer', label: 'x'.repeat(101) }]) {
    isError(assert, await clients.owner('POST', '/tokens', body), 400, 'bad-request');
  }
  assert.equal((await clients.owner('DELETE', `/tokens/${made.json.id}`)).status, 204);
  isError(assert, await clients.owner('DELETE', `/tokens/${made.json.id}`), 404, 'not-found');
  isError(assert, await server.client(made.json.token)('GET', '/session'), 401, 'unauthorized', 'unknown');
});

test('the local owner is whoever opens the page on this machine', async () => {
  const page = await server.request('GET', '/');
  assert.equal(page.status, 200);
  const [header] = page.headers['set-cookie'];
  assert.match(header, /^keeptake_session=[^;]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
  const Cookie = header.split(';')[0];
  const own = server.url;
  const ask = (method, target, headers, body) => server.request(method, `/api/v1${target}`, { headers: { Cookie, ...headers }, body });
  const session = await ask('GET', '/session', {});
  assert.equal(session.json.organisation, 'local');
  assert.equal(session.json.role, 'owner');
  const body = JSON.stringify(settings);
  assert.equal((await ask('POST', '/recordings', { Origin: own }, body)).status, 201);
  assert.equal((await ask('POST', '/recordings', { 'Sec-Fetch-Site': 'same-origin' }, body)).status, 201);
  // Another page's request: by its Origin, by its fetch metadata, or because it says nothing.
  for (const headers of [{}, { Origin: 'https://evil.example' }, { Origin: 'null' }, { Origin: 'http://127.0.0.1:1' }, { 'Sec-Fetch-Site': 'cross-site' }, { 'Sec-Fetch-Site': 'same-site' }, { 'Sec-Fetch-Site': 'none' }, { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' }]) {
    isError(assert, await ask('POST', '/recordings', headers, body), 403, 'forbidden', 'origin');
    isError(assert, await ask('DELETE', '/recordings/rec_aaaaaaaaaaaaaaaaaaaaaaaa', headers), 403, 'forbidden', 'origin');
  }
  isError(assert, await ask('GET', '/recordings', { Origin: 'https://evil.example' }), 403, 'forbidden', 'origin');
  isError(assert, await ask('GET', '/recordings', { 'Sec-Fetch-Site': 'same-site' }), 403, 'forbidden', 'origin');
  // Through a proxy the peer is not the person; a garbled cookie is none.
  isError(assert, await ask('GET', '/session', { 'X-Forwarded-For': '203.0.113.1' }), 401, 'unauthorized');
  for (const text of ['keeptake_session=', `${Cookie}0`, Cookie.slice(0, -1), Cookie.replace('v1.', 'v1.9'), 'keeptake_session=v1.99999999999.0.0', `x${Cookie}`]) {
    isError(assert, await server.request('GET', '/api/v1/session', { headers: { Cookie: text } }), 401, 'unauthorized');
  }
  assert.equal((await server.request('GET', '/api/v1/session', { headers: { Cookie: `a=b; ${Cookie}; c=d` } })).status, 200);
  const embedded = await server.request('GET', '/', { headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' } });
  assert.equal(embedded.headers['set-cookie'], undefined);
});

test('the session outlives a restart', async () => {
  const [header] = (await server.request('GET', '/')).headers['set-cookie'];
  await server.stop();
  server = await Keeptake.start({ data, args: ['--local-owner', '--studio', studio] });
  assert.equal((await server.request('GET', '/api/v1/session', { headers: { Cookie: header.split(';')[0] } })).status, 200);
  for (const file of ['secrets.json', 'keeptake.db', 'lock']) assert.equal(statSync(path.join(data, file)).mode & 0o777, 0o600);
  assert.equal(statSync(data).mode & 0o777, 0o700);
});

test('guessing is slowed down, right tokens are not', async () => {
  const token = makeToken(data, 'red', 'viewer');
  let limited;
  for (let i = 0; i < 60 && !limited; i++) {
    const answer = await server.request('GET', '/api/v1/session', { headers: { Authorization: `Bearer wrong${i}` } });
    if (answer.status === 429) limited = answer;
    else isError(assert, answer, 401, 'unauthorized');
  }
  isError(assert, limited, 429, 'rate-limited');
  assert.equal(limited.headers['retry-after'], '60');
  assert.equal((await server.client(token)('GET', '/session')).status, 200);
});

test('commands refuse what is wrong', () => {
  const run = (...args) => runProgram([...args, '--data', data]);
  assert.equal(run('organisation', 'create', 'red').status, 2);
  for (const name of ['', 'Red', '-a', 'a-', 'a b', '../x', 'a'.repeat(64)]) assert.equal(run('organisation', 'create', name).status, 2, name);
  assert.equal(run('token', 'create', '--organisation', 'nobody', '--role', 'owner').status, 2);
  assert.equal(run('token', 'create', '--organisation', 'red').status, 2);
  assert.equal(run('token', 'create', '--organisation', 'red', '--role', 'king').status, 2);
  assert.equal(run('token', 'create', '--organisation', 'red', '--role', 'owner', '--expires', 'soon').status, 2);
  assert.equal(run('token', 'remove').status, 2);
});
