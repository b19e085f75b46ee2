/** Brings each source's pictures and sound into the engine's memory. */

import type { EngineHeap, EngineRecorder } from '../engine/engine.js';
import type { AudioBlock, SourceMedia } from '../messages.js';
import { AudioClock } from './audio-clock.js';
import { Pictures } from './pictures.js';

const AUDIO_SCRATCH_FRAMES = 8192;
/** Later than the promptest pictures by this: it waited. Clocks may drift by LATE_DRIFT_US a picture. */
const STALE_US = 25_000;
const LATE_DRIFT_US = 30;
const MAX_STALE = 3;
/** Of the frame interval: a picture that follows the last one sooner is not copied. */
const EARLY_FRACTION = 0.6;

export interface Source {
  id: string;
  handle: number;
  name: string;
  showName: boolean;
  hasVideo: boolean;
  hasAudio: boolean;
  audioMuted: boolean;
  videoMuted: boolean;
  gain: number;
  /** Of kind 'screen': the encoder is tuned by it. */
  screen: boolean;
  mayStandStill: boolean;
  picturesMuted: boolean;
  ended: boolean;
  lastFrameUs: number;
  lastTimestamp: number;
  /** Least difference between arrival and timestamp of its pictures, and how many in a row were passed over. */
  leastLateUs: number;
  staleInRow: number;
  stallTold: boolean;
  reader: ReadableStreamDefaultReader<VideoFrame> | null;
  audio: MessagePort | null;
  /** A picture of this source is being copied. */
  copying: boolean;
}

export interface SourcesOptions {
  heap: EngineHeap;
  recorder: EngineRecorder;
  fps: number;
  nowUs: () => number;
  /** The busy time that copying took, microseconds. */
  onBusy: (us: number) => void;
  /** A source's media came to their end by themselves. */
  onEnded: (source: Source) => void;
}

export class Sources {
  readonly #options: SourcesOptions;
  readonly #byId = new Map<string, Source>();
  readonly #clock = new AudioClock();
  readonly #audioScratch: number;
  readonly #pictures: Pictures;

  constructor(options: SourcesOptions) {
    this.#options = options;
    this.#pictures = new Pictures(options.heap, options.recorder);
    this.#audioScratch = options.heap.module._ktw_malloc!(AUDIO_SCRATCH_FRAMES * 2 * 4);
  }

  get(id: string): Source | undefined {
    return this.#byId.get(id);
  }

  all(): Source[] {
    return [...this.#byId.values()];
  }

  add(source: Pick<Source, 'id' | 'handle' | 'name' | 'showName' | 'screen'>, media: SourceMedia): Source {
    const added: Source = {
      ...source,
      hasVideo: false,
      hasAudio: false,
      audioMuted: false,
      videoMuted: false,
      gain: 1,
      mayStandStill: false,
      picturesMuted: false,
      ended: false,
      lastFrameUs: this.#options.nowUs(),
      lastTimestamp: -Infinity,
      leastLateUs: Infinity,
      staleInRow: 0,
      stallTold: false,
      reader: null,
      audio: null,
      copying: false,
    };
    this.#byId.set(source.id, added);
    this.connect(added, media);
    return added;
  }

  /** Lets go of what the source had and takes `media`. */
  connect(source: Source, media: SourceMedia): void {
    this.#disconnect(source);
    source.hasVideo = media.hasVideo;
    source.hasAudio = media.hasAudio;
    source.mayStandStill = media.mayStandStill;
    source.picturesMuted = media.picturesMuted;
    source.ended = false;
    source.lastFrameUs = this.#options.nowUs();
    source.stallTold = false;
    source.lastTimestamp = -Infinity;
    source.leastLateUs = Infinity;
    source.staleInRow = 0;
    if (media.frames) {
      source.reader = media.frames.getReader();
      void this.#pumpFrames(source, source.reader);
    }
    if (media.audio) {
      source.audio = media.audio;
      media.audio.onmessage = (event: MessageEvent<AudioBlock>) => this.#takeAudio(source, event.data);
    }
  }

  remove(source: Source): void {
    this.#disconnect(source);
    this.#byId.delete(source.id);
  }

  close(): void {
    for (const source of this.all()) this.remove(source);
  }

  #disconnect(source: Source): void {
    // Ends the stream and lets go of the track; #pumpFrames closes what still comes.
    source.reader?.cancel().catch(() => undefined);
    source.reader = null;
    source.audio?.close();
    source.audio = null;
  }

  async #pumpFrames(source: Source, reader: ReadableStreamDefaultReader<VideoFrame>): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (source.reader === reader && !this.#isStale(source, value)) await this.takeFrame(source, value);
        else value.close();
      }
    } catch {
      // The stream broke: the same as its end.
    }
    if (source.reader === reader) this.#options.onEnded(source);
  }

  /**
   * A picture that waited in the stream's queue while this thread was busy: one that follows is newer. Without this
   * the queue would stay as long as it once became, and the picture late by that for ever.
   */
  #isStale(source: Source, frame: VideoFrame): boolean {
    const late = this.#options.nowUs() - frame.timestamp;
    source.leastLateUs = Math.min(source.leastLateUs + LATE_DRIFT_US, late);
    if (late - source.leastLateUs < STALE_US || source.staleInRow >= MAX_STALE) {
      source.staleInRow = 0;
      return false;
    }
    source.staleInRow++;
    return true;
  }

  /** Copies a picture into the engine; the frame is closed in every case. */
  async takeFrame(source: Source, frame: VideoFrame): Promise<void> {
    const tooEarly =
      frame.timestamp > source.lastTimestamp &&
      frame.timestamp - source.lastTimestamp < (EARLY_FRACTION * 1e6) / this.#options.fps;
    if (tooEarly || source.copying || this.#byId.get(source.id) !== source) {
      frame.close();
      return;
    }
    source.copying = true;
    let picture = frame;
    try {
      source.lastTimestamp = frame.timestamp;
      const began = this.#options.nowUs();
      picture = this.#pictures.fitting(frame);
      const copied = this.#copy(source, picture);
      // Waiting for the browser's copy is no work of this thread.
      this.#options.onBusy(this.#options.nowUs() - began);
      await copied;
    } catch {
      // A picture that cannot be read is dropped; the source shows its last one.
    } finally {
      source.copying = false;
      if (picture !== frame) picture.close();
      frame.close();
    }
  }

  async #copy(source: Source, picture: VideoFrame): Promise<void> {
    const { recorder, nowUs } = this.#options;
    const target = await this.#pictures.copy(picture);
    if (target === null) return;
    if (this.#byId.get(source.id) !== source) {
      recorder.dropFrame(target);
      return;
    }
    source.lastFrameUs = nowUs();
    source.stallTold = false;
    recorder.pushFrame(source.handle, target, source.lastFrameUs);
  }

  #takeAudio(source: Source, block: AudioBlock): void {
    const { heap, recorder, nowUs } = this.#options;
    const frames = block.channels[0]?.length ?? 0;
    if (frames === 0 || frames > AUDIO_SCRATCH_FRAMES) return;
    const ptsUs = this.#clock.place(block.frame, frames, block.rate, nowUs());
    const scratch = new Float32Array(heap.buffer, this.#audioScratch, frames * 2);
    block.channels.forEach((samples, channel) => scratch.set(samples, channel * frames));
    recorder.pushAudio(source.handle, ptsUs, block.rate, block.channels.length, this.#audioScratch, frames);
  }
}
