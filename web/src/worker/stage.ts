/** Who and what stands in the picture: sources, composition, names and hooks, as the page changes them. */

import type { EngineHeap, EngineRecorder } from '../engine/engine.js';
import { KeeptakeError } from '../base/errors.js';
import type { Requests, SourceMedia, SourceSettings } from '../protocol/messages.js';
import type {
  Composition,
  HookOptions,
  PlacedSource,
  RecorderWarning,
  SoundLevel,
  SourceChanges,
} from '../base/types.js';
import { Overlays } from './overlays.js';
import type { SoundState } from './sound-input.js';
import { Sources, type Source } from './sources.js';

const STALL_US = 2_000_000;

export interface StageOptions {
  heap: EngineHeap;
  recorder: EngineRecorder;
  /** Of the canvas. */
  width: number;
  height: number;
  fps: number;
  nowUs: () => number;
  wallUs: () => number;
  /** The busy time that copying a picture took, microseconds. */
  onBusy: (us: number) => void;
  /** Whether a take is being recorded. */
  recording: () => boolean;
  /** The engine has a new picture: its next turn may be earlier. */
  onPicture: () => void;
  warn: (code: RecorderWarning['code'], message: string, sourceId: string) => void;
}

export class Stage {
  readonly #options: StageOptions;
  readonly #sources: Sources;
  readonly #overlays: Overlays;
  #composition: Composition = { sources: [] };

  constructor(options: StageOptions) {
    this.#options = options;
    const { recorder, width, height, nowUs, wallUs } = options;
    this.#sources = new Sources({ ...options, onEnded: (source) => this.#ended(source) });
    const composed = (): string[] => this.#composition.sources.map(({ id }) => id);
    this.#overlays = new Overlays({ recorder, sources: this.#sources, width, height, nowUs, wallUs, composed });
  }

  all(): Source[] {
    return this.#sources.all();
  }

  close(): void {
    this.#overlays.close();
    this.#sources.close();
  }

  /** Pictures of a page without MediaStreamTrackProcessor. */
  takeFrame(sourceId: string, frame: VideoFrame): void {
    const source = this.#sources.get(sourceId);
    if (source) this.#sources.takeFrame(source, frame);
    else frame.close();
  }

  /** Sources whose first picture is still to come. */
  awaited(): Source[] {
    return this.#sources
      .all()
      .filter(
        ({ hasVideo, hasPicture, videoMuted, picturesMuted, ended }) =>
          hasVideo && !hasPicture && !videoMuted && !picturesMuted && !ended,
      );
  }

  /** A track of the source ended on the page. */
  ended(sourceId: string): void {
    const source = this.#sources.get(sourceId);
    if (source) this.#ended(source);
  }

  /** The source's track was muted or unmuted by the browser. */
  picturesMuted(sourceId: string, muted: boolean): void {
    const source = this.#sources.get(sourceId);
    if (source) source.picturesMuted = muted;
  }

