/** What is known of one source's sound by its blocks: whether it comes, how loud, and on which side. */

/** Nothing for so long: the device or the audio context has stopped. */
const STALLED_US = 1_000_000;
/** Nothing but zeros for so long: a switch on the headset, a wrong input. */
const SILENT_US = 10_000_000;
/** A look so much later than the one before: this machine slept, and nothing could have come. */
const SLEPT_US = 1_500_000;
/** -50 dBFS: below, a block says nothing about sides. */
const AUDIBLE = 0.003;
/** -46 dB against the other side: no room and no stereo microphone parts its sides so far. */
const DEAD_SIDE = 0.005;
const ONE_SIDED_US = 2_000_000;
const BOTH_SIDES_US = 300_000;
const CLIPPED = 0.999;

export type ChannelMode = 'auto' | 'mono' | 'stereo';
export type SoundState = 'live' | 'silent' | 'stalled';

export class SoundInput {
  channelMode: ChannelMode = 'auto';
  #lastBlockUs: number;
  #lastSoundUs: number;
  #lastLookUs: number;
  #peak = 0;
  #clipped = false;
  /** The only side that has given sound for the last `#oneSidedUs`, and for how long both have. */
  #side: 0 | 1 = 0;
  #oneSidedUs = 0;
  #bothUs = 0;
  #oneSided = false;

  constructor(nowUs: number) {
    this.#lastBlockUs = this.#lastSoundUs = this.#lastLookUs = nowUs;
  }

  /** A device that is plugged in anew gets its time anew. */
  restart(nowUs: number): void {
    this.#lastBlockUs = this.#lastSoundUs = this.#lastLookUs = nowUs;
    this.#oneSided = false;
    this.#oneSidedUs = this.#bothUs = 0;
  }

  /** Which side alone gives sound, null where both do or nobody can say. */
  get oneSided(): 'left' | 'right' | null {
    return this.#oneSided ? (this.#side === 0 ? 'left' : 'right') : null;
  }

  /** Takes note of a block (`channels` borrowed) and answers with what is to be mixed of it. */
  push(channels: Float32Array<ArrayBuffer>[], rateHz: number, nowUs: number): Float32Array<ArrayBuffer>[] {
    const peaks = channels.map(peakOf);
    const peak = Math.max(0, ...peaks);
    this.#lastBlockUs = nowUs;
    if (peak > 0) this.#lastSoundUs = nowUs;
    this.#peak = Math.max(this.#peak, peak);
    this.#clipped ||= peak >= CLIPPED;
    const [left, right] = channels;
    if (!left || !right) return channels;
    this.#weighSides(peaks[0] ?? 0, peaks[1] ?? 0, (left.length * 1e6) / rateHz);
    if (this.channelMode === 'stereo') return channels;
    if (this.#oneSided) return [this.#side === 0 ? left : right];
    return this.channelMode === 'mono' ? [left.map((sample, at) => (sample + (right[at] ?? 0)) / 2)] : channels;
  }

  look(nowUs: number): SoundState {
    const since = nowUs - this.#lastLookUs;
    this.#lastLookUs = nowUs;
    if (since > SLEPT_US) {
      this.#lastBlockUs = Math.min(nowUs, this.#lastBlockUs + since);
      this.#lastSoundUs = Math.min(nowUs, this.#lastSoundUs + since);
    }
    if (nowUs - this.#lastBlockUs > STALLED_US) return 'stalled';
    return nowUs - this.#lastSoundUs > SILENT_US ? 'silent' : 'live';
  }

  /** Peak (linear, before gain) and clipping since the last call. */
  level(): { peak: number; clipped: boolean } {
    const level = { peak: this.#peak, clipped: this.#clipped };
    this.#peak = 0;
    this.#clipped = false;
    return level;
  }

  #weighSides(left: number, right: number, us: number): void {
    const loud = Math.max(left, right);
    if (loud < AUDIBLE) return;
    const side = left >= right ? 0 : 1;
    if (Math.min(left, right) < loud * DEAD_SIDE && (this.#oneSidedUs === 0 || side === this.#side)) {
      this.#side = side;
      this.#oneSidedUs += us;
      this.#bothUs = 0;
      if (this.#oneSidedUs >= ONE_SIDED_US) this.#oneSided = true;
      return;
    }
    this.#bothUs += us;
    if (this.#oneSided && this.#bothUs < BOTH_SIDES_US) return;
    this.#oneSided = false;
    this.#oneSidedUs = 0;
  }
}

function peakOf(samples: Float32Array): number {
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  return peak;
}
