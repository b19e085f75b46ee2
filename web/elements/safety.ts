/** How safe the running take is, in a sentence. */

import type { RecorderStats } from 'keeptake';
import { formatSpan } from './format.js';

/** A sentence and how much it should stand out: `good`, `wait` (the host should know), `warn` (something may get lost). */
export interface Safety {
  tone: 'good' | 'wait' | 'warn';
  text: string;
  /** Seconds of the take that the store does not have yet. */
  behind: number;
}

/** Behind by more than this, seconds, is told together with the time that it needs. */
const LONG_BEHIND = 60;
/** What takes no longer is not told in seconds. */
const SOON = 4;

/**
 * The sentence for a running take.
 *   uplink  bits a second that went out when the store last answered; 0: not known
 */
export function safetyOf(stats: RecorderStats, uplink: number): Safety {
  const kept = stats.journalState !== 'off';
  if (stats.uploadState === 'idle' && stats.backlogBytes === 0) {
    return kept
      ? { tone: 'good', text: 'Kept on this machine', behind: stats.elapsed }
      : { tone: 'wait', text: 'Kept in this page only', behind: stats.elapsed };
  }
  const behind = stats.fileBytes > 0 ? (stats.elapsed * stats.backlogBytes) / stats.fileBytes : 0;
  const here = stats.journalState === 'on' ? 'on this machine' : 'in this page only';
  if (stats.uploadState === 'waiting') {
    const seconds = timeToSafety(stats, uplink);
    const after = seconds === null ? '' : `, safe about ${formatSpan(Math.max(1, seconds), true)} after it is back`;
    const tone = stats.journalState === 'on' ? 'wait' : 'warn';
    return { tone, text: `Offline: ${formatSpan(Math.max(1, behind), true)} kept ${here}${after}`, behind };
  }
  if (behind < 1) {
    return { tone: 'good', text: 'All of it is safe', behind };
  }
  const text = `All but the last ${formatSpan(behind, true)} is safe`;
  if (behind <= LONG_BEHIND) {
    return { tone: stats.journalState === 'on' ? 'good' : 'wait', text, behind };
  }
  const rest = stats.safeIn === null ? '' : `, the rest in about ${formatSpan(stats.safeIn, true)}`;
  return { tone: stats.journalState === 'on' ? 'wait' : 'warn', text: text + rest, behind };
}

/** The sentence while a take is being saved, after Stop; null: the progress says it all. */
export function savingOf(stats: RecorderStats): Pick<Safety, 'tone' | 'text'> | null {
  if (stats.uploadState === 'waiting') {
    return stats.journalState === 'on'
      ? { tone: 'wait', text: 'Offline: kept on this machine, and sent when the network is back' }
      : { tone: 'warn', text: 'Offline: keep this page open, it is sent when the network is back' };
  }
  return stats.safeIn !== null && stats.safeIn > SOON
    ? { tone: 'wait', text: `About ${formatSpan(stats.safeIn, true)} left` }
    : null;
}

/** Seconds until the backlog is gone at that speed while recording goes on; null: unknown, or never. */
function timeToSafety(stats: RecorderStats, uplink: number): number | null {
  const recorded = stats.elapsed > 0 ? (stats.fileBytes * 8) / stats.elapsed : 0;
  const spare = uplink - recorded;
  return uplink > 0 && spare > 0 ? (stats.backlogBytes * 8) / spare : null;
}
