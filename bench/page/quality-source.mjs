// Draws a scene at 30 pictures a second into a track: picture 0 until it is told to begin, then each once.
import createScene from './scene.mjs';

const FPS = 30;

async function open({ kind, width, height, frames, matrix, writable }) {
  const scene = await createScene();
  const at = scene._scene_open(kind, width, height);
  if (!at) throw new Error(`No scene ${kind}.`);
  const writer = writable.getWriter();
  // As the engine's own canvas: a recorder need not convert it, and what is compared is the encoder alone.
  const colorSpace = { matrix, primaries: 'bt709', transfer: 'bt709', fullRange: false };
  const bytes = (width * height * 3) / 2;
  let [began, number, slot] = [performance.now(), 0, 0];
  let running = false;
  const draw = () => {
    scene._scene_draw(number);
    const data = scene.HEAPU8.subarray(at, at + bytes);
    const timestamp = Math.round((began + (slot * 1000) / FPS) * 1000);
    void writer.write(new VideoFrame(data, { format: 'I420', codedWidth: width, codedHeight: height, timestamp, colorSpace }));
  };
  const step = () => {
    while (performance.now() >= began + (slot * 1000) / FPS) {
      if (running && number < frames - 1) number++;
      else if (running) postMessage({ over: true });
      draw();
      slot++;
    }
    setTimeout(step, Math.max(0, began + (slot * 1000) / FPS - performance.now()));
  };
  began = performance.now();
  step();
  self.onmessage = () => (running = true);
  postMessage({ ready: true });
}

self.onmessage = ({ data }) => open(data).catch((error) => postMessage({ error: String(error?.message ?? error) }));
