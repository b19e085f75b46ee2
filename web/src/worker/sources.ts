/** Brings each source's pictures and sound into the engine's memory. */

import { isTrap } from '../base/errors.js';
import type { EngineFrame, EngineHeap, EngineRecorder } from '../engine/engine.js';
import type { AudioBlock, SourceMedia } from '../protocol/messages.js';
import { AudioClock } from './audio-clock.js';
import { Intake } from './intake.js';
import { Pictures } from './pictures.js';
import { SoundInput, type SoundState } from './sound-input.js';

const AUDIO_SCRATCH_FRAMES = 8192;
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
  /** A picture of its present media is in the engine. */
  hasPicture: boolean;
  stallTold: boolean;
  reader: ReadableStreamDefaultReader<VideoFrame> | null;
  audio: MessagePort | null;
  sound: SoundInput;
  /** What the page was told of its sound. */
  soundTold: SoundState;
  sideTold: boolean;
  intake: Intake;
}

export interface SourcesOptions {
  heap: EngineHeap;
  recorder: EngineRecorder;
  fps: number;
  nowUs: () => number;
  /** The busy time that copying took, microseconds. */
  onBusy: (us: number) => void;
  /** Whether a take is being recorded: all pictures count, and not only the newest. */
  recording: () => boolean;
  /** The engine has a new picture. */
  onPicture: () => void;
  /** A source's media came to their end by themselves. */
  onEnded: (source: Source) => void;
}

export class Sources {
  readonly #options: SourcesOptions;
  readonly #byId = new Map<string, Source>();
  /** One for each audio context of the page. */
  readonly #clocks = new Map<number, AudioClock>();
  readonly #audioScratch: number;
  readonly #pictures: Pictures;

  constructor(options: SourcesOptions) {
    this.#options = options;
    this.#pictures = new Pictures(options.heap, options.recorder);
    this.#audioScratch = options.heap.module._ktw_malloc(AUDIO_SCRATCH_FRAMES * 2 * 4);
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
      hasPicture: false,
      stallTold: false,
      reader: null,
      audio: null,
      sound: new SoundInput(this.#options.nowUs()),
      soundTold: 'live',
      sideTold: false,
      intake: new Intake({
        fps: this.#options.fps,
        nowUs: this.#options.nowUs,
        keepAll: () => false,
        copy: async () => null,
      }),
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
    source.hasPicture = false;
    source.intake = this.#intake(source);
    if (media.frames) {
      source.reader = media.frames.getReader();
      void this.#pumpFrames(source, source.reader);
    }
    source.sound.channelMode = media.channelMode ?? source.sound.channelMode;
    this.connectSound(source, media.audio ?? null);
  }

  /** Lets go of the sound that the source had and takes that of `audio`. */
  connectSound(source: Source, audio: MessagePort | null): void {
    source.audio?.close();
    source.audio = audio;
    source.hasAudio = audio !== null;
    // Where there is no picture, the source lives as long as its sound.
    if (audio && !source.hasVideo) source.ended = false;
    source.sound.restart(this.#options.nowUs());
    source.soundTold = 'live';
    source.sideTold = false;
    if (audio) audio.onmessage = (event: MessageEvent<AudioBlock>) => this.#takeAudio(source, event.data);
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
    source.intake.close();
    source.audio?.close();
    source.audio = null;
  }

  async #pumpFrames(source: Source, reader: ReadableStreamDefaultReader<VideoFrame>): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (source.reader === reader) source.intake.offer(value);
        else value.close();
      }
    } catch {
      // The stream broke: the same as its end.
    }
    if (source.reader === reader) this.#options.onEnded(source);
  }

  /** A picture of a page that has no stream of them; it is closed in every case. */
  takeFrame(source: Source, frame: VideoFrame): void {
    source.intake.offer(frame);
  }

  #intake(source: Source): Intake {
    const { fps, nowUs, recorder, recording, onPicture } = this.#options;
    const intake: Intake = new Intake({
      fps,
      nowUs,
      keepAll: recording,
      copy: async (frame) => {
        const target = await this.#copy(frame);
        if (target === null) return null;
        return (arrivedUs) => {
          // The source may have gone, or shown something else, meanwhile.
          if (this.#byId.get(source.id) !== source || source.intake !== intake) return recorder.dropFrame(target);
          source.lastFrameUs = nowUs();
          source.hasPicture = true;
          source.stallTold = false;
          try {
            recorder.pushFrame(source.handle, target, arrivedUs);
          } catch (error) {
            // The engine refused it: the source shows its last one.
            if (isTrap(error)) throw error;
          }
          onPicture();
        };
      },
    });
    return intake;
  }

  /** `null`: a picture that cannot be read is dropped; the source shows its last one. */
  async #copy(frame: VideoFrame): Promise<EngineFrame | null> {
    let picture = frame;
    try {
      const began = this.#options.nowUs();
      picture = this.#pictures.fitting(frame);
      const copied = this.#pictures.copy(picture);
      // Waiting for the browser's copy is no work of this thread.
      this.#options.onBusy(this.#options.nowUs() - began);
      return await copied;
    } catch {
      return null;
    } finally {
      if (picture !== frame) picture.close();
    }
  }

  #takeAudio(source: Source, block: AudioBlock): void {
    const { heap, recorder, nowUs } = this.#options;
    const frames = block.channels[0]?.length ?? 0;
    if (frames === 0 || frames > AUDIO_SCRATCH_FRAMES) return;
    const channels = source.sound.push(block.channels, block.rate, nowUs());
    const clock = this.#clocks.get(block.context) ?? new AudioClock();
    this.#clocks.set(block.context, clock);
    const ptsUs = clock.place(block.frame, frames, block.rate, nowUs());
    const scratch = new Float32Array(heap.buffer, this.#audioScratch, frames * 2);
    channels.forEach((samples, channel) => scratch.set(samples, channel * frames));
    recorder.pushAudio(source.handle, ptsUs, block.rate, channels.length, this.#audioScratch, frames);
  }
}
