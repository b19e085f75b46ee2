// Starts keeptake-server on free ports with its own data folder, and talks to it over real sockets.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

// A test that fails half-way must not leave a server that keeps the run waiting.
const running = new Set();
if (process.env.NODE_TEST_CONTEXT) {
  const { after } = await import('node:test'); // only there: it would make a report of any other program
  after(() => {
    for (const child of running) child.kill('SIGKILL');
  });
}

/** The program under test: $KEEPTAKE_SERVER, or the newest of the usual builds. */
export function serverProgram() {
  if (process.env.KEEPTAKE_SERVER) return process.env.KEEPTAKE_SERVER;
  const found = ['native-asan', 'native']
    .map((name) => path.join(root, 'build', name, 'server-stub', 'keeptake-server'))
    .filter((file) => existsSync(file))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  if (!found[0]) throw new Error('keeptake-server is not built: cmake --build build/native');
  return found[0];
}

export function temporaryFolder(name = 'keeptake-test') {
  return mkdtempSync(path.join(tmpdir(), `${name}-`));
}

/** Runs a command of the program; returns {status, stdout, stderr}. */
export function runProgram(args, env = {}) {
  return spawnSync(serverProgram(), args, {
    encoding: 'utf8',
    timeout: 20000,
    env: { PATH: process.env.PATH, ...env },
  });
}

export function makeToken(data, organisation, role, extra = []) {
  const made = runProgram(['token', 'create', '--data', data, '--organisation', organisation, '--role', role, ...extra]);
  if (made.status !== 0) throw new Error(made.stderr);
  return made.stdout.trim();
}

/** A running server. */
export class Keeptake {
  /**
   * @param {{data?: string, args?: string[], env?: Record<string, string>}} options
   * data: kept when given, otherwise made and removed by stop()
   */
  static async start({ data, args = [], env = {} } = {}) {
    const server = new Keeptake();
    server.ownsData = !data;
    server.data = data ?? temporaryFolder();
    server.log = '';
    server.child = spawn(
      serverProgram(),
      ['--port', '0', '--s3-port', '0', '--data', server.data, '--least-part-bytes', '65536', ...args],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, ...env } },
    );
    running.add(server.child);
    server.exited = new Promise((resolve) => {
      server.child.on('exit', (code, signal) => {
        running.delete(server.child);
        resolve({ code, signal });
      });
    });
    server.child.stderr.on('data', (chunk) => (server.log += chunk));
    const ready = await new Promise((resolve, reject) => {
      let text = '';
      server.child.stdout.on('data', (chunk) => {
        text += chunk;
        const line = /^ready (.*)$/m.exec(text);
        if (line) resolve(JSON.parse(line[1]));
      });
      server.exited.then(({ code }) => reject(new Error(`server ended with ${code}: ${server.log}`)));
    });
    server.url = ready.url;
    server.s3Url = ready.s3_url;
    server.metricsUrl = ready.metrics_url;
    server.port = ready.port;
    server.s3Port = ready.s3_port;
    return server;
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
    const ended = await this.exited;
    if (this.ownsData) rmSync(this.data, { recursive: true, force: true });
    return ended;
  }

  async kill() {
    this.child.kill('SIGKILL');
    return this.exited;
  }

  /** One request; returns {status, headers, body (Buffer), json}. Headers are sent exactly as given. */
  request(method, target, { headers = {}, body, base = target === '/metrics' ? this.metricsUrl : this.url } = {}) {
    const url = new URL(target, base);
    return new Promise((resolve, reject) => {
      const request = http.request(
        { host: url.hostname, port: url.port, path: url.pathname + url.search, method, headers, agent: false },
        (response) => {
          const chunks = [];
          response.on('data', (chunk) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const isJson = /json/.test(response.headers['content-type'] ?? '');
            resolve({
              status: response.statusCode,
              headers: response.headers,
              body: bytes,
              json: isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined,
            });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  /** A client of the API with a bearer token. */
  client(token) {
    return (method, target, body, headers = {}) =>
      this.request(method, `/api/v1${target}`, {
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...headers },
        body: body === undefined ? undefined : Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body),
      });
  }
}

export const settings = {
  title: 'A take',
  codec: 'vp9',
  width: 1280,
  height: 720,
  fps: 30,
  video_bitrate: 2_500_000,
  audio_bitrate: 128_000,
};

/** Bytes that differ everywhere, the same for the same seed. */
export function someBytes(size, seed) {
  const out = Buffer.alloc(size);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = state >>> 24;
  }
  return out;
}

export const md5 = (bytes) => createHash('md5').update(bytes).digest('hex');

/** Creates a recording with its upload; returns its id. */
export async function beginRecording(call, extra = {}) {
  const created = await call('POST', '/recordings', { ...settings, ...extra });
  if (created.status !== 201) throw new Error(`create: ${created.status} ${created.body}`);
  const upload = await call('POST', `/recordings/${created.json.id}/upload`);
  if (upload.status !== 201) throw new Error(`upload: ${upload.status} ${upload.body}`);
  return created.json.id;
}

/** Puts the parts to their signed URLs; returns [{part, etag}]. */
export async function putParts(server, call, id, parts, first = 1) {
  const numbers = parts.map((_, i) => first + i);
  const signed = await call('POST', `/recordings/${id}/upload/sign`, { parts: numbers });
  if (signed.status !== 200) throw new Error(`sign: ${signed.status} ${signed.body}`);
  const out = [];
  for (const { part, url } of signed.json.urls) {
    const answer = await server.request('PUT', url, { body: parts[part - first] });
    if (answer.status !== 200) throw new Error(`PUT part ${part}: ${answer.status} ${answer.body}`);
    out.push({ part, etag: answer.headers.etag });
  }
  return out;
}

/** An error answer has this status, this code and a sentence. */
export function isError(assert, answer, status, code, reason) {
  assert.equal(answer.status, status, `${answer.status} ${answer.body}`);
  assert.equal(answer.json?.error?.code, code);
  if (reason !== undefined) assert.equal(answer.json.error.reason, reason);
  assert.match(answer.json.error.message, /^[A-Z"].*[.]$/);
}
