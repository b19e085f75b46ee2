/** What an unfinished take is, in words: how much is safe, how much is only here, what to do when salvage fails. */

import type { UnfinishedTake } from 'keeptake';
import { explain, type Explanation } from './explain.js';
import { formatSpan } from './format.js';
import { languageOf, type Language } from './strings.js';
import type { Trouble } from './strings/en-trouble.js';

/** Where the bytes of a take are. */
export interface Shares {
  /** In the store. */
  safe: number;
  /** On this machine and nowhere else. */
  here: number;
  /** `safe` as a fraction, 0..1. */
  fraction: number;
  /** Length that is only on this machine, seconds, from the bytes. */
  seconds: number;
}

/** Splits a take into what is safe and what is not. */
export function sharesOf(take: UnfinishedTake): Shares {
  const safe = Math.min(take.safeBytes, take.bytes);
  const here = take.bytes - safe;
  const fraction = take.bytes > 0 ? safe / take.bytes : 0;
  return { safe, here, fraction, seconds: take.duration * (1 - fraction) };
}

/** One sentence on where a take is. */
export function tellShares(take: UnfinishedTake, language: Language = languageOf()): string {
  const { recovery } = language.words;
  const { safe, here, seconds } = sharesOf(take);
  if (safe === 0) {
    return take.server === null ? recovery.allHereNoServer : recovery.allHere;
  }
  if (here === 0) {
    return recovery.allSafe;
  }
  const rest = Math.max(1, Math.round(seconds));
  return recovery.partSafe(formatSpan(take.duration - rest, false, language), formatSpan(rest, false, language));
}

/** The title of a take, or what stands for it. */
export function titleOf(take: UnfinishedTake, language: Language = languageOf()): string {
  return take.title.trim() || language.words.recovery.untitled;
}

/** Spans of a take, seconds, as `00:08 to 12:20`. */
export function tellMissing(missing: readonly [number, number][], language: Language = languageOf()): string {
  const { recovery, times } = language.words;
  const span = (seconds: number): string => formatSpan(seconds, false, language);
  const shown = missing.slice(0, 3).map(([from, to]) => times.fromTo(span(from), span(to)));
  const more = missing.length - shown.length;
  return more > 0 ? recovery.andMore(shown.join(', '), more) : shown.join(', ');
}

/** Explains why salvage, start over or download failed. */
export function explainRecovery(code: string, message: string, language: Language = languageOf()): Explanation {
  const { salvaging } = language.words;
  const known: Trouble | undefined = Object.hasOwn(salvaging, code)
    ? salvaging[code as keyof typeof salvaging]
    : undefined;
  return known === undefined ? explain(code, message, 'setup', language) : { safe: '', ...known };
}

/** Heading and text for `dead` takes among `all`. */
export function headline(dead: number, all: number, language: Language = languageOf()): [string, string] {
  const { recovery } = language.words;
  if (all === 0) {
    return [recovery.none, recovery.noneMore];
  }
  return dead === 0 ? [recovery.live(all), recovery.liveMore(all)] : [recovery.here(dead), recovery.hereMore(dead)];
}
