/** The recordings of the server as typed calls; what it answers is checked field by field. */

import { notAborted } from '../base/abort.js';
import { KeeptakeError } from '../base/errors.js';
import type { CallSignal, Recording, RecordingPage, Recordings, Session, StoredRecording } from '../base/recordings.js';
import type { Scene, Timeline } from '../base/scene.js';
import { ApiClient, ApiError, field } from './api.js';
import type { TokenSource } from './token.js';

type Calls = Pick<ApiClient, 'call'>;

const PAGE = 50;
const STATES: ReadonlySet<unknown> = new Set<Recording['state']>([
  'created',
  'recording',
  'completing',
  'salvaging',
  'complete',
  'aborted',
  'failed',
]);

/** Its recordings, asked with the tokens of `tokens`. `base`: the server's address, which relative ones belong to. */
export class RecordingsClient implements Recordings {
  readonly #api: Calls;
  readonly #base: string;
  readonly #tokens: TokenSource;

  constructor(base: string, tokens: TokenSource) {
    this.#base = base;
    this.#tokens = tokens;
    this.#api = new ApiClient({ base, token: tokens });
  }

  /** The request itself, or `'aborted'` as soon as the page ends it. */
  async #call(method: string, path: string, body: unknown, { signal }: CallSignal): Promise<unknown> {
    notAborted(signal);
    try {
      return await this.#api.call(method, path, body, signal ? { signal } : {});
    } catch (error) {
      notAborted(signal);
      throw error;
    }
  }

  async session(options: CallSignal = {}): Promise<Session> {
    const told = await this.#call('GET', '/session', undefined, options);
    const limits = field(told, 'limits');
    const role = field(told, 'role');
    return {
      organisation: String(field(told, 'organisation') ?? ''),
      role: role === 'owner' || role === 'co-host' ? role : 'viewer',
      limits: {
        enabled: field(limits, 'enabled') !== false,
        maxLength: Number(field(limits, 'max_length_seconds')) || 0,
        maxFps: Number(field(limits, 'max_fps')) || 0,
      },
    };
  }

  async list({
    cursor,
    limit = PAGE,
    ...options
  }: { cursor?: string; limit?: number } & CallSignal = {}): Promise<RecordingPage> {
    const from = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const told = await this.#call('GET', `/recordings?limit=${limit}${from}`, undefined, options);
    const [rows, next] = [field(told, 'recordings'), field(told, 'next_cursor')];
    if (!Array.isArray(rows)) throw notUnderstood('a list of recordings');
    return { recordings: rows.map(recordingOf), ...(typeof next === 'string' ? { next } : {}) };
  }

  async get(id: string, options: CallSignal = {}): Promise<Recording> {
    return recordingOf(await this.#call('GET', pathOf(id), undefined, options));
  }

  async rename(id: string, title: string, options: CallSignal = {}): Promise<Recording> {
    return recordingOf(await this.#call('PATCH', pathOf(id), { title }, options));
  }

  async delete(id: string, options: CallSignal = {}): Promise<void> {
    await this.#call('DELETE', pathOf(id), undefined, options);
  }

  async salvage(id: string, options: CallSignal = {}): Promise<Recording> {
    return recordingOf(await this.#call('POST', `${pathOf(id)}/salvage`, undefined, options));
  }

  async link(id: string, seconds: number, { signal }: CallSignal = {}): Promise<{ url: string; until: Date }> {
    const wish = { expires_seconds: seconds };
    const { url, until } = await playback(
      { call: (method, path, body) => this.#call(method, path, body, { signal }) },
      id,
      wish,
    );
    return { url: new URL(url, this.#base).href, until: until ?? new Date(Date.now() + seconds * 1000) };
  }

  open({ id, duration = 0, bytes = 0 }: Recording): StoredRecording {
    const url = playbackUrl(this.#api, id);
    const json = (what: string): Promise<unknown> => this.#api.call('GET', `${pathOf(id)}/${what}`).catch(noneOf);
    return {
      duration,
      bytes,
      playbackUrl: async (options) => new URL(await url(options), this.#base).href,
      timeline: async () => (await json('timeline')) as Timeline | null,
      scene: async () => (await json('scene')) as Scene | null,
    };
  }

  setToken(token: string): void {
    this.#tokens.set(token);
  }
}

/** How a take that the server keeps is played. */
export function playbackUrl(
  api: Calls,
  id: string,
): (options?: { expiresSeconds?: number; download?: boolean }) => Promise<string> {
  return async ({ expiresSeconds = 3600, download = false } = {}) =>
    (await playback(api, id, { expires_seconds: expiresSeconds, download })).url;
}

async function playback(api: Calls, id: string, wish: object): Promise<{ url: string; until: Date | null }> {
  const told = await api.call('POST', `${pathOf(id)}/playback`, wish);
  const url = field(told, 'url');
  if (typeof url !== 'string') throw notUnderstood('an address');
  const until = new Date(String(field(told, 'expires_at')));
  return { url, until: Number.isNaN(until.getTime()) ? null : until };
}

function pathOf(id: string): string {
  return `/recordings/${encodeURIComponent(id)}`;
}

/** A recording without what was asked for, which is no failure. */
function noneOf(error: unknown): null {
  if (error instanceof ApiError && error.code === 'not-found') return null;
  throw error;
}

function recordingOf(told: unknown): Recording {
  const id = field(told, 'id');
  if (typeof id !== 'string') throw notUnderstood('a recording');
  const text = (name: string): string | undefined =>
    typeof field(told, name) === 'string' ? String(field(told, name)) : undefined;
  const number = (name: string): number | undefined =>
    typeof field(told, name) === 'number' ? Number(field(told, name)) : undefined;
  const flag = (name: string): boolean | undefined => (field(told, name) === true ? true : undefined);
  const state = field(told, 'state');
  const more = {
    duration: number('duration'),
    bytes: number('bytes'),
    live: flag('live'),
    codec: text('codec'),
    width: number('width'),
    height: number('height'),
    fps: number('fps'),
    salvaged: flag('salvaged'),
  };
  return {
    id,
    title: text('title') ?? '',
    state: STATES.has(state) ? (state as Recording['state']) : 'failed',
    createdAt: new Date(String(field(told, 'created_at'))),
    ...(Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)) as Partial<Recording>),
  };
}

function notUnderstood(what: string): KeeptakeError {
  return new KeeptakeError('server-error', `The answer holds not what was asked for: ${what}.`);
}
