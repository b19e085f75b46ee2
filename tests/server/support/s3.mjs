// Runs the store alone (tests/tools/s3_only.c) and signs requests to it (SigV4, written from AWS's
// description, independent of the server's).
import { spawn } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
export const KEY = 'test-key';
export const SECRET = 'test-secret';
const REGION = 'us-east-1';

/** The program under test: $KEEPTAKE_S3_ONLY, or the newest of the usual builds. */
export function storeProgram() {
  if (process.env.KEEPTAKE_S3_ONLY) return process.env.KEEPTAKE_S3_ONLY;
  const found = ['native-asan', 'native']
    .map((name) => path.join(root, 'build', name, 'server-stub', 's3_only'))
    .filter((file) => existsSync(file))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  if (!found[0]) throw new Error('s3_only is not built: cmake --build build/native');
  return found[0];
}

export function temporaryFolder() {
  return mkdtempSync(path.join(tmpdir(), 'keeptake-s3-'));
}

const hex = (data) => createHash('sha256').update(data).digest('hex');
const hmac = (key, data) => createHmac('sha256', key).update(data).digest();
const encode = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function amzDate(time) {
  return new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function signature(secret, date, canonical) {
  const scope = `${date.slice(0, 8)}/${REGION}/s3/aws4_request`;
  let key = `AWS4${secret}`;
  for (const part of scope.split('/')) key = hmac(key, part);
  return hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hex(canonical)}`).toString('hex');
}

function canonicalQuery(query) {
  return Object.entries(query)
    .map(([name, value]) => [encode(name), encode(String(value))])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

const encodePath = (name) => name.split('/').map(encode).join('/');

/** Path and query of a presigned URL. name: "/bucket/key", decoded. */
export function presign(method, host, name, { query = {}, expires = 300, time = Date.now(), key = KEY, secret = SECRET } = {}) {
  const date = amzDate(time);
  const all = {
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${key}/${date.slice(0, 8)}/${REGION}/s3/aws4_request`,
    'X-Amz-Date': date,
    'X-Amz-Expires': expires,
    'X-Amz-SignedHeaders': 'host',
  };
  const line = canonicalQuery(all);
  const canonical = `${method}\n${encodePath(name)}\n${line}\nhost:${host}\n\nhost\nUNSIGNED-PAYLOAD`;
  return `${encodePath(name)}?${line}&X-Amz-Signature=${signature(secret, date, canonical)}`;
}

/** Headers of a header-signed request. payload: value of x-amz-content-sha256. */
export function signedHeaders(method, host, name, { query = {}, headers = {}, payload = 'UNSIGNED-PAYLOAD', time = Date.now() } = {}) {
  const date = amzDate(time);
  const all = { ...headers, host, 'x-amz-content-sha256': payload, 'x-amz-date': date };
  const names = Object.keys(all).map((h) => h.toLowerCase()).sort();
  const lower = Object.fromEntries(Object.entries(all).map(([k, v]) => [k.toLowerCase(), v]));
  const canonical = [
    method, encodePath(name), canonicalQuery(query), ...names.map((h) => `${h}:${lower[h]}`), '', names.join(';'), payload,
  ].join('\n');
  return {
    ...all,
    Authorization: `AWS4-HMAC-SHA256 Credential=${KEY}/${date.slice(0, 8)}/${REGION}/s3/aws4_request,` +
      `SignedHeaders=${names.join(';')},Signature=${signature(SECRET, date, canonical)}`,
  };
}

/** One tag's text in an XML answer. */
export const tag = (xml, name) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];

/** A running store. */
export class Store {
  static async start({ dir, leastPartBytes = 65536, origin = '*' } = {}) {
    const store = new Store();
    store.ownsDir = !dir;
    store.dir = dir ?? temporaryFolder();
    store.child = spawn(storeProgram(), [store.dir, '0', String(leastPartBytes), origin], { stdio: ['ignore', 'pipe', 'pipe'] });
    store.log = '';
    store.child.stderr.on('data', (data) => (store.log += data));
    store.exited = new Promise((resolve) => {
      store.child.on('exit', (code, signal) => resolve({ code, signal }));
    });
    store.port = await new Promise((resolve, reject) => {
      store.child.stdout.on('data', (data) => resolve(Number(/port (\d+)/.exec(String(data))?.[1])));
      store.child.on('exit', () => reject(new Error(`the store did not start: ${store.log}`)));
    });
    store.host = `127.0.0.1:${store.port}`;
    store.agent = new http.Agent({ keepAlive: true });
    return store;
  }

  /** Sends bytes as they are described; resolves to {status, headers, body}, rejects when the connection breaks. */
  raw(method, target, { headers = {}, body } = {}) {
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port: this.port, method, path: target, headers, agent: this.agent }, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('aborted', () => reject(new Error('aborted')));
        response.on('end', () => {
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) });
        });
      });
      request.on('error', reject);
      if (body !== undefined) request.setHeader('Content-Length', Buffer.byteLength(body));
      request.end(body);
    });
  }

  /** A presigned request. name: "/bucket/key", decoded. */
  send(method, name, { query, headers, body, ...options } = {}) {
    return this.raw(method, presign(method, this.host, name, { query, ...options }), { headers, body });
  }

  /** A header-signed request. */
  sendSigned(method, name, { query = {}, headers, body, payload, time } = {}) {
    const line = canonicalQuery(query);
    return this.raw(method, encodePath(name) + (line ? `?${line}` : ''), {
      headers: signedHeaders(method, this.host, name, { query, headers, payload, time }),
      body,
    });
  }

  async startUpload(name) {
    const answer = await this.send('POST', name, { query: { uploads: '' } });
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`);
    return tag(String(answer.body), 'UploadId');
  }

  putPart(name, uploadId, number, body) {
    return this.send('PUT', name, { query: { partNumber: number, uploadId }, body });
  }

  complete(name, uploadId, parts) {
    const list = parts.map((p) => `<Part><PartNumber>${p.number}</PartNumber><ETag>${p.etag}</ETag></Part>`).join('');
    return this.send('POST', name, { query: { uploadId }, body: `<CompleteMultipartUpload>${list}</CompleteMultipartUpload>` });
  }

  async kill(signal = 'SIGKILL') {
    this.agent.destroy();
    this.child.kill(signal);
    return this.exited;
  }

  async stop() {
    const end = await this.kill('SIGTERM');
    if (this.ownsDir) rmSync(this.dir, { recursive: true, force: true });
    return end;
  }
}
