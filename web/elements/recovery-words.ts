/** What an unfinished take is, in words: how much is safe, how much is only here, what to do when salvage fails. */

import type { UnfinishedTake } from 'keeptake';
import { explain, type Explanation } from './explain.js';
import { formatSpan } from './format.js';

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
export function tellShares(take: UnfinishedTake): string {
  const { safe, here, seconds } = sharesOf(take);
  if (safe === 0) {
    return take.server === null
      ? 'It was recorded without a server: all of it is on this machine.'
      : 'Nothing of it is in the store yet: all of it is on this machine.';
  }
  if (here === 0) {
    return 'All of it is safe in the store; only the last step is missing.';
  }
  const rest = Math.max(1, Math.round(seconds));
  return `${formatSpan(take.duration - rest)} safe in the store, the last ${formatSpan(rest)} only on this machine.`;
}

/** The title of a take, or what stands for it. */
export function titleOf(take: UnfinishedTake): string {
  return take.title.trim() || 'Untitled take';
}

/** Spans of a take, seconds, as `00:08 to 12:20`. */
export function tellMissing(missing: readonly [number, number][]): string {
  const shown = missing.slice(0, 3).map(([from, to]) => `${formatSpan(from)} to ${formatSpan(to)}`);
  return shown.join(', ') + (missing.length > 3 ? ` and ${missing.length - 3} more` : '');
}

const NOTHING_LOST = 'Nothing is lost: all of it stays where it is.';

/** What differs from {@link explain} while a take is being salvaged: nothing is recorded now, and nothing is at risk. */
const SALVAGING: Record<string, Explanation> = {
  'server-unreachable': {
    what: 'The server does not answer.',
    safe: NOTHING_LOST,
    todo: 'Try again when it is back, or download what is here.',
  },
  'server-error': {
    what: 'The server reported an error.',
    safe: NOTHING_LOST,
    todo: 'Try again in a moment, or download what is here.',
  },
  'upload-failed': {
    what: 'The take could not be stored.',
    safe: 'What is on this machine stays here.',
    todo: 'Try again, or download what is here.',
  },
  unauthorized: {
    what: 'The server does not take this page’s token: it has expired, was withdrawn, or there is none.',
    safe: NOTHING_LOST,
    todo: 'Reload the page and sign in if you are asked, then salvage the take; or download what is here.',
  },
  forbidden: {
    what: 'This account may not finish the take.',
    safe: NOTHING_LOST,
    todo: 'Ask the owner for access, or download what is here.',
  },
  'not-found': {
    what: 'The server does not have this take any more.',
    safe: 'What is on this machine stays here.',
    todo: 'Download what is here and keep the file: it may be the only copy.',
  },
  'other-server': {
    what: 'This take was recorded for another server or another account.',
    safe: NOTHING_LOST,
    todo: 'Salvage it on the page that it was recorded for, or download what is here.',
  },
  'storage-unavailable': {
    what: 'The browser does not open its storage now.',
    safe: NOTHING_LOST,
    todo: 'Close other tabs of this page, then try again.',
  },
  'engine-load-failed': {
    what: 'The recording engine could not be loaded.',
    safe: NOTHING_LOST,
    todo: 'Check the connection, then try again.',
  },
  'engine-failed': {
    what: 'The take could not be put together.',
    safe: NOTHING_LOST,
    todo: 'Try again, or download what is here.',
  },
};

/** Explains why salvage, start over or download failed. */
export function explainRecovery(code: string, message: string): Explanation {
  return SALVAGING[code] ?? explain(code, message, 'setup');
}

/** Heading and text for `dead` takes among `all`. */
export function headline(dead: number, all: number): [string, string] {
  if (all === 0) {
    return ['No unfinished takes', 'Everything that was recorded here is finished.'];
  }
  if (dead === 0) {
    return all === 1
      ? ['A take is being recorded', 'It goes on in its own tab. Nothing needs to be done here.']
      : [`${all} takes are being recorded`, 'They go on in their own tabs. Nothing needs to be done here.'];
  }
  return dead === 1
    ? ['Your take is still here', 'It was cut off before it was saved. Salvage keeps it up to its last moment.']
    : [
        `${dead} takes are still here`,
        'They were cut off before they were saved. Salvage keeps each up to its last moment.',
      ];
}
