// Pictures of every kind that a page can give are composed as the browser draws them: formats, colour spaces, ranges,
// pixel aspects, crops, turned and mirrored ones. The preview, which is the composed picture, is compared with drawImage.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launchBrowser, openPage, pageFolder, startServer } from './support/stack.mjs';

const TOLERANCE = 8;
const BT709 = { primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false };
const BT601 = { primaries: 'smpte170m', transfer: 'smpte170m', matrix: 'smpte170m', fullRange: false };
const BT2020 = { primaries: 'bt2020', transfer: 'bt709', matrix: 'bt2020-ncl', fullRange: false };
const SRGB = { primaries: 'bt709', transfer: 'iec61966-2-1', matrix: 'rgb', fullRange: true };

const CASES = {
  'I420, BT.709': { format: 'I420', colorSpace: BT709 },
  'I420, BT.709, full range': { format: 'I420', colorSpace: { ...BT709, fullRange: true } },
  'I420, BT.601': { format: 'I420', colorSpace: BT601 },
  'I420, BT.601, full range': { format: 'I420', colorSpace: { ...BT601, fullRange: true } },
  'I420, BT.709 with the curve of sRGB': { format: 'I420', colorSpace: { ...BT709, transfer: 'iec61966-2-1' } },
  'I420 that says nothing': { format: 'I420' },
  'I420 of 720 lines that says nothing': { format: 'I420', width: 1280, height: 720 },
  'I420, odd size': { format: 'I420', colorSpace: BT709, width: 641, height: 361 },
  'I420, BT.2020': { format: 'I420', colorSpace: BT2020 },
  'I420, PQ': { format: 'I420', colorSpace: { ...BT2020, transfer: 'pq' } },
  'I420, HLG': { format: 'I420', colorSpace: { ...BT2020, transfer: 'hlg' } },
  'I420, Display P3': { format: 'I420', colorSpace: { ...BT709, primaries: 'smpte432' } },
  'I420P10, BT.709': { format: 'I420P10', colorSpace: BT709 },
  'I420P10, HLG': { format: 'I420P10', colorSpace: { ...BT2020, transfer: 'hlg' } },
  'I422, BT.709': { format: 'I422', colorSpace: BT709 },
  'I444, BT.601': { format: 'I444', colorSpace: BT601 },
  'I444, BT.709, full range': { format: 'I444', colorSpace: { ...BT709, fullRange: true } },
  'NV12, BT.709': { format: 'NV12', colorSpace: BT709 },
  'NV12, BT.601, full range': { format: 'NV12', colorSpace: { ...BT601, fullRange: true } },
  'I420A, BT.709': { format: 'I420A', colorSpace: BT709, alpha: 128 },
  RGBA: { format: 'RGBA', colorSpace: SRGB },
  'RGBA, half clear': { format: 'RGBA', colorSpace: SRGB, alpha: 128 },
  'BGRA, clear': { format: 'BGRA', colorSpace: SRGB, alpha: 0 },
  RGBX: { format: 'RGBX', colorSpace: SRGB, alpha: 0 },
  BGRX: { format: 'BGRX', colorSpace: SRGB, alpha: 77 },
  'pixels that are wide': { format: 'I420', colorSpace: BT709, width: 720, height: 576, display: [1024, 576] },
  'pixels that are narrow': { format: 'NV12', colorSpace: BT709, width: 720, height: 480, display: [640, 480] },
  'a part of the picture': { format: 'I420', colorSpace: BT709, visible: { x: 160, y: 90, width: 320, height: 180 } },
  'turned by 90': { format: 'I420', colorSpace: BT709, rotation: 90 },
  'turned by 180': { format: 'NV12', colorSpace: BT601, rotation: 180 },
  'turned by 270': { format: 'I420', colorSpace: BT709, rotation: 270 },
  mirrored: { format: 'I420', colorSpace: BT709, flip: true },
  'mirrored and turned, half clear': { format: 'RGBA', colorSpace: SRGB, flip: true, rotation: 90, alpha: 128 },
  'larger than any canvas': { format: 'I420', colorSpace: BT709, width: 3840, height: 2160 },
};

