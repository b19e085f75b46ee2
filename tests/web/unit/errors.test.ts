import { describe, expect, it, vi, afterEach } from 'vitest';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import { fromPlainError, plainError } from '../../../web/src/protocol/messages.js';
import { ApiClient } from '../../../web/src/server/api.js';

afterEach(() => vi.unstubAllGlobals());

describe('an error', () => {
  it('says whether asking again may help, and whether its object is of any use', () => {
    const flags = (error: KeeptakeError): [boolean, boolean] => [error.retryable, error.fatal];
    expect(flags(new KeeptakeError('server-unreachable', ''))).toEqual([true, false]);
    expect(flags(new KeeptakeError('bad-argument', ''))).toEqual([false, false]);
    expect(flags(new KeeptakeError('closed', ''))).toEqual([false, true]);
    expect(flags(new KeeptakeError('storage-unavailable', '', { retryable: false }))).toEqual([false, false]);
  });

  it('crosses from the worker with all that it says, its stack and its causes', () => {
    const cause = new RangeError('record 7 is gone', { cause: 'a full disk' });
    const thrown = new KeeptakeError('upload-failed', 'not whole', {
      cause,
      context: { safeBytes: 9 },
      retryable: false,
    });
    const error = fromPlainError(structuredClone(plainError(thrown)));
    expect(error).toMatchObject({
      code: 'upload-failed',
      message: 'not whole',
      context: { safeBytes: 9 },
      retryable: false,
      fatal: false,
    });
    expect(error.stack).toBe(thrown.stack);
    expect(error.cause).toMatchObject({ name: 'RangeError', message: 'record 7 is gone', stack: cause.stack });
    expect((error.cause as Error).cause).toMatchObject({ message: 'a full disk' });
    expect(fromPlainError(plainError(new TypeError('x of undefined')))).toMatchObject({
      code: 'engine-failed',
      retryable: false,
      cause: expect.objectContaining({ name: 'TypeError', message: 'x of undefined' }) as unknown,
    });
  });

  it('whose causes go round in a circle crosses too', () => {
    const one = new Error('one');
    one.cause = new Error('two', { cause: one });
    expect(fromPlainError(plainError(new KeeptakeError('engine-failed', '', { cause: one }))).cause).toMatchObject({
      message: 'one',
    });
  });

  it('of a code has the context of that code', () => {
    const error: KeeptakeError = new KeeptakeError('upload-failed', '', { context: { safeBytes: 9 } });
    if (!error.is('upload-failed')) throw error;
    const bytes: number | undefined = error.context.safeBytes;
    expect(bytes).toBe(9);
    // @ts-expect-error an upload knows no HTTP status
    expect(error.context.status).toBeUndefined();
    expect(new KeeptakeError('closed', '').is('upload-failed')).toBe(false);
  });

  it.each<[number, string, boolean]>([
    [503, 'store-unreachable', true],
    [500, 'internal', true],
    [429, 'rate-limited', true],
    [409, 'take-live', true],
    [507, 'store-full', false],
    [409, 'conflict', false],
    [404, 'not-found', false],
    [401, 'unauthorized', false],
  ])('of the server, %i %s: retryable %s', async (status, code, retryable) => {
    vi.stubGlobal('fetch', () =>
      Promise.resolve(new Response(JSON.stringify({ error: { code, message: code } }), { status })),
    );
    await expect(new ApiClient({ base: 'http://server', token: null }).call('GET', '/session')).rejects.toMatchObject({
      retryable,
    });
  });
});
