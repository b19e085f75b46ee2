// The files of deploy/ against the real programs: nginx and Caddy with TLS in front of a server, systemd's own checks.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { Keeptake, beginRecording, makeToken, runProgram, serverProgram, someBytes, temporaryFolder } from './support/keeptake.mjs';

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));
const PAGES = 'record.example.org';
const STORE = 'store.record.example.org';
const PART = 4 << 20;
let root, data, studio, server, token, ca;

before(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'keeptake-deploy-'));
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-keyout', path.join(root, 'tls.key'), '-out', path.join(root, 'tls.crt'), '-subj', `/CN=${PAGES}`, '-addext', `subjectAltName=DNS:${PAGES},DNS:${STORE}`], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  ca = readFileSync(path.join(root, 'tls.crt'));
  studio = path.join(root, 'studio');
  mkdirSync(studio);
  writeFileSync(path.join(studio, 'index.html'), '<!doctype html><title>page</title>');
  data = temporaryFolder();
  runProgram(['organisation', 'create', 'a', '--data', data]);
  token = makeToken(data, 'a', 'owner');
  server = await Keeptake.start({ data, args: ['--studio', studio, '--part-bytes', String(PART), '--public-url', `https://${PAGES}`, '--s3-public-url', `https://${STORE}`] });
});
after(async () => {
  await server?.stop();
  for (const folder of [root, data]) rmSync(folder, { recursive: true, force: true });
});

const freePort = () =>
  new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

/** Starts a proxy; resolves when it takes connections on port. */
async function start(t, port, program, args, options = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const ended = new Promise((resolve) => child.on('exit', resolve));
  t.after(async () => {
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(5000)]);
    child.kill('SIGKILL');
  });
  for (let i = 0; i < 200; i++, await sleep(50)) {
    const open = await new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    if (child.exitCode !== null) break;
  }
  throw new Error(`${program} does not listen: ${said}`);
}

/** The example as it stands, with this machine's ports and certificate; each change has to find its place. */
function adapt(file, changes) {
  let text = readFileSync(path.join(deploy, file), 'utf8');
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `${file} has ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

async function startNginx(t, api) {
  const [port, plain] = [await freePort(), await freePort()];
  const home = mkdtempSync(path.join(root, 'nginx-'));
  const conf = adapt('nginx/keeptake.conf', [
    ['listen 443 ssl http2;', `listen 127.0.0.1:${port} ssl http2;`],
    ['    listen [::]:443 ssl http2;\n', ''],
    ['listen 80;', `listen 127.0.0.1:${plain};`],
    ['    listen [::]:80;\n', ''],
    ['/etc/keeptake/tls/record.example.org.', path.join(root, 'tls.')],
    ['127.0.0.1:8080', `127.0.0.1:${api}`],
    ['127.0.0.1:8081', `127.0.0.1:${new URL(storeUrl()).port}`],
  ]);
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${home}/${name};`).join('\n');
  writeFileSync(path.join(home, 'keeptake.conf'), conf);
  writeFileSync(path.join(home, 'nginx.conf'), `daemon off; pid ${home}/pid; error_log stderr; worker_processes 1; user root;\nevents { worker_connections 256; }\nhttp { access_log off; ${folders}\ninclude ${home}/keeptake.conf; }\n`);
  const args = ['-p', home, '-c', path.join(home, 'nginx.conf')];
  const checked = spawnSync('nginx', ['-t', ...args], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stderr);
  assert.doesNotMatch(checked.stderr, /\[(warn|error)\]/);
  await start(t, port, 'nginx', args);
  return port;
}

async function startCaddy(t, api) {
  const [port, plain] = [await freePort(), await freePort()];
  const home = mkdtempSync(path.join(root, 'caddy-'));
  const site = (name) => [`\n${name} {\n`, `\n${name}:${port} {\n\tbind 127.0.0.1\n\ttls ${root}/tls.crt ${root}/tls.key\n`];
  const conf = adapt('caddy/Caddyfile', [
    site(PAGES),
    site(STORE),
    ['\n{\n\tservers {', `\n{\n\tadmin off\n\thttp_port ${plain}\n\tauto_https disable_redirects\n\tservers {`],
    ['127.0.0.1:8080', `127.0.0.1:${api}`],
    ['127.0.0.1:8081', `127.0.0.1:${new URL(storeUrl()).port}`],
  ]);
  writeFileSync(path.join(home, 'Caddyfile'), conf);
  const env = { PATH: process.env.PATH, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
  await start(t, port, 'caddy', ['run', '--config', path.join(home, 'Caddyfile'), '--adapter', 'caddyfile'], { env });
  return port;
}

/** Where the store listens; its public name goes to the proxy. */
const storeUrl = () => `http://127.0.0.1:${server.s3Port}`;

/** A request through the proxy, as a browser makes it. */
function ask(port, name, method, target, { headers = {}, body, piece } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request({ host: '127.0.0.1', port, servername: name, ca, method, path: target, headers: { Host: name, ...headers }, agent: false }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    request.on('error', reject);
    if (piece) piece(request);
    else request.end(body);
  });
}

const received = async () => Number(/^keeptake_s3_received_bytes_total (\S+)$/m.exec(String((await server.request('GET', '/metrics')).body))[1]);

/** Echoes what comes behind an upgrade; stands in for rooms. */
async function echo(t) {
  const backend = http.createServer((request, response) => response.end(JSON.stringify(request.headers)));
  backend.on('upgrade', (request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    backend.closeAllConnections();
    backend.close();
  });
  return backend.address().port;
}

