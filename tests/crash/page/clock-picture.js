// A worker that draws pictures which carry the moment they were drawn at, and feeds them to a track. It stands apart
// from the page, so that whatever holds up the page's own thread cannot make the source look late.
//
// The upper half of a picture has two rows of 16 blocks, black 0 and white 1, lowest bit first: 24 bits of
// milliseconds since `epoch`, then 8 bits of check (clockCheck in tests/crash/marks.mjs). Below is noise, which gives
// the encoder something to do.
const COLUMNS = 16;

function check(value) {
  let crc = 0xff;
  for (const byte of [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff]) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : (crc << 1) & 0xff;
  }
  return crc;
}

/** Twice as wide and high as a picture, so that each one can show another part of it. */
function makeNoise(width, height) {
  const canvas = new OffscreenCanvas(2 * width, 2 * height);
  const context = canvas.getContext('2d', { alpha: false });
  const image = context.createImageData(canvas.width, canvas.height);
  let random = 12345;
  for (let i = 0; i < image.data.length; i += 4) {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    image.data[i] = image.data[i + 1] = image.data[i + 2] = 96 + ((random >>> 24) >> 2);
    image.data[i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

onmessage = ({ data: { writable, width, height, fps, epoch, noise } }) => {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { alpha: false });
  const speckle = makeNoise(width, height);
  const writer = writable.getWriter();
  const draw = () => {
    const now = Math.round(performance.timeOrigin + performance.now() - epoch);
    const code = now + check(now) * 0x1000000;
    context.fillStyle = '#606060';
    context.fillRect(0, 0, width, height);
    const [wide, high] = [width / COLUMNS, height / 4];
    for (let bit = 0; bit < 2 * COLUMNS; bit++) {
      context.fillStyle = Math.floor(code / 2 ** bit) % 2 === 1 ? '#fff' : '#000';
      context.fillRect((bit % COLUMNS) * wide, Math.floor(bit / COLUMNS) * high, wide, high);
    }
    const rows = Math.round((height / 2) * noise);
    if (rows > 0) {
      const [x, y] = [Math.random() * width, Math.random() * height];
      context.drawImage(speckle, x, y, width, rows, 0, height / 2, width, rows);
    }
    const frame = new VideoFrame(canvas, { timestamp: Math.round(performance.now() * 1000) });
    // A picture that nobody takes is not kept waiting: the next one is newer.
    if (writer.desiredSize > 0) writer.write(frame).catch(() => undefined);
    else frame.close();
  };
  setInterval(draw, 1000 / fps);
  draw();
};
