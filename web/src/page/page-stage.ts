/** Who and what stands in the picture, as the page has asked for it: sources, composition, images and hooks. */

import { notAborted, untilAborted } from '../base/abort.js';
import { assetUrl, workletUrl } from '../protocol/assets.js';
import { Capture, type CapturedMedia } from '../capture/capture.js';
import type { WorkerChannel } from '../protocol/channel.js';
import { KeeptakeError } from '../base/errors.js';
import type { Emitter } from '../base/emitter.js';
import type { Requests, RequestType } from '../protocol/messages.js';
import { isScreen, type Media, type SourceTracks } from '../capture/source-tracks.js';
import type {
  AudioState,
  Composition,
  CompositionSource,
  Corner,
  HookOptions,
  LogoOptions,
  PlacedSource,
  RecorderEvents,
  RecorderWarning,
  SourceChanges,
  SourceInfo,
  SourceOptions,
} from '../base/types.js';

const ID = /^[A-Za-z0-9._:-]{1,63}$/;

/** States of a source's sound that the host must hear of. */
const SOUND_TROUBLE: Partial<Record<AudioState, (name: string) => string>> = {
  'held-back': (name) => `The browser holds back the sound of "${name}": click anywhere in the page.`,
  muted: (name) => `The system, the browser or a switch on the device has muted "${name}": nothing of it is heard.`,
  stalled: (name) => `No sound arrives from "${name}": its device may be gone or used elsewhere.`,
  silent: (name) => `"${name}" has been silent for ten seconds: is it the right microphone, and switched on?`,
};

const CORNERS: ReadonlySet<string> = new Set<Corner>(['top-left', 'top-right', 'bottom-left', 'bottom-right']);

async function bitmapOf(image: ImageBitmapSource): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(image);
  } catch (cause) {
    throw new KeeptakeError('bad-argument', 'The browser cannot read that image.', { cause });
  }
}

const SEEN_AGAIN = (name: string): string => `"${name}" is seen again.`;

export interface PageStageOptions {
  channel: WorkerChannel;
  emit: Emitter<RecorderEvents>['emit'];
  /** Resolves when the engine runs. */
  ready: () => Promise<void>;
  assetBase: string | URL | undefined;
  composition: Composition | undefined;
}

type SetLogo = NonNullable<Requests['setLogo']['args']['logo']>;

/** What the page gave for a source. */
interface Given {
  media: Media;
  channels: SourceOptions['channels'];
  showName: boolean;
}

export class PageStage {
  readonly #options: PageStageOptions;
  readonly #capture: Capture;
  readonly #captured = new Map<string, CapturedMedia>();
  /** What each source was made of, for a worker that has to be told again. */
  readonly #given = new Map<string, Given>();
  readonly #hooks = new Map<string, HookOptions & { id: string }>();
  /** Set, for a worker that has to be told again. */
  #logo: SetLogo | null = null;
  #sources: SourceInfo[] = [];
  #composition: Composition;
  /** As last asked for; ahead of `#composition` until the engine has answered. */
  #wanted: Composition;
  /** Ids of sources that are being added. */
  readonly #adding = new Set<string>();
  /** Counts the replacements of a source: the newest one stands. */
  readonly #replacing = new Map<string, number>();
  readonly #renewing = new Set<string>();
  /** Replacements of a source that the page waits for. */
  readonly #byPage = new Map<string, number>();
  /** Sources of whose missing sound the page was told. */
  readonly #silent = new Set<string>();
  #lastHook = 0;

  constructor(options: PageStageOptions) {
    this.#options = options;
    this.#composition = this.#wanted = options.composition ?? { layout: 'grid', sources: [] };
    this.#capture = this.#openCapture();
  }

  get sources(): readonly SourceInfo[] {
    return this.#sources;
  }
  get composition(): Composition {
    return this.#composition;
  }

  /** As {@link Capture.wake}. */
  wake(): Promise<void> {
    return this.#capture.wake();
  }

  /** What the worker has found of a source's sound. */
  soundTold(sourceId: string, sound: 'live' | 'silent' | 'stalled'): void {
    this.#capture.soundTold(sourceId, sound);
  }

