// Real S3 clients against the store: awscli, s3cmd, rclone and @aws-sdk/client-s3. One that is not installed
// is skipped, unless KEEPTAKE_ALL_CLIENTS=1.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { base64, composite } from './support/checksums.mjs';
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
  await aws('s3', 'cp', '--no-progress', '--checksum-algorithm', 'SHA256', 'large', 's3://aws-cli/sums').catch((error) => {
    if (!/Unknown options/.test(String(error))) throw error; // awscli 2.9 has it in s3api alone
  });
  const api = async (...args) => JSON.parse((await aws('s3api', ...args, '--bucket', 'aws-cli', '--key', 'multi')) || '{}');
  const { UploadId } = await api('create-multipart-upload', '--checksum-algorithm', 'SHA256');
  const half = [large.subarray(0, 5_300_000), large.subarray(0, 100)];
  const parts = [];
  for (const [i, body] of half.entries()) {
    writeFileSync(path.join(work, 'half'), body);
    const put = await api('upload-part', '--upload-id', UploadId, '--part-number', String(i + 1), '--body', 'half', '--checksum-algorithm', 'SHA256');
    assert.equal(put.ChecksumSHA256, base64('sha256', body));
    parts.push({ PartNumber: i + 1, ETag: put.ETag, ChecksumSHA256: put.ChecksumSHA256 });
  }
  const done = await api('complete-multipart-upload', '--upload-id', UploadId, '--multipart-upload', JSON.stringify({ Parts: parts }));
  assert.equal(done.ChecksumSHA256, composite('sha256', half));
  const described = await api('get-object-attributes', '--object-attributes', 'Checksum', 'ObjectParts', 'ObjectSize');
  assert.deepEqual(described.ObjectParts.Parts.map((p) => p.ChecksumSHA256), parts.map((p) => p.ChecksumSHA256));
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