function upgrade(port) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, servername: PAGES, ca, ALPNProtocols: ['http/1.1'] }, () =>
      socket.write(`GET /rooms/x HTTP/1.1\r\nHost: ${PAGES}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ticket\r\n\r\n`));
    let text = '';
    socket.on('error', reject);
    socket.setTimeout(20000, () => reject(new Error(`no upgrade: ${text}`)));
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.endsWith('\r\n\r\n')) socket.write('frames of a room');
      if (text.endsWith('frames of a room')) {
        socket.destroy();
        resolve(text.split('\r\n')[0]);
      }
    });
  });
}

for (const [name, startProxy] of [['nginx', startNginx], ['Caddy', startCaddy]]) {
  test(`${name}: pages, API, uploads that stream, playback; nothing of the inside`, async (t) => {
    const port = await startProxy(t, server.port);
    const page = await ask(port, PAGES, 'GET', '/');
    assert.equal(page.status, 200, String(page.body));
    const expected = {
      'strict-transport-security': /^max-age=31536000$/,
      'cross-origin-opener-policy': /^same-origin$/,
      'cross-origin-embedder-policy': /^require-corp$/,
      'content-security-policy': new RegExp(`connect-src 'self' https://${STORE}`),
      'x-content-type-options': /^nosniff$/,
    };
    for (const [header, value] of Object.entries(expected)) assert.match(page.headers[header] ?? 'absent', value, header);
    for (const inside of ['/metrics', '/healthz', '/livez', '/readyz']) assert.equal((await ask(port, PAGES, 'GET', inside)).status, 404, inside);

    const api = async (method, target, body) => {
      const answer = await ask(port, PAGES, method, `/api/v1${target}`, { headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
      return { ...answer, json: answer.body.length ? JSON.parse(answer.body) : undefined };
    };
    assert.equal((await api('GET', '/session')).json.role, 'owner');
    const id = await beginRecording(api);
    const bytes = someBytes(PART, 7);
    const { url } = (await api('POST', `/recordings/${id}/upload/sign`, { parts: [1] })).json.urls[0];
    assert.equal(new URL(url).host, STORE);
    const target = new URL(url).pathname + new URL(url).search;

    // Half of the part is with the store while the other half has not been sent.
    const before = await received();
    const put = await ask(port, STORE, 'PUT', target, {
      headers: { 'Content-Length': PART, Origin: `https://${PAGES}` },
      piece: async (request) => {
        request.write(bytes.subarray(0, PART / 2));
        for (let i = 0; i < 200 && (await received()) - before < PART / 4; i++) await sleep(25);
        assert.ok((await received()) - before >= PART / 4, 'it streams through');
        request.end(bytes.subarray(PART / 2));
      },
    });
    assert.equal(put.status, 200, String(put.body));
    assert.equal(put.headers['access-control-allow-origin'], `https://${PAGES}`);
    assert.match(put.headers['strict-transport-security'] ?? 'absent', /max-age/);
    const done = await api('POST', `/recordings/${id}/upload/complete`, { parts: [{ part: 1, etag: put.headers.etag }], bytes: PART, duration: 2 });
    assert.equal(done.status, 200, String(done.body));
    const play = new URL((await api('POST', `/recordings/${id}/playback`)).json.url);
    const range = await ask(port, STORE, 'GET', play.pathname + play.search, { headers: { Range: 'bytes=1000-1999' } });
    assert.equal(range.status, 206);
    assert.ok(range.body.equals(bytes.subarray(1000, 2000)));
    const refused = await ask(port, STORE, 'PUT', target.replace(/Signature=..../, 'Signature=0000'), { body: 'x' });
    assert.equal(refused.status, 403);
  });

  test(`${name}: WebSockets pass, and the client's address cannot be claimed`, async (t) => {
    const port = await startProxy(t, await echo(t));
    assert.match(await upgrade(port), /^HTTP\/1.1 101 /);
    const seen = JSON.parse((await ask(port, PAGES, 'GET', '/x', { headers: { 'X-Forwarded-For': '203.0.113.9' } })).body);
    assert.equal(seen['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen.host, PAGES);
  });
}

test('systemd finds nothing wrong with the units, and little that they could do', (t) => {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return t.skip('no systemd-analyze');
  const folder = path.join(root, 'units');
  mkdirSync(folder);
  const names = ['keeptake.service', 'keeptake-backup.service', 'keeptake-backup.timer'];
  for (const name of names) writeFileSync(path.join(folder, name), adapt(`systemd/${name}`, name.endsWith('.service') ? [['/usr/bin/keeptake-server', serverProgram()]] : []));
  const verified = spawnSync('systemd-analyze', ['verify', '--man=no', ...names.map((name) => path.join(folder, name))], { encoding: 'utf8', env: { ...process.env, SYSTEMD_LOG_LEVEL: 'warning' } });
  const lines = `${verified.stdout}${verified.stderr}`.split('\n').filter((line) => /keeptake/.test(line));
  assert.deepEqual(lines, [], 'no warning about these units');
  for (const [name, most] of [['keeptake.service', 20], ['keeptake-backup.service', 30]]) {
    const exposed = spawnSync('systemd-analyze', ['security', '--offline=yes', `--threshold=${most}`, '--no-pager', path.join(folder, name)], { encoding: 'utf8' });
    assert.equal(exposed.status, 0, exposed.stdout.split('\n').slice(-4).join('\n') + exposed.stderr);
  }
  // What the units tell the server is understood by it.
  const conf = path.join(deploy, 'systemd', 'keeptake.conf');
  const asked = runProgram(['probe', '--config', conf, '--port', '8080', '--metrics-port', '1']);
  assert.match(asked.stderr, /does not answer/);
});
