/**
 * Turns MediaStreamTracks into what the worker takes: a stream of VideoFrames and a port of sound blocks. The
 * page's main thread only sets this up; pictures and sound pass it by.
 */

import { KeeptakeError } from './errors.js';
import type { SourceMedia } from './messages.js';

/** https://w3c.github.io/mediacapture-transform/#track-processor */
interface TrackProcessorConstructor {
  new (init: { track: MediaStreamTrack; maxBufferSize?: number }): { readable: ReadableStream<VideoFrame> };
}

export interface CapturedMedia {
  media: SourceMedia;
  transfer: Transferable[];
  /** Ends capture; the tracks stay the caller's. */
  close(): void;
}

export interface CaptureOptions {
  workletUrl: string;
  /** A picture, where the browser has no MediaStreamTrackProcessor. */
  onFrame: (sourceId: string, frame: VideoFrame) => void;
  onEnded: (sourceId: string) => void;
  /** The microphone went, the picture goes on. */
  onSoundEnded: (sourceId: string) => void;
  onFallback: () => void;
  /** The browser has no pictures of the track for now (`mute`), or has them again. */
  onPicturesMuted: (sourceId: string, muted: boolean) => void;
}

export class Capture {
  readonly #options: CaptureOptions;
  #audio: Promise<AudioContext> | null = null;

  constructor(options: CaptureOptions) {
    this.#options = options;
  }

  /** @throws {KeeptakeError} `'no-tracks'` where neither picture nor sound is live. */
  async open(sourceId: string, media: MediaStream | MediaStreamTrack[]): Promise<CapturedMedia> {
    const tracks = (Array.isArray(media) ? media : media.getTracks()).filter((track) => track.readyState === 'live');
    const video = tracks.find((track) => track.kind === 'video');
    const audio = tracks.find((track) => track.kind === 'audio');
    if (!video && !audio)
      throw new KeeptakeError('no-tracks', `Source "${sourceId}" has no live picture or sound track.`, {
        context: { sourceId },
      });
    const captured: SourceMedia = {
      hasVideo: video !== undefined,
      hasAudio: audio !== undefined,
      mayStandStill: video !== undefined && mayStandStill(video),
      picturesMuted: video?.muted === true,
    };
    const transfer: Transferable[] = [];
    const closers: (() => void)[] = [];
    const close = (): void => closers.splice(0).forEach((closer) => closer());
    try {
      if (video) closers.push(this.#openVideo(sourceId, video, captured, transfer));
      if (audio) closers.push(await this.#openAudio(audio, captured, transfer));
    } catch (error) {
      close();
      throw error;
    }
    // Where there is a picture, the source lives as long as its picture.
    for (const track of [video, audio]) {
      if (!track) continue;
      const ended = (): void => (track === audio && video ? this.#options.onSoundEnded : this.#options.onEnded)(sourceId);
      track.addEventListener('ended', ended);
      closers.push(() => track.removeEventListener('ended', ended));
    }
    if (video) closers.push(this.#watchMute(sourceId, video));
    return { media: captured, transfer, close };
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

  /** Browsers hold back sound until the person has acted; call from a click. */
  async wake(): Promise<void> {
    const context = await this.#audio?.catch(() => null);
    if (context?.state === 'suspended') await Promise.race([context.resume(), pause(1000)]);
  }

  async close(): Promise<void> {
    const context = await this.#audio?.catch(() => null);
    await context?.close().catch(() => undefined);
  }

  #openVideo(sourceId: string, track: MediaStreamTrack, captured: SourceMedia, transfer: Transferable[]): () => void {
    const Processor = (globalThis as { MediaStreamTrackProcessor?: TrackProcessorConstructor })
      .MediaStreamTrackProcessor;
    if (!Processor) {
      this.#options.onFallback();
      return frameCallbacks(track, (frame) => this.#options.onFrame(sourceId, frame));
    }
    // The track itself, no clone: a camera that the page switches off (`enabled`, `stop`) is off here too.
    const frames = new Processor({ track, maxBufferSize: 1 }).readable;
    captured.frames = frames;
    transfer.push(frames);
    // Once it is transferred the worker ends it, and this is refused.
    return () => void frames.cancel().catch(() => undefined);
  }

  async #openAudio(track: MediaStreamTrack, captured: SourceMedia, transfer: Transferable[]): Promise<() => void> {
    const context = await this.#context();
    const source = new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([track]) });
    const tap = new AudioWorkletNode(context, 'keeptake-tap', { numberOfInputs: 1, numberOfOutputs: 1 });
    const channel = new MessageChannel();
    tap.port.postMessage({ port: channel.port1 }, [channel.port1]);
    source.connect(tap).connect(context.destination);
    captured.audio = channel.port2;
    transfer.push(channel.port2);
    return () => {
      tap.port.postMessage({ close: true });
      source.disconnect();
      tap.disconnect();
    };
  }

  #context(): Promise<AudioContext> {
    if (!this.#audio) {
      const opening = openAudioContext(this.#options.workletUrl);
      this.#audio = opening;
      opening.catch(() => {
        if (this.#audio === opening) this.#audio = null;
      });
    }
    return this.#audio;
  }
}

async function openAudioContext(workletUrl: string): Promise<AudioContext> {
  // No speaker is wanted: the context only clocks the sound that is taken.
  const options = { sampleRate: 48000, latencyHint: 'interactive', sinkId: { type: 'none' } } as AudioContextOptions;
  let context: AudioContext;
  try {
    context = new AudioContext(options);
  } catch {
    context = new AudioContext({ sampleRate: 48000, latencyHint: 'interactive' });
  }
  try {
    await context.audioWorklet.addModule(workletUrl);
  } catch (cause) {
    void context.close().catch(() => undefined);
    throw new KeeptakeError('engine-load-failed', `The audio worklet could not be loaded from ${workletUrl}.`, {
      cause,
      context: { url: workletUrl },
    });
  }
  void context.resume().catch(() => undefined);
  return context;
}

/** For browsers without MediaStreamTrackProcessor: a video element that is never shown. */
function frameCallbacks(track: MediaStreamTrack, onFrame: (frame: VideoFrame) => void): () => void {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([track]);
  let open = true;
  const next = (_now: number, metadata: VideoFrameCallbackMetadata): void => {
    if (!open) return;
    video.requestVideoFrameCallback(next);
    if (video.videoWidth === 0) return;
    let frame: VideoFrame;
    try {
      frame = new VideoFrame(video, { timestamp: Math.round(metadata.mediaTime * 1e6) });
    } catch {
      return; // Not decoded yet, or gone: the next one comes.
    }
    onFrame(frame);
  };
  video.requestVideoFrameCallback(next);
  void video.play().catch(() => undefined);
  return () => {
    open = false;
    video.srcObject = null;
  };
}

/**
 * Only a camera sends pictures without a break, and only devices belong to a group. Of a screen, a canvas, a generator
 * or a remote share pictures come when something changes: while the track is live and not muted, the last one stands.
 */
function mayStandStill(track: MediaStreamTrack): boolean {
  return isScreen(track) || track.getSettings().groupId === undefined;
}

/** Whether the track shows a screen, a window or a tab, as far as the browser says. */
export function isScreen(track: MediaStreamTrack): boolean {
  const settings = track.getSettings() as MediaTrackSettings & { displaySurface?: string };
  return track.kind === 'video' && settings.displaySurface !== undefined;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
