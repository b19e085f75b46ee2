// A small S3 client: every request is a presigned URL, as a browser's are, and bodies go over four connections
// that are kept open.
import { createHash, createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';

const EXPIRES_SECONDS = 3600;

function hmac(key, text) {
  return createHmac('sha256', key).update(text).digest();
}

/** RFC 3986, as AWS wants it. */
function encode(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Signature version 4 in the query; `path` is /bucket or /bucket/key, `query` the parameters of the call. */
export function presign({ endpoint, accessKey, secretKey, region = 'us-east-1' }, method, path, query = {}) {
  const { host } = new URL(endpoint);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const all = {
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${accessKey}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': EXPIRES_SECONDS,
    'X-Amz-SignedHeaders': 'host',
  };
  const pairs = Object.entries(all).map(([name, value]) => `${encode(name)}=${encode(String(value))}`);
  const canonicalQuery = pairs.sort().join('&');
  const canonical = [method, path, canonicalQuery, `host:${host}\n`, 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const digest = createHash('sha256').update(canonical).digest('hex');
  const key = scope.split('/').reduce(hmac, `AWS4${secretKey}`);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', time, scope, digest].join('\n')).toString('hex');
  return `${endpoint}${path}?${canonicalQuery}&X-Amz-Signature=${signature}`;
}

export class S3 {
  #store;
  #agent;

  /** store: {endpoint, accessKey, secretKey}; `connections` requests run at once, the others wait. */
  constructor(store, connections = 4) {
    this.#store = store;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** Resolves to {headers, text}; rejects on every status but 2xx and on errors inside a 200. */
  call(method, path, query, body) {
    const url = presign(this.#store, method, path, query);
    return new Promise((resolve, reject) => {
      const length = body ? body.length : 0;
      const sent = request(url, { method, agent: this.#agent, headers: { 'content-length': length } }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part) => (text += part));
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode < 300 && !text.includes('<Error>')) resolve({ headers: response.headers, text });
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 300)}`));
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  async createMultipart(path) {
    const { text } = await this.call('POST', path, { uploads: '' });
    return /<UploadId>([^<]+)</.exec(text)[1];
  }

  /** Resolves to the part's ETag. */
  async putPart(path, uploadId, partNumber, body) {
    const { headers } = await this.call('PUT', path, { partNumber, uploadId }, body);
    return headers.etag;
  }

  async complete(path, uploadId, etags) {
    const part = (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`;
    const xml = `<CompleteMultipartUpload>${etags.map(part).join('')}</CompleteMultipartUpload>`;
    await this.call('POST', path, { uploadId }, Buffer.from(xml));
  }

  close() {
    this.#agent.destroy();
  }
}
