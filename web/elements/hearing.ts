/** What is heard of a microphone, in words: from the recorder's 20 levels a second. */

import type { SoundLevel, SourceInfo } from 'keeptake';
import { languageOf, type Language } from './strings.js';

/** A sentence about a microphone; `bad`: the take would have no or spoilt sound of it. */
export interface Heard {
  tone: 'good' | 'wait' | 'bad';
  text: string;
}

/** Linear. Rooms and microphones hiss below this, -50 dB; nobody speaks so. */
const HEARD = 0.00316;
/** Speech whose loudest syllables stay below this, -34 dB, is hard to follow. */
const QUIET = 0.02;
/** Nothing was heard for so long, milliseconds: before anything was heard at all, and afterwards. */
const PATIENCE_MS = 5000;
const PAUSE_MS = 15_000;
/** So long a syllable counts. */
const MEMORY_MS = 4000;
/** Clipping is too short to be seen; it is shown for so long. */
export const CLIP_MS = 3000;

/** What one source has given since it is on. Times are milliseconds of a clock that never goes back. */
export class HearingLog {
  readonly #since: number;
  #heardAt = -Infinity;
  #clippedAt = -Infinity;
  /** The loudest of the last {@link MEMORY_MS}, and when it was. */
  #loudest = { input: 0, at: -Infinity };

  constructor(now: number) {
    this.#since = now;
  }

  /** Takes a level in; `now` in milliseconds, as everywhere here. */
  add({ input, clipped }: SoundLevel, now: number): void {
    if (input >= HEARD) {
      this.#heardAt = now;
    }
    if (clipped) {
      this.#clippedAt = now;
    }
    if (input >= this.#loudest.input || now - this.#loudest.at > MEMORY_MS) {
      this.#loudest = { input, at: now };
    }
  }

  /** Anything louder than hiss came since the source is on. */
  get heard(): boolean {
    return this.#heardAt > -Infinity;
  }

  /** The sound was at its limit a moment ago. */
  clipped(now: number): boolean {
    return now - this.#clippedAt < CLIP_MS;
  }

  /** It had time to be heard, and was not. */
  unheard(now: number): boolean {
    return this.heard ? now - this.#heardAt > PAUSE_MS : now - this.#since > PATIENCE_MS;
  }

  /** What to tell the person at the microphone. */
  words(now: number, { words: { heard } }: Language = languageOf()): Heard {
    if (this.clipped(now)) {
      return { tone: 'bad', text: heard.tooLoud };
    }
    if (this.unheard(now)) {
      return { tone: 'bad', text: heard.nothing };
    }
    if (!this.heard) {
      return { tone: 'wait', text: heard.wait };
    }
    return now - this.#loudest.at < MEMORY_MS && this.#loudest.input >= HEARD && this.#loudest.input < QUIET
      ? { tone: 'wait', text: heard.quiet }
      : { tone: 'good', text: heard.good };
  }
}

/** The source has a microphone, or had one a moment ago. */
export function hasMicrophone(source: SourceInfo | undefined): source is SourceInfo {
  return source !== undefined && (source.hasAudio || source.audioState === 'ended');
}

/** Why nothing of a source's sound is recorded, whatever arrives; null: nothing is in the way. */
export function soundTrouble(
  source: SourceInfo | undefined,
  { words: { heard } }: Language = languageOf(),
): Heard | null {
  if (!hasMicrophone(source)) {
    return { tone: 'wait', text: heard.noMicrophone };
  }
  if (source.audioMuted) {
    return { tone: 'bad', text: heard.muted };
  }
  switch (source.audioState) {
    case 'ended':
      return { tone: 'bad', text: heard.ended };
    case 'off':
      return { tone: 'bad', text: heard.off };
    case 'muted':
      return { tone: 'bad', text: heard.mutedOutside };
    case 'held-back':
      return { tone: 'bad', text: heard.heldBack };
    case 'stalled':
      return { tone: 'bad', text: heard.stalled };
    case 'silent':
      return { tone: 'bad', text: heard.silent };
    default:
      return null;
  }
}

/** Loudness above -60 dB as 0..1, because ears hear in decibels. */
export function meterFraction(level: number): number {
  return level > 0 ? Math.min(1, Math.max(0, 1 + (20 * Math.log10(level)) / 60)) : 0;
}

/** `-12 dB`, `silent`: as a meter says it. */
export function speakLevel(level: number, language: Language = languageOf()): string {
  const decibels = level > 0 ? Math.round(20 * Math.log10(level)) : -Infinity;
  return decibels <= -60 ? language.words.level.silent : language.words.units.decibels(language.number(decibels));
}
