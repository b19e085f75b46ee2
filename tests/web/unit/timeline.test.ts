/** How often the timeline of a running take goes to the server. */

import 'fake-indexeddb/auto';
import { expect, it, vi } from 'vitest';
import { hostForEach, PIECE, type HostFixture } from './host-fixture.js';

vi.hoisted(() =>
  Object.assign(globalThis, {
    OffscreenCanvas: class {
      getContext = (): null => null;
    },
  }),
);

let life: HostFixture;
hostForEach((fresh) => {
  life = fresh;
});

it.each([
  ['a short one every ten seconds', 2, 7],
  ['one of 100 kB every 24 seconds', 100_000, 3],
  ['one of 1 MB once in four minutes', 1_000_000, 1],
])('%s', async (_name, bytes, times) => {
  life.engine.timelineBytes = bytes;
  await life.open();
  expect(await life.settled(life.start())).toBe('done');
  life.engine.record(PIECE);
  await life.pass(61_000);
  expect(life.calls().filter((call) => call === 'PUT /recordings/rec_1/timeline').length).toBe(times);
});
