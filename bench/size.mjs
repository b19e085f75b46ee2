// What a page downloads for the engine, gzipped: the modules that each variant loads, found by their imports.
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bar, table } from './lib/figures.mjs';
import { ROOT } from '../scripts/lib/run.mjs';

const BAR_BYTES = 900 * 1000;
const DIST = join(ROOT, 'web/dist');

/** A module and everything it imports statically, as files. */
function graph(file, found = new Set()) {
  if (found.has(file)) return found;
  if (!existsSync(file)) throw new Error(`${file} is missing: the package is not built.`);
  found.add(file);
  const text = readFileSync(file, 'utf8');
  for (const [, path] of text.matchAll(/(?:^|;)\s*(?:import|export)\b(?:[^'"();]*\bfrom)?\s*['"](\.[^'"]+)['"]/gm)) graph(join(dirname(file), path), found);
  return found;
}

function measure(files) {
  return [...files].map((file) => {
    const data = readFileSync(file);
    return { file: relative(DIST, file), bytes: data.length, gzipBytes: gzipSync(data, { level: 9 }).length };
  });
}

const sum = (parts) => parts.reduce((total, part) => total + part.gzipBytes, 0);

export async function run() {
  const at = (name) => join(DIST, name);
  const scripts = new Set([...graph(at('worker.js')), ...graph(at('capture/audio-worklet.js'))]);
  const page = [...graph(at('index.js'))].filter((file) => !scripts.has(file));
  const engine = (variant) => ['mjs', 'wasm'].map((end) => at(`engine/keeptake-engine-${variant}.${end}`));
  const parts = measure([...scripts, ...page, ...engine('mt'), ...engine('st')]);
  const of = (files) => parts.filter((part) => files.some((file) => relative(DIST, file) === part.file));
  const everything = (variant) => sum(of([...scripts, ...page, ...engine(variant)]));
  const rows = [
    { what: 'everything, threaded', gzipBytes: everything('mt') },
    { what: 'everything, single-threaded', gzipBytes: everything('st') },
    { what: 'of it: modules of the page', gzipBytes: sum(of(page)) },
    { what: 'of it: modules of worker and worklet', gzipBytes: sum(of([...scripts])) },
  ];
  const wasm = parts.filter((part) => part.file.endsWith('.wasm')).map((part) => ({ what: basename(part.file), ...part }));
  table('Download, bytes gzipped (level 9)', [['what', 'what'], ['gzipped', 'gzipBytes']], [...rows, ...wasm]);
  const bars = rows.slice(0, 2).map((row) => bar(`download, ${row.what}, bytes`, row.gzipBytes, { most: BAR_BYTES }));
  return { rows, parts, bars };
}
