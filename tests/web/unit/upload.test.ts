import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UploadFailure, UploadRequestKind as Kind } from '../../../web/src/engine/contract.gen.js';
import type { UploadRequest, UploadStats } from '../../../web/src/engine/engine.js';
import { KeeptakeError } from '../../../web/src/base/errors.js';
import { ApiError } from '../../../web/src/server/api.js';
import { ByteLog } from '../../../web/src/journal/byte-log.js';
import { TakeUpload, type UploadPolicy } from '../../../web/src/upload/upload.js';

const HEADER = 4096;
const PART = 65_536;

/** Stands for the engine's uploader: hands out the requests it is given and notes what it is told. */
class FakePolicy implements UploadPolicy {
  readonly queue: UploadRequest[] = [];
  readonly told: unknown[][] = [];
  state: UploadStats['state'] = 'sending';
  destroyed = false;

  request(kind: number, fields: Partial<UploadRequest> = {}): void {
    this.queue.push({ id: this.queue.length + 1, kind, part: 1, count: 1, offset: 0, bytes: 0, ...fields });
  }
  next(_nowUs?: number): UploadRequest | null {
    this.#alive();
    return this.queue.shift() ?? null;
  }
  stats(_nowUs?: number): UploadStats {
    this.#alive();
    const { state } = this;
    return {
      state,
      failure: 0,
      totalBytes: 200,
      safeBytes: 50,
      sentBytes: 0,
      backlogBytes: 150,
      retries: 0,
      nextUs: -1,
      nextBytes: 0,
    };
  }
  parts(): { part: number; etag: string }[] {
    return [{ part: 1, etag: 'one' }];
  }
  putDone(_now: number, id: number, etag: string): boolean {
    this.told.push(['putDone', id, etag]);
    return etag !== '""';
  }
  destroy(): void {
    this.#alive();
    this.destroyed = true;
  }
  append = (_now: number, bytes: number): void => this.#note('append', bytes);
  finish = (): void => this.#note('finish');
  abort = (): void => this.#note('abort');
  wake = (): void => this.#note('wake');
  resume = (): void => this.#note('resume');
  created = (_now: number, id: number): void => this.#note('created', id);
  signed = (_now: number, id: number, expiresUs: number): void => this.#note('signed', id, expiresUs);
  progress = (_now: number, id: number, bytes: number): void => this.#note('progress', id, bytes);
  listedPart = (id: number, part: number, bytes: number, etag: string): void =>
    this.#note('listedPart', id, part, bytes, etag);
  listed = (_now: number, id: number): void => this.#note('listed', id);
  completed = (_now: number, id: number): void => this.#note('completed', id);
  aborted = (_now: number, id: number): void => this.#note('aborted', id);
  failed = (_now: number, id: number, why: number): void => this.#note('failed', id, why);

  #note(...event: unknown[]): void {
    this.#alive();
    this.told.push(event);
  }
  #alive(): void {
    if (this.destroyed) throw new Error('used after destroy');
  }
}

class FakeXhr {
  static all: FakeXhr[] = [];
  readonly upload: { onprogress?: (event: { loaded: number }) => void } = {};
  onload?: () => void;
  onerror?: () => void;
  onabort?: () => void;
  onloadend?: () => void;
  status = 0;
  responseText = '';
  etag: string | null = null;
  url = '';
  body: Blob | null = null;

  constructor() {
    FakeXhr.all.push(this);
  }
  open(_method: string, url: string): void {
    if (url === 'nonsense') throw new SyntaxError('not an address');
    this.url = url;
  }
  send(body: Blob): void {
    this.body = body;
  }
  abort(): void {
    this.onabort?.();
  }
  getResponseHeader(): string | null {
    return this.etag;
  }
  answer(status: number, etag: string | null, responseText = ''): void {
    Object.assign(this, { status, etag, responseText });
    this.onload?.();
  }
}

interface Call {
  method: string;
  path: string;
  body: unknown;
  signal?: AbortSignal;
  resolve: (answer: unknown) => void;
  reject: (error: unknown) => void;
}

interface Setup {
  upload: TakeUpload;
  policy: FakePolicy;
  calls: Call[];
  log: ByteLog;
  released: number[];
  /** Microseconds. */
  clock: { now: number };
}

