// Raw sockets against both listeners: a request whose end is in doubt is refused and nothing behind it is answered;
// silent, slow and too many connections do not keep others out.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { rmSync } from 'node:fs';
import { Keeptake, beginRecording, makeToken, runProgram, settings, temporaryFolder } from './support/keeptake.mjs';

const data = temporaryFolder();
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let server, token, s3Port;

before(async () => {
  assert.equal(runProgram(['organisation', 'create', 'a', '--data', data]).status, 0);
  token = makeToken(data, 'a', 'owner');
  server = await Keeptake.start({ data });
  s3Port = Number(new URL(server.s3Url).port);
});
after(async () => {
  await server?.stop();
  rmSync(data, { recursive: true, force: true });
});

/** Sends bytes, in pieces; resolves to all that came back when the peer has closed, or after `ms`. */
function talk(port, pieces, ms = 3000) {
  return new Promise((resolve) => {
    let text = '';
    let closed = false;
    const socket = net.connect(port, '127.0.0.1', async () => {
      for (const piece of [pieces].flat()) {
        socket.write(piece, 'latin1');
        await wait(5);
      }
    });
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, closed, statuses: [...text.matchAll(/HTTP\/1\.1 (\d\d\d) /g)].map((m) => Number(m[1])) });
    };
    const timer = setTimeout(end, ms);
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('close', () => {
      closed = true;
      end();
    });
    socket.on('error', () => {});
  });
}

const host = () => `Host: 127.0.0.1:${server.port}\r\n`;
const auth = () => `Authorization: Bearer ${token}\r\n`;
const smuggled = () => `GET /api/v1/session HTTP/1.1\r\n${host()}${auth()}\r\n`;

/** Heads (without the empty line) that a proxy could read in another way than this server. */
function doubtful() {
  const line = 'POST /api/v1/recordings HTTP/1.1\r\n';
  const start = line + host() + auth();
  return {
    'both lengths': [`${start}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n`, '0\r\n\r\n'],
    'both, the other way round': [`${start}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n`, '0\r\n\r\n'],
    'two lengths': [`${start}Content-Length: 4\r\nContent-Length: 0\r\n`, 'abcd'],
    'the same length twice': [`${start}Content-Length: 2\r\nContent-Length: 2\r\n`, '{}'],
    'a list of lengths': [`${start}Content-Length: 2, 2\r\n`, '{}'],
    'a length with a sign': [`${start}Content-Length: +2\r\n`, '{}'],
    'a length in hex': [`${start}Content-Length: 0x2\r\n`, '{}'],
    'an empty length': [`${start}Content-Length:\r\n`, ''],
    'a negative length': [`${start}Content-Length: -1\r\n`, ''],
    'a length without end': [`${start}Content-Length: 99999999999999999999999\r\n`, ''],
    'space before the colon': [`${start}Content-Length : 4\r\n`, 'abcd'],
    'tab before the colon': [`${start}Transfer-Encoding\t: chunked\r\n`, '0\r\n\r\n'],
    'another coding': [`${start}Transfer-Encoding: xchunked\r\n`, 'abcd'],
    'two codings': [`${start}Transfer-Encoding: gzip, chunked\r\n`, '0\r\n\r\n'],
    'the coding twice': [`${start}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n`, '0\r\n\r\n'],
    identity: [`${start}Transfer-Encoding: identity\r\n`, ''],
    'chunked and a control': [`${start}Transfer-Encoding: \x0bchunked\r\n`, '0\r\n\r\n'],
    'chunked in HTTP/1.0': [`${start.replace('HTTP/1.1', 'HTTP/1.0')}Transfer-Encoding: chunked\r\n`, '0\r\n\r\n'],
    'two hosts': [`${start}Host: evil.test\r\n`, ''],
    'no host': [`${line}${auth()}`, ''],
    'a folded line': [`${start}X-A: b\r\n Content-Length: 4\r\n`, 'abcd'],
    'a fold at first': [`${line} Content-Length: 4\r\n${host()}${auth()}`, 'abcd'],
    'a lone CR': [`${start}X-A: b\rContent-Length: 4\r\n`, 'abcd'],
    'a lone LF': [`${start}X-A: b\nContent-Length: 4\r\n`, 'abcd'],
    'a name with a space': [`${start}X A: b\r\n`, ''],
    'a name with brackets': [`${start}X(A): b\r\n`, ''],
    'a name that is not ASCII': [`${start}X-\xe9: b\r\n`, ''],
    'a method with quotes': [start.replace('POST', '"POST"'), ''],
    'a control in a value': [`${start}X-A: b\x01c\r\n`, ''],
  };
}

