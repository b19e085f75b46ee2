// Real S3 clients against the store: awscli, s3cmd, rclone and @aws-sdk/client-s3. One that is not installed
// is skipped, unless KEEPTAKE_ALL_CLIENTS=1.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { KEY, SECRET, Store, temporaryFolder } from './support/s3.mjs';

const run = promisify(execFile);
const work = temporaryFolder();
const small = randomBytes(1000);
const large = randomBytes(21_000_000); // three to five parts for every client
const strange = 'a b/ä+&=?#%25~\u{1F600}.bin';
let store;

before(async () => {
  store = await Store.start();
  writeFileSync(path.join(work, 'small'), small);
  writeFileSync(path.join(work, 'large'), large);
});
after(async () => {
  rmSync(work, { recursive: true, force: true });
  assert.deepEqual(await store.stop(), { code: 0, signal: null }, store.log);
});

const environment = () => ({
  PATH: process.env.PATH,
  HOME: work,
  AWS_ACCESS_KEY_ID: KEY,
  AWS_SECRET_ACCESS_KEY: SECRET,
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  LC_ALL: 'C.UTF-8',
});

function installed(program) {
  return spawnSync(program, ['--version'], { env: environment() }).status === 0;
}

/** A test that needs a program. */
function clientTest(name, present, body) {
  const skip = present || process.env.KEEPTAKE_ALL_CLIENTS === '1' ? false : 'not installed';
  test(name, { skip, timeout: 120_000 }, body);
}

const same = (name, data) => assert.ok(readFileSync(path.join(work, name)).equals(data), name);

clientTest('awscli', installed('aws'), async () => {
  const aws = async (...args) =>
    (await run('aws', ['--endpoint-url', `http://${store.host}`, ...args], { cwd: work, env: environment() })).stdout;
  await aws('s3', 'mb', 's3://aws-cli');
  await aws('s3', 'cp', '--no-progress', 'small', `s3://aws-cli/${strange}`);
  await aws('s3', 'cp', '--no-progress', 'large', 's3://aws-cli/dir/large');
  await aws('s3', 'cp', '--no-progress', `s3://aws-cli/${strange}`, 'small.aws');
  await aws('s3', 'cp', '--no-progress', 's3://aws-cli/dir/large', 'large.aws');
  same('small.aws', small);
  same('large.aws', large);
  await aws('s3', 'cp', 's3://aws-cli/dir/large', 's3://aws-cli/copy/large');
  const list = JSON.parse(await aws('s3api', 'list-objects-v2', '--bucket', 'aws-cli'));
  assert.deepEqual(list.Contents.map((o) => [o.Key, o.Size]), [[strange, 1000], ['copy/large', large.length], ['dir/large', large.length]]);
  for (const algorithm of ['CRC32', 'SHA1', 'SHA256']) {
    const put = JSON.parse(await aws('s3api', 'put-object', '--bucket', 'aws-cli', '--key', 'sum', '--body', 'small', '--checksum-algorithm', algorithm));
    assert.equal(put.ETag, `"${createHash('md5').update(small).digest('hex')}"`);
  }
  await assert.rejects(aws('s3api', 'head-object', '--bucket', 'aws-cli', '--key', 'none'), /404/);
  await aws('s3', 'rb', '--force', 's3://aws-cli');
});

