// What each public entry costs a page: bundled and minified with all that it imports (lit apart), gzipped.
// A budget is about a tenth above what it was when it was set: raise it when something new is worth it, and say so.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { consumer, packed } from './packed.mjs';

/** Bytes, gzipped (level 9), by entry. */
const BUDGETS = {
  '.': 22_500,
  './worker': 38_500,
  './audio-worklet': 600,
  './elements': 62_000,
  './elements/define': 62_000,
  './elements/de': 12_000,
};

async function bytesOf(subpath) {
  const name = subpath.replace(/^\./, 'keeptake');
  const folder = consumer({ 'entry.js': `export * from '${name}'; import '${name}';` }, { lit: false });
  const { outputFiles } = await esbuild.build({
    absWorkingDir: folder,
    entryPoints: ['entry.js'],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
    external: ['lit', 'lit/*'],
    logLevel: 'silent',
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

describe('the size of each entry', () => {
  it('has a budget', () => {
    const scripts = Object.entries(packed().manifest.exports).filter(([, target]) => typeof target !== 'string');
    assert.deepEqual(scripts.map(([subpath]) => subpath).sort(), Object.keys(BUDGETS).sort());
  });

  for (const [subpath, most] of Object.entries(BUDGETS))
    it(`${subpath} is at most ${most} bytes`, async (t) => {
      const bytes = await bytesOf(subpath);
      t.diagnostic(`${bytes} bytes`);
      assert.ok(bytes <= most, `${bytes} bytes are more than ${most}`);
      assert.ok(bytes > most / 2, `${bytes} bytes: the budget of ${most} is far too wide`);
    });
});
