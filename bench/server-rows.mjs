// Server with many recordings: how long turns of its loop take under mixed requests, which is how long everything else
// has to wait, and how long a scrape of the metrics takes. The turns are the server's own histogram
// (keeptake_loop_turn_seconds): what is not the loop's work, as the time that this script takes, is not in it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { startServer, temporaryFolder } from '../tests/e2e/support/stack.mjs';
import { bar, median, table } from './lib/figures.mjs';
import { BUILD } from './lib/programs.mjs';

const ROWS = 1_000_000;
const CLIENTS = 16;
const PAUSE_MS = 20; // of each between two requests: the loop has time to wait, as it should have in use
const TURN_BAR_MS = 2;
const SCRAPE_BAR_MS = 5;
const SCRAPE_EVERY_MS = 100;

function fill(data, rows) {
  const program = join(BUILD, 'native/server-stub/server_rows');
  const { status, stdout, stderr } = spawnSync(program, [join(data, 'keeptake.db'), String(rows)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return stdout.trim();
}

/** One request on a kept connection; resolves to { status, body, ms }. */
function ask(agent, base, token, method, path, body) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}`, ...(body ? { 'Content-Type': 'application/json' } : {}) };
    const call = request(new URL(path, base), { method, agent, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, body: String(Buffer.concat(chunks)), ms: performance.now() - began }));
    });
    call.on('error', reject);
    call.end(body ? JSON.stringify(body) : undefined);
  });
}

/** The histogram as [bound in seconds, how many are no longer][]. */
function buckets(text, name) {
  return [...text.matchAll(new RegExp(`^${name}_bucket\\{le="([^"]+)"\\} (\\d+)`, 'gm'))].map(([, bound, count]) => [
    bound === '+Inf' ? Infinity : Number(bound),
    Number(count),
  ]);
}

/** The share q of what came between two histograms was no longer than this, in ms: read off within a bucket as if it were even. */
function quantile(before, after, q) {
  const counts = after.map(([bound, count], i) => [bound, count - before[i][1]]);
  const wanted = counts.at(-1)[1] * q;
  let lower = 0;
  let below = 0;
  for (const [bound, count] of counts) {
    if (count >= wanted) return 1000 * (bound === Infinity ? lower : lower + ((bound - lower) * (wanted - below)) / (count - below));
    lower = bound;
    below = count;
  }
  return Infinity;
}

const TAKE = { codec: 'vp9', width: 640, height: 360, fps: 30, video_bitrate: 1e6, audio_bitrate: 64000 };

/** What browsers, viewers and back ends ask, in turn, until `isOver()`. */
async function client(server, token, isOver, seen) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const call = async (method, path, body) => {
    const answer = await ask(agent, server.url, token, method, `/api/v1${path}`, body);
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    seen.requests++;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    return answer.body ? JSON.parse(answer.body) : null;
  };
  let cursor = '';
  while (!isOver()) {
    const page = await call('GET', `/recordings?limit=50${cursor}`);
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : '';
    const complete = page.recordings.filter(({ state }) => state === 'complete');
    for (const { id } of complete.slice(0, 8)) {
      await call('GET', `/recordings/${id}`);
      await call('POST', `/recordings/${id}/playback`, {});
    }
    if (complete[0]) await call('PATCH', `/recordings/${complete[0].id}`, { title: `Seen ${seen.requests}` });
    const { id } = await call('POST', '/recordings', { ...TAKE, title: 'New' });
    await call('POST', `/recordings/${id}/upload`, {});
    await call('POST', `/recordings/${id}/upload/sign`, { parts: [1, 2, 3, 4] });
    await call('GET', '/tokens');
    await call('DELETE', `/recordings/${id}/upload`);
    await call('DELETE', `/recordings/${id}`);
  }
  agent.destroy();
}

export async function run({ quick }) {
  const settings = { rows: quick ? 50_000 : ROWS, seconds: quick ? 5 : 30, clients: CLIENTS };
  const folder = temporaryFolder('bench-rows');
  const studio = join(folder, 'studio');
  const data = join(folder, 'keeptake');
  mkdirSync(studio);
  mkdirSync(data);
  let server;
  try {
    const token = fill(data, settings.rows);
    server = await startServer({ studio, data, store: 'disk' });
    const agent = new Agent({ keepAlive: true });
    const scrape = async () => {
      const answer = await ask(agent, server.metrics_url, token, 'GET', '/metrics');
      if (answer.status !== 200) throw new Error(`/metrics: ${answer.status}`);
      return answer;
    };
    await scrape();
    const alone = [];
    for (let i = 0; i < 20; i++) alone.push((await scrape()).ms);
    const before = buckets((await scrape()).body, 'keeptake_loop_turn_seconds');
    const end = performance.now() + settings.seconds * 1000;
    const seen = { requests: 0 };
    const loaded = [];
    const clients = Array.from({ length: CLIENTS }, () => client(server, token, () => performance.now() > end, seen));
    while (performance.now() < end) {
      loaded.push((await scrape()).ms);
      await new Promise((resolve) => setTimeout(resolve, SCRAPE_EVERY_MS));
    }
    await Promise.all(clients);
    const last = (await scrape()).body;
    const after = buckets(last, 'keeptake_loop_turn_seconds');
    agent.destroy();
    const complete = Number(/^keeptake_recordings\{state="complete"\} (\d+)/m.exec(last)[1]);
    if (complete < settings.rows * 0.98) throw new Error(`only ${complete} recordings are counted`);
    const row = {
      requestsPerSecond: seen.requests / settings.seconds,
      turns: after.at(-1)[1] - before.at(-1)[1],
      turnP50Ms: quantile(before, after, 0.5),
      turnP999Ms: quantile(before, after, 0.999),
      scrapeMs: median(alone),
      scrapeLoadedMs: median(loaded),
    };
    table(`${settings.rows} recordings, ${CLIENTS} clients`, [
      ['requests/s', 'requestsPerSecond'], ['turns', 'turns'], ['turn p50, ms', 'turnP50Ms'], ['p99.9, ms', 'turnP999Ms'],
      ['scrape alone, ms', 'scrapeMs'], ['under load, ms', 'scrapeLoadedMs'],
    ], [row]);
    return {
      settings,
      row,
      bars: [
        bar(`turns of the loop at ${settings.rows} recordings, p99.9, ms`, row.turnP999Ms, { most: TURN_BAR_MS }),
        bar(`a scrape at ${settings.rows} recordings, ms`, row.scrapeMs, { most: SCRAPE_BAR_MS }),
      ],
    };
  } finally {
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
