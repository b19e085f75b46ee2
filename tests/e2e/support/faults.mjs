// Networks that fail: an HTTP proxy between the browser and a listener of the real server, which passes everything on
// until it is told otherwise. `openNetwork` starts a server that can only be reached through two of them.
import { createServer, request as sendRequest } from 'node:http';
import { startServer } from './stack.mjs';

/** Parts that small let a take of seconds have many of them. */
const PART_BYTES = 65_536;

let lastHost = 1;

/** Passes no more than `bytesPerSecond` in all, whatever number of requests share it; 0: no limit. */
class Link {
  bytesPerSecond = 0;
  #freeAt = 0;

  async pass(bytes) {
    if (this.bytesPerSecond === 0) return;
    const now = Date.now();
    this.#freeAt = Math.max(now, this.#freeAt) + (bytes / this.bytesPerSecond) * 1000;
    await new Promise((done) => setTimeout(done, this.#freeAt - now));
  }
}

/**
 * What `fault` may answer for a request; null passes it on.
 *   {drop: true}                     the connection is closed without an answer
 *   {lose: true}                     carried out, and then the connection is closed
 *   {stall: bytes}                   so much of the body is read, then nothing more happens
 *   {status, body, headers, cors}    that answer, after the body was read; cors: as the store would send it
 */
export class FaultProxy {
  /** (request: {method, path, query, at}) => fault or null; not asked for preflights unless `faultsPreflights`. */
  fault = () => null;
  faultsPreflights = false;
  /** Seconds that the other side's clock seems to be ahead; `rewrite` moves the times in its JSON. */
  clockSeconds = 0;
  rewrite = (text) => text;
  link = new Link();
  /** Every request: {at, method, path, result} with result 'passed' or the fault's name. */
  seen = [];
  target = 0;
  #server;
  #host;
  #port = 0;

  static async open(host) {
    const proxy = new FaultProxy();
    proxy.#host = host;
    await proxy.up();
    return proxy;
  }

  get url() {
    return `http://${this.#host}:${this.#port}`;
  }

  /** Answers again, at the same address. */
  async up() {
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, answer) => {
      this.#take(request, answer).catch(() => request.socket.destroy());
    });
    this.#server.on('clientError', (_, socket) => socket.destroy());
    await new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, this.#host, resolve);
    });
    this.#port = this.#server.address().port;
  }

  /** Nobody listens any more, and nothing of what runs comes to its end. */
  async down() {
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
  }

  /** How many requests met a fault. */
  get faults() {
    return this.seen.filter(({ result }) => result !== 'passed').length;
  }

  async #take(request, answer) {
    const [path, query = ''] = request.url.split('?');
    const one = { at: Date.now(), method: request.method, path, query, result: 'passed' };
    const asked = request.method !== 'OPTIONS' || this.faultsPreflights;
    const fault = asked ? this.fault(one) : null;
    this.seen.push(one);
    if (!fault) return this.#pass(request, answer, false);
    one.result = Object.keys(fault)[0];
    if (fault.drop) return request.socket.destroy();
    if (fault.lose) return this.#pass(request, answer, true);
    if (fault.stall !== undefined) return stall(request, fault.stall);
    for await (const chunk of request) await this.link.pass(chunk.length);
    const { status, body = '', headers = {}, cors = false } = fault;
    const allowed = cors ? { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'ETag' } : {};
    answer.writeHead(status, { 'Content-Type': 'text/html', ...allowed, ...headers }).end(body);
  }

  async #pass(request, answer, lose) {
    const { method, url, headers } = request;
    const forward = sendRequest({ host: '127.0.0.1', port: this.target, method, path: url, headers, agent: false });
    const answered = new Promise((resolve, reject) => forward.once('response', resolve).on('error', reject));
    answered.catch(() => undefined);
    try {
      for await (const chunk of request) {
        await this.link.pass(chunk.length);
        forward.write(chunk);
      }
      forward.end();
      const got = await answered;
      if (!lose) return await this.#answer(got, answer);
      got.resume();
      request.socket.destroy();
    } catch (error) {
      forward.destroy();
      throw error;
    }
  }

  async #answer(got, answer) {
    const headers = { ...got.headers };
    if (this.clockSeconds !== 0 && headers.date) headers.date = shifted(headers.date, this.clockSeconds).toUTCString();
    if (this.clockSeconds === 0 || !/json/.test(headers['content-type'] ?? '')) {
      answer.writeHead(got.statusCode, headers);
      for await (const chunk of got) answer.write(chunk);
      return answer.end();
    }
    const chunks = [];
    for await (const chunk of got) chunks.push(chunk);
    const text = this.rewrite(Buffer.concat(chunks).toString());
    delete headers['transfer-encoding'];
    answer.writeHead(got.statusCode, { ...headers, 'content-length': Buffer.byteLength(text) }).end(text);
  }
}

function shifted(time, seconds) {
  return new Date(Date.parse(time) + seconds * 1000);
}

async function stall(request, bytes) {
  let read = 0;
  for await (const chunk of request) {
    read += chunk.length;
    // Neither read any further nor answered: the other side has to notice by itself.
    if (read >= bytes) return new Promise(() => undefined);
  }
}

/**
 * A server behind two proxies, `api` and `store`; `url` is the way to the page. Its takes have parts of 64 KiB, and
 * the API's times follow `api.clockSeconds`.
 */
export async function openNetwork({ studio, args = [] }) {
  // Cookies know no ports: servers that one browser visits at the same time need addresses of their own.
  const host = `127.0.0.${++lastHost}`;
  const [api, store] = [await FaultProxy.open(host), await FaultProxy.open(host)];
  const server = await startServer({
    studio,
    args: ['--public-url', api.url, '--s3-public-url', store.url,
      '--part-bytes', String(PART_BYTES), '--least-part-bytes', String(PART_BYTES), ...args],
  });
  api.target = server.port;
  store.target = server.s3_port;
  api.rewrite = (text) =>
    text.replace(/"expires_at":"([^"]+)"/g, (_, time) => `"expires_at":"${shifted(time, api.clockSeconds).toISOString()}"`);
  return {
    api,
    store,
    server,
    url: `${api.url}/`,
    async close() {
      await Promise.all([api.down(), store.down()]).catch(() => undefined);
      await server.close();
    },
  };
}

/** Both ways, for as long as `act` takes. */
export async function during(network, faults, act) {
  const before = [network.api.fault, network.store.fault];
  if (faults.api) network.api.fault = faults.api;
  if (faults.store) network.store.fault = faults.store;
  try {
    return await act();
  } finally {
    [network.api.fault, network.store.fault] = before;
  }
}

/** An error as S3 sends it. */
export function storeError(status, code, message) {
  return {
    status,
    cors: true,
    headers: { 'Content-Type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  };
}

/** 0 <= x < 1, the same ones for the same seed. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
