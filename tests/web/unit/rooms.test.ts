/** The map of web/ (docs/web.md): an import that goes against it is found, wherever it stands and however it is written. */

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkRooms, wrongImports } from '../../../scripts/lib/web-rooms.mjs';

const WEB = fileURLToPath(new URL('../../../web', import.meta.url));

test('the house keeps to its map', () => {
  expect(checkRooms(WEB)).toEqual([]);
});

test.each([
  ['src/server/api.ts', "import { JournalStore } from '../journal/store.js';", 'src/journal'],
  ['src/engine/heap.ts', "import type { Api } from '../server/api.js';", 'src/server'],
  ['src/page/recorder.ts', "export { Take } from '../worker/take.js';", 'src/worker'],
  ['src/worker/take.ts', "const late = await import('../page/options.js');", 'src/page'],
  ['src/base/errors.ts', "export * from '../index.js';", 'src/index.ts'],
  ['src/base/errors.ts', "type Late = import('../protocol/messages.js').Reply;", 'src/protocol'],
  ['src/worker/deeper/more.ts', "import { PageStage } from '../../page/page-stage.js';", 'src/page'],
  ['src/capture/sound.ts', "import { LitElement } from 'lit';", '"lit"'],
  ['src/page/recovery.ts', "import { createRecorder } from 'keeptake';", '"keeptake"'],
  ['elements/store.ts', "import type { TakeState } from '../src/base/types.js';", 'src/base'],
  ['elements/store.ts', "import { settings } from '../pages/studio/settings.js';", 'pages'],
  ['pages/studio/main.ts', "import { ApiClient } from '../../src/server/api.js';", 'src/server'],
  ['src/base/errors.ts', "import '../../../tests/web/fake-recorder.js';", 'tests'],
])('%s with `%s`', (path, text, what) => {
  const found = wrongImports(path, text);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(what);
  expect(found[0]).toContain(`web/${path}`);
});

test('a room that nobody has put on the map is found, too', () => {
  expect(wrongImports('src/attic/box.ts', '')[0]).toContain('src/attic');
});

test('what looks like an import in a comment or a text is none', () => {
  expect(
    wrongImports('src/base/errors.ts', "// import x from '../page/title.js'\nconst text = `from '../page/title.js'`;"),
  ).toEqual([]);
});

test('an import that is planted in a copy of the house is found', () => {
  const copy = mkdtempSync(join(tmpdir(), 'keeptake-rooms-'));
  try {
    for (const top of ['src', 'elements', 'pages'])
      cpSync(join(WEB, top), join(copy, top), {
        recursive: true,
        filter: (path) => !/\/(dist|node_modules)$/.test(path),
      });
    writeFileSync(join(copy, 'src/upload/planted.ts'), "import '../worker/host.js';\n");
    expect(checkRooms(copy)).toEqual([expect.stringContaining('web/src/upload/planted.ts')]);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});
