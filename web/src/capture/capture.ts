/**
 * Turns MediaStreamTracks into what the worker takes: a stream of VideoFrames and a port of sound blocks. The
 * page's main thread only sets this up; pictures and sound pass it by.
 */

import { DeviceReturn } from './device-return.js';
import { KeeptakeError } from '../base/errors.js';
import type { SourceMedia } from '../protocol/messages.js';
import { SoundContexts } from './sound.js';
import { SoundWatch } from './sound-watch.js';
import { isScreen, SourceTracks, type Media } from './source-tracks.js';
import type { AudioState } from '../base/types.js';

/** https://w3c.github.io/mediacapture-transform/#track-processor */
interface TrackProcessorConstructor {
  new (init: { track: MediaStreamTrack; maxBufferSize?: number }): { readable: ReadableStream<VideoFrame> };
}

export interface CapturedMedia {
  media: SourceMedia;
  transfer: Transferable[];
  audioState(): AudioState;
  /** The worker has it: tracks are watched from now on. */
  begin(): void;
  /** Ends capture; the tracks stay the caller's. */
  close(): void;
}

export interface CaptureOptions {
  workletUrl: string;
  /** A picture, where the browser has no MediaStreamTrackProcessor. */
  onFrame: (sourceId: string, frame: VideoFrame) => void;
  onEnded: (sourceId: string) => void;
  /** The source's sound comes through this port from now on; null: it has none any more. */
  onSound: (sourceId: string, port: MessagePort | null) => void;
  onAudioState: (sourceId: string, state: AudioState) => void;
  /** Sound that is not recorded, and why. */
  onSoundLeftOut: (sourceId: string, reason: string) => void;
  /** The source's picture track was replaced, by the page or because its camera is back. */
  onNewPicture: (sourceId: string, tracks: SourceTracks) => void;
  onFallback: () => void;
  /** The browser has no pictures of the track for now (`mute`), or has them again. */
  onPicturesMuted: (sourceId: string, muted: boolean) => void;
}

interface Watch {
  sound: SoundWatch;
  video: MediaStreamTrack | undefined;
  tracks: SourceTracks;
}

/** Pictures that wait in the browser for a busy worker; an idle one takes each at once. */
const MOST_PICTURES = 8;
/** Between looks at tracks and contexts: a warning within two seconds. */
const LOOK_MS = 500;

export class Capture {
  readonly #options: CaptureOptions;
  readonly #contexts: SoundContexts;
  readonly #watches = new Map<string, Watch>();
  readonly #returns = new DeviceReturn(() => this.#look());
  #timer: ReturnType<typeof setInterval> | undefined;
  /** By source: told when the worker has a picture. */
  readonly #frameTaken = new Map<string, () => void>();
  #toldFallback = false;
  #closed = false;

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#contexts = new SoundContexts(options.workletUrl);
    globalThis.document?.addEventListener('visibilitychange', this.#wakeAgain);
  }

