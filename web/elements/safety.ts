/** How safe the running take is, in a sentence. */

import type { RecorderStats } from 'keeptake';
import { formatSpan } from './format.js';
import { languageOf, type Language } from './strings.js';

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
export function safetyOf(stats: RecorderStats, uplink: number, language: Language = languageOf()): Safety {
  const { safety } = language.words;
  const span = (seconds: number): string => formatSpan(seconds, true, language);
  const kept = stats.journalState !== 'off';
  if (stats.uploadState === 'idle' && stats.backlogBytes === 0) {
    return kept
      ? { tone: 'good', text: safety.here, behind: stats.elapsed }
      : { tone: 'wait', text: safety.pageOnly, behind: stats.elapsed };
  }
  const behind = stats.fileBytes > 0 ? (stats.elapsed * stats.backlogBytes) / stats.fileBytes : 0;
  if (stats.uploadState === 'waiting') {
    const seconds = timeToSafety(stats, uplink);
    const after = seconds === null ? '' : span(Math.max(1, seconds));
    const page = stats.journalState !== 'on';
    const tone = stats.journalState === 'on' ? 'wait' : 'warn';
    return { tone, text: safety.offline(span(Math.max(1, behind)), page, after), behind };
  }
  if (behind < 1) {
    return { tone: 'good', text: safety.all, behind };
  }
  if (behind <= LONG_BEHIND) {
    return { tone: stats.journalState === 'on' ? 'good' : 'wait', text: safety.allBut(span(behind), ''), behind };
  }
  const rest = stats.safeIn === null ? '' : span(stats.safeIn);
  return { tone: stats.journalState === 'on' ? 'wait' : 'warn', text: safety.allBut(span(behind), rest), behind };
}

/** The sentence while a take is being saved, after Stop; null: the progress says it all. */
export function savingOf(
  stats: RecorderStats,
  language: Language = languageOf(),
): Pick<Safety, 'tone' | 'text'> | null {
  const { safety } = language.words;
  if (stats.uploadState === 'waiting') {
    return stats.journalState === 'on'
      ? { tone: 'wait', text: safety.savingHere }
      : { tone: 'warn', text: safety.savingPage };
  }
  return stats.safeIn !== null && stats.safeIn > SOON
    ? { tone: 'wait', text: safety.left(formatSpan(stats.safeIn, true, language)) }
    : null;
}

/** Seconds until the backlog is gone at that speed while recording goes on; null: unknown, or never. */
function timeToSafety(stats: RecorderStats, uplink: number): number | null {
  const recorded = stats.elapsed > 0 ? (stats.fileBytes * 8) / stats.elapsed : 0;
  const spare = uplink - recorded;
  return uplink > 0 && spare > 0 ? (stats.backlogBytes * 8) / spare : null;
}