let server;
let browser;
let page;
const studio = pageFolder();
before(async () => {
  server = await startServer({ studio });
  browser = await launchBrowser();
  ({ page } = await openPage(browser.context, `${server.url}/`));
  await page.evaluate(install);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Runs in the page: a source that is given pictures, and what is to be seen of them. */
async function install() {
  const WIDTH = 640;
  const HEIGHT = 360;
  const BACKGROUND = '#30a040';
  // Y, U, V of limited range; no two alike, so that a turned or mirrored picture is told from a straight one.
  const PATCHES = [[180, 128, 128], [81, 90, 200], [145, 74, 64], [60, 200, 118], [200, 40, 140], [106, 180, 190], [120, 110, 160], [45, 128, 128]];
  const generator = new MediaStreamTrackGenerator({ kind: 'video' });
  const writer = generator.writable.getWriter();
  await window.page.open({ server: null, codec: 'vp8', width: WIDTH, height: HEIGHT, composition: {
    layout: 'screen-only', gap: 0, transition: 0, background: { kind: 'color', color: BACKGROUND },
    sources: [{ id: 's', fit: 'contain', shape: 'rectangle' }],
  } });
  await window.page.recorder.addSource([generator], { id: 's' });
  const preview = document.querySelector('canvas');

  const patchAt = (x, y, width, height) => PATCHES[Math.floor((x * 4) / width) + 4 * Math.floor((y * 2) / height)];

  function bytesOf({ format, width, height, alpha = 255 }) {
    if (/^(RGB|BGR)/.test(format)) {
      const bytes = new Uint8Array(width * height * 4);
      for (let y = 0, at = 0; y < height; y++)
        for (let x = 0; x < width; x++, at += 4) bytes.set([...patchAt(x, y, width, height), alpha], at);
      return bytes;
    }
    const deep = format.endsWith('P10');
    const across = format.startsWith('I444') ? 1 : 2;
    const down = /^I4(22|44)/.test(format) ? 1 : 2;
    const columns = Math.ceil(width / across);
    const rows = Math.ceil(height / down);
    const bytes = new (deep ? Uint16Array : Uint8Array)(width * height * (format.endsWith('A') ? 2 : 1) + 2 * columns * rows);
    const scale = deep ? 4 : 1;
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) bytes[y * width + x] = patchAt(x, y, width, height)[0] * scale;
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) {
        const [, u, v] = patchAt(x * across, y * down, width, height);
        const at = y * columns + x;
        if (format === 'NV12') bytes.set([u, v], width * height + 2 * at);
        else {
          bytes[width * height + at] = u * scale;
          bytes[width * height + columns * rows + at] = v * scale;
        }
      }
    if (format.endsWith('A')) bytes.fill(alpha, width * height + 2 * columns * rows);
    return bytes;
  }

  const context = () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
    return canvas.getContext('2d', { colorSpace: 'srgb', willReadFrequently: true });
  };

  /** What the browser draws of the frame, whole and in the middle. */
  function drawn(frame) {
    const on = context();
    on.fillStyle = BACKGROUND;
    on.fillRect(0, 0, WIDTH, HEIGHT);
    const scale = Math.min(WIDTH / frame.displayWidth, HEIGHT / frame.displayHeight);
    const [width, height] = [frame.displayWidth * scale, frame.displayHeight * scale];
    on.drawImage(frame, (WIDTH - width) / 2, (HEIGHT - height) / 2, width, height);
    return { on, rect: [(WIDTH - width) / 2, (HEIGHT - height) / 2, width, height] };
  }

  let timestamp = 0;
  window.compare = async (given) => {
    const kind = { width: 640, height: 360, ...given };
    const bytes = bytesOf(kind);
    const init = {
      format: kind.format, codedWidth: kind.width, codedHeight: kind.height,
      ...(kind.colorSpace && { colorSpace: kind.colorSpace }),
      ...(kind.display && { displayWidth: kind.display[0], displayHeight: kind.display[1] }),
      ...(kind.visible && { visibleRect: kind.visible }),
      ...(kind.rotation && { rotation: kind.rotation }),
      ...(kind.flip && { flip: true }),
    };
    const make = () => new VideoFrame(bytes, { ...init, timestamp: (timestamp += 100_000) });
    let one;
    try {
      // Chromium draws the fourth byte of RGBX and BGRX as if it were alpha; it has no meaning for WebCodecs.
      one = kind.format.endsWith('X') ? new VideoFrame(bytesOf({ ...kind, alpha: 255 }), { ...init, timestamp: 0 }) : make();
    } catch (error) {
      return { unknown: String(error) };
    }
    const turned = (kind.rotation ?? 0) === (one.rotation ?? 0) && (kind.flip ?? false) === (one.flip ?? false);
    if (!turned) return { unknown: 'rotation or flip' };
    const { on, rect } = drawn(one);
    one.close();
    let worst = [];
    // The picture takes a moment to the preview; it counts once it looks right, or not at all.
    for (let tries = 0; tries < 50; tries++) {
      await writer.write(make());
      await window.page.wait(40);
      const got = context();
      got.drawImage(preview, 0, 0, WIDTH, HEIGHT);
      worst = [];
      const compareAt = (x, y) => {
        const a = on.getImageData(x, y, 1, 1).data;
        const b = got.getImageData(x, y, 1, 1).data;
        worst.push([Math.max(...[0, 1, 2].map((c) => Math.abs(a[c] - b[c]))), `${Math.round(x)},${Math.round(y)} is ${b.slice(0, 3)}, not ${a.slice(0, 3)}`]);
      };
      for (let row = 0; row < 4; row++)
        for (let column = 0; column < 8; column++)
          compareAt(rect[0] + ((column + 0.5) * rect[2]) / 8, rect[1] + ((row + 0.5) * rect[3]) / 4);
      if (rect[0] > 8) compareAt(rect[0] / 2, HEIGHT / 2);
      worst.sort((a, b) => b[0] - a[0]);
      if (worst[0][0] <= 8) break;
    }
    return { worst: worst[0][0], where: worst[0][1] };
  };
}

describe('pictures as the browser draws them', () => {
  let known = 0;
  for (const [name, kind] of Object.entries(CASES))
    it(name, async (test) => {
      const { unknown, worst, where } = await page.evaluate((given) => window.compare(given), kind);
      if (unknown) return test.skip(`this browser does not make it: ${unknown}`);
      known++;
      assert.ok(worst <= TOLERANCE, `off by ${worst}: ${where}`);
    });
  it('were nearly all made', () => assert.ok(known >= Object.keys(CASES).length - 6, `${known} were made`));
});
