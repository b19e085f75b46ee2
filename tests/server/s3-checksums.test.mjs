// Checksums of parts and of what is made of them: sent, made here, listed, completed, read again.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { SUMS, base64, composite } from './support/checksums.mjs';
import { Store, tag, temporaryFolder } from './support/s3.mjs';

const dir = temporaryFolder();
let store;
before(async () => {
  store = await Store.start({ dir });
  assert.equal((await store.send('PUT', '/takes')).status, 200);
});
after(async () => {
  const end = await store.stop();
  rmSync(dir, { recursive: true, force: true });
  assert.deepEqual(end, { code: 0, signal: null }, store.log);
});

const ENABLED = { 'x-amz-checksum-mode': 'ENABLED' };
const element = (name) => `Checksum${name.toUpperCase()}`;
const header = (name) => `x-amz-checksum-${name}`;
const tags = (xml, name) => [...String(xml).matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map((m) => m[1]);

function expectError(answer, status, code, message) {
  assert.equal(`${answer.status} ${tag(String(answer.body), 'Code')}`, `${status} ${code}`, String(answer.body));
  if (message) assert.match(tag(String(answer.body), 'Message'), message);
}

const create = (key, headers) => store.sendSigned('POST', key, { query: { uploads: '' }, headers });

async function begin(key, algorithm, type) {
  const headers = { 'x-amz-checksum-algorithm': algorithm, ...(type && { 'x-amz-checksum-type': type }) };
  const answer = await create(key, algorithm ? headers : {});
  assert.equal(answer.status, 200, String(answer.body));
  return { upload: tag(String(answer.body), 'UploadId'), headers: answer.headers };
}

const putPart = (key, uploadId, partNumber, body, headers) =>
  store.sendSigned('PUT', key, { query: { partNumber, uploadId }, headers, body });

/** A part as aws-chunked, its checksum behind the last chunk. */
function putTrailed(key, uploadId, partNumber, body, name, value) {
  const half = body.length >> 1;
  const pieces = [body.subarray(0, half), body.subarray(half)].filter((piece) => piece.length > 0);
  const chunked = Buffer.concat([
    ...pieces.flatMap((piece) => [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
    Buffer.from(`0\r\n${header(name)}:${value}\r\n\r\n`),
  ]);
  return store.sendSigned('PUT', key, {
    query: { partNumber, uploadId },
    headers: {
      'Content-Encoding': 'aws-chunked', 'x-amz-decoded-content-length': String(body.length), 'x-amz-trailer': header(name),
    },
    payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    body: chunked,
  });
}

function complete(key, uploadId, parts, headers = {}) {
  const list = parts.map((part, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${part.etag}</ETag>${part.sum ?? ''}</Part>`);
  return store.sendSigned('POST', key, {
    query: { uploadId }, headers, body: `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`,
  });
}

const attributes = (key, names, headers = {}) =>
  store.sendSigned('GET', key, { query: { attributes: '' }, headers: { 'x-amz-object-attributes': names, ...headers } });

test('every kind of checksum of parts: header, trailer, made here; kept, listed, completed, read', async () => {
  for (const name of Object.keys(SUMS)) {
    for (const type of name === 'crc64nvme' ? ['FULL_OBJECT'] : name.startsWith('crc') ? ['COMPOSITE', 'FULL_OBJECT'] : ['COMPOSITE']) {
      const key = `/takes/${name}-${type}`;
      const bodies = [randomBytes(65536), randomBytes(70001), randomBytes(1)];
      const sums = bodies.map((body) => base64(name, body));
      const begun = await begin(key, name.toUpperCase(), type === 'FULL_OBJECT' && name !== 'crc64nvme' ? type : undefined);
      assert.equal(begun.headers['x-amz-checksum-algorithm'], name.toUpperCase());
      assert.equal(begun.headers['x-amz-checksum-type'], type);
      const answers = [
        await putPart(key, begun.upload, 1, bodies[0], { [header(name)]: sums[0] }),
        await putTrailed(key, begun.upload, 2, bodies[1], name, sums[1]),
        await putPart(key, begun.upload, 3, bodies[2]),
      ];
      for (const [i, answer] of answers.entries()) {
        assert.equal(answer.status, 200, String(answer.body));
        assert.equal(answer.headers[header(name)], sums[i], `${key} part ${i + 1}`);
      }
      const listed = String((await store.send('GET', key, { query: { uploadId: begun.upload } })).body);
      assert.deepEqual(tags(listed, element(name)), sums);
      assert.equal(`${tag(listed, 'ChecksumAlgorithm')} ${tag(listed, 'ChecksumType')}`, `${name.toUpperCase()} ${type}`);
      const uploads = String((await store.send('GET', '/takes', { query: { uploads: '' } })).body);
      assert.equal(`${tag(uploads, 'ChecksumAlgorithm')} ${tag(uploads, 'ChecksumType')}`, `${name.toUpperCase()} ${type}`);
      const parts = answers.map((a, i) => ({ etag: a.headers.etag, sum: `<${element(name)}>${sums[i]}</${element(name)}>` }));
      const whole = type === 'COMPOSITE' ? composite(name, bodies) : base64(name, Buffer.concat(bodies));
      for (let time = 0; time < 2; time++) { // a repeated Complete answers the same
        const done = await complete(key, begun.upload, parts, { 'x-amz-checksum-type': type });
        assert.equal(done.status, 200, String(done.body));
        assert.equal(tag(String(done.body), element(name)), whole, key);
        assert.equal(tag(String(done.body), 'ChecksumType'), type);
      }
    }
  }
  assert.deepEqual(await store.stop(), { code: 0, signal: null }, store.log);
  store = await Store.start({ dir }); // kept on disk
  const listing = String((await store.send('GET', '/takes', { query: { 'list-type': 2, prefix: 'sha' } })).body);
  assert.deepEqual(tags(listing, 'ChecksumAlgorithm'), ['SHA1', 'SHA256']);
  for (const [name, type] of [['crc32', 'COMPOSITE'], ['crc32c', 'FULL_OBJECT'], ['crc64nvme', 'FULL_OBJECT'], ['sha256', 'COMPOSITE']]) {
    const key = `/takes/${name}-${type}`;
    const got = await store.sendSigned('GET', key, { headers: ENABLED });
    const bodies = [got.body.subarray(0, 65536), got.body.subarray(65536, 135537), got.body.subarray(135537)];
    const whole = type === 'COMPOSITE' ? composite(name, bodies) : base64(name, got.body);
    for (const answer of [got, await store.sendSigned('HEAD', key, { headers: ENABLED })]) {
      assert.equal(`${answer.headers[header(name)]} ${answer.headers['x-amz-checksum-type']}`, `${whole} ${type}`);
    }
    assert.equal((await store.sendSigned('HEAD', key)).headers[header(name)], undefined, 'only where it was asked for');
    const range = await store.sendSigned('GET', key, { headers: { ...ENABLED, Range: 'bytes=0-65535' } });
    assert.equal(range.headers[header(name)], undefined, 'not of a range');
    const part = await store.sendSigned('GET', key, { query: { partNumber: 2 }, headers: ENABLED });
    assert.equal(part.headers[header(name)], type === 'COMPOSITE' ? base64(name, bodies[1]) : undefined, 'of the part');
    const described = String((await attributes(key, 'Checksum,ObjectParts,ETag', { 'x-amz-max-parts': '2' })).body);
    assert.deepEqual(tags(described, element(name)), [whole.split('-')[0], base64(name, bodies[0]), base64(name, bodies[1])]);
  }
});

test('wrong checksums of parts are refused and store nothing', async () => {
  for (const name of Object.keys(SUMS)) {
    const { upload } = await begin('/takes/wrong', name.toUpperCase());
    const body = randomBytes(1000);
    const other = base64(name, Buffer.from('other'));
    expectError(await putPart('/takes/wrong', upload, 1, body, { [header(name)]: other }), 400, 'BadDigest');
    expectError(await putTrailed('/takes/wrong', upload, 1, body, name, other), 400, 'BadDigest');
    expectError(await putPart('/takes/wrong', upload, 1, body, { [header(name)]: 'no' }), 400, 'InvalidRequest');
    const kind = name === 'sha1' ? 'sha256' : 'sha1';
    expectError(await putPart('/takes/wrong', upload, 1, body, { [header(kind)]: base64(kind, body) }), 400, 'InvalidRequest', new RegExp(`${name}.*${kind}`));
    const both = { [header(kind)]: base64(kind, body), [header(name)]: base64(name, body) };
    expectError(await putPart('/takes/wrong', upload, 1, body, both), 400, 'InvalidRequest', /single/);
    const listed = await store.send('GET', '/takes/wrong', { query: { uploadId: upload } });
    assert.equal(tags(listed.body, 'PartNumber').length, 0);
    await store.send('DELETE', '/takes/wrong', { query: { uploadId: upload } });
  }
});

test('CreateMultipartUpload: kinds and types that do not go together', async () => {
  for (const [algorithm, type, message] of [
    ['SHA256', 'FULL_OBJECT', /FULL_OBJECT.*sha256/], ['SHA1', 'FULL_OBJECT', /FULL_OBJECT.*sha1/], ['CRC64NVME', 'COMPOSITE', /COMPOSITE.*crc64nvme/],
    ['MD5', undefined, /CRC64NVME/], ['CRC32', 'WHOLE', /invalid/], [undefined, 'COMPOSITE', /x-amz-checksum-algorithm/],
  ]) {
    const headers = { ...(algorithm && { 'x-amz-checksum-algorithm': algorithm }), ...(type && { 'x-amz-checksum-type': type }) };
    expectError(await create('/takes/no', headers), 400, 'InvalidRequest', message);
  }
});

test('Complete: what it says of parts and of the whole has to hold, the upload stays otherwise', async () => {
  const bodies = [randomBytes(70000), Buffer.alloc(0)]; // an empty last part
  const start = async (name, type) => {
    const { upload } = await begin('/takes/whole', name.toUpperCase(), type);
    const etags = [];
    for (const [i, body] of bodies.entries()) etags.push((await putPart('/takes/whole', upload, i + 1, body)).headers.etag);
    return { upload, parts: etags.map((etag) => ({ etag })) };
  };
  for (const [name, type] of [['crc32', 'COMPOSITE'], ['sha1', 'COMPOSITE'], ['crc32c', 'FULL_OBJECT'], ['crc64nvme', 'FULL_OBJECT']]) {
    const { upload, parts } = await start(name, type);
    const say = (text) => [{ ...parts[0], sum: `<${element(name)}>${text}</${element(name)}>` }, parts[1]];
    const send = (list, headers) => complete('/takes/whole', upload, list, headers);
    expectError(await send(say(base64(name, Buffer.from('other')))), 400, 'InvalidPart', /Part 1/);
    expectError(await send(say('abc')), 400, 'InvalidRequest');
    const other = name === 'sha1' ? 'sha256' : 'sha1';
    expectError(await send([{ ...parts[0], sum: `<${element(other)}>${base64(other, bodies[0])}</${element(other)}>` }, parts[1]]), 400, 'InvalidPart');
    const wrong = base64(name, Buffer.from('other'));
    expectError(await send(parts, { [header(name)]: type === 'COMPOSITE' ? `${wrong}-2` : wrong }), 400, 'BadDigest', new RegExp(name));
    expectError(await send(parts, { 'x-amz-checksum-type': type === 'COMPOSITE' ? 'FULL_OBJECT' : 'COMPOSITE' }), 400, 'InvalidRequest', new RegExp(type));
    expectError(await send(parts, { [header(name)]: `${wrong}-x` }), 400, 'InvalidRequest');
    const whole = type === 'COMPOSITE' ? composite(name, bodies) : base64(name, Buffer.concat(bodies));
    const done = await send(say(base64(name, bodies[0])), { [header(name)]: whole });
    assert.equal(done.status, 200, String(done.body));
    assert.equal(tag(String(done.body), element(name)), whole);
  }
});

test('without an algorithm: parts are verified and listed; the object has a checksum where all of them have one kind', async () => {
  const bodies = [randomBytes(65536), randomBytes(300)];
  const through = async (kinds) => {
    const { upload, headers } = await begin('/takes/plain');
    assert.equal(headers['x-amz-checksum-algorithm'], undefined);
    expectError(await putPart('/takes/plain', upload, 1, bodies[0], { 'x-amz-checksum-crc32': 'AAAAAA==' }), 400, 'BadDigest');
    const parts = [];
    for (const [i, kind] of kinds.entries()) {
      const put = await putPart('/takes/plain', upload, i + 1, bodies[i], kind ? { [header(kind)]: base64(kind, bodies[i]) } : {});
      parts.push({ etag: put.headers.etag });
      if (kind) assert.equal(put.headers[header(kind)], base64(kind, bodies[i]));
    }
    const listed = String((await store.send('GET', '/takes/plain', { query: { uploadId: upload } })).body);
    assert.deepEqual(tags(listed, element(kinds[0])), kinds.every((k) => k === kinds[0]) ? bodies.map((b) => base64(kinds[0], b)) : [base64(kinds[0], bodies[0])]);
    assert.equal(tag(listed, 'ChecksumAlgorithm'), undefined);
    const done = String((await complete('/takes/plain', upload, parts)).body);
    const head = await store.sendSigned('HEAD', '/takes/plain', { headers: ENABLED });
    assert.equal(head.headers['x-amz-checksum-type'], tag(done, 'ChecksumType'));
    return [tag(done, element(kinds[0])), tag(done, 'ChecksumType')];
  };
  assert.deepEqual(await through(['crc32c', 'crc32c']), [composite('crc32c', bodies), 'COMPOSITE']);
  assert.deepEqual(await through(['crc64nvme', 'crc64nvme']), [base64('crc64nvme', Buffer.concat(bodies)), 'FULL_OBJECT']);
  assert.deepEqual(await through(['crc32c', 'sha1']), [undefined, undefined]);
  assert.deepEqual(await through(['crc32c', undefined]), [undefined, undefined]);
});

test('copies: a part gets the checksum of its upload, an object the one that is asked for', async () => {
  const data = randomBytes(150000);
  await store.sendSigned('PUT', '/takes/source', { body: data, headers: { 'x-amz-checksum-sha1': base64('sha1', data) } });
  const { upload } = await begin('/takes/copied', 'CRC32C');
  const copyPart = (partNumber, headers) => store.sendSigned('PUT', '/takes/copied', {
    query: { partNumber, uploadId: upload }, headers: { 'x-amz-copy-source': '/takes/source', ...headers },
  });
  const slice = await copyPart(1, { 'x-amz-copy-source-range': 'bytes=100-70099' });
  assert.equal(tag(String(slice.body), 'ChecksumCRC32C'), base64('crc32c', data.subarray(100, 70100)));
  const all = await copyPart(2);
  assert.equal(tag(String(all.body), 'ChecksumCRC32C'), base64('crc32c', data));
  const parts = [slice, all].map((a) => ({ etag: tag(String(a.body), 'ETag').replaceAll('&quot;', '"') }));
  const done = await complete('/takes/copied', upload, parts);
  assert.equal(tag(String(done.body), 'ChecksumCRC32C'), composite('crc32c', [data.subarray(100, 70100), data]));
  const copy = (headers) => store.sendSigned('PUT', '/takes/copy', { headers: { 'x-amz-copy-source': '/takes/copied', ...headers } });
  assert.equal(tag(String((await copy()).body), 'ChecksumType'), 'COMPOSITE');
  const whole = Buffer.concat([data.subarray(100, 70100), data]);
  for (const name of ['sha256', 'crc64nvme']) {
    const again = String((await copy({ 'x-amz-checksum-algorithm': name.toUpperCase() })).body);
    assert.equal(`${tag(again, element(name))} ${tag(again, 'ChecksumType')}`, `${base64(name, whole)} FULL_OBJECT`);
  }
  assert.equal((await store.sendSigned('HEAD', '/takes/copy', { headers: ENABLED })).headers['x-amz-checksum-crc64nvme'], base64('crc64nvme', whole));
  expectError(await copy({ 'x-amz-checksum-algorithm': 'MD5' }), 400, 'InvalidRequest');
});

test('documents with a checksum of their own are verified', async () => {
  const body = '<Delete><Object><Key>none</Key></Object></Delete>';
  const send = (sum) => store.sendSigned('POST', '/takes', { query: { delete: '' }, body, headers: { 'x-amz-checksum-crc32': sum } });
  assert.equal((await send(base64('crc32', Buffer.from(body)))).status, 200);
  expectError(await send('AAAAAA=='), 400, 'BadDigest');
  expectError(await send('AA'), 400, 'InvalidRequest');
});

test('GetObjectAttributes: names, pages, objects of one piece', async () => {
  const { upload } = await begin('/takes/pages', 'CRC32');
  const parts = [];
  for (const number of [1, 2, 3, 7, 10000]) {
    const put = await putPart('/takes/pages', upload, number, Buffer.alloc(65536, number));
    parts.push(`<Part><PartNumber>${number}</PartNumber><ETag>${put.headers.etag}</ETag></Part>`);
  }
  const done = await store.send('POST', '/takes/pages', {
    query: { uploadId: upload }, body: `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`,
  });
  assert.equal(done.status, 200, String(done.body));
  const seen = [];
  let marker = 0;
  for (let page = 0; page < 3; page++) {
    const answer = await attributes('/takes/pages', 'ObjectParts', { 'x-amz-max-parts': '2', 'x-amz-part-number-marker': String(marker) });
    const xml = String(answer.body);
    assert.equal(answer.status, 200, xml);
    assert.ok(Date.parse(answer.headers['last-modified']) > 0);
    assert.deepEqual([tag(xml, 'PartsCount'), tag(xml, 'PartNumberMarker'), tag(xml, 'MaxParts'), tag(xml, 'IsTruncated'), tag(xml, 'ETag')],
      ['5', String(marker), '2', page < 2 ? 'true' : 'false', undefined]);
    seen.push(...tags(xml, 'PartNumber'));
    assert.deepEqual(tags(xml, 'Size').map(Number), page < 2 ? [65536, 65536] : [65536]);
    marker = tag(xml, 'NextPartNumberMarker');
  }
  assert.deepEqual(seen, ['1', '2', '3', '7', '10000']);
  const behind = String((await attributes('/takes/pages', 'ObjectParts', { 'x-amz-part-number-marker': '10000', 'x-amz-max-parts': 'many' })).body);
  assert.deepEqual([tag(behind, 'MaxParts'), tag(behind, 'IsTruncated'), tags(behind, 'PartNumber').length], ['1000', 'false', 0]);
  const data = randomBytes(10);
  await store.sendSigned('PUT', '/takes/one', { body: data, headers: { 'x-amz-checksum-sha256': base64('sha256', data) } });
  const one = String((await attributes('/takes/one', 'ETag, Checksum, ObjectParts, StorageClass, ObjectSize')).body);
  assert.deepEqual([tag(one, 'ObjectSize'), tag(one, 'StorageClass'), tag(one, 'ChecksumSHA256'), tag(one, 'ChecksumType'), tag(one, 'PartsCount')],
    ['10', 'STANDARD', base64('sha256', data), 'FULL_OBJECT', undefined]);
  assert.match(tag(one, 'ETag'), /^[0-9a-f]{32}$/);
  expectError(await attributes('/takes/one', 'Colour'), 400, 'InvalidArgument');
  expectError(await attributes('/takes/one', ','), 400, 'InvalidArgument');
  expectError(await store.sendSigned('GET', '/takes/one', { query: { attributes: '' } }), 400, 'InvalidArgument');
  expectError(await attributes('/takes/none', 'ETag'), 404, 'NoSuchKey');
});

test('Complete: size and checksum of the whole object are checked, the right one is kept', async () => {
  const bodies = [randomBytes(65536), randomBytes(1000)];
  const whole = Buffer.concat(bodies);
  const complete = async (name, headers) => {
    const id = await store.startUpload(name);
    let list = '';
    for (const [i, body] of bodies.entries()) {
      const { etag } = (await store.putPart(name, id, i + 1, body)).headers;
      list += `<Part><PartNumber>${i + 1}</PartNumber><ETag>W/${etag}</ETag></Part>`; // as behind some proxies
    }
    const body = `<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`;
    const answer = await store.sendSigned('POST', name, { query: { uploadId: id }, body, headers });
    const open = (await store.send('GET', name, { query: { uploadId: id } })).status === 200;
    assert.equal(open, answer.status !== 200, JSON.stringify(headers));
    return answer;
  };
  const crc = base64('crc32', whole);
  for (const [headers, status, error] of [
    [{ 'x-amz-mp-object-size': String(whole.length) }, 200],
    [{ 'x-amz-mp-object-size': String(whole.length - 1) }, 400, 'InvalidRequest'],
    [{ 'x-amz-mp-object-size': '12x' }, 400, 'InvalidRequest'],
    [{ 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-type': 'FULL_OBJECT' }, 400, 'BadDigest'],
    [{ 'x-amz-checksum-crc32': 'short' }, 400, 'InvalidRequest'],
    [{ 'x-amz-checksum-md99': crc }, 400, 'InvalidRequest'],
    [{ 'x-amz-checksum-sha256': composite('sha256', bodies) }, 200],
    [{ 'x-amz-checksum-crc32': crc, 'x-amz-checksum-type': 'FULL_OBJECT' }, 200],
  ]) {
    const answer = await complete('/takes/whole', headers);
    if (error) expectError(answer, status, error);
    else assert.equal(answer.status, status, String(answer.body));
  }
  const enabled = { 'x-amz-checksum-mode': 'ENABLED' };
  const head = await store.sendSigned('HEAD', '/takes/whole', { headers: enabled });
  assert.equal(head.headers['x-amz-checksum-crc32'], crc);
  assert.equal(head.headers['x-amz-checksum-type'], 'FULL_OBJECT');
  const part = await store.sendSigned('GET', '/takes/whole', { headers: { ...enabled, Range: 'bytes=0-9' } });
  assert.equal(part.headers['x-amz-checksum-crc32'], undefined, 'not of a part of it');
  const copied = await store.sendSigned('PUT', '/takes/whole-copy', { headers: { 'x-amz-copy-source': '/takes/whole' } });
  assert.equal(copied.status, 200, String(copied.body));
  assert.equal((await store.sendSigned('HEAD', '/takes/whole-copy', { headers: enabled })).headers['x-amz-checksum-crc32'], crc);
});