test('a doubtful head is refused, and what stands behind it is nobody’s request', async () => {
  const cases = Object.entries(doubtful());
  await Promise.all(cases.map(async ([name, [head, body]]) => {
    const seen = await talk(server.port, `${head}\r\n${body}${smuggled()}`);
    assert.ok(seen.closed, `${name}: the connection ends`);
    assert.doesNotMatch(seen.text, /server_time|rec_/, `${name}: a request was answered`);
    // libmicrohttpd answers one of them itself, twice; nothing is ever answered with anything but a refusal.
    assert.ok(seen.statuses.every((status) => status >= 400 && status < 500), `${name}: ${seen.text}`);
  }));
});

test('the same on the store’s listener, whole and byte by byte', async () => {
  for (const name of ['both lengths', 'two lengths', 'space before the colon', 'two hosts', 'a lone CR']) {
    const [head, body] = doubtful()[name];
    const bytes = `${head}\r\n${body}GET / HTTP/1.1\r\nHost: x\r\n\r\n`;
    const seen = await Promise.all([talk(s3Port, bytes), talk(s3Port, [...bytes].map(String))]);
    for (const { statuses, closed } of seen) {
      assert.ok(statuses.length <= 1 && closed, `${name}: ${statuses}`);
      if (statuses.length) assert.equal(statuses[0], 400, name);
    }
  }
});

