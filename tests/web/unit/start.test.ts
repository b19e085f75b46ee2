import 'fake-indexeddb/auto';
import { describe, expect, it, vi } from 'vitest';
import { JournalStore, liveTakes } from '../../../web/src/journal/store.js';
import { hostForEach, type HostFixture, type Answer } from './host-fixture.js';

vi.hoisted(() =>
  Object.assign(globalThis, {
    OffscreenCanvas: class {
      getContext = (): null => null;
    },
  }),
);

let life: HostFixture;

hostForEach((fresh) => (life = fresh));

describe('start', () => {
  it('is answered with the first recorded picture, not with the countdown', async () => {
    await life.open({ server: null });
    life.engine.countsDown = true;
    const starting = life.start();
    expect([await life.settled(starting, 500), life.state()?.state]).toEqual(['pending', 'countdown']);
    life.engine.pictures = false;
    life.engine.session = 'recording';
    expect([await life.settled(starting, 500), life.state()?.state]).toEqual(['pending', 'recording']);
    life.engine.pictures = true;
    expect(await life.settled(starting)).toBe('done');
  });

  it.each(['cancel', 'restart', 'stop'] as const)('%s in the countdown ends it', async (call) => {
    await life.open();
    life.engine.countsDown = true;
    const starting = life.start();
    expect([await life.settled(starting), life.state()?.state]).toEqual(['pending', 'countdown']);
    const ended = await life.settled((async () => life.host.handlers[call]({}))());
    expect([ended, await life.settled(starting), life.state()?.state]).toEqual([
      call === 'stop' ? 'aborted' : 'done',
      'aborted',
      'setup',
    ]);
  });

  it.each(['cancel', 'restart', 'stop'] as const)(
    '%s while the server is asked ends it at once, and nothing begins later',
    async (call) => {
      let give = (_: [number, unknown]): void => undefined;
      life.answer = ({ path }) => (path === '/recordings' ? new Promise((resolve) => (give = resolve)) : undefined);
      await life.open();
      const starting = life.start();
      expect(await life.settled(starting, 100)).toBe('pending');
      expect(await life.settled((async () => life.host.handlers[call]({}))())).toBe(
        call === 'stop' ? 'aborted' : 'done',
      );
      expect(await life.settled(starting)).toBe('aborted');
      give([201, { id: 'rec_late', writer: 'wr_late' }]);
      await life.pass(5000);
      expect(life.states()).toEqual([]);
      expect(life.calls()).toContain('DELETE /recordings/rec_late');
      expect(await (await JournalStore.open('keeptake')).rows()).toEqual([]);
    },
  );

  it('a second one is refused, the first goes on', async () => {
    await life.open({ server: null });
    life.engine.countsDown = true;
    const first = life.start();
    await life.pass(50);
    expect(await life.settled(life.start())).toBe('bad-state');
    life.engine.session = 'recording';
    expect(await life.settled(first)).toBe('done');
  });

  it('makes one recording, also where the answer is lost, and is known as its writer', async () => {
    const keys = new Set<string | null>();
    let lost = 1;
    life.answer = ({ path, headers }) => {
      if (path !== '/recordings') return undefined;
      keys.add(headers.get('Idempotency-Key'));
      return lost-- > 0 ? 'offline' : undefined;
    };
    await life.open();
    expect(await life.settled(life.start())).toBe('done');
    expect([keys.size, [...keys][0]?.length]).toEqual([1, 36]);
    await life.pass(16_000);
    const own = life.asked.filter(({ path }) => path.startsWith('/recordings/rec_1'));
    expect(own.map(({ path }) => path)).toContain('/recordings/rec_1/alive');
    expect(own.filter(({ headers }) => headers.get('Keeptake-Writer') !== 'wr_1')).toEqual([]);
    expect(await (await JournalStore.open('keeptake')).rows()).toMatchObject([
      { writer: 'wr_1', organisation: 'acme', scope: '' },
    ]);
  });

  it('tries again under the same key when nobody answered, and under another one afterwards', async () => {
    const keys: (string | null)[] = [];
    let down = true;
    life.answer = ({ path, headers }) => {
      if (path !== '/recordings') return undefined;
      keys.push(headers.get('Idempotency-Key'));
      return down ? 'offline' : undefined;
    };
    await life.open({ journal: null });
    expect(await life.settled(life.start())).toBe('server-unreachable');
    down = false;
    expect(await life.settled(life.start())).toBe('done');
    life.host.handlers.restart({});
    expect(await life.settled(life.start())).toBe('done');
    expect([new Set(keys.slice(0, 3)).size, new Set(keys).size]).toEqual([1, 2]);
  });

  it.each<[string, Answer]>([
    ['a gateway that gives up', [504, { message: 'too late' }]],
    ['a sign-in page', [200, '<html>']],
  ])('%s instead of the answer is no answer: it is asked again under the same key', async (_name, answer) => {
    const keys: (string | null)[] = [];
    life.answer = ({ path, headers }) => {
      if (path !== '/recordings') return undefined;
      keys.push(headers.get('Idempotency-Key'));
      return keys.length === 1 ? answer : undefined;
    };
    await life.open();
    const outcome = await life.settled(life.start());
    expect([outcome, keys.length, new Set(keys).size]).toEqual(['done', 2, 1]);
  });

  it('makes another recording where that of a failed start is being removed', async () => {
    const keys: (string | null)[] = [];
    life.answer = ({ method, path, headers }) => {
      if (path === '/recordings') keys.push(headers.get('Idempotency-Key'));
      return method === 'POST' && path.endsWith('/upload') && keys.length === 1 ? 'offline' : undefined;
    };
    await life.open({ journal: null });
    expect(await life.settled(life.start())).toBe('server-unreachable');
    expect(await life.settled(life.start())).toBe('done');
    expect(new Set(keys).size).toBe(2);
  });

  it('restart is answered at once, also where the server is not', async () => {
    await life.open();
    expect(await life.settled(life.start())).toBe('done');
    life.answer = () => 'offline';
    expect(await life.settled((async () => life.host.handlers.restart({}))(), 10)).toBe('done');
    expect(life.state()?.state).toBe('setup');
  });
});

