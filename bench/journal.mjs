// What the journal costs: how long a chunk takes from put to complete, relaxed and strict, the CPU time of the whole
// browser for it, and the room on disk that a trimmed take needs.
import { cpSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../scripts/lib/run.mjs';
import { launchBrowser, openPage, pageFolder, startServer } from '../tests/e2e/support/stack.mjs';
import { bar, median, table, takeTurns } from './lib/figures.mjs';
import { family, familyCpu, findProcess } from './lib/machine.mjs';

/** A quarter of a second at 2.5 Mbit/s of picture and 128 kbit/s of sound, and the record's own bytes. */
const CHUNK_BYTES = 82_125;
const CHUNKS_PER_SECOND = 4;
const EVERY_MS = 100;
const PART_BYTES = 5 << 20;
const MIB = 1024 * 1024;

function folderBytes(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    try {
      bytes += entry.isDirectory() ? folderBytes(path) : statSync(path).size;
    } catch {
      // It was deleted meanwhile.
    }
  }
  return bytes;
}

const share = (values, at) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * at))];

export async function run({ quick }) {
  const studio = pageFolder();
  cpSync(join(ROOT, 'bench/page/journal-worker.mjs'), join(studio, 'journal-worker.mjs'));
  const server = await startServer({ studio });
  const browser = await launchBrowser();
  try {
    const { page } = await openPage(browser.context, `${server.url}/`);
    page.setDefaultTimeout(0);
    const pid = findProcess(`--user-data-dir=${browser.profile}`);
    await page.evaluate(() => {
      const worker = new Worker('journal-worker.mjs', { type: 'module' });
      window.act = (message) =>
        new Promise((resolve, reject) => {
          worker.onerror = (event) => reject(new Error(event.message));
          worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data.value));
          worker.postMessage(message);
        });
    });
    const count = quick ? 20 : 200;
    let takes = 0;
    const paced = async (bytes, durability) => {
      const before = family(pid);
      const waited = await page.evaluate((message) => window.act(message),
        { act: 'paced', id: `${++takes}`, count, bytes, everyMs: EVERY_MS, durability });
      return { waited, cpuMs: (familyCpu(before, family(pid)) * 1000) / count };
    };
    await paced(CHUNK_BYTES, 'relaxed');
    // Null: the same page, timers and bytes, without a journal.
    const cases = [null, 'relaxed', 'strict'];
    const turns = await takeTurns(cases.map((durability) => () => paced(CHUNK_BYTES, durability)), quick ? 1 : 3);
    const rows = cases.slice(1).map((durability, index) => {
      const waited = turns[index + 1].flatMap((turn) => turn.waited);
      const cpuMs = median(turns[index + 1].map((turn, round) => turn.cpuMs - turns[0][round].cpuMs));
      return {
        durability, chunks: waited.length, medianMs: median(waited), p95Ms: share(waited, 0.95), worstMs: Math.max(...waited),
        cpuMs, coreShare: (cpuMs * CHUNKS_PER_SECOND) / 1000,
      };
    });
    table(`Journal: ${CHUNK_BYTES} bytes a chunk, put to complete`, [
      ['durability', 'durability'], ['chunks', 'chunks'], ['median ms', 'medianMs'], ['95 % ms', 'p95Ms'], ['worst ms', 'worstMs'],
      ['CPU ms a chunk', 'cpuMs'], ['% of a core while recording', (row) => row.coreShare * 100],
    ], rows);

    // Ten minutes of a take as fast as they can be written, which leaves the browser less time to tidy up.
    const minutes = quick ? 1 : 10;
    let peak = 0;
    const before = folderBytes(browser.profile);
    const watch = setInterval(() => (peak = Math.max(peak, folderBytes(browser.profile) - before)), 200);
    const usage = await page.evaluate((message) => window.act(message),
      { act: 'trimmed', id: 'trimmed', count: minutes * 60 * CHUNKS_PER_SECOND, bytes: CHUNK_BYTES, part: PART_BYTES, durability: 'relaxed' });
    clearInterval(watch);
    console.log(`  a take of ${minutes} min, trimmed: ${(peak / MIB).toFixed(0)} MiB on disk at most, ${(usage / MIB).toFixed(0)} MiB by the browser's own account at its end`);
    return {
      durability: rows,
      trimmed: { minutes, peakBytes: peak, usageBytes: usage },
      bars: [
        bar('journal, % of a core at 2.5 Mbit/s', rows[0].coreShare * 100, { most: 3 }),
        bar('journal of a trimmed take, MB on disk', peak / 1e6, { most: 64 }),
      ],
    };
  } finally {
    await browser.close();
    await server.close();
    rmSync(studio, { recursive: true, force: true });
  }
}
