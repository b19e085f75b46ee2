// The drill: record, back up while recording goes on, lose everything, restore, and everything plays.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Keeptake, beginRecording, makeToken, putParts, runProgram, settings, someBytes, temporaryFolder } from './support/keeptake.mjs';
import { makeTake } from './support/takes.mjs';

const PART = 65536;
const args = ['--part-bytes', String(PART)];
let files, take;
before(() => {
  files = mkdtempSync(path.join(tmpdir(), 'keeptake-takes-'));
  take = makeTake(files, 'take', '--bitrate', '300000');
});
after(() => rmSync(files, { recursive: true, force: true }));

const slices = (bytes) => Array.from({ length: Math.ceil(bytes.length / PART) }, (_, i) => bytes.subarray(i * PART, (i + 1) * PART));

function folders(t, count = 2) {
  const made = Array.from({ length: count }, () => temporaryFolder());
  t.after(() => made.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
  return made;
}

async function complete(server, call, bytes = take.whole) {
  const id = await beginRecording(call);
  const parts = await putParts(server, call, id, slices(bytes));
  const done = await call('POST', `/recordings/${id}/upload/complete`, { parts, bytes: bytes.length, duration: 5 });
  assert.equal(done.status, 200, String(done.body));
  return id;
}

async function plays(server, call, id, bytes) {
  const { url } = (await call('POST', `/recordings/${id}/playback`)).json;
  const got = await server.request('GET', url);
  assert.equal(got.status, 200);
  assert.ok(got.body.equals(bytes), `${id}: byte for byte`);
}

test('a copy made under load holds all that was acknowledged, and a server made of it plays it', async (t) => {
  const [root] = folders(t, 1);
  const data = path.join(root, 'data');
  const saved = path.join(root, 'saved');
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const token = makeToken(data, 'a', 'owner');
  let server = await Keeptake.start({ data, args });
  let call = server.client(token);
  const whole = [await complete(server, call), await complete(server, call, someBytes(PART * 5 + 17, 3))];
  const contents = new Map([[whole[0], take.whole], [whole[1], someBytes(PART * 5 + 17, 3)]]);
  const gone = await complete(server, call);
  assert.equal((await call('DELETE', `/recordings/${gone}`)).status, 204);
  const open = await beginRecording(call); // goes on after the restore
  const firstParts = await putParts(server, call, open, slices(take.whole).slice(0, 3));
  await call('PUT', `/recordings/${whole[0]}/timeline`, JSON.stringify({ version: 1, canvas: { width: 1280, height: 720 }, events: [] }));

  // Others record, complete, send again and delete all the while.
  let busy = true;
  const rounds = [0, 0];
  const workers = rounds.map(async (_, worker) => {
    for (let i = 0; busy; i++, rounds[worker]++) {
      const id = await complete(server, call, someBytes(PART * 2 + i, worker));
      if (i % 2) assert.equal((await call('DELETE', `/recordings/${id}`)).status, 204);
    }
  });
  const runs = [];
  for (let i = 0; i < 4; i++) {
    const { spawn } = await import('node:child_process');
    const { serverProgram } = await import('./support/keeptake.mjs');
    const child = spawn(serverProgram(), ['backup', `${saved}-${i}`, '--data', data], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    const code = await new Promise((resolve) => child.on('exit', resolve));
    runs.push(`${code} ${text}`);
    assert.equal(code, 0, text);
    assert.match(text, /^saved: \d+ objects, \d+ uploads, \d+ parts, \d+ bytes \(0 of them written anew\)\.$/m);
  }
  busy = false;
  await Promise.all(workers);
  assert.ok(rounds.every((count) => count > 1), 'there was load');
  await server.stop();

  rmSync(data, { recursive: true });
  for (let i = 0; i < 4; i++) {
    const checked = runProgram(['restore', '--check', `${saved}-${i}`]);
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    assert.match(checked.stdout, /all as it was saved/);
  }
  const restored = runProgram(['restore', `${saved}-3`, '--data', data]);
  assert.equal(restored.status, 0, restored.stdout + restored.stderr);
  assert.equal(statSync(data).mode & 0o777, 0o700);
  server = await Keeptake.start({ data, args });
  call = server.client(token);
  for (const id of whole) await plays(server, call, id, contents.get(id));
  assert.equal((await call('GET', `/recordings/${whole[0]}/timeline`)).status, 200);
  assert.equal((await call('GET', `/recordings/${gone}`)).status, 404, 'what was deleted stays deleted');
  // Everything that the copied database calls complete is there.
  for (let listed = (await call('GET', '/recordings?limit=200')).json.recordings; listed.length > 0; listed = []) {
    for (const row of listed.filter(({ state }) => state === 'complete')) {
      const { url } = (await call('POST', `/recordings/${row.id}/playback`)).json;
      assert.equal((await server.request('GET', url)).body.length, row.bytes, row.id);
    }
  }
  // The browser goes on where it was.
  const rest = slices(take.whole).slice(3);
  const parts = [...firstParts, ...(await putParts(server, call, open, rest, 4))];
  assert.equal((await call('POST', `/recordings/${open}/upload/complete`, { parts, bytes: take.whole.length, duration: 5 })).status, 200);
  await plays(server, call, open, take.whole);
  await server.stop();
  assert.equal(runProgram(['fsck', '--verify', '--adopt', 'all', '--data', data]).status, 0);
});

test('a copy that was not finished, or is damaged, is told of and not restored over what is there', async (t) => {
  const [root] = folders(t, 1);
  const data = path.join(root, 'data');
  const saved = path.join(root, 'saved');
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const token = makeToken(data, 'a', 'owner');
  const server = await Keeptake.start({ data, args });
  const id = await complete(server, server.client(token));
  await server.stop();
  assert.equal(runProgram(['backup', saved, '--data', data, '--verify']).status, 0);
  const again = runProgram(['backup', saved, '--data', data]);
  assert.equal(again.status, 2);
  assert.match(again.stderr, /saved cannot be made: File exists/);
  const over = runProgram(['restore', saved, '--data', data]);
  assert.equal(over.status, 2);
  assert.match(over.stderr, /it must be empty, or not there/);
  assert.ok(existsSync(path.join(data, 'keeptake.db')));
  assert.equal(runProgram(['restore', path.join(root, 'nothing'), '--data', path.join(root, 'new')]).status, 2);

  // One bit of a part, then a part, then the database.
  const [folder] = readdirSync(path.join(saved, 'store', 'data'));
  const part = path.join(saved, 'store', 'data', folder, '00002');
  const bytes = readFileSync(part);
  rmSync(part); // it is shared with the original
  const flipped = Buffer.from(bytes);
  flipped[1000] ^= 1;
  writeFileSync(part, flipped);
  const wrong = runProgram(['restore', '--check', saved]);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stdout, new RegExp(`damaged .*${id}.*part 2: its bytes have another MD5`));
  rmSync(part);
  assert.match(runProgram(['restore', '--check', saved]).stdout, /part 2: its file: No such file/);
  writeFileSync(part, bytes);
  assert.equal(runProgram(['restore', '--check', saved]).status, 0);
  const manifests = path.join(saved, 'store', 'buckets', 'keeptake', 'objects');
  const [shelf] = readdirSync(manifests);
  rmSync(path.join(manifests, shelf), { recursive: true });
  assert.match(runProgram(['restore', '--check', saved]).stdout, new RegExp(`^missing  ${id} a take: is complete, and its object is not in the store`, 'm'));
  // Of an older version: what is made on the way to look at it goes again.
  const scratch = path.join(root, 'scratch');
  mkdirSync(scratch);
  const database = readFileSync(path.join(saved, 'keeptake.db'));
  const older = Buffer.from(database);
  older.writeUInt32BE(5, 60); // user_version; its tables are not of that version
  writeFileSync(path.join(saved, 'keeptake.db'), older);
  assert.match(runProgram(['restore', '--check', saved], { TMPDIR: scratch }).stderr, /cannot be brought up to date/);
  assert.deepEqual(readdirSync(scratch), []);
  writeFileSync(path.join(saved, 'keeptake.db'), database);
  rmSync(path.join(saved, 'backup.json'));
  assert.match(runProgram(['restore', '--check', saved]).stderr, /no backup\.json/);
  truncateSync(path.join(saved, 'keeptake.db'), 8192);
  copyFileSync(path.join(root, 'saved', 'keeptake.db'), path.join(saved, 'x'));
  writeFileSync(path.join(saved, 'backup.json'), '{"format":1}');
  assert.equal(runProgram(['restore', '--check', saved]).status, 2);
});

test('across file systems parts are written anew, and compared on the way', async (t) => {
  if (!existsSync('/dev/shm') || statSync('/dev/shm').dev === statSync(tmpdir()).dev) return t.skip('one file system only');
  const [root] = folders(t, 1);
  const other = mkdtempSync('/dev/shm/keeptake-');
  t.after(() => rmSync(other, { recursive: true, force: true }));
  const data = path.join(root, 'data');
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const token = makeToken(data, 'a', 'owner');
  const server = await Keeptake.start({ data, args });
  const call = server.client(token);
  const ids = [await complete(server, call), await complete(server, call)];
  await putParts(server, call, await beginRecording(call), [someBytes(PART, 9)]);
  const made = runProgram(['backup', path.join(other, 'one'), '--data', data]);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, new RegExp(`^saved: 2 objects, 1 uploads, \\d+ parts, (\\d+) bytes \\(\\1 of them`));
  assert.equal(runProgram(['restore', '--check', path.join(other, 'one')]).status, 0);

  const folder = readdirSync(path.join(data, 'store', 'data')).map((name) => path.join(data, 'store', 'data', name)).find((name) => readdirSync(name).length > 2);
  const bytes = readFileSync(path.join(folder, '00001'));
  bytes[5] ^= 4;
  writeFileSync(path.join(folder, '00001'), bytes);
  const partly = runProgram(['backup', path.join(other, 'two'), '--data', data]);
  assert.equal(partly.status, 1, 'what is whole is in the copy');
  assert.match(partly.stdout, /^damaged .*: a part is missing or damaged/m);
  assert.match(partly.stdout, /^saved: 1 objects/m);
  const full = mkdtempSync('/dev/shm/keeptake-');
  rmSync(full, { recursive: true });
  assert.equal(runProgram(['restore', path.join(other, 'one'), '--data', full]).status, 0);
  const back = await Keeptake.start({ data: full, args });
  t.after(() => rmSync(full, { recursive: true, force: true }));
  for (const id of ids) await plays(back, back.client(token), id, take.whole);
  await back.stop();
  await server.stop();
});

