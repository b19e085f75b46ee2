import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiClient, ApiError, field } from '../../../web/src/server/api.js';

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function failure(call: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

describe('ApiClient', () => {
  it('sends the token and parses the answer', async () => {
    let seen: string | undefined;
    const base = await serve((request, response) => {
      seen = `${request.method} ${request.url} ${request.headers.authorization}`;
      response.setHeader('Content-Type', 'application/json').end('{"a":{"b":1}}');
    });
    const api = new ApiClient({ base: `${base}/`, token: () => Promise.resolve('secret') });
    const answer = await api.call('GET', '/session');
    expect(field(field(answer, 'a'), 'b')).toBe(1);
    expect(seen).toBe('GET /api/v1/session Bearer secret');
  });

  it("turns the server's errors into codes and sentences", async () => {
    const base = await serve((_, response) => {
      response.statusCode = 403;
      response.end('{"error":{"code":"forbidden","message":"A viewer cannot record."}}');
    });
    const error = await failure(new ApiClient({ base, token: null }).call('POST', '/recordings', {}));
    expect([error.code, error.status, error.message]).toEqual(['forbidden', 403, 'A viewer cannot record.']);
  });

  it('does not take a sign-in page for an answer', async () => {
    const base = await serve((_, response) => response.end('<html>Welcome to our network</html>'));
    const error = await failure(new ApiClient({ base, token: null }).call('GET', '/session'));
    expect([error.code, error.status]).toEqual(['server-error', 0]);
  });

  it.each([
    [200, '', 0],
    [404, '<html>404 Not Found</html>', 0],
    [502, '<html>Bad Gateway</html>', 502],
  ])("does not take %i %j for its server's word", async (status, body, told) => {
    const base = await serve((_, response) => {
      response.statusCode = status;
      response.setHeader('Date', 'Mon, 01 Jan 2001 00:00:00 GMT').end(body);
    });
    const api = new ApiClient({ base, token: null });
    expect((await failure(api.call('DELETE', '/recordings/rec_1/upload'))).status).toBe(told);
    expect(api.clockSkewMs, 'nor its clock').toBe(0);
  });

  it("learns the server's clock, and that 204 has nothing to say", async () => {
    const base = await serve((_, response) => {
      response.statusCode = 204;
      response.setHeader('Date', new Date(Date.now() + 3_600_000).toUTCString()).end();
    });
    const api = new ApiClient({ base, token: null });
    expect(await api.call('DELETE', '/recordings/rec_1/upload')).toBe(undefined);
    expect(Math.abs(api.clockSkewMs - 3_600_000)).toBeLessThan(5000);
  });

  it('says when nobody answers', async () => {
    const error = await failure(new ApiClient({ base: 'http://127.0.0.1:1', token: null }).call('GET', '/session'));
    expect(error.code).toBe('server-unreachable');
    expect(error.message).toContain('http://127.0.0.1:1');
  });
});

describe('ApiClient and the token', () => {
  it('does not wait for a token that never comes', async () => {
    const api = new ApiClient({ base: 'http://127.0.0.1:1', token: () => new Promise(() => undefined) });
    const control = new AbortController();
    const call = failure(api.call('GET', '/session', undefined, { signal: control.signal }));
    control.abort();
    expect((await call).code).toBe('unauthorized');
  });

  it('says when the page could not give one', async () => {
    const api = new ApiClient({ base: 'http://127.0.0.1:1', token: () => Promise.reject(new Error('Signed out.')) });
    const error = await failure(api.call('GET', '/session'));
    expect([error.code, error.status, error.message]).toEqual([
      'unauthorized',
      0,
      'The page gave no token: Signed out.',
    ]);
  });

  it('does not repeat a malformed one in its message', async () => {
    const api = new ApiClient({ base: 'http://127.0.0.1:1', token: () => Promise.resolve('s3cret\nvalue') });
    const error = await failure(api.call('GET', '/session'));
    expect(error.code).toBe('unauthorized');
    expect(JSON.stringify([error.message, error.context, String(error.cause)])).not.toContain('s3cret');
  });
});