/* With its defaults: a CRC32 of each part, which is asked for, kept and verified when it comes back. */
clientTest('@aws-sdk/client-s3: checksums of parts, attributes, CORS', sdk !== null, async () => {
  const client = new sdk.S3Client({
    endpoint: `http://${store.host}`, region: 'us-east-1', forcePathStyle: true,
    credentials: { accessKeyId: KEY, secretAccessKey: SECRET },
  });
  const send = (name, input) => client.send(new sdk[`${name}Command`]({ Bucket: 'sdk-sums', ...input }));
  await send('CreateBucket');
  const bodies = [randomBytes(65536), randomBytes(65537), randomBytes(1)];
  const { Readable } = await import('node:stream');
  for (const [name, type] of [[undefined, 'COMPOSITE'], ['crc32c', 'FULL_OBJECT'], ['sha256', 'COMPOSITE'], ['sha1', 'COMPOSITE']]) {
    const ChecksumAlgorithm = name?.toUpperCase();
    const kind = name ?? 'crc32';
    const member = `Checksum${kind.toUpperCase()}`;
    const begun = await send('CreateMultipartUpload', { Key: 'k', ChecksumAlgorithm, ChecksumType: type === 'FULL_OBJECT' ? type : undefined });
    const Parts = [];
    for (const [i, body] of bodies.entries()) {
      const put = await send('UploadPart', {
        Key: 'k', UploadId: begun.UploadId, PartNumber: i + 1, ChecksumAlgorithm, ContentLength: body.length,
        Body: i === 1 ? Readable.from([body]) : body, // a stream: the checksum comes in a trailer
      });
      assert.equal(put[member], base64(kind, body), `${kind} of part ${i + 1}`);
      Parts.push({ ETag: put.ETag, PartNumber: i + 1, [member]: put[member] });
    }
    const listed = await send('ListParts', { Key: 'k', UploadId: begun.UploadId });
    assert.deepEqual(listed.Parts.map((p) => p[member]), Parts.map((p) => p[member]));
    const wrong = [{ ...Parts[0], [member]: base64(kind, Buffer.from('other')) }, ...Parts.slice(1)];
    const complete = (list) => send('CompleteMultipartUpload', { Key: 'k', UploadId: begun.UploadId, MultipartUpload: { Parts: list } });
    await assert.rejects(complete(wrong), { name: 'InvalidPart' });
    const whole = type === 'COMPOSITE' ? composite(kind, bodies) : base64(kind, Buffer.concat(bodies));
    const done = await complete(Parts);
    assert.deepEqual([done[member], done.ChecksumType], [whole, type]);
    const got = await send('GetObject', { Key: 'k', ChecksumMode: 'ENABLED' }); // the client checks it
    assert.ok(Buffer.from(await got.Body.transformToByteArray()).equals(Buffer.concat(bodies)));
    assert.equal(got[member], whole);
    const part = await send('GetObject', { Key: 'k', PartNumber: 2, ChecksumMode: 'ENABLED' });
    assert.ok(Buffer.from(await part.Body.transformToByteArray()).equals(bodies[1]));
    const { ObjectParts, Checksum, ObjectSize } = await send('GetObjectAttributes', {
      Key: 'k', MaxParts: 2, ObjectAttributes: ['ObjectParts', 'Checksum', 'ObjectSize'],
    });
    assert.deepEqual([Checksum[member], ObjectSize], [whole.split('-')[0], 131074]);
    assert.deepEqual([ObjectParts.TotalPartsCount, ObjectParts.IsTruncated, ObjectParts.NextPartNumberMarker], [3, true, '2']);
    assert.deepEqual(ObjectParts.Parts.map((p) => [p.Size, p[member]]), bodies.slice(0, 2).map((b) => [b.length, base64(kind, b)]));
  }
  await assert.rejects(send('GetBucketCors'), { name: 'NoSuchCORSConfiguration' });
  const rules = [
    { ID: 'players', AllowedMethods: ['GET', 'HEAD'], AllowedOrigins: ['https://*.example.org'], ExposeHeaders: ['ETag'], MaxAgeSeconds: 60 },
    { AllowedMethods: ['PUT'], AllowedOrigins: ['https://studio.example.org'], AllowedHeaders: ['x-amz-*', 'content-type'] },
  ];
  await send('PutBucketCors', { CORSConfiguration: { CORSRules: rules } });
  assert.deepEqual((await send('GetBucketCors')).CORSRules, rules);
  const preflight = async (origin, method, asked) => {
    const answer = await store.raw('OPTIONS', '/sdk-sums/k', {
      headers: { Origin: origin, 'Access-Control-Request-Method': method, ...(asked && { 'Access-Control-Request-Headers': asked }) },
    });
    return [answer.status, answer.headers['access-control-allow-methods'], answer.headers['access-control-max-age']];
  };
  assert.deepEqual(await preflight('https://a.example.org', 'GET'), [200, 'GET, HEAD', '60']);
  assert.deepEqual(await preflight('https://studio.example.org', 'PUT', 'X-Amz-Date, Content-Type'), [200, 'PUT', undefined]);
  for (const refused of [['https://a.example.org', 'PUT'], ['https://studio.example.org', 'PUT', 'x-other'], ['https://example.net', 'GET'], ['https://studio.example.org', 'DELETE']]) {
    assert.equal((await preflight(...refused))[0], 403, String(refused));
  }
  await send('DeleteBucketCors');
  await assert.rejects(send('GetBucketCors'), { name: 'NoSuchCORSConfiguration' });
  await send('DeleteObject', { Key: 'k' });
  await send('DeleteBucket');
  client.destroy();
});

