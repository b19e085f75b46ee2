// What bodies that stand still cost. (Many of one part are cut: crowd.test.mjs.)
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Store, presign } from './support/s3.mjs';

const BODIES = 500;
const SENT = 700_000; // of each, more than any buffer
const MOST_MB = 128;

let store;
before(async () => {
  store = await Store.start();
  assert.equal((await store.send('PUT', '/takes')).status, 200);
});
after(async () => {
  assert.deepEqual(await store.stop(), { code: 0, signal: null }, store.log);
});

const residentMb = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${store.child.pid}/status`, 'utf8'))[1]) / 1024;
const isSanitized = () => /asan/.test(readFileSync(`/proc/${store.child.pid}/maps`, 'utf8'));

/** Resolves once the store has taken all that was written. */
function stall(target) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(store.port, '127.0.0.1');
    socket.on('error', reject);
    socket.write(`PUT ${target} HTTP/1.1\r\nHost: ${store.host}\r\nContent-Length: 5242880\r\n\r\n`);
    socket.write(Buffer.alloc(SENT), () => resolve(socket));
  });
}

test(`${BODIES} PUTs that stand still`, async () => {
  const id = await store.startUpload('/takes/still');
  let part = 10;
  const target = () => presign('PUT', store.host, '/takes/still', { query: { partNumber: part++, uploadId: id } });
  const sockets = [];
  for (let i = 0; i < BODIES; i += 50) sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => stall(target())))));
  let most = 0;
  for (let i = 0; i < 20; i++) {
    await sleep(50);
    most = Math.max(most, residentMb());
  }
  console.log(`resident: ${most.toFixed(0)} MB`);
  if (!isSanitized()) assert.ok(most < MOST_MB, `${most} MB`);
  const other = await store.putPart('/takes/still', id, 2, Buffer.alloc(300_000));
  assert.equal(other.status, 200, 'others are served meanwhile');
  for (const socket of sockets) socket.destroy();
});