describe('a take without a server', () => {
  const rows = async (): Promise<string[]> => {
    const store = await JournalStore.open('keeptake');
    const found = await store.rows();
    store.close();
    return found.map(({ id }) => id);
  };

  it('is kept through reset, until the page forgets it', async () => {
    await life.open({ server: null });
    expect(await life.settled(life.start())).toBe('done');
    life.engine.record(1000);
    await life.pass(100);
    life.host.handlers.stop({});
    for (let round = 0; round < 20 && life.state()?.state !== 'stopped'; round++) await life.pass(50);
    const state = life.state();
    const journalId = state?.state === 'stopped' ? state.take.journalId : undefined;
    expect(await rows()).toEqual([journalId]);
    expect((await liveTakes()).size).toBe(1);
    await life.host.handlers.reset({});
    await life.pass(20);
    expect([await rows(), (await liveTakes()).size]).toEqual([[journalId], 0]);
    // It is the page's now.
    expect(await life.host.handlers.forget({ journalId: journalId ?? '' })).toBe(false);
  });

  it('is forgotten at once while its recorder still has it', async () => {
    await life.open({ server: null });
    expect(await life.settled(life.start())).toBe('done');
    life.engine.record(1000);
    await life.pass(100);
    life.host.handlers.stop({});
    for (let round = 0; round < 20 && life.state()?.state !== 'stopped'; round++) await life.pass(50);
    const [journalId = ''] = await rows();
    const forgotten = Promise.resolve(life.host.handlers.forget({ journalId }));
    expect(await life.settled(forgotten)).toBe(true);
    expect(await rows()).toEqual([]);
  });
});