test('fsck compares rows, objects and uploads, also beside a server', async (t) => {
  const [data] = folders(t, 1);
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const token = makeToken(data, 'a', 'owner');
  const server = await Keeptake.start({ data, args });
  const call = server.client(token);
  const fsck = (...more) => runProgram(['fsck', '--data', data, ...more]);
  const id = await complete(server, call);
  await call('POST', '/recordings', settings);
  const open = await beginRecording(call);
  await putParts(server, call, open, [someBytes(PART, 1)]);
  assert.match(fsck().stdout, /^3 rows, 1 objects, 1 uploads: all is well\.$/m);
  assert.equal(fsck('--verify').status, 0);
  const manifests = path.join(data, 'store', 'buckets', 'keeptake', 'objects');
  const [shelf] = readdirSync(manifests);
  const [hash] = readdirSync(path.join(manifests, shelf));
  const manifest = path.join(manifests, shelf, hash);
  const kept = readFileSync(manifest);
  rmSync(manifest);
  for (const name of readdirSync(path.join(data, 'store', 'uploads'))) rmSync(path.join(data, 'store', 'uploads', name));
  const broken = fsck();
  assert.equal(broken.status, 1);
  assert.match(broken.stdout, new RegExp(`^missing  ${id} a take: `, 'm'));
  assert.match(broken.stdout, new RegExp(`^lost     ${open} a take: neither`, 'm'));
  mkdirSync(path.dirname(manifest), { recursive: true });
  writeFileSync(manifest, kept);
  await server.stop();
  const none = runProgram(['fsck', '--data', path.join(data, 'nowhere')]);
  assert.equal(none.status, 2);
  assert.ok(!existsSync(path.join(data, 'nowhere')));
});