/* Debian's python and, where there is one, a newer boto3, which sends a CRC32 with everything. */
const pythons = ['/usr/bin/python3', 'python3'].filter((name) => spawnSync(name, ['-c', 'import boto3'], { env: environment() }).status === 0);
for (const [i, program] of pythons.entries()) {
  clientTest(`boto3 of ${program}: checksums of parts, attributes, CORS`, true, async () => {
    const bucket = `boto3-sums-${i}`;
    const bodies = [large.subarray(0, 65536), large.subarray(65536, 140000), large.subarray(140000, 140001)];
    bodies.forEach((body, n) => writeFileSync(path.join(work, `part${n}`), body));
    const script = `
import boto3, botocore, json, io
s3 = boto3.client('s3', endpoint_url='http://${store.host}', config=botocore.config.Config(s3={'addressing_style': 'path'}))
s3.create_bucket(Bucket='${bucket}')
k = dict(Bucket='${bucket}', Key='k')
parts = [open('part%d' % n, 'rb').read() for n in range(3)]
def attempt(f):
    try: return f()
    except botocore.exceptions.ClientError as e: return e.response['Error']['Code']
out = {}
for name in ['SHA1', 'SHA256', 'CRC32']:
    c = 'Checksum' + name
    up = s3.create_multipart_upload(**k, ChecksumAlgorithm=name)
    u = dict(k, UploadId=up['UploadId'])
    done = [dict(PartNumber=n + 1, **{f: r[f] for f in ('ETag', c)}) for n, p in enumerate(parts)
            for r in [s3.upload_part(**u, PartNumber=n + 1, Body=io.BytesIO(p) if n == 1 else p, ChecksumAlgorithm=name)]]
    listed = [p[c] for p in s3.list_parts(**u)['Parts']]
    bad = attempt(lambda: s3.complete_multipart_upload(**u, MultipartUpload={'Parts': [dict(done[0], **{c: done[1][c]})] + done[1:]}))
    end = s3.complete_multipart_upload(**u, MultipartUpload={'Parts': done})
    head = s3.head_object(**k, ChecksumMode='ENABLED')
    body = s3.get_object(**k, ChecksumMode='ENABLED')['Body'].read()
    a = s3.get_object_attributes(**k, MaxParts=2, ObjectAttributes=['Checksum', 'ObjectParts', 'ETag'])
    out[name.lower()] = [listed, bad, end[c], head[c], len(body), a['Checksum'][c], [p[c] for p in a['ObjectParts']['Parts']], a['ObjectParts']['TotalPartsCount']]
s3.upload_file('large', '${bucket}', 'managed', ExtraArgs={'ChecksumAlgorithm': 'SHA256'})
s3.download_file('${bucket}', 'managed', 'managed.back')
out['managed'] = s3.head_object(Bucket='${bucket}', Key='managed', ChecksumMode='ENABLED')['ChecksumSHA256'].split('-')[1]
rules = [{'AllowedMethods': ['GET'], 'AllowedOrigins': ['http://a.example'], 'AllowedHeaders': ['*'], 'ExposeHeaders': ['ETag'], 'MaxAgeSeconds': 5}]
s3.put_bucket_cors(Bucket='${bucket}', CORSConfiguration={'CORSRules': rules})
out['cors'] = s3.get_bucket_cors(Bucket='${bucket}')['CORSRules'] == rules
s3.delete_bucket_cors(Bucket='${bucket}')
out['gone'] = attempt(lambda: s3.get_bucket_cors(Bucket='${bucket}'))
print(json.dumps(out))
`;
    const { stdout } = await run(program, ['-c', script], { cwd: work, env: environment() });
    const out = JSON.parse(stdout);
    for (const name of ['sha1', 'sha256', 'crc32']) {
      const sums = bodies.map((body) => base64(name, body));
      const whole = composite(name, bodies);
      assert.deepEqual(out[name], [sums, 'InvalidPart', whole, whole, 140001, whole.split('-')[0], sums.slice(0, 2), 3], name);
    }
    assert.deepEqual([out.managed, out.cors, out.gone], ['3', true, 'NoSuchCORSConfiguration']);
    same('managed.back', large);
  });
}

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
