/** Draws the test pattern off the page's thread, so that a hidden tab does not slow it down. */

import { drawPattern } from './pattern.js';

interface Start {
  writable: WritableStream<VideoFrame>;
  width: number;
  height: number;
  fps: number;
  hue: number;
  label: string;
}

addEventListener('message', (event: MessageEvent<Start>) => {
  const { writable, width, height, fps, hue, label } = event.data;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { alpha: false });
  const writer = writable.getWriter();
  if (context === null) {
    return;
  }
  const timer = setInterval(() => {
    if ((writer.desiredSize ?? 0) <= 0) {
      return;
    }
    drawPattern(context, { width, height, hue, label, now: performance.timeOrigin + performance.now() });
    const frame = new VideoFrame(canvas, { timestamp: Math.round(performance.now() * 1000) });
    writer.write(frame).catch(() => clearInterval(timer));
  }, 1000 / fps);
});
