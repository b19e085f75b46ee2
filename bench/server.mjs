// Server: uploads into keeptake-server's own store and into Ceph RGW by turns, with the same client: multipart, parts
// by presigned PUTs, four at once, complete. And what the idle server takes of memory.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startServer, temporaryFolder } from '../tests/e2e/support/stack.mjs';
import { ACCESS_KEY, missingPrograms, SECRET_KEY, startCeph } from '../tests/support/ceph.mjs';
import { bar, median, table, takeTurns } from './lib/figures.mjs';
import { family, familyCpu, residentBytes } from './lib/machine.mjs';
import { S3 } from './lib/s3.mjs';

const MIB = 1024 * 1024;
const PART_MIB = [5, 8];
const CONNECTIONS = 4;
const IDLE_BAR_BYTES = 20e6;
const SETTLE_MS = 3000;
const BUCKET = 'bench';

async function openKeeptake(folder) {
  const studio = join(folder, 'studio');
  const data = join(folder, 'keeptake');
  mkdirSync(studio);
  mkdirSync(data);
  const server = await startServer({ studio, data });
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const idleBytes = residentBytes(server.pid);
  const secrets = JSON.parse(readFileSync(join(data, 'secrets.json'), 'utf8'));
  const store = { endpoint: server.s3_url, accessKey: secrets.s3_access_key, secretKey: secrets.s3_secret_key };
  return { name: 'keeptake', store, pids: [server.pid], idleBytes, close: () => server.close() };
}

async function openCeph(folder) {
  const missing = missingPrograms();
  if (missing.length > 0) throw new Error(`Ceph is needed to compare with; missing: ${missing.join(' ')}`);
  const ceph = await startCeph(join(folder, 'ceph'));
  const store = { endpoint: ceph.endpoint, accessKey: ACCESS_KEY, secretKey: SECRET_KEY };
  return { name: 'ceph', store, pids: ceph.pids, close: () => ceph.stop() };
}

function cpuOf(pids) {
  return new Map(pids.flatMap((pid) => [...family(pid)]));
}

/** One upload; resolves to its figures. */
async function upload(place, client, partBytes, parts) {
  const path = `/${BUCKET}/take-${Date.now()}.webm`;
  const body = randomBytes(partBytes);
  const uploadId = await client.createMultipart(path);
  const before = cpuOf(place.pids);
  const began = performance.now();
  const numbers = Array.from({ length: parts }, (_, index) => index + 1);
  const etags = await Promise.all(numbers.map((number) => client.putPart(path, uploadId, number, body)));
  const stored = performance.now();
  await client.complete(path, uploadId, etags);
  const completed = performance.now();
  const cpuSeconds = familyCpu(before, cpuOf(place.pids));
  const { headers } = await client.call('HEAD', path, {});
  const bytes = Number(headers['content-length']);
  if (bytes !== parts * partBytes) throw new Error(`${place.name} has ${bytes} bytes of ${parts * partBytes}`);
  await client.call('DELETE', path, {});
  const mebibytes = bytes / MIB;
  return {
    mibPerSecond: (mebibytes * 1000) / (stored - began),
    completeMs: completed - stored,
    cpuSecondsPerGib: (cpuSeconds * 1024) / mebibytes,
  };
}

async function comparePartSize(places, partMib, { totalMib, rounds }) {
  const partBytes = partMib * MIB;
  const parts = Math.ceil(totalMib / partMib);
  const clients = places.map((place) => new S3(place.store, CONNECTIONS));
  const once = (place, index, count = parts) => upload(place, clients[index], partBytes, count);
  for (const [index, place] of places.entries()) await once(place, index, CONNECTIONS);
  const results = await takeTurns(places.map((place, index) => () => once(place, index)), rounds);
  clients.forEach((client) => client.close());
  const row = { partMib, parts };
  places.forEach(({ name }, index) => {
    for (const key of ['mibPerSecond', 'completeMs', 'cpuSecondsPerGib'])
      row[`${name}${key[0].toUpperCase()}${key.slice(1)}`] = median(results[index].map((run) => run[key]));
  });
  row.ratio = median(results[0].map((run, k) => run.mibPerSecond / results[1][k].mibPerSecond));
  return row;
}

export async function run({ quick }) {
  const settings = { totalMib: quick ? 80 : 480, rounds: quick ? 1 : 5, connections: CONNECTIONS };
  const folder = temporaryFolder('bench-server');
  const places = [];
  try {
    places.push(await openKeeptake(folder));
    places.push(await openCeph(folder));
    for (const { store } of places) {
      const client = new S3(store);
      await client.call('PUT', `/${BUCKET}`, {});
      client.close();
    }
    const rows = [];
    for (const partMib of PART_MIB) rows.push(await comparePartSize(places, partMib, settings));
    table(`Uploads of ${settings.totalMib} MiB, four presigned PUTs at once`, [
      ['part, MiB', 'partMib'], ['keeptake MiB/s', 'keeptakeMibPerSecond'], ['Ceph MiB/s', 'cephMibPerSecond'],
      ['ratio', 'ratio'], ['complete, ms', 'keeptakeCompleteMs'], ['Ceph, ms', 'cephCompleteMs'],
      ['CPU s/GiB', 'keeptakeCpuSecondsPerGib'], ['Ceph', 'cephCpuSecondsPerGib'],
    ], rows);
    const memory = { idleBytes: places[0].idleBytes, afterBytes: residentBytes(places[0].pids[0]) };
    table('Resident memory of keeptake-server, MB', [
      ['idle', (row) => row.idleBytes / 1e6], ['after the uploads', (row) => row.afterBytes / 1e6],
    ], [memory]);
    const bars = rows.map((row) => bar(`uploads in parts of ${row.partMib} MiB against Ceph RGW`, row.ratio, { least: 1 }));
    bars.push(bar('server idle, resident bytes', memory.idleBytes, { most: IDLE_BAR_BYTES }));
    return { settings, rows, memory, bars };
  } finally {
    for (const place of places.reverse()) await place.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
