/** What a take needs of its host, and the figures that it gives. */

import type { EngineHeap, EngineRecorder } from '../engine/engine.js';
import type { EngineSetup } from '../protocol/messages.js';
import type { RecorderStats, RecorderWarning } from '../base/types.js';
import type { ApiClient } from '../server/api.js';
import type { Limits } from '../server/recording.js';

/** Of what only memory holds: the host is warned, the take is ended. */
export const BACKLOG_WARN_BYTES = 128 << 20;
export const BACKLOG_MOST_BYTES = 512 << 20;

export interface TakeOptions {
  heap: EngineHeap;
  recorder: EngineRecorder;
  /** Null: the take stays on this machine. */
  api: ApiClient | null;
  /** Under which the recording is made: the same after a try whose answer never came. */
  creationKey: string;
  /** As the server calls it; empty: not known. */
  organisation: () => string;
  /** How long the server waits for a sign of life, seconds. */
  liveSeconds: () => number;
  setup: EngineSetup;
  /** As far as they are known. */
  limits: () => Limits;
  /** As the server says: it is asked where they are not known yet. */
  askLimits: () => Promise<Limits>;
  /** The take has its recording: its creation key is used up. */
  onRecording: () => void;
  page: { title: string; url: string };
  /** Engine clock, microseconds. */
  nowUs: () => number;
  warn: (code: RecorderWarning['code'], message: string, reason?: RecorderWarning['reason']) => void;
  /** What is recorded from now on has nowhere to go: upload and journal have ended. */
  onFailed: (error: unknown) => void;
  /** There is no room for more: the take is to be stopped. */
  onNoRoom: () => void;
}

/** The figures of a take that the engine does not know. */
export type TakeStats = Pick<
  RecorderStats,
  | 'backlogBytes'
  | 'safeBytes'
  | 'sentBytes'
  | 'uploadState'
  | 'uploadRetries'
  | 'uploadBitrate'
  | 'safeIn'
  | 'journalState'
  | 'journalBytes'
>;

export const NO_TAKE: TakeStats = {
  backlogBytes: 0,
  safeBytes: 0,
  sentBytes: 0,
  uploadState: 'idle',
  uploadRetries: 0,
  uploadBitrate: 0,
  safeIn: 0,
  journalState: 'off',
  journalBytes: 0,
};
