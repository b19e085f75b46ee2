/** How long a take can get: the server's limit, and the room on this machine at the bitrate. */

import type { RecorderStats } from 'keeptake';
import type { Settings } from './settings.js';

/** Seconds; null: nobody can say, or nothing limits it. */
export interface Room {
  /** Until the longest length that the server allows. */
  allowed: number | null;
  /** What fits in this browser's storage. */
  here: number | null;
  /** All of the take is kept here, so `here` limits it; otherwise only an outage of the network needs room. */
  whole: boolean;
}

const AUDIO_BITS = 128_000;
/** From here on the measured bitrate counts, not the wished one. Seconds. */
const MEASURED_AFTER = 20;
/** Less room than this is told of: before a take, in it, and for an outage. Seconds. */
const SHORT_BEFORE = 30 * 60;
const SHORT_WITHIN = 10 * 60;
const SHORT_OUTAGE = 10 * 60;
/** The end of an allowed length is told of this early; the recorder itself warns at the last minute. */
const NEAR_LIMIT = 5 * 60;

/**
 * The room for a take, or for what is left of a running one.
 *   limit   longest length that the server allows, seconds; null: not known
 *   stats   of the running take; null: none runs
 */
export function roomOf(
  { quota, usage }: StorageEstimate,
  settings: Pick<Settings, 'keep' | 'localCopy' | 'videoBitrate'>,
  limit: number | null,
  stats: Pick<RecorderStats, 'elapsed' | 'fileBytes'> | null,
): Room {
  const elapsed = stats?.elapsed ?? 0;
  const wished = (settings.videoBitrate + AUDIO_BITS) / 8;
  const rate = stats !== null && elapsed > MEASURED_AFTER ? Math.max(1, stats.fileBytes / elapsed) : wished;
  const free = quota === undefined || usage === undefined ? null : Math.max(0, quota - usage);
  return {
    allowed: settings.keep === 'browser' || limit === null ? null : Math.max(0, limit - elapsed),
    here: free === null ? null : free / rate,
    whole: settings.keep === 'browser' || settings.localCopy,
  };
}

/** What ends the take first, seconds; null: nothing that is known. */
export function secondsLeft({ allowed, here, whole }: Room): number | null {
  const all = [allowed, whole ? here : null].filter((each) => each !== null);
  return all.length === 0 ? null : Math.min(...all);
}

/** Why the room is short, as a sentence's key; empty: it is not. */
export function shortage(room: Room, running: boolean): '' | 'here' | 'outage' | 'allowed' {
  const { allowed, here, whole } = room;
  if (whole && here !== null && here < (running ? SHORT_WITHIN : SHORT_BEFORE)) {
    return 'here';
  }
  if (!whole && here !== null && here < SHORT_OUTAGE) {
    return 'outage';
  }
  return running && allowed !== null && allowed < NEAR_LIMIT ? 'allowed' : '';
}
