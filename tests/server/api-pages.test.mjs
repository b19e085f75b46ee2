// The studio's pages: isolation headers, types, caching, compression, and no way out of the folder.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Keeptake, isError, temporaryFolder } from './support/keeptake.mjs';

const studio = temporaryFolder('keeptake-studio');
let server;

before(async () => {
  mkdirSync(path.join(studio, 'assets'));
  writeFileSync(path.join(studio, 'index.html'), '<!doctype html><title>studio</title>');
  writeFileSync(path.join(studio, 'assets', 'app-BxQ3fT9a.js'), 'export const big = 1;');
  writeFileSync(path.join(studio, 'assets', 'app-BxQ3fT9a.js.gz'), gzipSync('export const big = 1;'));
  writeFileSync(path.join(studio, 'assets', 'engine.wasm'), Buffer.from([0, 0x61, 0x73, 0x6d]));
  writeFileSync(path.join(studio, '.secret'), 'no');
  writeFileSync(path.join(studio, 'a b.txt'), 'space');
  symlinkSync('/dev/zero', path.join(studio, 'zero.txt'));
  server = await Keeptake.start({ args: ['--studio', studio] });
});
after(async () => {
  await server?.stop();
  rmSync(studio, { recursive: true, force: true });
});
const get = (target, headers = {}) => server.request('GET', target, { headers });

test('the page is cross-origin isolated, and not with isolation=off', async () => {
  const page = await get('/');
  assert.equal(page.status, 200);
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(page.headers['cross-origin-opener-policy'], 'same-origin');
  assert.equal(page.headers['cross-origin-embedder-policy'], 'require-corp');
  assert.equal(page.headers['cache-control'], 'no-cache');
  assert.equal(page.headers['x-content-type-options'], 'nosniff');
  const policy = page.headers['content-security-policy'];
  for (const part of ["default-src 'self'", "script-src 'self' 'wasm-unsafe-eval'", "worker-src 'self'", `connect-src 'self' ${server.s3Url}`, `media-src 'self' blob: ${server.s3Url}`, "img-src 'self' blob: data:", "style-src 'self' 'unsafe-inline'"]) {
    assert.ok(policy.split('; ').includes(part), part);
  }
  const plain = await get('/?isolation=off');
  assert.equal(plain.status, 200);
  assert.equal(plain.headers['cross-origin-opener-policy'], undefined);
  assert.equal(plain.headers['cross-origin-embedder-policy'], undefined);
  assert.ok(plain.headers['content-security-policy']);
  assert.equal(page.headers['set-cookie'], undefined); // no --local-owner here
});

test('types, caching and compression', async () => {
  const wasm = await get('/assets/engine.wasm');
  assert.equal(wasm.headers['content-type'], 'application/wasm');
  assert.equal(wasm.headers['cache-control'], 'no-cache');
  assert.equal(wasm.headers['cross-origin-resource-policy'], 'same-origin');
  assert.deepEqual(wasm.body, Buffer.from([0, 0x61, 0x73, 0x6d]));
  const script = await get('/assets/app-BxQ3fT9a.js');
  assert.equal(script.headers['content-type'], 'text/javascript; charset=utf-8');
  assert.equal(script.headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.equal(script.headers['content-encoding'], undefined);
  const zipped = await get('/assets/app-BxQ3fT9a.js', { 'Accept-Encoding': 'br, gzip' });
  assert.equal(zipped.headers['content-encoding'], 'gzip');
  assert.equal(zipped.headers.vary, 'Accept-Encoding');
  assert.equal(zipped.headers['content-type'], 'text/javascript; charset=utf-8');
  assert.ok(gunzipSync(zipped.body).equals(script.body));
  assert.notEqual(zipped.headers.etag, script.headers.etag);
  const same = await get('/assets/app-BxQ3fT9a.js', { 'If-None-Match': script.headers.etag });
  assert.equal(same.status, 304);
  assert.equal(same.body.length, 0);
  assert.equal((await get('/assets/app-BxQ3fT9a.js', { 'If-None-Match': '"other"' })).status, 200);
  const head = await server.request('HEAD', '/assets/app-BxQ3fT9a.js');
  assert.equal(head.status, 200);
  assert.equal(head.body.length, 0);
  assert.equal((await get('/a%20b.txt')).body.toString(), 'space');
});

test('nothing outside the folder, nothing hidden', async () => {
  for (const target of ['/nothing', '/.secret', '/assets', '/assets/', '/../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/..%2f..%2fetc/passwd', '/assets/..%2f.secret', '//etc/passwd', '/index.html%00.js', '/%', '/%zz', '/..%5cx', '/zero.txt', `/${'a'.repeat(4000)}`]) {
    const raw = await new Promise((resolve, reject) => {
      import('node:http').then(({ default: http }) => {
        http.get({ host: '127.0.0.1', port: server.port, path: target, agent: false }, (response) => {
          let text = '';
          response.on('data', (chunk) => (text += chunk));
          response.on('end', () => resolve({ status: response.statusCode, json: JSON.parse(text), body: text }));
        }).on('error', reject);
      });
    });
    isError(assert, raw, 404, 'not-found');
  }
});
