/** The studio's calls to keeptake-server, version 1 of its HTTP interface. */

import type { PlayableTake } from '../../elements/index.js';

/** A recording as the server lists it. */
export interface Recording {
  id: string;
  title: string;
  state: 'created' | 'recording' | 'completing' | 'salvaging' | 'complete' | 'aborted' | 'failed';
  created_at: string;
  duration?: number;
  bytes?: number;
  /** Its recorder gives signs of life: nobody else may end or delete it. */
  live?: boolean;
  codec?: string;
  width?: number;
  height?: number;
  fps?: number;
  /** The server finished it by itself. */
  salvaged?: boolean;
}

/** Who this page is to the server. */
export interface Session {
  organisation: string;
  role: 'owner' | 'co-host' | 'viewer';
  limits: { enabled: boolean; max_length_seconds: number; max_fps: number };
}

/** An answer that is no success; `code` is the server's, or `server-unreachable`. */
export class ServerError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const TIMEOUT_MS = 10_000;

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(new URL(`/api/v1/${path}`, location.href), {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
  } catch {
    throw new ServerError('server-unreachable', 'The server does not answer.');
  }
  if (response.ok) {
    return (response.status === 204 ? undefined : await response.json()) as T;
  }
  const told = (await response.json().catch(() => null)) as { error?: { code?: string; message?: string } } | null;
  const unreachable = response.status === 502 || response.status === 504;
  throw new ServerError(
    unreachable ? 'server-unreachable' : (told?.error?.code ?? 'server-error'),
    told?.error?.message ?? `The server answered ${response.status}.`,
  );
}

/** Who we are. */
export function getSession(): Promise<Session> {
  return call('GET', 'session');
}

/** A page of recordings, newest first. */
export function listRecordings(cursor?: string): Promise<{ recordings: Recording[]; next_cursor?: string }> {
  const from = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
  return call('GET', `recordings?limit=50${from}`);
}

/** One recording. */
export function getRecording(id: string): Promise<Recording> {
  return call('GET', `recordings/${encodeURIComponent(id)}`);
}

/** Gives a recording another title. */
export function renameRecording(id: string, title: string): Promise<Recording> {
  return call('PATCH', `recordings/${encodeURIComponent(id)}`, { title });
}

/** Deletes a recording and all that is stored of it. */
export function deleteRecording(id: string): Promise<void> {
  return call('DELETE', `recordings/${encodeURIComponent(id)}`);
}

/** Lets the server finish a recording from what it has; answers at once, the state tells the rest. */
export function salvageRecording(id: string): Promise<Recording> {
  return call('POST', `recordings/${encodeURIComponent(id)}/salvage`);
}

/** An address that plays a recording for so many seconds (60 to 604,800) without signing in. */
export async function playbackLink(id: string, seconds: number): Promise<{ url: string; until: Date }> {
  const path = `recordings/${encodeURIComponent(id)}/playback`;
  const told = await call<{ url: string; expires_at?: string }>('POST', path, { expires_seconds: seconds });
  const until = new Date(told.expires_at ?? Number.NaN);
  return {
    url: new URL(told.url, location.href).href,
    until: Number.isNaN(until.getTime()) ? new Date(Date.now() + seconds * 1000) : until,
  };
}

/** A stored recording in the form that the player takes. */
export function playable(recording: Recording): PlayableTake {
  const path = `recordings/${encodeURIComponent(recording.id)}`;
  return {
    duration: recording.duration ?? 0,
    bytes: recording.bytes ?? 0,
    playbackUrl: async ({ expiresSeconds = 3600, download = false } = {}) => {
      const wish = { expires_seconds: expiresSeconds, download };
      return (await call<{ url: string }>('POST', `${path}/playback`, wish)).url;
    },
    scene: () => call('GET', `${path}/scene`),
  };
}
