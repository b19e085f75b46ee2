// The store is killed (SIGKILL) at random moments while several clients write. After each restart: all
// that was acknowledged is there byte for byte; what was under way is there whole or not at all.
//   KEEPTAKE_KILLS=50 KEEPTAKE_SEED=1 node --test tests/server/s3-kill.test.mjs
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Store, tag, temporaryFolder } from './support/s3.mjs';

const kills = Number(process.env.KEEPTAKE_KILLS ?? 50);
const seed = Number(process.env.KEEPTAKE_SEED ?? (Date.now() % 1_000_000));
const CLIENTS = 4;
const LEAST = 65536;

/** mulberry32 */
function makeRandom(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const md5 = (data) => createHash('md5').update(data).digest('hex');

/** One client: its own key, at most one upload, a model of what the store must hold. */
class Client {
  constructor(number, random) {
    this.name = `/takes/client-${number}`;
    this.random = random;
    this.object = null; // content (Buffer) or null: not there
    this.upload = null; // {id, parts: Map(number -> Buffer)}
    this.pending = null; // what was under way when the connection broke
    this.done = 0;
  }

  pick(limit) {
    return Math.floor(this.random() * limit);
  }

  content(bytes) {
    const data = Buffer.alloc(bytes, createHash('sha256').update(String(this.random())).digest());
    return data;
  }

  composed() {
    return Buffer.concat([...this.upload.parts].sort(([a], [b]) => a - b).map(([, data]) => data));
  }

  async step(store) {
    const choice = this.pick(10);
    if (choice === 0) return this.putObject(store);
    if (choice === 1) return this.deleteObject(store);
    if (!this.upload) return this.startUpload(store);
    if (choice === 2) return this.abort(store);
    if (choice <= 4 && this.upload.parts.size > 0) return this.complete(store);
    return this.putPart(store);
  }

  async attempt(pending, request, expected) {
    this.pending = pending;
    const answer = await request;
    assert.equal(answer.status, expected, `${pending.kind}: ${answer.body}`);
    this.pending = null;
    this.done++;
    return answer;
  }

  async putObject(store) {
    const data = this.content(this.pick(300_000));
    await this.attempt({ kind: 'put', data }, store.send('PUT', this.name, { body: data }), 200);
    this.object = data;
  }

  async deleteObject(store) {
    await this.attempt({ kind: 'delete' }, store.send('DELETE', this.name), 204);
    this.object = null;
  }

  async startUpload(store) {
    const answer = await this.attempt({ kind: 'start' }, store.send('POST', this.name, { query: { uploads: '' } }), 200);
    this.upload = { id: tag(String(answer.body), 'UploadId'), parts: new Map() };
  }

  async putPart(store) {
    const number = 1 + this.pick(4);
    const data = this.content(LEAST + this.pick(600_000));
    const pending = { kind: 'part', number, data };
    const answer = await this.attempt(pending, store.putPart(this.name, this.upload.id, number, data), 200);
    assert.equal(answer.headers.etag, `"${md5(data)}"`);
    this.upload.parts.set(number, data);
  }

  async complete(store) {
    const parts = [...this.upload.parts].sort(([a], [b]) => a - b).map(([number, data]) => ({ number, etag: md5(data) }));
    const data = this.composed();
    await this.attempt({ kind: 'complete', data, parts }, store.complete(this.name, this.upload.id, parts), 200);
    this.object = data;
    this.upload = null;
  }

  async abort(store) {
    await this.attempt({ kind: 'abort' }, store.send('DELETE', this.name, { query: { uploadId: this.upload.id } }), 204);
    this.upload = null;
  }

  /** Compares the store with the model; what was under way may have happened or not. */
  async verify(store) {
    const pending = this.pending ?? { kind: 'none' };
    this.pending = null;
    const possible = [this.object];
    if (pending.kind === 'put' || pending.kind === 'complete') possible.push(pending.data);
    if (pending.kind === 'delete') possible.push(null);
    const got = await store.send('GET', this.name);
    assert.ok(got.status === 200 || got.status === 404, `${got.status}`);
    const found = got.status === 200 ? got.body : null;
    const match = possible.find((data) => (data === null ? found === null : found?.equals(data)));
    assert.ok(match !== undefined, `${this.name}: ${found?.length ?? 'nothing'} found after ${pending.kind}, ` +
      `possible ${possible.map((d) => d?.length ?? 'nothing')}`);
    this.object = match;
    if (this.upload) await this.verifyUpload(store, pending);
  }

  async verifyUpload(store, pending) {
    const { id, parts } = this.upload;
    const answer = await store.send('GET', this.name, { query: { uploadId: id } });
    if (answer.status === 404) {
      assert.ok(pending.kind === 'abort' || (pending.kind === 'complete' && this.object === pending.data), pending.kind);
      if (pending.kind === 'complete') {
        assert.equal((await store.complete(this.name, id, pending.parts)).status, 200, 'Complete repeated');
      }
      this.upload = null;
      return;
    }
    assert.equal(answer.status, 200);
    if (pending.kind === 'complete') assert.notEqual(this.object, pending.data, 'an object and its upload');
    const listed = [...String(answer.body).matchAll(/<PartNumber>(\d+)<.*?<ETag>&quot;(\w+)&quot;<.*?<Size>(\d+)</g)];
    const found = new Map(listed.map(([, number, etag, size]) => [Number(number), { etag, size: Number(size) }]));
    if (pending.kind === 'part' && found.get(pending.number)?.etag === md5(pending.data)) {
      parts.set(pending.number, pending.data);
    }
    assert.deepEqual([...found.keys()].sort(), [...parts.keys()].sort(), `parts after ${pending.kind}`);
    for (const [number, data] of parts) {
      assert.deepEqual(found.get(number), { etag: md5(data), size: data.length }, `part ${number} after ${pending.kind}`);
    }
  }
}

test(`${kills} kills, seed ${seed}`, { timeout: 60_000 + kills * 5000 }, async (t) => {
  const dir = temporaryFolder();
  const random = makeRandom(seed);
  const clients = Array.from({ length: CLIENTS }, (_, i) => new Client(i, makeRandom(seed * 31 + i)));
  t.diagnostic(`repeat: KEEPTAKE_SEED=${seed} KEEPTAKE_KILLS=${kills}`);
  for (let round = 0; round <= kills; round++) {
    const store = await Store.start({ dir, leastPartBytes: LEAST });
    if (round === 0) await store.send('PUT', '/takes');
    assert.deepEqual(readdirSync(path.join(dir, 'tmp')), [], 'half-written files are gone');
    assert.deepEqual(readdirSync(path.join(dir, 'trash')), [], 'the trash is empty');
    for (const client of clients) await client.verify(store);
    if (round === kills) {
      await store.kill('SIGTERM');
      break;
    }
    let killed = false;
    const work = clients.map(async (client) => {
      while (!killed) {
        try {
          await client.step(store);
        } catch (error) {
          if (error.code === 'ERR_ASSERTION' || !killed) throw error;
        }
      }
    });
    work.forEach((promise) => promise.catch(() => {}));
    await sleep(5 + random() * 150);
    killed = true;
    await store.kill();
    await Promise.all(work);
  }
  const done = clients.reduce((sum, client) => sum + client.done, 0);
  t.diagnostic(`${done} operations acknowledged`);
  assert.ok(done > kills, 'the clients got something done');
  /* Nothing is left in data/ that belongs to nobody. */
  const uploads = new Set(readdirSync(path.join(dir, 'uploads')));
  const objects = readdirSync(path.join(dir, 'data')).filter((id) => !uploads.has(id));
  assert.equal(objects.length, clients.filter((client) => client.object).length);
  rmSync(dir, { recursive: true, force: true });
});