test('chunks that two readers could measure differently end the connection', async () => {
  const head = `POST /api/v1/recordings HTTP/1.1\r\n${host()}${auth()}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const bodies = {
    'hex with a prefix': '0x2\r\n{}\r\n0\r\n\r\n',
    'a sign': '+2\r\n{}\r\n0\r\n\r\n',
    'a minus': '-2\r\n{}\r\n0\r\n\r\n',
    'too many digits': '10000000000000002\r\n{}\r\n0\r\n\r\n',
    'no digits': '\r\n{}\r\n0\r\n\r\n',
    'space first': ' 2\r\n{}\r\n0\r\n\r\n',
    'letters behind': '2z\r\n{}\r\n0\r\n\r\n',
    'no end of the chunk': '2\r\n{}abc\r\n0\r\n\r\n',
  };
  await Promise.all(Object.entries(bodies).map(async ([name, body]) => {
    const seen = await talk(server.port, `${head}${body}${smuggled()}`, 1500);
    assert.doesNotMatch(seen.text, /server_time/, `${name}: ${seen.text}`);
  }));
});

test('plain requests of every form go on', async () => {
  const body = JSON.stringify(settings);
  const chunked = [...body].map((c) => `1\r\n${c}\r\n`).join('');
  const tail = `Content-Type: application/json\r\n`;
  const good = [
    `GET /api/v1/session HTTP/1.1\r\n${host()}${auth()}\r\n`,
    `GET /api/v1/session HTTP/1.1\r\nhost:127.0.0.1:${server.port}\r\nauthorization:Bearer ${token}\r\nX-Empty:\r\nX-Space: a\tb \r\n\r\n`,
    `POST /api/v1/recordings HTTP/1.1\r\n${host()}${auth()}${tail}Content-Length: ${body.length}\r\n\r\n${body}`,
    `POST /api/v1/recordings HTTP/1.1\r\n${host()}${auth()}${tail}Transfer-Encoding: Chunked\r\n\r\n${chunked}0\r\n\r\n`,
  ];
  const seen = await talk(server.port, good.join(''), 1500);
  assert.deepEqual(seen.statuses, [200, 200, 201, 201], seen.text);
  const slowly = await talk(server.port, [...good[0]], 2500);
  assert.deepEqual(slowly.statuses, [200]);
});

/** A server of its own with small limits. */
async function limited(t, args) {
  const folder = temporaryFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  runProgram(['organisation', 'create', 'a', '--data', folder]);
  const key = makeToken(folder, 'a', 'owner');
  const own = await Keeptake.start({ data: folder, args });
  own.auth = `Bearer ${key}`;
  return { own, call: own.client(key) };
}

const open = (port, bytes) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(socket));
    socket.isClosed = false;
    socket.on('close', () => (socket.isClosed = true));
    socket.on('error', () => {});
    if (bytes) socket.write(bytes);
    socket.resume();
  });

test('silent sockets do not keep others out, on either listener', async (t) => {
  const { own, call } = await limited(t, ['--max-connections', '48']);
  for (const port of [own.port, Number(new URL(own.s3Url).port)]) {
    const silent = await Promise.all(Array.from({ length: 120 }, (_, i) => open(port, i % 2 ? 'G' : undefined)));
    for (let i = 0; i < 5; i++) {
      assert.equal((await call('GET', '/session')).status, 200);
      assert.equal((await own.request('GET', '/', { base: own.s3Url })).status, 403);
    }
    silent.forEach((socket) => socket.destroy());
  }
  const metrics = String((await own.request('GET', '/metrics')).body);
  assert.match(metrics, /keeptake_connections_cut_total [1-9]/);
  await own.stop();
});

test('a head must come to its end, however steadily it trickles', async (t) => {
  const { own, call } = await limited(t, ['--head-seconds', '1', '--idle-seconds', '2']);
  const socket = await open(own.port);
  const line = `GET /api/v1/session HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(400)}`;
  let sent = 0;
  const timer = setInterval(() => socket.write(line[sent++ % line.length]), 100);
  t.after(() => clearInterval(timer));
  for (let i = 0; i < 200 && !socket.isClosed; i++) await wait(50);
  assert.ok(socket.isClosed);
  const kept = await open(own.port, `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${own.port}\r\n\r\n`);
  for (let i = 0; i < 200 && !kept.isClosed; i++) await wait(50);
  assert.ok(kept.isClosed, 'a kept connection without a request');
  assert.equal((await call('GET', '/session')).status, 200);
  await own.stop();
});

test('a body must come on, on either listener; one that is merely slow is taken', async (t) => {
  const { own, call } = await limited(t, ['--least-body-rate', '200', '--body-seconds', '2']);
  const head = `POST /api/v1/recordings HTTP/1.1\r\nHost: 127.0.0.1:${own.port}\r\nContent-Type: application/json\r\nAuthorization: ${own.auth}\r\n`;
  const id = await beginRecording(call);
  const [{ url }] = (await call('POST', `/recordings/${id}/upload/sign`, { parts: [1] })).json.urls;
  const part = new URL(url);
  const slow = await Promise.all([
    open(own.port, `${head}Content-Length: 4000\r\n\r\n`),
    open(Number(part.port), `PUT ${part.pathname}${part.search} HTTP/1.1\r\nHost: ${part.host}\r\nContent-Length: 70000\r\n\r\n`),
  ]);
  let answer = '';
  const steady = await open(own.port, `${head}Transfer-Encoding: chunked\r\n\r\n`);
  steady.on('data', (chunk) => (answer += chunk));
  const chunk = (text) => `${text.length.toString(16)}\r\n${text}\r\n`;
  for (let i = 0; i < 400 && slow.some((socket) => !socket.isClosed); i++) { // 10 bytes a second beside 1,000
    slow.forEach((socket) => !socket.isClosed && socket.write(' '));
    steady.write(chunk(' '.repeat(100)));
    await wait(100);
  }
  assert.ok(slow.every((socket) => socket.isClosed));
  assert.ok(!steady.isClosed);
  steady.write(`${chunk(JSON.stringify(settings))}0\r\n\r\n`);
  for (let i = 0; i < 200 && !answer; i++) await wait(50);
  assert.match(answer, /^HTTP\/1\.1 201 /);
  assert.match(String((await own.request('GET', '/metrics')).body), /^keeptake_connections_cut_total 2$/m);
  await own.stop();
});

test('no more than allowed from one address', async (t) => {
  const { own } = await limited(t, ['--max-connections-per-address', '4']);
  const sockets = await Promise.all(Array.from({ length: 8 }, () => open(own.port)));
  for (let i = 0; i < 100 && sockets.filter((s) => s.isClosed).length < 4; i++) await wait(20);
  assert.equal(sockets.filter((s) => s.isClosed).length, 4);
  sockets.forEach((socket) => socket.destroy());
  await own.stop();
});

test('a target in absolute form names the host that is checked', async () => {
  const host = `127.0.0.1:${server.port}`;
  const ask = async (target, named) => (await talk(server.port, `GET ${target} HTTP/1.1\r\nHost: ${named}\r\nConnection: close\r\n\r\n`)).text;
  assert.match(await ask(`http://${host}/healthz`, host), /^HTTP\/1.1 200 /);
  assert.match(await ask('http://evil.example/healthz', host), /^HTTP\/1.1 400 /);
  assert.match(await ask(`http://${host}/healthz`, 'evil.example'), /^HTTP\/1.1 400 /);
});
