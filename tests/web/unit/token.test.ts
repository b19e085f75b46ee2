import 'fake-indexeddb/auto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { UploadRequestKind } from '../../../web/src/engine/contract.gen.js';
import { TokenSource } from '../../../web/src/server/token.js';
import { ApiClient, isRefusal, needsToken, tokenTrouble } from '../../../web/src/server/api.js';
import { hostForEach, type HostFixture, refusal } from './host-fixture.js';

vi.hoisted(() =>
  Object.assign(globalThis, {
    OffscreenCanvas: class {
      getContext = (): null => null;
    },
  }),
);
afterEach(() => vi.unstubAllGlobals());

const never = new AbortController().signal;

describe('TokenSource', () => {
  it('asks once for all who need one, and again with the reason when it was refused', async () => {
    const asked: string[] = [];
    const source = new TokenSource(({ reason }) => Promise.resolve(`t${asked.push(reason)}`));
    expect(await Promise.all([source.get(never), source.get(never)])).toEqual(['t1', 't1']);
    expect([await source.get(never), asked]).toEqual(['t1', ['needed']]);
    source.refused('t1');
    source.refused('t1');
    expect([await source.get(never), asked]).toEqual(['t2', ['needed', 'refused']]);
    source.refused('t1');
    expect(await source.get(never), 'an old refusal says nothing of the new one').toBe('t2');
  });

  it('one that is given unasked is newer than an answer that comes later', async () => {
    let give = (_: string): void => undefined;
    const source = new TokenSource(() => new Promise((resolve) => (give = resolve)));
    const waiting = source.get(never);
    source.set('given');
    give('late');
    expect([await waiting, await source.get(never)]).toEqual(['given', 'given']);
  });

  it('a page that could not give one is asked again', async () => {
    const ask = vi.fn<() => Promise<string>>().mockRejectedValueOnce(new Error('signed out')).mockResolvedValue('t');
    const source = new TokenSource(ask);
    await expect(source.get(never)).rejects.toThrow('signed out');
    expect(await source.get(never)).toBe('t');
  });

  it('whoever stops waiting is not held up', async () => {
    const source = new TokenSource(() => new Promise<string>(() => undefined));
    await expect(source.get(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});

describe('a call that is refused for its token', () => {
  it('is repeated once with the new one, and not at all where there is no other', async () => {
    const sent: (string | null)[] = [];
    vi.stubGlobal('fetch', (_: string, { headers }: { headers: Headers }) => {
      const token = headers.get('Authorization');
      sent.push(token);
      const fine = token === 'Bearer new';
      return Promise.resolve(
        new Response(JSON.stringify(fine ? {} : { error: { code: 'unauthorized', message: 'ended' } }), {
          status: fine ? 200 : 401,
        }),
      );
    });
    await new ApiClient({ base: 'http://server', token: ({ reason }) => (reason === 'needed' ? 'old' : 'new') }).call(
      'GET',
      '/session',
    );
    expect(sent.splice(0)).toEqual(['Bearer old', 'Bearer new']);
    await expect(new ApiClient({ base: 'http://server', token: 'old' }).call('GET', '/session')).rejects.toMatchObject({
      code: 'unauthorized',
    });
    expect(sent).toEqual(['Bearer old']);
  });
});

describe('the clock of the server', () => {
  it("stays true where this machine's is set during the take", async () => {
    vi.stubGlobal('fetch', () =>
      Promise.resolve(new Response('{}', { headers: { Date: 'Sat, 31 Jan 2026 12:00:00 GMT' } })),
    );
    const api = new ApiClient({ base: 'http://server', token: null });
    await api.call('GET', '/session');
    const server = (): number => Date.now() + api.clockSkewMs;
    expect(Math.abs(server() - Date.UTC(2026, 0, 31, 12))).toBeLessThan(60_000);
    const real = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => real() + 3_600_000);
    expect(Math.abs(server() - Date.UTC(2026, 0, 31, 12))).toBeLessThan(60_000);
    vi.restoreAllMocks();
    api.noteServerTime('not a time');
    expect(Math.abs(server() - Date.UTC(2026, 0, 31, 12))).toBeLessThan(60_000);
  });
});

describe('what is wrong with a token', () => {
  it.each<[string, number, Record<string, string>, string]>([
    ['it has expired', 401, { code: 'unauthorized', reason: 'expired' }, 'expired'],
    ['it was deleted', 401, { code: 'unauthorized', reason: 'unknown' }, 'unknown'],
    ['there is none', 401, { code: 'unauthorized', reason: 'missing' }, 'missing'],
    ['an older server does not say', 401, { code: 'unauthorized' }, 'unknown'],
    ['its role is too small', 403, { code: 'forbidden' }, 'forbidden'],
    ['it was tried too often', 429, { code: 'rate-limited' }, 'unknown'],
  ])('%s: that is told, and waited for', async (_name, status, error, reason) => {
    vi.stubGlobal('fetch', () =>
      Promise.resolve(new Response(JSON.stringify({ error: { message: 'No.', ...error } }), { status })),
    );
    const failed: unknown = await new ApiClient({ base: 'http://server', token: 't' })
      .call('GET', '/session')
      .catch((e: unknown) => e);
    expect([tokenTrouble(failed), needsToken(failed), isRefusal(failed)]).toEqual([reason, true, false]);
    expect(failed).toMatchObject({ context: { reason } });
  });

  it('is nothing where something else is', async () => {
    vi.stubGlobal('fetch', () =>
      Promise.resolve(
        new Response(JSON.stringify({ error: { code: 'recording-disabled', message: '' } }), { status: 403 }),
      ),
    );
    const failed: unknown = await new ApiClient({ base: 'http://server', token: 't' })
      .call('GET', '/session')
      .catch((e: unknown) => e);
    expect([tokenTrouble(failed), isRefusal(failed)]).toEqual([null, true]);
    const silent = new ApiClient({ base: 'http://server', token: () => Promise.reject(new Error('signed out')) });
    expect(tokenTrouble(await silent.call('GET', '/session').catch((e: unknown) => e))).toBe('missing');
  });
});

describe('a take whose token ends', () => {
  let life: HostFixture;
  hostForEach((fresh) => (life = fresh));

  it('goes on, says why, asks with the reason, and is sent with the new one', async () => {
    await life.open({ hasToken: true });
    expect(await life.settled(life.start())).toBe('done');
    expect([life.tokens.map(({ reason }) => reason), life.warnings()]).toEqual([['needed'], []]);
    life.answer = ({ headers }) =>
      headers.get('Authorization') === 'Bearer fresh' ? undefined : refusal(401, 'unauthorized');
    life.engine.ask(UploadRequestKind.sign);
    life.engine.upload.state = 'waiting';
    life.host.online();
    await life.pass(1000);
    expect([life.state()?.state, life.warnings()]).toEqual(['recording', ['unauthorized']]);
    const warned = life.told.flatMap((each) => (each.notice === 'warning' ? [each.warning] : []));
    expect(warned).toMatchObject([
      { reason: 'unknown', message: expect.stringMatching(/does not know the token.*goes on/) as unknown },
    ]);
    // Another reason is told, too; the same one is not told again.
    life.answer = () => [403, { error: { code: 'forbidden', message: 'A viewer cannot record.' } }];
    life.engine.ask(UploadRequestKind.sign);
    life.host.online();
    await life.pass(2000);
    expect([life.state()?.state, life.warnings()]).toEqual(['recording', ['unauthorized', 'unauthorized']]);
    expect(life.tokens.map(({ reason }) => reason).slice(0, 2)).toEqual(['needed', 'refused']);
    life.host.newToken('fresh');
    life.asked.length = 0;
    life.engine.ask(UploadRequestKind.sign);
    life.host.online();
    await life.pass(50);
    expect(life.asked.some(({ headers }) => headers.get('Authorization') === 'Bearer fresh')).toBe(true);
  });
});
