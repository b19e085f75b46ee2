/** The stand-in of these tests behaves as the real recorder does: one suite, both. The real one is the built package's engine. */

import { createRecorder } from '../../../web/src/page/recorder.js';
import { FakeRecorder } from '../fake-recorder.js';
import { behavesAsRecorder } from '../recorder-behaviour.js';

function media(): MediaStream {
  const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 90 });
  const context = canvas.getContext('2d')!;
  const timer = setInterval(() => {
    context.fillStyle = `hsl(${performance.now() % 360} 50% 50%)`;
    context.fillRect(0, 0, 160, 90);
  }, 50);
  const stream = canvas.captureStream(20);
  const sound = new AudioContext().createMediaStreamDestination();
  stream.addTrack(sound.stream.getAudioTracks()[0]!);
  setTimeout(() => clearInterval(timer), 15_000);
  return stream;
}

behavesAsRecorder('the stand-in', {
  open: () => Promise.resolve(new FakeRecorder({ server: null, secondMs: 100 })),
  media,
});

const real = {
  server: null,
  journal: false,
  variant: 'single-threaded',
  codec: 'vp8',
  width: 160,
  height: 90,
  fps: 10,
  speed: 16,
} as const;
behavesAsRecorder('the real recorder', {
  open: () => Promise.resolve(createRecorder({ ...real, assetBase: '/keeptake/' })),
  media,
});
