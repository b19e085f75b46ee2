// An S3 service in memory that misbehaves on demand: what real services do once in a while, whenever a test wants it.
// Signatures are not looked at; Ceph does that in s3-store.test.mjs.
import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

const SKEW_MS = 15 * 60 * 1000;

export const errorXml = (code, message = '') =>
  `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
const md5 = (bytes) => createHash('md5').update(bytes).digest();
const quoted = (text) => `&quot;${text}&quot;`;

/** A running service. */
export class FakeS3 {
  objects = new Map();
  uploads = new Map();
  requests = [];
  faults = [];
  pageSize = 1000;
  clockOffsetMs = 0;
  encryption = null;
  /** Upload IDs as long and as odd as those of some services. */
  #nextId = 1;

  /** tls: {key, cert} for HTTPS. */
  static async start(tls) {
    const fake = new FakeS3();
    const take = (request, response) => fake.#take(request, response);
    fake.server = tls ? https.createServer(tls, take) : http.createServer(take);
    await new Promise((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    fake.port = fake.server.address().port;
    fake.endpoint = tls ? `https://localhost:${fake.port}` : `http://127.0.0.1:${fake.port}`;
    return fake;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /**
   * The next `times` requests that `matches` says true to are answered by `answer(request, response, usual, this)` instead;
   * `usual()` does what would have been done, and returns it.
   */
  fault(matches, answer, times = 1) {
    this.faults.push({ matches, answer, times });
  }

  async #take(request, response) {
    const chunks = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const url = new URL(request.url, this.endpoint);
    const [, bucket, ...key] = url.pathname.split('/');
    const body = Buffer.concat(chunks);
    const asked = { method: request.method, bucket, key: decodeURIComponent(key.join('/')), query: url.searchParams, headers: request.headers, body };
    this.requests.push(asked);
    const usual = () => this.#usual(asked);
    const fault = this.faults.find((one) => one.times > 0 && one.matches(asked));
    if (fault) {
      fault.times--;
      await fault.answer(asked, response, usual, this);
      return;
    }
    this.send(response, usual(), request.method);
  }

  send(response, { status = 200, headers = {}, body = '' }, method = 'GET') {
    const bytes = Buffer.from(body);
    response.writeHead(status, {
      Date: new Date(Date.now() + this.clockOffsetMs).toUTCString(),
      'Content-Length': bytes.length,
      ...headers,
    });
    response.end(method === 'HEAD' ? undefined : bytes);
  }

  #usual({ method, key, query, headers, body }) {
    const now = Date.now() + this.clockOffsetMs;
    const signed = headers['x-amz-date'] ?? query.get('X-Amz-Date');
    const date = Date.parse(signed?.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z') ?? '');
    if (method !== 'OPTIONS' && Math.abs(date - now) > SKEW_MS) return { status: 403, body: errorXml('RequestTimeTooSkewed') };
    if (!key) return this.#bucket(method, query);
    if (query.has('uploads')) return this.#create(key);
    if (query.has('uploadId')) return this.#upload(method, key, query, headers, body);
    return this.#object(method, key, headers);
  }

  #bucket(method, query) {
    if (query.get('list-type') === '2') return this.#listObjects(query);
    if (!query.has('uploads')) return {};
    const prefix = query.get('prefix') ?? '';
    const all = [...this.uploads].filter(([, upload]) => upload.key.startsWith(prefix)).sort(([, a], [, b]) => (a.key < b.key ? -1 : 1));
    const after = query.get('key-marker') ?? '';
    const left = all.filter(([, upload]) => upload.key > after);
    const page = left.slice(0, this.pageSize);
    const more = left.length > page.length;
    const rows = page.map(([id, upload]) => `<Upload><Key>${upload.key}</Key><UploadId>${id}</UploadId><Initiated>${upload.initiated}</Initiated></Upload>`);
    const last = page.at(-1);
    const next = more ? `<NextKeyMarker>${last[1].key}</NextKeyMarker><NextUploadIdMarker>${last[0]}</NextUploadIdMarker>` : '';
    return { body: `<ListMultipartUploadsResult><IsTruncated>${more}</IsTruncated>${next}${rows.join('')}</ListMultipartUploadsResult>` };
  }

  #listObjects(query) {
    const left = [...this.objects].filter(([key]) => key.startsWith(query.get('prefix') ?? '') && key > (query.get('start-after') ?? '')).sort();
    const page = left.slice(0, Math.min(this.pageSize, Number(query.get('max-keys') ?? 1000)));
    const rows = page.map(([key, { bytes, etag, modified }]) =>
      `<Contents><Key>${key}</Key><LastModified>${(modified ?? new Date()).toISOString()}</LastModified><ETag>${quoted(etag)}</ETag><Size>${bytes.length}</Size></Contents>`);
    return { body: `<ListBucketResult><IsTruncated>${left.length > page.length}</IsTruncated>${rows.join('')}</ListBucketResult>` };
  }

  #create(key) {
    const id = `${this.#nextId++}~/+=${'x'.repeat(400)}`;
    this.uploads.set(id, { key, parts: new Map(), initiated: new Date().toISOString() });
    const headers = this.encryption ? { 'x-amz-server-side-encryption': this.encryption } : {};
    return { headers, body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>` };
  }

  #upload(method, key, query, headers, body) {
    const id = query.get('uploadId');
    const upload = this.uploads.get(id);
    if (upload?.key !== key) return { status: 404, body: errorXml('NoSuchUpload') };
    if (method === 'DELETE') {
      this.uploads.delete(id);
      return { status: 204 };
    }
    if (method === 'GET') return this.#listParts(upload, query);
    if (method === 'POST') return this.#complete(id, upload, body);
    const bytes = headers['x-amz-copy-source'] ? this.#copied(headers) : body;
    const etag = md5(bytes).toString('hex');
    upload.parts.set(Number(query.get('partNumber')), { bytes, etag });
    if (headers['x-amz-copy-source']) return { body: `<CopyPartResult><ETag>${quoted(etag)}</ETag></CopyPartResult>` };
    return { headers: { ETag: `"${etag}"` } };
  }

  #copied(headers) {
    const [, , ...key] = decodeURIComponent(headers['x-amz-copy-source']).split('/');
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(headers['x-amz-copy-source-range']);
    return this.objects.get(key.join('/')).bytes.subarray(Number(from), Number(to) + 1);
  }

  #listParts(upload, query) {
    const after = Number(query.get('part-number-marker') ?? 0);
    const left = [...upload.parts].filter(([number]) => number > after).sort(([a], [b]) => a - b);
    const page = left.slice(0, this.pageSize);
    const more = left.length > page.length;
    const rows = page.map(([number, part]) =>
      `<Part><PartNumber>${number}</PartNumber><LastModified>${new Date().toISOString()}</LastModified>` +
      `<ETag>${quoted(part.etag)}</ETag><Size>${part.bytes.length}</Size></Part>`);
    const next = more ? `<NextPartNumberMarker>${page.at(-1)[0]}</NextPartNumberMarker>` : '';
    return { body: `<ListPartsResult><IsTruncated>${more}</IsTruncated>${next}${rows.join('')}</ListPartsResult>` };
  }

  #complete(id, upload, body) {
    const named = [...String(body).matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>(?:&quot;)?([^<&]+)/g)];
    const parts = named.map(([, number, etag]) => ({ etag, part: upload.parts.get(Number(number)) }));
    if (parts.length === 0 || parts.some(({ etag, part }) => part?.etag !== etag)) return { status: 400, body: errorXml('InvalidPart') };
    const bytes = Buffer.concat(parts.map(({ part }) => part.bytes));
    const etag = `${md5(Buffer.concat(parts.map(({ part }) => Buffer.from(part.etag, 'hex')))).toString('hex')}-${parts.length}`;
    this.objects.set(upload.key, { bytes, etag });
    this.uploads.delete(id);
    return { body: `<CompleteMultipartUploadResult><ETag>${quoted(etag)}</ETag></CompleteMultipartUploadResult>` };
  }

  #object(method, key, headers) {
    if (method === 'DELETE') {
      this.objects.delete(key);
      return { status: 204 };
    }
    const object = this.objects.get(key);
    if (!object) return { status: 404, body: method === 'HEAD' ? '' : errorXml('NoSuchKey') };
    const common = { ETag: `"${object.etag}"`, 'Content-Type': 'video/webm', 'Last-Modified': new Date().toUTCString() };
    const range = /bytes=(\d+)-(\d+)/.exec(headers.range ?? '');
    if (range) return { status: 206, headers: common, body: object.bytes.subarray(Number(range[1]), Number(range[2]) + 1) };
    return { headers: { ...common, 'Content-Length': object.bytes.length }, body: object.bytes };
  }
}
