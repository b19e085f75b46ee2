import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { JournalStore } from '../../../web/src/journal/store.js';
import type { WorkerNotice } from '../../../web/src/protocol/messages.js';
import { RecoveryHost } from '../../../web/src/worker/recovery-host.js';
import { FakeLocks } from './fake-locks.js';

const ID = 'ab'.repeat(16);
const notices: WorkerNotice[] = [];
let made = 0;

/** An engine whose every call traps. */
function broken(): unknown {
  made += 1;
  const trap = (): never => {
    throw new WebAssembly.RuntimeError('unreachable');
  };
  return new Proxy(
    {},
    { get: (_, name) => (name === 'then' ? undefined : name === 'HEAPU8' ? new Uint8Array(64) : trap) },
  );
}

async function opened(): Promise<RecoveryHost> {
  const host = new RecoveryHost(
    (notice) => notices.push(notice),
    () => Promise.resolve(null),
  );
  await host.handlers.recover({
    engineUrl: 'data:text/javascript,export default () => globalThis.engineOfRecovery()',
    wasmUrl: 'none:',
    server: null,
    hasToken: false,
    database: 'keeptake',
    scope: '',
  });
  return host;
}

beforeEach(async () => {
  made = 0;
  notices.length = 0;
  vi.stubGlobal('indexedDB', new IDBFactory());
  vi.stubGlobal('navigator', { locks: new FakeLocks() });
  vi.stubGlobal('engineOfRecovery', broken);
  const store = await JournalStore.open('keeptake');
  await store.write(
    {
      id: ID,
      recordingId: null,
      server: null,
      partBytes: 5 << 20,
      codec: 'vp8',
      width: 320,
      height: 180,
      title: '',
      startedAt: 0,
      page: { title: '', url: '' },
      durationUs: 1,
      fileBytes: 9,
      releasedBytes: 0,
      safeBytes: 0,
      localBytes: 4,
      clusters: 1,
      discarding: false,
    },
    [{ sequence: 0, bytes: new Uint8Array(4) }],
    [],
    'relaxed',
  );
  store.close();
});
afterEach(() => vi.unstubAllGlobals());

it('an engine that trapped is not used again, and lets go of the take', async () => {
  const host = await opened();
  await expect(host.handlers.download({ id: ID })).rejects.toThrow('unreachable');
  await expect(host.handlers.salvage({ id: ID })).rejects.toThrow('unreachable');
  expect(made).toBe(2);
});

it('an error of nobody is told while something runs, and only then', async () => {
  const host = await opened();
  host.crashed(new Error('idle'));
  expect(notices).toEqual([]);
  const running = host.handlers.download({ id: ID }).catch(() => undefined);
  host.crashed(new WebAssembly.RuntimeError('in a timer'));
  expect(notices).toMatchObject([
    { notice: 'crashed', error: { code: 'engine-failed', message: 'in a timer', context: {}, fatal: false } },
  ]);
  await running;
});
