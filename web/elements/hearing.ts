/** What is heard of a microphone, in words: from the recorder's 20 levels a second. */

import type { SoundLevel, SourceInfo } from 'keeptake';

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
  words(now: number): Heard {
    if (this.clipped(now)) {
      return {
        tone: 'bad',
        text: 'Too loud: the sound is cut off at the top. Move back, or turn the microphone down.',
      };
    }
    if (this.unheard(now)) {
      return { tone: 'bad', text: 'We cannot hear you. Say something, or choose another microphone.' };
    }
    if (!this.heard) {
      return { tone: 'wait', text: 'Say something.' };
    }
    return now - this.#loudest.at < MEMORY_MS && this.#loudest.input >= HEARD && this.#loudest.input < QUIET
      ? { tone: 'wait', text: 'We hear you, but you are very quiet. Come closer, or turn the microphone up.' }
      : { tone: 'good', text: 'We hear you.' };
  }
}

/** Why nothing of a source's sound is recorded, whatever arrives; null: nothing is in the way. */
export function soundTrouble(source: SourceInfo | undefined): Heard | null {
  if (source === undefined || (!source.hasAudio && source.audioState !== 'ended')) {
    return { tone: 'wait', text: 'No microphone is on.' };
  }
  if (source.audioMuted) {
    return { tone: 'bad', text: 'You are muted: nothing of you is recorded.' };
  }
  switch (source.audioState) {
    case 'ended':
      return { tone: 'bad', text: 'The microphone is not connected any more.' };
    case 'off':
      return { tone: 'bad', text: 'This page has switched the microphone off.' };
    case 'muted':
      return { tone: 'bad', text: 'The microphone is muted by the system, the browser or a switch on it.' };
    case 'held-back':
      return { tone: 'bad', text: 'The browser holds the sound back: click anywhere in the page.' };
    case 'stalled':
      return { tone: 'bad', text: 'No sound arrives from the microphone. Choose it again, or another one.' };
    case 'silent':
      return {
        tone: 'bad',
        text: 'We cannot hear you: the microphone gives nothing but silence. Is it the right one?',
      };
    default:
      return null;
  }
}

/** Loudness above -60 dB as 0..1, because ears hear in decibels. */
export function meterFraction(level: number): number {
  return level > 0 ? Math.min(1, Math.max(0, 1 + (20 * Math.log10(level)) / 60)) : 0;
}

/** `-12 dB`, `silent`: as a meter says it. */
export function speakLevel(level: number): string {
  const decibels = level > 0 ? Math.round(20 * Math.log10(level)) : -Infinity;
  return decibels <= -60 ? 'silent' : `${decibels} dB`;
}
