// `keeptake-server store verify`: what it says of a whole store, and of one that was damaged in each way there is.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { base64 } from './support/checksums.mjs';
import { runProgram, temporaryFolder } from './support/keeptake.mjs';
import { Store, tag } from './support/s3.mjs';

const data = temporaryFolder();
const dir = path.join(data, 'store');
let store;
const uploads = {};
before(async () => {
  mkdirSync(dir);
  store = await Store.start({ dir });
  await store.send('PUT', '/takes');
  for (const [key, algorithm] of [['/takes/plain', undefined], ['/takes/summed\n1', 'SHA256'], ['/takes/open', 'CRC32'], ['/takes/crc', 'CRC64NVME']]) {
    const headers = algorithm ? { 'x-amz-checksum-algorithm': algorithm } : {};
    const begun = await store.sendSigned('POST', key, { query: { uploads: '' }, headers });
    uploads[key] = tag(String(begun.body), 'UploadId');
    const parts = [];
    for (const [i, size] of [70000, 300000, 5].entries()) {
      const put = await store.putPart(key, uploads[key], i + 1, randomBytes(size));
      parts.push({ number: i + 1, etag: put.headers.etag });
    }
    if (key !== '/takes/open') assert.equal((await store.complete(key, uploads[key], parts)).status, 200);
  }
  for (const [key, size] of [['/takes/one', 100000], ['/takes/two', 7], ['/takes/none', 0]]) {
    const body = randomBytes(size);
    assert.equal((await store.sendSigned('PUT', key, { body, headers: { 'x-amz-checksum-sha1': base64('sha1', body) } })).status, 200);
  }
  assert.equal((await store.sendSigned('PUT', '/takes/copy', { headers: { 'x-amz-copy-source': '/takes/plain' } })).status, 200);
});
after(async () => {
  await store.stop();
  rmSync(data, { recursive: true, force: true });
});

function verify() {
  const { status, stdout, stderr } = runProgram(['store', 'verify', '--data', data]);
  const lines = stdout.trim().split('\n');
  return { status, stderr, summary: lines.pop(), findings: lines };
}

const manifestOf = (key) => {
  const hash = createHash('sha256').update(key).digest('hex');
  return path.join(dir, 'buckets', 'takes', 'objects', hash.slice(0, 2), hash.slice(2));
};
const dataOf = (key) => /^data (\w+)$/m.exec(readFileSync(manifestOf(key), 'utf8'))[1];
const partOf = (id, number) => path.join(dir, 'data', id, String(number).padStart(5, '0'));

/** Changes a file, looks, puts it back. */
function whileDamaged(file, damage) {
  const whole = readFileSync(file);
  damage(file, whole);
  const seen = verify();
  writeFileSync(file, whole);
  return seen;
}

const flip = (at) => (file, whole) => {
  const bytes = Buffer.from(whole);
  bytes[at < 0 ? bytes.length + at : at] ^= 1;
  writeFileSync(file, bytes);
};

test('a whole store, while a server uses it', () => {
  const { status, summary, findings } = verify();
  assert.deepEqual([status, findings], [0, []]);
  assert.match(summary, /^7 objects, 1 uploads, 18 parts, \d+ bytes read: all as they were stored\.$/);
});

test('every kind of damage is found, named, and nothing else', () => {
  const plain = dataOf('plain');
  const kinds = [
    [partOf(dataOf('one'), 1), flip(50000), /^damaged +takes\/one: part 1: .*MD5/],
    [partOf(dataOf('one'), 1), flip(-50), /^damaged +takes\/one: part 1: the end of its file/],
    [partOf(dataOf('two'), 1), (file) => truncateSync(file, 4), /^damaged +takes\/two: part 1: the end/],
    [partOf(dataOf('two'), 1), (file) => rmSync(file), /^damaged +takes\/two: part 1: its file: No such file/],
    [manifestOf('none'), flip(30), /^damaged +takes\/[0-9a-f]+: its manifest is damaged/],
    [manifestOf('none'), (file) => writeFileSync(file, ''), /^damaged .*manifest/],
    [manifestOf('none'), (file) => writeFileSync(file, readFileSync(manifestOf('two'))), /^damaged +takes\/two: .*wrong place/],
    [partOf(dataOf('summed\n1'), 2), flip(299999), /^damaged +takes\/summed\?1: part 2: .*MD5/],
    [partOf(dataOf('crc'), 3), (file) => writeFileSync(file, readFileSync(partOf(dataOf('two'), 1))), /^damaged +takes\/crc: part 3: it has 7 bytes instead of 5/],
    [partOf(uploads['/takes/open'], 2), flip(0), new RegExp(`^damaged +takes/open: part 2 of upload ${uploads['/takes/open']}: .*MD5`)],
    [path.join(dir, 'uploads', uploads['/takes/open']), flip(20), /^damaged +uploads\/\w+: its file is damaged/],
  ];
  for (const [file, damage, expected] of kinds) {
    const { status, summary, findings } = whileDamaged(file, damage);
    assert.deepEqual([status, findings.length], [1, 1], `${expected}: ${findings.join('\n')}`);
    assert.match(findings[0], expected);
    assert.match(summary, /: 1 damaged\.$/);
  }
  /* A whole part in the place of another one of the same size: only ETag and checksum can tell. */
  const [first, other] = [partOf(plain, 3), partOf(dataOf('crc'), 3)];
  assert.equal(statSync(first).ino, statSync(partOf(dataOf('copy'), 3)).ino, 'copies share files');
  renameSync(first, `${first}.kept`);
  writeFileSync(first, readFileSync(other).subarray(0, 5 + 128));
  const { status, findings } = verify();
  renameSync(`${first}.kept`, first);
  assert.equal(status, 1);
  assert.match(findings.join('\n'), /takes\/plain: size or ETag are not those of its parts/);
  assert.equal(verify().status, 0, 'nothing was changed');
});

test('data that belongs to nobody is told and no damage', () => {
  const folder = path.join(dir, 'data', '0123456789abcdef0123456789abcdef');
  mkdirSync(folder);
  assert.deepEqual(verify().findings, [], 'it may be about to be used');
  const old = Date.now() / 1000 - 3600;
  utimesSync(folder, old, old);
  const { status, findings } = verify();
  rmSync(folder, { recursive: true });
  assert.equal(status, 0);
  assert.match(findings.join(), /^leftover data\/0123456789abcdef/);
});

test('what cannot be looked at', () => {
  const none = runProgram(['store', 'verify', '--data', path.join(data, 'none')]);
  assert.equal(none.status, 2);
  assert.match(none.stderr, /No such file or directory/);
  const service = runProgram(['store', 'verify', '--store', 's3', '--s3-endpoint', 'http://127.0.0.1:1', '--s3-bucket', 'takes', '--s3-path-style', '--data', data]);
  assert.equal(service.status, 2);
  assert.match(service.stderr, /embedded store/);
  assert.ok(readdirSync(dir).includes('store.lock'));
});
