// A client of the S3 listener: one key that is put, replaced, copied together from parts and deleted. The model is what
// the key must read as; what was under way when the server was killed may have happened or not, and nothing between.
import { Store, tag } from '../../server/support/s3.mjs';
import { Client } from './client.mjs';
import { md5, newContent } from './random.mjs';

export const LEAST_PART = 65536;

/** The S3 listener of a running server. */
export class Endpoint extends Store {
  constructor(url, { key, secret, agent }) {
    super();
    this.port = Number(new URL(url).port);
    this.host = new URL(url).host;
    this.agent = agent;
    this.account = { key, secret };
  }

  send(method, name, options = {}) {
    return super.send(method, name, { ...options, ...this.account });
  }
}

export class S3Client extends Client {
  constructor(number, random, counts) {
    super(`S3 client ${number}`, random, counts);
    this.key = `/keeptake/history/${number}`;
    this.object = null; // content (Buffer) or null: not there
    this.upload = null; // {id, parts: Map(number -> Buffer)}
  }

  composed() {
    return Buffer.concat([...this.upload.parts].sort(([a], [b]) => a - b).map(([, data]) => data));
  }

  async step({ s3 }) {
    const choice = this.pick(12);
    if (choice === 0) return this.putObject(s3);
    if (choice === 1) return this.deleteObject(s3);
    if (choice === 2) return this.getObject(s3);
    if (!this.upload) return this.startUpload(s3);
    if (choice === 3) return this.abort(s3);
    if (choice === 4) return this.list(s3);
    if (choice <= 6 && this.upload.parts.size > 0) return this.complete(s3);
    return this.putPart(s3);
  }

  async putObject(s3) {
    const data = newContent(this.random, this.pick(300_000));
    await this.attempt({ kind: 'put', data }, () => s3.send('PUT', this.key, { body: data }), 200);
    this.object = data;
  }

  async getObject(s3) {
    const answer = await this.attempt({ kind: 'get' }, () => s3.send('GET', this.key), this.object ? 200 : 404);
    this.expect(!this.object || answer.body.equals(this.object), 'GET: other bytes than were acknowledged');
    this.counts.read(this.object);
  }

  async deleteObject(s3) {
    await this.attempt({ kind: 'delete' }, () => s3.send('DELETE', this.key), 204);
    this.object = null;
  }

  async startUpload(s3) {
    const answer = await this.attempt({ kind: 'create upload' }, () => s3.send('POST', this.key, { query: { uploads: '' } }), 200);
    this.upload = { id: tag(String(answer.body), 'UploadId'), parts: new Map() };
  }

  async putPart(s3) {
    const number = 1 + this.pick(4);
    const data = newContent(this.random, LEAST_PART + this.pick(400_000));
    const answer = await this.attempt({ kind: 'part', number, data }, () => s3.putPart(this.key, this.upload.id, number, data), 200);
    this.expect(answer.headers.etag === `"${md5(data)}"`, 'part: another ETag');
    this.upload.parts.set(number, data);
  }

  async complete(s3) {
    const parts = [...this.upload.parts].sort(([a], [b]) => a - b).map(([number, data]) => ({ number, etag: md5(data) }));
    const data = this.composed();
    await this.attempt({ kind: 'complete', data, parts }, () => s3.complete(this.key, this.upload.id, parts), 200);
    this.object = data;
    this.upload = null;
  }

  async abort(s3) {
    await this.attempt({ kind: 'abort' }, () => s3.send('DELETE', this.key, { query: { uploadId: this.upload.id } }), 204);
    this.upload = null;
  }

  async list(s3) {
    const answer = await this.attempt({ kind: 'list' }, () => s3.send('GET', this.key, { query: { uploadId: this.upload.id } }), 200);
    this.compareParts(readParts(answer), 'list');
  }

  compareParts(found, when) {
    const { parts } = this.upload;
    const same = found.size === parts.size &&
      [...parts].every(([number, data]) => found.get(number)?.etag === md5(data) && found.get(number).size === data.length);
    this.expect(same, `parts ${[...found.keys()]} are there, not ${[...parts.keys()]} (${when})`);
  }

  /** Compares the store with the model after a restart. */
  async verify({ s3 }) {
    const pending = this.takePending();
    const possible = [this.object];
    if (pending.kind === 'put' || pending.kind === 'complete') possible.push(pending.data);
    if (pending.kind === 'delete') possible.push(null);
    const got = await s3.send('GET', this.key);
    this.expect(got.status === 200 || got.status === 404, `GET: ${got.status}`);
    const found = got.status === 200 ? got.body : null;
    const match = possible.find((data) => (data === null ? found === null : found?.equals(data)));
    this.expect(match !== undefined, `${found?.length ?? 'nothing'} read after ${pending.kind}, possible ${possible.map((d) => d?.length ?? 'nothing')}`);
    this.object = match;
    this.counts.read(match);
    if (this.upload) await this.verifyUpload(s3, pending);
  }

  async verifyUpload(s3, pending) {
    const { id, parts } = this.upload;
    const answer = await s3.send('GET', this.key, { query: { uploadId: id } });
    if (answer.status === 404) {
      const completed = pending.kind === 'complete' && this.object === pending.data;
      this.expect(pending.kind === 'abort' || completed, `the upload is gone after ${pending.kind}`);
      if (completed) {
        const again = await s3.complete(this.key, id, pending.parts);
        this.expect(again.status === 200, `Complete repeated: ${again.status}`);
      }
      this.upload = null;
      return;
    }
    this.expect(answer.status === 200, `list: ${answer.status}`);
    this.expect(pending.kind !== 'complete' || this.object !== pending.data, 'an object and its upload');
    const found = readParts(answer);
    if (pending.kind === 'part' && found.get(pending.number)?.etag === md5(pending.data)) parts.set(pending.number, pending.data);
    this.compareParts(found, `after ${pending.kind}`);
  }
}

function readParts(answer) {
  const listed = [...String(answer.body).matchAll(/<PartNumber>(\d+)<.*?<ETag>&quot;(\w+)&quot;<.*?<Size>(\d+)</g)];
  return new Map(listed.map(([, number, etag, size]) => [Number(number), { etag, size: Number(size) }]));
}
