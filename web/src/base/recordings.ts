/** What a page sees of the recordings that keeptake-server keeps. */

import type { Token } from './token.js';
import type { FinishedTake } from './types.js';

/** A recording as the server lists it. */
export interface Recording {
  id: string;
  title: string;
  /**
   * `created`: nothing of it was recorded yet; `recording`: its upload is open; `completing`, `salvaging`: it is being
   * finished; `complete`: it can be played; `aborted`: thrown away.
   */
  state: 'created' | 'recording' | 'completing' | 'salvaging' | 'complete' | 'aborted' | 'failed';
  createdAt: Date;
  /** Seconds; absent until it is known. */
  duration?: number;
  /** Of its file; absent until it is known. */
  bytes?: number;
  /** Its recorder gives signs of life: nobody else may end or delete it. */
  live?: boolean;
  codec?: string;
  width?: number;
  height?: number;
  /** Pictures a second. */
  fps?: number;
  /** The server finished it by itself. */
  salvaged?: boolean;
}

/** Who this page is to the server, and what it may do. */
export interface Session {
  organisation: string;
  role: 'owner' | 'co-host' | 'viewer';
  /** `enabled`: takes may be recorded; `maxLength` in seconds, `maxFps` in pictures a second, 0 where the server names none. */
  limits: { enabled: boolean; maxLength: number; maxFps: number };
}

/** Options of {@link openRecordings}. */
export interface RecordingsOptions {
  /** As {@link RecorderOptions.server}. */
  server: { url: string; token?: Token };
}

/** A recording in the form that a player takes: what of {@link FinishedTake} needs no recorder. Null: the server has none. */
export type StoredRecording = Pick<FinishedTake, 'duration' | 'bytes' | 'playbackUrl' | 'timeline' | 'scene'>;

/** Of a call that can be ended. */
export interface CallSignal {
  /** Ends the waiting with `'aborted'`. */
  signal?: AbortSignal;
}

/**
 * The recordings of an organisation. Each call is one request with a limit of 15 seconds and rejects with a
 * KeeptakeError: `'server-unreachable'`, `'server-error'`, `'unauthorized'`, `'forbidden'`, `'not-found'`,
 * `'take-live'` where somebody records it at this moment, `'aborted'` where the signal ended the waiting (the server may
 * have done it all the same).
 */
export interface Recordings {
  /** Who this page is to the server. */
  session(options?: CallSignal): Promise<Session>;
  /** A page of them, newest first. `cursor`: {@link RecordingPage.next} of the page before; `limit`: 1 to 200, default 50. */
  list(options?: { cursor?: string; limit?: number } & CallSignal): Promise<RecordingPage>;
  /** One of them, as it stands now. */
  get(id: string, options?: CallSignal): Promise<Recording>;
  /** The recording with its new title, of at most 200 characters. */
  rename(id: string, title: string, options?: CallSignal): Promise<Recording>;
  /** Deletes it and all that is stored of it. */
  delete(id: string, options?: CallSignal): Promise<void>;
  /** Lets the server finish it from what it has. Resolves at once; its state tells the rest. */
  salvage(id: string, options?: CallSignal): Promise<Recording>;
  /** An address that plays it for so many seconds (60 to 604,800) without signing in. */
  link(id: string, seconds: number, options?: CallSignal): Promise<{ url: string; until: Date }>;
  /** For a player; asks nothing yet. */
  open(recording: Recording): StoredRecording;
  /** As {@link Recorder.setToken}. */
  setToken(token: string): void;
}

/** Of {@link Recordings.list}. */
export interface RecordingPage {
  recordings: Recording[];
  /** Absent: this is the last page. */
  next?: string;
}