function setUp({ resume = false, range }: { resume?: boolean; range?: () => Promise<Blob> } = {}): Setup {
  const policy = new FakePolicy();
  const calls: Call[] = [];
  const released: number[] = [];
  const clock = { now: 1_000_000 };
  const log = new ByteLog({ headerBytes: HEADER });
  log.append(new Uint8Array(HEADER));
  log.append(new Uint8Array(3 * PART));
  const api = {
    clockSkewMs: 0,
    call: (method: string, path: string, body?: unknown, options: { signal?: AbortSignal } = {}) =>
      new Promise<unknown>((resolve, reject) => {
        calls.push({ method, path, body, ...options, resolve, reject });
        options.signal?.addEventListener('abort', () => reject(new ApiError('server-unreachable', 'aborted', 0)));
      }),
  };
  const source = {
    end: log.end,
    range: range ?? ((offset: number, bytes: number) => log.range(offset, bytes)),
    release: (offset: number) => void released.push(offset),
  };
  const upload = new TakeUpload({
    policy,
    api,
    recordingId: 'rec_1',
    log: source,
    resume,
    nowUs: () => clock.now,
    duration: () => 2.5,
  });
  return { upload, policy, calls, log, released, clock };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

async function sign({ upload, policy, calls }: Setup, url: string): Promise<void> {
  policy.request(Kind.sign, { id: 90 });
  upload.wake();
  calls.pop()?.resolve({ expires_at: new Date(Date.now() + 600_000).toISOString(), urls: [{ part: 1, url }] });
  await turn();
  policy.told.length = 0;
}

beforeEach(() => {
  FakeXhr.all = [];
  vi.stubGlobal('XMLHttpRequest', FakeXhr);
});
afterEach(() => vi.unstubAllGlobals());

describe('TakeUpload carries out', () => {
  it('sign: keeps the addresses and tells when they end', async () => {
    const { upload, policy, calls } = setUp();
    policy.request(Kind.sign, { id: 7, part: 3, count: 2 });
    upload.append(10);
    expect(calls[0]).toMatchObject({ method: 'POST', path: '/recordings/rec_1/upload/sign', body: { parts: [3, 4] } });
    calls[0]?.resolve({ expires_at: new Date(Date.now() + 60_000).toISOString(), urls: [] });
    await turn();
    const [event, id, expiresUs] = policy.told.at(-1) ?? [];
    expect([event, id]).toEqual(['signed', 7]);
    expect(Math.abs(Number(expiresUs) - 61_000_000)).toBeLessThan(2_000_000);
  });

  it('sign: an answer without addresses counts as a broken one', async () => {
    const { upload, policy, calls } = setUp();
    policy.request(Kind.sign, { id: 7 });
    upload.wake();
    calls[0]?.resolve({ hello: 'captive portal' });
    await turn();
    expect(policy.told.at(-1)).toEqual(['failed', 7, UploadFailure.network]);
  });

  it.each([
    [Kind.create, {}],
    [Kind.complete, {}],
    [Kind.complete, { id: 'rec_1', state: 'recording' }],
    [Kind.list, undefined],
  ])('request %i: %j is a broken answer, not a success', async (kind, answer) => {
    const { upload, policy, calls } = setUp();
    policy.request(kind, { id: 7 });
    upload.wake();
    calls[0]?.resolve(answer);
    await turn();
    expect(policy.told.at(-1)).toEqual(['failed', 7, UploadFailure.network]);
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    'a back-off that ends between two looks at the clock is not slept through: after %i',
    async (looks) => {
      const asked: number[] = [];
      class Waiting extends FakePolicy {
        override next(nowUs = 0): UploadRequest | null {
          asked.push(nowUs);
          return null;
        }
        override stats(nowUs = 0): UploadStats {
          return { ...super.stats(), state: 'waiting', nextUs: nowUs < 1000 ? 1000 : -1 };
        }
      }
      const { log } = setUp();
      const api = { clockSkewMs: 0, call: () => new Promise<unknown>(() => undefined) };
      let looked = 0;
      const nowUs = (): number => (looked++ < looks ? 999 : 1000);
      const upload = new TakeUpload({
        policy: new Waiting(),
        api,
        recordingId: 'rec_1',
        log: { end: 0, range: (offset, bytes) => log.range(offset, bytes), release: () => undefined },
        nowUs,
        duration: () => 1,
      });
      upload.wake();
      await vi.waitFor(() => expect(asked.at(-1), 'it asks once the back-off is over').toBe(1000));
      upload.close();
    },
  );

  it('put: sends exactly the bytes of the range and passes the ETag on', async () => {
    const all = setUp();
    await sign(all, 'https://store/part1');
    all.policy.request(Kind.put, { id: 8, offset: 100, bytes: PART });
    all.upload.wake();
    await turn();
    const [xhr] = FakeXhr.all;
    expect([xhr?.url, xhr?.body?.size]).toEqual(['https://store/part1', PART]);
    xhr?.upload.onprogress?.({ loaded: 5 });
    xhr?.answer(200, '"abc"');
    expect(all.policy.told).toEqual([['wake'], ['progress', 8, 5], ['putDone', 8, '"abc"']]);
  });

  it.each([
    [200, null, '', UploadFailure.network],
    [200, '""', '', UploadFailure.network],
    [403, null, '<Error><Code>RequestTimeTooSkewed</Code></Error>', UploadFailure.expired],
    [404, null, '<Error><Code>NoSuchUpload</Code></Error>', UploadFailure.gone],
    [404, null, '<html>nginx</html>', UploadFailure.server],
    [404, null, '<Error><Code>NoSuchBucket</Code></Error>', UploadFailure.refused],
    [400, null, '<Error><Code>BadDigest</Code></Error>', UploadFailure.network],
    [400, null, '<Error><Code>EntityTooLarge</Code></Error>', UploadFailure.refused],
    [503, null, '<Error><Code>SlowDown</Code></Error>', UploadFailure.server],
    [507, null, '', UploadFailure.server],
  ])('put: %i with ETag %s %s', async (status, etag, body, why) => {
    const all = setUp();
    await sign(all, 'https://store/part1');
    all.policy.request(Kind.put, { id: 8, bytes: 10 });
    all.upload.wake();
    await turn();
    FakeXhr.all[0]?.answer(status, etag, body);
    expect(all.policy.told.at(-1)).toEqual(['failed', 8, why]);
  });

  it('put: without an address, or with a broken one, asks for it anew', async () => {
    const all = setUp();
    all.policy.request(Kind.put, { id: 8, bytes: 10 });
    all.upload.wake();
    expect(all.policy.told.at(-1)).toEqual(['failed', 8, UploadFailure.expired]);
    await sign(all, 'nonsense');
    all.policy.request(Kind.put, { id: 9, bytes: 10 });
    all.upload.wake();
    await turn();
    expect(all.policy.told.at(-1)).toEqual(['failed', 9, UploadFailure.expired]);
  });

  it('put: bytes that were released cannot be sent again, which ends the upload', async () => {
    const all = setUp();
    await sign(all, 'https://store/part1');
    all.log.append(new Uint8Array(1 << 20));
    all.log.release(all.log.end, 0);
    all.policy.request(Kind.put, { id: 8, offset: PART, bytes: PART });
    all.upload.wake();
    await turn();
    expect(FakeXhr.all).toEqual([]);
    expect(all.policy.told.at(-1)).toEqual(['failed', 8, UploadFailure.gone]);
  });

  it('put: a journal that does not answer is given up when the uploader says so', async () => {
    let give: (blob: Blob) => void = () => undefined;
    const all = setUp({ range: () => new Promise((resolve) => (give = resolve)) });
    await sign(all, 'https://store/part1');
    all.policy.request(Kind.put, { id: 8, bytes: 10 });
    all.upload.wake();
    all.policy.request(Kind.cancel, { id: 8 });
    all.upload.wake();
    expect(all.policy.told.at(-1)).toEqual(['failed', 8, UploadFailure.cancelled]);
    give(new Blob(['0123456789']));
    await turn();
    expect(FakeXhr.all).toEqual([]);
  });

  it('put: bytes that cannot be read for a moment are tried again', async () => {
    const all = setUp({ range: () => Promise.reject(new Error('the disk is busy')) });
    await sign(all, 'https://store/part1');
    all.policy.request(Kind.put, { id: 8, bytes: 10 });
    all.upload.wake();
    await turn();
    expect(all.policy.told.at(-1)).toEqual(['failed', 8, UploadFailure.network]);
  });

  it('put: counts what leaves while it is sent', async () => {
    const all = setUp();
    await sign(all, 'https://store/part1');
    expect(all.upload.speed.bitrate(all.clock.now)).toBe(0);
    all.policy.request(Kind.put, { id: 8, bytes: 1000 });
    all.upload.wake();
    await turn();
    all.clock.now += 1_000_000;
    FakeXhr.all[0]?.upload.onprogress?.({ loaded: 600 });
    FakeXhr.all[0]?.answer(200, '"abc"');
    FakeXhr.all[0]?.onloadend?.();
    all.clock.now += 60_000_000;
    expect(Math.abs(all.upload.speed.bitrate(all.clock.now) - 8000)).toBeLessThan(10);
  });

  it('resume: before anything else', () => {
    expect(setUp({ resume: true }).policy.told).toEqual([['resume']]);
  });

  it('release: is passed on', () => {
    const { upload, policy, released } = setUp();
    policy.request(Kind.release, { offset: 4 * PART });
    upload.wake();
    expect(released).toEqual([4 * PART]);
  });

  it('list: tells every part, then that these were all', async () => {
    const { upload, policy, calls } = setUp();
    policy.request(Kind.list, { id: 5 });
    upload.wake();
    expect(calls[0]).toMatchObject({ method: 'GET', path: '/recordings/rec_1/upload/parts' });
    calls[0]?.resolve({
      parts: [
        { part: 1, bytes: 7, etag: '"a"' },
        { part: 2, bytes: 8, etag: '"b"' },
      ],
    });
    await turn();
    expect(policy.told.slice(1)).toEqual([
      ['listedPart', 5, 1, 7, '"a"'],
      ['listedPart', 5, 2, 8, '"b"'],
      ['listed', 5],
    ]);
  });

  it('cancel: ends the request, which is then answered as cancelled', async () => {
    const all = setUp();
    await sign(all, 'https://store/part1');
    all.policy.request(Kind.put, { id: 8, bytes: 10 });
    all.upload.wake();
    await turn();
    all.policy.request(Kind.cancel, { id: 8 });
    all.upload.wake();
    expect(all.policy.told.at(-1)).toEqual(['failed', 8, UploadFailure.cancelled]);
    all.policy.request(Kind.sign, { id: 9 });
    all.upload.wake();
    all.policy.request(Kind.cancel, { id: 9 });
    all.upload.wake();
    await turn();
    expect(all.policy.told.at(-1)).toEqual(['failed', 9, UploadFailure.cancelled]);
  });

  it.each([
    // A new token mends it.
    [new ApiError('unauthorized', 'no', 401), UploadFailure.network],
    [new ApiError('server-error', 'conflict', 409), UploadFailure.refused],
    [new ApiError('not-found', 'no', 404), UploadFailure.gone],
    [new ApiError('server-error', 'salvaged', 409, undefined, 'salvaged'), UploadFailure.gone],
    [new ApiError('server-error', 'aborted', 410, undefined, 'gone'), UploadFailure.gone],
    [new ApiError('server-error', 'a proxy', 410), UploadFailure.server],
    [new ApiError('server-error', 'a proxy', 404), UploadFailure.server],
    [new ApiError('server-error', 'no', 429), UploadFailure.server],
    [new ApiError('server-unreachable', 'no', 0), UploadFailure.network],
    [new TypeError('a bug'), UploadFailure.network],
  ])('complete: %s', async (error, why) => {
    const { upload, policy, calls, log } = setUp();
    policy.request(Kind.complete, { id: 4 });
    upload.wake();
    expect(calls[0]?.body).toEqual({ parts: [{ part: 1, etag: 'one' }], bytes: log.end, duration: 2.5 });
    calls[0]?.reject(error);
    await turn();
    expect(policy.told.at(-1)).toEqual(['failed', 4, why]);
    expect(upload.lastError).toBe(error);
  });
});

describe('the end of an upload', () => {
  it('finish waits for the last answer', async () => {
    const { upload, policy, calls } = setUp();
    policy.request(Kind.complete, { id: 4 });
    let over = false;
    const finished = upload.finish().then(() => (over = true));
    await turn();
    expect(over).toBe(false);
    policy.state = 'done';
    calls[0]?.resolve({ id: 'rec_1', state: 'complete' });
    await finished;
    expect(policy.told).toEqual([['finish'], ['completed', 4]]);
  });

  it('a failure says how much is safe and why, wherever it is met', async () => {
    const { upload, policy, calls } = setUp();
    policy.request(Kind.create, { id: 1 });
    upload.wake();
    calls[0]?.reject(new ApiError('forbidden', 'This token may not record.', 403));
    await turn();
    policy.state = 'failed';
    const met: unknown[] = [upload.failure];
    met.push(await upload.finish().catch((error: unknown) => error));
    try {
      upload.append(1);
    } catch (error) {
      met.push(error);
    }
    expect(met.length).toBe(3);
    for (const error of met) {
      expect(error).toBeInstanceOf(KeeptakeError);
      expect(error).toMatchObject({ code: 'upload-failed', context: { safeBytes: 50, totalBytes: 200 } });
      expect((error as Error).message).toContain('50 of 200 bytes are safe. This token may not record.');
    }
    expect(policy.told.some(([event]) => event === 'append' || event === 'finish')).toBe(false);
  });

  it('close ends requests and waiting, and touches the engine no more', async () => {
    const all = setUp();
    const { upload, policy, calls } = all;
    await sign(all, 'https://store/part1');
    policy.request(Kind.put, { id: 8, bytes: 10 });
    policy.request(Kind.sign, { id: 9 });
    const finished = upload.finish().catch((error: unknown) => error);
    await turn();
    upload.close();
    upload.close();
    expect(await finished).toMatchObject({ code: 'closed' });
    expect(calls.at(-1)?.signal?.aborted).toBe(true);
    FakeXhr.all[0]?.answer(200, '"late"');
    FakeXhr.all[0]?.upload.onprogress?.({ loaded: 3 });
    upload.wake();
    await turn();
    expect(await upload.abort().catch((error: unknown) => error)).toMatchObject({ code: 'closed' });
    expect(() => upload.append(1)).toThrow(/ended/);
    expect(upload.stats.safeBytes).toBe(50);
    expect(policy.told).toEqual([['finish']]);
  });
});