  addSource({ id, name, showName, screen, media }: Requests['addSource']['args']): void {
    const { recorder } = this.#options;
    try {
      // Every source may come to have sound: a microphone that is added to its stream later.
      const handle = recorder.addSource(id, name, media.hasVideo, true, this.#now(), this.#wall());
      recorder.setScreen(handle, screen);
      this.#sources.add({ id, handle, name, showName, screen }, media);
    } catch (error) {
      letGo(media);
      throw error;
    }
    this.#overlays.redraw();
  }

  replaceSource({ id, media }: Requests['replaceSource']['args']): void {
    const { recorder } = this.#options;
    try {
      const source = this.#source(id);
      if (source.hasVideo !== media.hasVideo) {
        const [now, wall] = [this.#now(), this.#wall()];
        recorder.removeSource(source.handle, now, wall);
        source.handle = recorder.addSource(id, source.name, media.hasVideo, true, now, wall);
        recorder.setScreen(source.handle, source.screen);
        recorder.setGain(source.handle, source.gain);
        recorder.setMuted(source.handle, source.audioMuted, source.videoMuted, now, wall);
      }
      this.#sources.connect(source, media);
    } catch (error) {
      letGo(media);
      throw error;
    }
  }

  connectSound(id: string, audio: MessagePort | null): void {
    this.#sources.connectSound(this.#source(id), audio);
  }

  /** Calls `tell` for each source whose sound has changed its state. */
  lookAtSound(nowUs: number, tell: (sourceId: string, state: SoundState) => void): void {
    for (const source of this.#sources.all()) {
      if (!source.audio) continue;
      const state = source.sound.look(nowUs);
      if (state !== source.soundTold) tell(source.id, (source.soundTold = state));
      const side = source.sound.oneSided;
      if (side === null || source.sideTold || source.sound.channelMode !== 'auto') continue;
      source.sideTold = true;
      this.#options.warn(
        'sound-one-sided',
        `"${source.name || source.id}" is heard on the ${side} only: it is recorded in the middle.`,
        source.id,
      );
    }
  }

  levels(): Record<string, SoundLevel> {
    return Object.fromEntries(
      this.#sources.all().map(({ id, sound, audioMuted, gain }) => {
        const { peak, clipped } = sound.level();
        return [id, { peak: audioMuted ? 0 : peak * gain, input: peak, clipped }];
      }),
    );
  }

  removeSource(id: string): void {
    const { recorder } = this.#options;
    const source = this.#source(id);
    this.#overlays.removed(source);
    this.#sources.remove(source);
    recorder.removeSource(source.handle, this.#now(), this.#wall());
  }

  /** Changes what is given and answers with what stands then: two requests on their way undo nothing of each other. */
  updateSource(id: string, { name, showName, gain, muted }: SourceChanges): SourceSettings {
    const { recorder } = this.#options;
    const source = this.#source(id);
    // What can be refused comes first.
    if (gain !== undefined) {
      recorder.setGain(source.handle, gain);
      source.gain = gain;
    }
    if (muted) {
      const { audio = source.audioMuted, video = source.videoMuted } = muted;
      recorder.setMuted(source.handle, audio, video, this.#now(), this.#wall());
      source.audioMuted = audio;
      source.videoMuted = video;
    }
    if (name !== undefined || showName !== undefined) {
      source.name = name ?? source.name;
      source.showName = showName ?? source.showName;
      this.#overlays.renamed(source);
    }
    const { audioMuted, videoMuted } = source;
    return { name: source.name, showName: source.showName, gain: source.gain, audioMuted, videoMuted };
  }

  setComposition(composition: Composition): void {
    this.#options.recorder.setComposition(JSON.stringify(composition), this.#now(), this.#wall());
    this.#composition = composition;
    this.#overlays.redraw();
  }

  setImage(id: string, image: ImageBitmap): void {
    const { recorder } = this.#options;
    const canvas = this.#options;
    const scale = Math.min(1, Math.max(canvas.width / image.width, canvas.height / image.height));
    const width = Math.max(1, Math.round(image.width * scale));
    const height = Math.max(1, Math.round(image.height * scale));
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    if (!context) throw new KeeptakeError('unsupported-browser', 'This browser gives no 2D canvas in a worker.');
    context.drawImage(image, 0, 0, width, height);
    image.close();
    recorder.setImage(id, context.getImageData(0, 0, width, height).data, width, height);
  }

  removeImage(id: string): void {
    if (!this.#options.recorder.removeImage(id))
      throw new KeeptakeError('bad-argument', `There is no image "${id}".`, { context: { id } });
  }

  setLogo(logo: Requests['setLogo']['args']['logo']): void {
    this.#overlays.setLogo(logo);
    logo?.image.close();
  }

  placed(): PlacedSource[] {
    return this.#options.recorder.placed(this.#now()).flatMap(({ source, x, y, width, height }) => {
      const id = this.#composition.sources[source]?.id;
      return id === undefined ? [] : [{ id, x, y, width, height }];
    });
  }

  showHook(hook: HookOptions & { id: string }): void {
    if (hook.sourceId !== undefined) this.#source(hook.sourceId);
    this.#overlays.showHook(hook);
  }

  hideHook(id: string): void {
    this.#overlays.hideHook(id);
  }

  /** Tells of sources that should send pictures and do not. */
  warnOfStalls(nowUs: number): void {
    const { recorder, warn } = this.#options;
    for (const source of this.#sources.all()) {
      if (!source.hasVideo || source.videoMuted || source.ended) continue;
      if (source.mayStandStill && !source.picturesMuted) {
        recorder.keepPicture(source.handle, nowUs);
        continue;
      }
      if (source.stallTold) continue;
      if (nowUs - source.lastFrameUs < STALL_US) continue;
      source.stallTold = true;
      warn('source-stalled', `"${source.name || source.id}" sends no pictures; its last one is shown.`, source.id);
    }
  }

  #ended(source: Source): void {
    if (source.ended) return;
    source.ended = true;
    this.#options.warn(
      'source-ended',
      `"${source.name || source.id}" ended: its last picture is shown. The take goes on.`,
      source.id,
    );
  }

  #source(id: string): Source {
    const source = this.#sources.get(id);
    if (!source) throw new KeeptakeError('no-such-source', `There is no source "${id}".`, { context: { id } });
    return source;
  }

  #now(): number {
    return this.#options.nowUs();
  }
  #wall(): number {
    return this.#options.wallUs();
  }
}

/** Ends media that found no place: nobody else can, since they were transferred. */
function letGo({ frames, audio }: SourceMedia): void {
  if (frames && !frames.locked) void frames.cancel().catch(() => undefined);
  audio?.close();
}
