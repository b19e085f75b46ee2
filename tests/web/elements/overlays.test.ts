/** Names in the picture, without an engine. */

import { expect, test } from 'vitest';
import { Overlays, type OverlaysOptions } from '../../../web/src/worker/overlays.js';
import type { Source } from '../../../web/src/worker/sources.js';

test('a name that is cleared leaves the picture, and comes back when there is one again', () => {
  const shown = new Set<string>();
  const source = { id: 'ada', name: 'Ada', showName: true } as Source;
  const overlays = new Overlays({
    recorder: {
      showSprite: ({ id }: { id: string }) => shown.add(id),
      hideSprite: (id: string) => shown.delete(id),
      placed: () => [],
    },
    sources: { all: () => [source] },
    width: 640,
    height: 360,
    nowUs: () => 0,
    wallUs: () => 0,
    composed: () => ['ada'],
  } as unknown as OverlaysOptions);
  overlays.redraw();
  expect([...shown]).toEqual(['name:ada']);
  for (const name of ['', '  ']) {
    source.name = name;
    overlays.renamed(source);
    expect([...shown]).toEqual([]);
    source.name = 'Ada';
    overlays.renamed(source);
    expect([...shown]).toEqual(['name:ada']);
  }
});