test('a server reads its store again in the background, and says what is damaged', async (t) => {
  const [data] = folders(t, 1);
  runProgram(['organisation', 'create', 'a', '--data', data]);
  const token = makeToken(data, 'a', 'owner');
  const server = await Keeptake.start({ data, args: [...args, '--scrub-interval', '1', '--scrub-rate', String(64 << 20)] });
  t.after(() => server.stop());
  const call = server.client(token);
  const id = await complete(server, call);
  await putParts(server, call, await beginRecording(call), [someBytes(PART, 9)]);
  const metric = async (name) => Number(new RegExp(`^keeptake_scrub_${name} (\\S+)$`, 'm').exec(String((await server.request('GET', '/metrics')).body))[1]);
  const pass = async () => {
    const before = await metric('passes_total');
    for (let i = 0; i < 200 && (await metric('passes_total')) < before + 2; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok((await metric('passes_total')) >= before + 2, 'passes go on');
  };
  await pass();
  assert.deepEqual([await metric('damaged'), await metric('objects')], [0, 1]);
  assert.ok((await metric('bytes_total')) >= take.whole.length + PART);
  assert.ok(Math.abs((await metric('last_pass_timestamp_seconds')) - Date.now() / 1000) < 60);
  const folder = readdirSync(path.join(data, 'store', 'data')).map((name) => path.join(data, 'store', 'data', name)).find((name) => readdirSync(name).length > 2);
  const bytes = readFileSync(path.join(folder, '00001'));
  bytes[5] ^= 4;
  writeFileSync(path.join(folder, '00001'), bytes);
  await pass();
  assert.equal(await metric('damaged'), 1);
  assert.match(server.log, new RegExp(`"event":"scrub-damaged","finding":"keeptake/takes/a/${id}.webm: part 1: its bytes have another MD5`));

  const slow = await Keeptake.start({ args: ['--scrub-interval', '1', '--scrub-rate', '1'] });
  const slowCall = slow.client((runProgram(['organisation', 'create', 'b', '--data', slow.data]), makeToken(slow.data, 'b', 'owner')));
  await putParts(slow, slowCall, await beginRecording(slowCall), [someBytes(PART, 9)]);
  await new Promise((resolve) => setTimeout(resolve, 1500)); // it waits for 18 hours now
  assert.deepEqual(await slow.stop(), { code: 0, signal: null });
  assert.doesNotMatch(slow.log, /stopped-busy|scrub-damaged/);
});
