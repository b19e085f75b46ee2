/** Sources that stand in for people: a test pattern with a tone, a video file. */

import { FilePlayer } from './file-player.js';
import { drawPattern, FLASH_MS } from './pattern.js';

/** A guest's media and how to end what feeds it. */
export interface Guest {
  media: MediaStream;
  dispose: () => void;
}

interface TrackGenerator extends MediaStreamTrack {
  readonly writable: WritableStream<VideoFrame>;
}

declare global {
  var MediaStreamTrackGenerator: (new (init: { kind: 'video' }) => TrackGenerator) | undefined;
  interface HTMLVideoElement {
    captureStream?(): MediaStream;
    mozCaptureStream?(): MediaStream;
  }
}

const SIZE = { width: 1280, height: 720, fps: 30 } as const;

/** A pattern whose flash and tone come together once a second; `number` from 1 gives its colour and pitch. */
export async function openPattern(label: string, number: number): Promise<Guest> {
  const hue = (number * 47 + 140) % 360;
  const picture = patternPicture(label, hue);
  const sound = await patternSound(330 * 2 ** (((number - 1) % 6) / 4));
  return {
    media: new MediaStream([picture.track, ...sound.media.getAudioTracks()]),
    dispose: () => {
      picture.dispose();
      sound.dispose();
    },
  };
}

function patternPicture(label: string, hue: number): { track: MediaStreamTrack; dispose: () => void } {
  if (globalThis.MediaStreamTrackGenerator !== undefined) {
    const track = new globalThis.MediaStreamTrackGenerator({ kind: 'video' });
    const worker = new Worker(new URL('./pattern-worker.ts', import.meta.url), { type: 'module' });
    worker.postMessage({ writable: track.writable, ...SIZE, hue, label }, [track.writable]);
    return { track, dispose: () => worker.terminate() };
  }
  const canvas = document.createElement('canvas');
  canvas.width = SIZE.width;
  canvas.height = SIZE.height;
  const context = canvas.getContext('2d');
  const timer = setInterval(() => {
    if (context !== null) {
      drawPattern(context, { ...SIZE, hue, label, now: Date.now() });
    }
  }, 1000 / SIZE.fps);
  const track = canvas.captureStream(SIZE.fps).getVideoTracks()[0];
  if (track === undefined) {
    throw new Error('This browser cannot capture a canvas.');
  }
  return { track, dispose: () => clearInterval(timer) };
}

async function patternSound(pitch: number): Promise<Guest> {
  const context = new AudioContext({ sampleRate: 48_000 });
  await context.resume();
  const second = context.createBuffer(1, context.sampleRate, context.sampleRate);
  const samples = second.getChannelData(0);
  const length = (context.sampleRate * FLASH_MS) / 1000;
  for (let i = 0; i < length; i += 1) {
    const edge = Math.min(1, i / 120, (length - i) / 120);
    samples[i] = 0.25 * edge * Math.sin((2 * Math.PI * pitch * i) / context.sampleRate);
  }
  const loop = new AudioBufferSourceNode(context, { buffer: second, loop: true });
  const out = context.createMediaStreamDestination();
  loop.connect(out);
  const untilSecond = 1 - (((performance.timeOrigin + performance.now()) / 1000) % 1);
  loop.start(context.currentTime + untilSecond);
  return { media: out.stream, dispose: () => void context.close() };
}

/**
 * A file at its beginning, to be played by `<studio-files>`.
 * @throws {Error} when the browser cannot play it.
 */
export async function openFile(file: File): Promise<Guest> {
  const player = await FilePlayer.open(file, file.name);
  return { media: player.media, dispose: () => player.dispose() };
}