  /** The worker has a picture that the page sent. */
  frameTaken(sourceId: string): void {
    this.#capture.frameTaken(sourceId);
  }

  /** Takes note of which sources should send pictures and do not. */
  followPictures(stalled: string[]): void {
    for (const { id, videoState } of this.#sources) {
      const now = stalled.includes(id) ? 'stalled' : 'live';
      if ((videoState !== 'live' && videoState !== 'stalled') || videoState === now) continue;
      this.#update(id, { videoState: now });
      if (now === 'live') this.#warn('source-recovered', id, SEEN_AGAIN);
    }
  }

  /** The worker has told of a source's end. */
  markEnded(sourceId: string): void {
    const info = this.#find(sourceId);
    if (info && !info.ended) this.#update(sourceId, { ended: true, ...(info.hasVideo ? { videoState: 'ended' } : {}) });
  }

  /** Ends capture; the tracks stay the page's. */
  async close(): Promise<void> {
    for (const captured of this.#captured.values()) captured.close();
    this.#captured.clear();
    await this.#capture.close();
  }

  /** The worker is gone: nothing is captured any more. The list stays, for {@link restore}. */
  letGo(): void {
    for (const captured of this.#captured.values()) captured.close();
    this.#captured.clear();
  }

  /**
   * Tells a fresh worker what stood: sources with live tracks as they were, the composition, hooks that stay. Pictures
   * of the background are lost with the worker that had them.
   */
  async restore(): Promise<void> {
    const before = this.#sources;
    this.#sources = [];
    for (const info of before) await this.#restoreSource(info);
    this.#setSources(this.#sources);
    const { background, focus, ...rest } = this.#composition;
    const here = (id: string | undefined): boolean => this.#sources.some((source) => source.id === id);
    const composition = {
      ...rest,
      ...(background && background.kind !== 'image' ? { background } : {}),
      ...(here(focus) ? { focus } : {}),
      sources: rest.sources.filter(({ id }) => here(id)),
    };
    await this.#ask('setComposition', { composition });
    this.#composition = this.#wanted = composition;
    this.#options.emit('composition', composition);
    if (this.#logo) await this.#sendLogo(this.#logo).catch(() => undefined);
    for (const hook of this.#hooks.values())
      await this.#ask('showHook', { hook }).catch(() => this.#hooks.delete(hook.id));
  }

  async #restoreSource({ id, name, kind, audioMuted, videoMuted, gain }: SourceInfo): Promise<void> {
    const given = this.#given.get(id);
    try {
      if (!given) return;
      await this.#connect(id, name, kind, given);
    } catch {
      // Its tracks have ended meanwhile: it is left out.
      this.#given.delete(id);
      return;
    }
    const now = await this.#ask('updateSource', {
      id,
      changes: { gain, muted: { audio: audioMuted, video: videoMuted } },
    });
    this.#sources = this.#sources.map((source) => (source.id === id ? { ...source, ...now } : source));
  }

  /** Opens the source's tracks and gives them to the worker. */
  async #connect(id: string, name: string, kind: SourceInfo['kind'], given: Given): Promise<void> {
    const captured = await this.#capture.open(id, given.media, given.channels);
    try {
      await this.#ask(
        'addSource',
        { id, name, showName: given.showName, screen: kind === 'screen', media: captured.media },
        captured.transfer,
      );
    } catch (error) {
      captured.close();
      throw error;
    }
    this.#captured.set(id, captured);
    this.#given.set(id, given);
    this.#sources = [...this.#sources, sourceInfo(id, name, given.showName, kind, captured)];
    captured.begin();
  }

  async addSource(media: MediaStream | MediaStreamTrack[], options: SourceOptions): Promise<SourceInfo> {
    const { id, name = '', showName = false } = options;
    if (!ID.test(id))
      throw new KeeptakeError('bad-argument', `Source id "${id}" must be 1 to 63 of letters, digits and . _ : -`);
    if (this.#captured.has(id) || this.#adding.has(id))
      throw new KeeptakeError('bad-argument', `There is a source "${id}" already.`);
    const { signal } = options;
    return untilAborted(
      () => this.#add(media, { ...options, name, showName }),
      signal,
      () => void this.removeSource(id).catch(() => undefined),
    );
  }

  async #add(
    media: MediaStream | MediaStreamTrack[],
    options: SourceOptions & { name: string; showName: boolean },
  ): Promise<SourceInfo> {
    const { id, name, showName, signal } = options;
    this.#adding.add(id);
    try {
      await this.#options.ready();
      notAborted(signal);
      await this.#connect(id, name, options.kind ?? kindOf(media), { media, channels: options.channels, showName });
      this.#setSources(this.#sources);
      await this.#compose(id);
    } catch (error) {
      this.#captured.get(id)?.close();
      if (this.#captured.delete(id)) {
        this.#given.delete(id);
        this.#setSources(this.#sources.filter((source) => source.id !== id));
        await this.#ask('removeSource', { id }).catch(() => undefined);
      }
      throw error;
    } finally {
      this.#adding.delete(id);
    }
    return this.#info(id);
  }

  async replaceSource(id: string, media: MediaStream | MediaStreamTrack[]): Promise<SourceInfo> {
    this.#byPage.set(id, (this.#byPage.get(id) ?? 0) + 1);
    try {
      return await this.#replace(id, media);
    } finally {
      this.#byPage.set(id, (this.#byPage.get(id) ?? 1) - 1);
    }
  }

  async #replace(id: string, media: Media): Promise<SourceInfo> {
    this.#info(id);
    const turn = (this.#replacing.get(id) ?? 0) + 1;
    this.#replacing.set(id, turn);
    const captured = await this.#capture.open(id, media);
    if (this.#replacing.get(id) !== turn) {
      captured.close();
      throw new KeeptakeError('bad-state', `Source "${id}" was replaced again meanwhile.`, { context: { id } });
    }
    try {
      await this.#ask('replaceSource', { id, media: captured.media }, captured.transfer);
      this.#info(id);
    } catch (error) {
      captured.close();
      throw error;
    }
    this.#captured.get(id)?.close();
    this.#captured.set(id, captured);
    const given = this.#given.get(id);
    if (given) this.#given.set(id, { ...given, media });
    captured.begin();
    const { hasVideo, hasAudio } = captured.media;
    this.#update(id, {
      hasVideo,
      hasAudio,
      ended: false,
      audioState: captured.audioState(),
      videoState: hasVideo ? 'live' : 'none',
    });
    return this.#info(id);
  }

  async removeSource(id: string): Promise<void> {
    this.#info(id);
    await this.setComposition({
      ...this.#wanted,
      sources: this.#wanted.sources.filter((source) => source.id !== id),
      ...(this.#wanted.focus === id ? { focus: undefined } : {}),
    });
    await this.#ask('removeSource', { id });
    this.#captured.get(id)?.close();
    this.#captured.delete(id);
    this.#given.delete(id);
    this.#setSources(this.#sources.filter((source) => source.id !== id));
  }

  async updateSource(id: string, changes: SourceChanges): Promise<SourceInfo> {
    const { gain } = changes;
    if (gain !== undefined && !(gain >= 0 && gain <= 8))
      throw new KeeptakeError('bad-argument', `Gain ${gain} is outside 0..8.`, { context: { id, gain } });
    const before = this.#info(id);
    const now = await this.#ask('updateSource', { id, changes });
    const given = this.#given.get(id);
    if (given) this.#given.set(id, { ...given, showName: now.showName });
    this.#update(id, now);
    const info = this.#find(id);
    if (info && before.audioMuted && !now.audioMuted) this.#warnOfSilence(info, info.audioState);
    return info ?? { ...before, ...now };
  }

  /** Takes a new source into the picture, where it is not there in the form that is right for it. */
  async #compose(id: string): Promise<void> {
    const { sources } = this.#wanted;
    if (!sources.some((source) => source.id === id))
      await this.setComposition({ ...this.#wanted, sources: [...sources, { id }] });
    else if (this.#wanted !== this.#fitted(this.#wanted)) await this.setComposition(this.#wanted);
  }

  /** The composition itself, or one that says of shared screens that all of them is shown. */
  #fitted(composition: Composition): Composition {
    const isCropped = ({ id, fit }: CompositionSource): boolean =>
      fit === undefined && this.#sources.some((source) => source.id === id && source.kind === 'screen');
    if (!composition.sources.some(isCropped)) return composition;
    return {
      ...composition,
      sources: composition.sources.map((source) => (isCropped(source) ? { ...source, fit: 'contain' } : source)),
    };
  }

  async setComposition(asked: Composition): Promise<void> {
    const composition = this.#fitted(asked);
    this.#wanted = composition;
    try {
      await this.#options.ready();
      await this.#ask('setComposition', { composition });
    } catch (error) {
      if (this.#wanted === composition) this.#wanted = this.#composition;
      throw error;
    }
    this.#composition = composition;
    this.#options.emit('composition', composition);
  }

  async setImage(id: string, image: ImageBitmapSource): Promise<void> {
    if (!ID.test(id)) throw new KeeptakeError('bad-argument', `Image id "${id}" is not valid.`);
    const bitmap = await bitmapOf(image);
    await this.#ask('setImage', { id, image: bitmap }, [bitmap]);
  }

  async removeImage(id: string): Promise<void> {
    await this.#ask('removeImage', { id });
  }

  async setLogo(options: LogoOptions | null): Promise<void> {
    const logo = options && {
      image: await bitmapOf(options.image),
      corner: options.corner ?? 'top-right',
      size: options.size ?? 0.12,
    };
    if (logo && !(logo.size >= 0.03 && logo.size <= 0.5))
      throw new KeeptakeError('bad-argument', `A logo of size ${logo.size} is outside 0.03..0.5.`);
    if (logo && !CORNERS.has(logo.corner))
      throw new KeeptakeError('bad-argument', `There is no corner "${logo.corner}".`);
    await this.#options.ready();
    await this.#sendLogo(logo);
    this.#logo?.image.close();
    this.#logo = logo;
  }

  async #sendLogo(logo: SetLogo | null): Promise<void> {
    const image = logo && (await createImageBitmap(logo.image));
    await this.#ask('setLogo', { logo: logo && image && { ...logo, image } }, image ? [image] : []);
  }

  placedSources(): Promise<PlacedSource[]> {
    return this.#ask('placedSources', {});
  }

  async showHook(hook: HookOptions): Promise<string> {
    const id = hook.id ?? `hook-${++this.#lastHook}`;
    if (!ID.test(id)) throw new KeeptakeError('bad-argument', `Hook id "${id}" is not valid.`);
    await this.#ask('showHook', { hook: { ...hook, id } });
    // The one that was there has given way to it.
    for (const [other, { sourceId }] of this.#hooks)
      if (other === id || (sourceId ?? '') === (hook.sourceId ?? '')) this.#hooks.delete(other);
    if (hook.duration === undefined) this.#hooks.set(id, { ...hook, id });
    return id;
  }

  async hideHook(id: string): Promise<void> {
    await this.#ask('hideHook', { id });
    this.#hooks.delete(id);
  }

  #openCapture(): Capture {
    const { channel, emit, assetBase } = this.#options;
    return new Capture({
      workletUrl: assetUrl('capture/audio-worklet.js', assetBase, workletUrl),
      onFrame: (sourceId, frame) => channel.tell({ notice: 'frame', sourceId, frame }, [frame]),
      onEnded: (sourceId) => channel.tell({ notice: 'ended', sourceId }),
      onSound: (sourceId, audio) => this.#connectSound(sourceId, audio),
      onAudioState: (sourceId, state) => this.#followSound(sourceId, state),
      onSoundLeftOut: (sourceId, reason) =>
        this.#warn('sound-left-out', sourceId, (name) => `Of "${name}", ${reason}.`),
      onNewPicture: (sourceId, tracks) => void this.#renewPicture(sourceId, tracks),
      onPicturesMuted: (sourceId, muted) => channel.tell({ notice: 'pictures-muted', sourceId, muted }),
      onFallback: () =>
        emit('warning', {
          code: 'capture-fallback',
          message: 'This browser gives pictures only while the page is visible; keep it in front.',
        }),
    });
  }

  #ask<K extends RequestType>(
    type: K,
    args: Requests[K]['args'],
    transfer: Transferable[] = [],
  ): Promise<Requests[K]['result']> {
    return this.#options.channel.ask(type, args, transfer);
  }

  #find(id: string): SourceInfo | undefined {
    return this.#sources.find((source) => source.id === id);
  }

  #info(id: string): SourceInfo {
    const info = this.#find(id);
    if (!info) throw new KeeptakeError('no-such-source', `There is no source "${id}".`, { context: { id } });
    return info;
  }

  #update(id: string, changes: Partial<SourceInfo>): void {
    this.#setSources(this.#sources.map((source) => (source.id === id ? { ...source, ...changes } : source)));
  }

  #setSources(sources: SourceInfo[]): void {
    this.#sources = sources;
    this.#options.emit('sources', sources);
  }

  #connectSound(id: string, audio: MessagePort | null): void {
    this.#ask('connectSound', { id, audio }, audio ? [audio] : []).then(
      () => {
        const info = this.#find(id);
        if (!info) return;
        // Where there is no picture, the source lives as long as its sound.
        this.#update(id, { hasAudio: audio !== null, ...(audio && !info.hasVideo ? { ended: false } : {}) });
      },
      () => audio?.close(),
    );
  }

  /** Notes the state of a source's sound, and says so where the host must act or need not any more. */
  #followSound(id: string, audioState: AudioState): void {
    const info = this.#find(id);
    if (!info) return;
    this.#update(id, { audioState });
    if (audioState === 'live') {
      if (this.#silent.delete(id)) this.#warn('sound-recovered', id, (name) => `"${name}" is heard again.`);
    } else if (audioState === 'ended') {
      // Of a source without a picture the worker tells that it ended.
      const told = this.#silent.has(id) || !info.hasVideo;
      this.#silent.add(id);
      if (!told)
        this.#warn(
          'sound-ended',
          id,
          (name) => `The microphone of "${name}" ended; ${info.ended ? 'the take' : 'its picture'} goes on.`,
        );
    } else this.#warnOfSilence(info, audioState);
  }

  /** Nobody misses a microphone that is muted in the take. */
  #warnOfSilence({ id, audioMuted }: SourceInfo, audioState: AudioState): void {
    const trouble = SOUND_TROUBLE[audioState];
    if (!trouble || audioMuted) return;
    this.#silent.add(id);
    this.#warn(audioState === 'silent' ? 'sound-silent' : 'sound-stalled', id, trouble);
  }

  #warn(code: RecorderWarning['code'], sourceId: string, sentence: (name: string) => string): void {
    const name = this.#find(sourceId)?.name || sourceId;
    this.#options.emit('warning', { code, message: sentence(name), sourceId });
  }

  /** There is another picture track among the source's. */
  async #renewPicture(id: string, tracks: SourceTracks): Promise<void> {
    // A replacement by the page is newer, whatever it comes to.
    if (this.#renewing.has(id) || (this.#byPage.get(id) ?? 0) > 0) return;
    this.#renewing.add(id);
    try {
      const gone = this.#find(id)?.ended;
      await this.#replace(id, tracks);
      if (gone) this.#warn('source-recovered', id, SEEN_AGAIN);
    } catch {
      // Tried again at the next look, unless the source is gone.
    } finally {
      this.#renewing.delete(id);
    }
  }
}

function kindOf(media: MediaStream | MediaStreamTrack[]): 'camera' | 'screen' {
  return (Array.isArray(media) ? media : media.getTracks()).some(isScreen) ? 'screen' : 'camera';
}

function sourceInfo(
  id: string,
  name: string,
  showName: boolean,
  kind: 'camera' | 'screen',
  captured: CapturedMedia,
): SourceInfo {
  return {
    id,
    name,
    showName,
    kind,
    hasVideo: captured.media.hasVideo,
    hasAudio: captured.media.hasAudio,
    audioMuted: false,
    videoMuted: false,
    gain: 1,
    ended: false,
    audioState: captured.audioState(),
    videoState: captured.media.hasVideo ? 'live' : 'none',
  };
}