clientTest('s3cmd', installed('s3cmd'), async () => {
  writeFileSync(path.join(work, 's3cfg'), [
    '[default]', `access_key = ${KEY}`, `secret_key = ${SECRET}`, `host_base = ${store.host}`, `host_bucket = ${store.host}`,
    'use_https = False', 'bucket_location = us-east-1', 'multipart_chunk_size_mb = 5', '',
  ].join('\n'));
  const s3cmd = async (...args) =>
    (await run('s3cmd', ['-c', 's3cfg', '--no-progress', ...args], { cwd: work, env: environment() })).stdout;
  await s3cmd('mb', 's3://s3cmd');
  await s3cmd('put', 'small', `s3://s3cmd/${strange}`);
  await s3cmd('put', 'large', 's3://s3cmd/dir/large');
  await s3cmd('get', '--force', 's3://s3cmd/dir/large', 'large.s3cmd');
  await s3cmd('get', '--force', `s3://s3cmd/${strange}`, 'small.s3cmd');
  same('large.s3cmd', large);
  same('small.s3cmd', small);
  assert.match(await s3cmd('ls', 's3://s3cmd/'), /DIR\s+s3:\/\/s3cmd\/dir\//);
  await s3cmd('cp', 's3://s3cmd/dir/large', 's3://s3cmd/copy');
  assert.match(await s3cmd('info', 's3://s3cmd/copy'), new RegExp(`File size: ${large.length}`));
  await s3cmd('del', '--recursive', '--force', 's3://s3cmd/');
  await s3cmd('rb', 's3://s3cmd');
});

clientTest('rclone', installed('rclone'), async () => {
  writeFileSync(path.join(work, 'rclone.conf'), [
    '[store]', 'type = s3', 'provider = Other', `access_key_id = ${KEY}`, `secret_access_key = ${SECRET}`,
    `endpoint = http://${store.host}`, 'region = us-east-1', 'force_path_style = true', 'upload_cutoff = 8M', '',
  ].join('\n'));
  const rclone = async (...args) =>
    (await run('rclone', ['--config', 'rclone.conf', ...args], { cwd: work, env: environment() })).stdout;
  await rclone('mkdir', 'store:rclone');
  mkdirSync(path.join(work, 'tree', 'deep'), { recursive: true });
  for (let i = 0; i < 40; i++) writeFileSync(path.join(work, 'tree', i % 2 ? 'deep' : '', `f${i}`), String(i));
  writeFileSync(path.join(work, 'tree', 'ä +&.bin'), small);
  writeFileSync(path.join(work, 'tree', 'large'), large);
  await rclone('sync', 'tree', 'store:rclone/tree');
  await rclone('check', '--download', 'tree', 'store:rclone/tree');
  await rclone('moveto', 'store:rclone/tree/large', 'store:rclone/moved');
  rmSync(path.join(work, 'tree', 'large'));
  await rclone('sync', 'tree', 'store:rclone/tree');
  const sizes = JSON.parse(await rclone('size', '--json', 'store:rclone'));
  assert.equal(sizes.count, 42);
  await rclone('purge', 'store:rclone');
});

const sdk = await import('@aws-sdk/client-s3').catch(() => null);
clientTest('@aws-sdk/client-s3', sdk !== null, async () => {
  const client = new sdk.S3Client({
    endpoint: `http://${store.host}`, region: 'us-east-1', forcePathStyle: true,
    credentials: { accessKeyId: KEY, secretAccessKey: SECRET },
  });
  const send = (name, input) => client.send(new sdk[`${name}Command`]({ Bucket: 'sdk', ...input }));
  await send('CreateBucket');
  await send('PutBucketCors', {
    CORSConfiguration: { CORSRules: [{ AllowedMethods: ['PUT'], AllowedOrigins: ['*'], ExposeHeaders: ['ETag'] }] },
  });
  assert.deepEqual((await send('GetBucketCors')).CORSRules[0].ExposeHeaders, ['ETag']);
  /* The default since 2025: a CRC with every body; a stream is sent in chunks with a trailer. */
  for (const ChecksumAlgorithm of [undefined, 'CRC32', 'CRC32C', 'SHA256', 'CRC64NVME']) {
    await send('PutObject', { Key: strange, Body: small, ChecksumAlgorithm, Metadata: { who: 'me' } }).catch((error) => {
      if (!/crc64|crt/i.test(String(error))) throw error;
    });
  }
  const got = await send('GetObject', { Key: strange });
  assert.ok(Buffer.from(await got.Body.transformToByteArray()).equals(small));
  assert.equal(got.Metadata.who, 'me');
  const { Readable } = await import('node:stream');
  const { UploadId } = await send('CreateMultipartUpload', { Key: 'multi', ContentType: 'video/webm' });
  const Parts = [];
  for (let i = 0; i * 7_000_000 < large.length; i++) {
    const part = large.subarray(i * 7_000_000, (i + 1) * 7_000_000);
    const { ETag } = await send('UploadPart', {
      Key: 'multi', UploadId, PartNumber: i + 1, Body: i === 1 ? Readable.from([part]) : part, ContentLength: part.length,
    });
    Parts.push({ ETag, PartNumber: i + 1 });
  }
  const listed = await send('ListParts', { Key: 'multi', UploadId });
  assert.deepEqual(listed.Parts.map((p) => p.ETag), Parts.map((p) => p.ETag));
  const wrong = send('CompleteMultipartUpload', { Key: 'multi', UploadId, MultipartUpload: { Parts: [...Parts].reverse() } });
  await assert.rejects(wrong, { name: 'InvalidPartOrder' });
  const complete = () => send('CompleteMultipartUpload', { Key: 'multi', UploadId, MultipartUpload: { Parts } });
  assert.equal((await complete()).ETag, (await complete()).ETag);
  const whole = await send('GetObject', { Key: 'multi' });
  assert.ok(Buffer.from(await whole.Body.transformToByteArray()).equals(large));
  await assert.rejects(send('GetObject', { Key: 'none' }), { name: 'NoSuchKey' });
  await send('CopyObject', { Key: 'copy', CopySource: 'sdk/multi' });
  await send('DeleteObjects', { Delete: { Objects: [{ Key: 'multi' }, { Key: 'copy' }, { Key: strange }] } });
  assert.equal((await send('ListObjectsV2')).KeyCount, 0);
  await send('DeleteBucket');
  client.destroy();
});

const python = ['/usr/bin/python3', 'python3'].find((name) => spawnSync(name, ['-c', 'import boto3']).status === 0);
clientTest('boto3 deletes all versions of a bucket', python !== undefined, async () => {
  const script = `
import boto3, botocore
s3 = boto3.resource('s3', endpoint_url='http://${store.host}', config=botocore.config.Config(s3={'addressing_style': 'path'}))
bucket = s3.create_bucket(Bucket='boto3')
for i in range(7): bucket.put_object(Key='dir/k %d' % i, Body=b'x')
pages = list(s3.meta.client.get_paginator('list_object_versions').paginate(Bucket='boto3', PaginationConfig={'PageSize': 3}))
print(len(pages), sum(len(p['Versions']) for p in pages), {v['VersionId'] for p in pages for v in p['Versions']})
other = s3.meta.client.delete_objects(Bucket='boto3', Delete={'Objects': [{'Key': 'dir/k 0', 'VersionId': 'other'}]})
print(other['Errors'][0]['Code'], len(list(bucket.objects.all())))
try: s3.meta.client.delete_object(Bucket='boto3', Key='dir/k 0', VersionId='other')
except botocore.exceptions.ClientError as e: print(e.response['Error']['Code'])
bucket.object_versions.delete()
bucket.delete()
`;
  const { stdout } = await run(python, ['-c', script], { cwd: work, env: environment() });
  assert.deepEqual(stdout.trim().split('\n'), ["3 7 {'null'}", 'NoSuchVersion 7', 'NoSuchVersion']);
});