  /** @throws {KeeptakeError} `'no-tracks'` where neither picture nor sound is live. */
  async open(sourceId: string, media: Media, channelMode?: SourceMedia['channelMode']): Promise<CapturedMedia> {
    if (this.#closed) throw new KeeptakeError('closed', 'The recorder is closed.');
    const tracks = SourceTracks.of(media);
    const live = ({ readyState }: MediaStreamTrack): boolean => readyState === 'live';
    const video = tracks.of('video').find(live);
    if (!video && !tracks.of('audio').some(live))
      throw new KeeptakeError('no-tracks', `Source "${sourceId}" has no live picture or sound track.`, {
        context: { sourceId },
      });
    const captured: SourceMedia = {
      hasVideo: video !== undefined,
      hasAudio: false,
      channelMode,
      mayStandStill: video !== undefined && mayStandStill(video),
      picturesMuted: video?.muted === true,
    };
    const transfer: Transferable[] = [];
    const closers: (() => void)[] = [];
    const close = (): void => closers.splice(0).forEach((closer) => closer());
    const sound = new SoundWatch(this.#contexts, () => tracks.of('audio'), {
      onSound: (port) => this.#options.onSound(sourceId, port),
      onState: (state) => {
        this.#options.onAudioState(sourceId, state);
        // Where there is a picture, the source lives as long as its picture.
        if (state === 'ended' && !video) this.#options.onEnded(sourceId);
      },
      onLeftOut: (reason) => this.#options.onSoundLeftOut(sourceId, reason),
    });
    tracks.use();
    closers.push(
      () => tracks.release(),
      () => sound.close(),
    );
    try {
      if (video) closers.push(this.#openVideo(sourceId, video, captured, transfer));
      const port = await sound.open();
      captured.hasAudio = port !== null;
      if (port) {
        captured.audio = port;
        transfer.push(port);
      }
      if (this.#closed) throw new KeeptakeError('closed', 'The recorder is closed.');
    } catch (error) {
      close();
      throw error;
    }
    return {
      media: captured,
      transfer,
      audioState: () => sound.state,
      begin: () => closers.push(...this.#begin(sourceId, { sound, video, tracks })),
      close,
    };
  }

  /** Watches what is connected now. */
  #begin(sourceId: string, watch: Watch): (() => void)[] {
    const { video, sound } = watch;
    const closers = [this.#watch(sourceId, watch), this.#returns.follow(watch.tracks)];
    if (video) {
      const ended = (): void => this.#options.onEnded(sourceId);
      video.addEventListener('ended', ended);
      closers.push(() => video.removeEventListener('ended', ended), this.#watchMute(sourceId, video));
      if (video.readyState === 'ended') ended();
    }
    sound.look();
    return closers;
  }

  #watchMute(sourceId: string, video: MediaStreamTrack): () => void {
    const told = (): void => this.#options.onPicturesMuted(sourceId, video.muted);
    video.addEventListener('mute', told);
    video.addEventListener('unmute', told);
    return () => {
      video.removeEventListener('mute', told);
      video.removeEventListener('unmute', told);
    };
  }

  /** Browsers hold back sound until the person has acted; call from a click. Waits at most a second. */
  async wake(): Promise<void> {
    await this.#contexts.wake();
  }

  /** What the worker has found of a source's sound. */
  soundTold(sourceId: string, sound: 'live' | 'silent' | 'stalled'): void {
    this.#watches.get(sourceId)?.sound.told(sound);
  }

  /** The worker has a picture that it was sent. */
  frameTaken(sourceId: string): void {
    this.#frameTaken.get(sourceId)?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#returns.close();
    globalThis.document?.removeEventListener('visibilitychange', this.#wakeAgain);
    await this.#contexts.close();
  }

  readonly #wakeAgain = (): void => void this.#contexts.wake();

  #look(): void {
    let heldBack = false;
    this.#returns.look();
    for (const [sourceId, { sound, video, tracks }] of this.#watches) {
      sound.look();
      heldBack ||= sound.state === 'held-back' || sound.state === 'stalled';
      const gone = video?.readyState !== 'live' || !tracks.has(video);
      if (gone && tracks.of('video').some((track) => track !== video && track.readyState === 'live'))
        this.#options.onNewPicture(sourceId, tracks);
    }
    if (heldBack) this.#wakeAgain();
  }

  #watch(sourceId: string, watch: Watch): () => void {
    this.#watches.set(sourceId, watch);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
    return () => {
      watch.sound.close();
      if (this.#watches.get(sourceId) === watch) this.#watches.delete(sourceId);
    };
  }

  #openVideo(sourceId: string, track: MediaStreamTrack, captured: SourceMedia, transfer: Transferable[]): () => void {
    const Processor = (globalThis as { MediaStreamTrackProcessor?: TrackProcessorConstructor })
      .MediaStreamTrackProcessor;
    if (!Processor) {
      if (!this.#toldFallback) this.#options.onFallback();
      this.#toldFallback = true;
      const { taken, close } = frameCallbacks(track, (frame) => this.#options.onFrame(sourceId, frame));
      this.#frameTaken.set(sourceId, taken);
      return close;
    }
    // The track itself, no clone: a camera that the page switches off (`enabled`, `stop`) is off here too.
    const frames = new Processor({ track, maxBufferSize: MOST_PICTURES }).readable;
    captured.frames = frames;
    transfer.push(frames);
    // Once it is transferred the worker ends it, and this is refused.
    return () => void frames.cancel().catch(() => undefined);
  }
}

/** Pictures of a source on their way to the worker. While it is busy, they would only grow old in its port. */
const MAX_UNDERWAY = 2;

/**
 * For browsers without MediaStreamTrackProcessor: a video element that is never shown. `taken`: to be called for each
 * picture that has arrived.
 * @throws {KeeptakeError} `'unsupported-browser'`
 */
function frameCallbacks(
  track: MediaStreamTrack,
  onFrame: (frame: VideoFrame) => void,
): { taken: () => void; close: () => void } {
  const video = document.createElement('video');
  if (!('requestVideoFrameCallback' in video))
    throw new KeeptakeError(
      'unsupported-browser',
      'This browser gives no pictures of a video track: it has neither MediaStreamTrackProcessor nor requestVideoFrameCallback.',
    );
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([track]);
  let open = true;
  let underway = 0;
  const next = (_now: number, metadata: VideoFrameCallbackMetadata): void => {
    if (!open) return;
    video.requestVideoFrameCallback(next);
    if (video.videoWidth === 0 || underway >= MAX_UNDERWAY) return;
    let frame: VideoFrame;
    try {
      frame = new VideoFrame(video, { timestamp: Math.round(metadata.mediaTime * 1e6) });
    } catch {
      return; // Not decoded yet, or gone: the next one comes.
    }
    underway++;
    onFrame(frame);
  };
  video.requestVideoFrameCallback(next);
  void video.play().catch(() => undefined);
  return {
    taken: () => void (underway = Math.max(0, underway - 1)),
    close: () => {
      open = false;
      video.srcObject = null;
    },
  };
}

/**
 * Only a camera sends pictures without a break, and only devices belong to a group. Of a screen, a canvas, a generator
 * or a remote share pictures come when something changes: while the track is live and not muted, the last one stands.
 */
function mayStandStill(track: MediaStreamTrack): boolean {
  return isScreen(track) || track.getSettings().groupId === undefined;
}
