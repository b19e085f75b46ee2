/** The client for the server's recordings: what it asks, and what it makes of the answers. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openRecordings } from '../../../web/src/page/recordings.js';

const answers = new Map<string, { status?: number; body?: unknown }>();
const asked: { key: string; body: unknown; token: string | null }[] = [];

beforeEach(() => {
  answers.clear();
  asked.length = 0;
  vi.stubGlobal('document', { baseURI: 'https://page.example/studio/' });
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const key = `${init.method} ${url}`;
    asked.push({
      key,
      body: init.body === undefined ? null : JSON.parse(String(init.body)),
      token: new Headers(init.headers).get('Authorization'),
    });
    const { status = 200, body } = answers.get(key) ?? {
      status: 404,
      body: { error: { code: 'not-found', message: key } },
    };
    return Promise.resolve(new Response(status === 204 ? null : JSON.stringify(body), { status }));
  });
});
afterEach(() => vi.unstubAllGlobals());

const API = 'https://keep.example/api/v1';
const ROW = {
  id: 'r/1',
  title: 'Pilot',
  state: 'complete',
  created_at: '2026-11-20T17:04:00Z',
  duration: 65.5,
  bytes: 12,
  salvaged: true,
  codec: 'vp9',
};
const open = (): ReturnType<typeof openRecordings> =>
  openRecordings({ server: { url: 'https://keep.example', token: 'secret' } });

it('lists, page by page, with the token', async () => {
  answers.set(`GET ${API}/recordings?limit=50`, {
    body: { recordings: [ROW, { id: 'b', state: 'what next' }], next_cursor: 'a&b' },
  });
  answers.set(`GET ${API}/recordings?limit=2&cursor=a%26b`, { body: { recordings: [] } });
  const { recordings, next } = await open().list();
  expect(recordings[0]).toEqual({
    id: 'r/1',
    title: 'Pilot',
    state: 'complete',
    createdAt: new Date(ROW.created_at),
    duration: 65.5,
    bytes: 12,
    salvaged: true,
    codec: 'vp9',
  });
  expect(recordings[1]).toMatchObject({ id: 'b', title: '', state: 'failed' });
  expect(await open().list({ cursor: next!, limit: 2 })).toEqual({ recordings: [] });
  expect(asked.map(({ token }) => token)).toEqual(['Bearer secret', 'Bearer secret']);
});

it('ends what waits when the page does', async () => {
  const reason = new Error('the page goes');
  await expect(open().list({ signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
    code: 'aborted',
    cause: reason,
  });
  expect(asked).toEqual([]);
  vi.stubGlobal(
    'fetch',
    (_url: string, { signal }: RequestInit) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
  );
  for (const call of [
    (signal: AbortSignal) => open().get('a', { signal }),
    (signal: AbortSignal) => open().link('a', 60, { signal }),
    (signal: AbortSignal) => open().delete('a', { signal }),
  ]) {
    const control = new AbortController();
    const waiting = call(control.signal);
    setTimeout(() => control.abort());
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  }
});

it('says who the page is; a role that nobody knows may only look', async () => {
  answers.set(`GET ${API}/session`, {
    body: { organisation: 'acme', role: 'emperor', limits: { enabled: false, max_length_seconds: 60 } },
  });
  expect(await open().session()).toEqual({
    organisation: 'acme',
    role: 'viewer',
    limits: { enabled: false, maxLength: 60, maxFps: 0 },
  });
});

it('renames, salvages and deletes the one that is named, whatever its id', async () => {
  answers.set(`PATCH ${API}/recordings/r%2F1`, { body: { ...ROW, title: 'B' } });
  answers.set(`POST ${API}/recordings/r%2F1/salvage`, { status: 202, body: { ...ROW, state: 'salvaging' } });
  answers.set(`DELETE ${API}/recordings/r%2F1`, { status: 204 });
  expect((await open().rename('r/1', 'B')).title).toBe('B');
  expect((await open().salvage('r/1')).state).toBe('salvaging');
  await open().delete('r/1');
  expect(asked[0]?.body).toEqual({ title: 'B' });
});

it('plays: an address for the player, a link to hand on, and no scene where the server has none', async () => {
  const until = '2026-11-21T17:04:00.000Z';
  answers.set(`POST ${API}/recordings/a/playback`, { body: { url: '/files/a?sig=1', expires_at: until } });
  expect(await open().link('a', 60)).toEqual({ url: 'https://keep.example/files/a?sig=1', until: new Date(until) });
  const take = open().open({ id: 'a', title: '', state: 'complete', createdAt: new Date(), duration: 3 });
  expect(await take.playbackUrl({ download: true })).toBe('https://keep.example/files/a?sig=1');
  expect(asked.map(({ body }) => body)).toEqual([{ expires_seconds: 60 }, { expires_seconds: 3600, download: true }]);
  expect([take.duration, take.bytes, await take.scene(), await take.timeline()]).toEqual([3, 0, null, null]);
});

it.each([
  [{ status: 502, body: {} }, 'server-unreachable', true],
  [{ status: 500, body: { error: { code: 'internal', message: 'no' } } }, 'server-error', true],
  [{ status: 409, body: { error: { code: 'take-live', message: 'on air' } } }, 'take-live', true],
  [{ status: 403, body: { error: { code: 'forbidden', message: 'no' } } }, 'forbidden', false],
  [{ body: { recordings: 'none' } }, 'server-error', true],
])('%o is told as %s', async (answer, code, retryable) => {
  answers.set(`GET ${API}/recordings?limit=50`, answer);
  await expect(open().list()).rejects.toMatchObject({ name: 'KeeptakeError', code, retryable });
});
