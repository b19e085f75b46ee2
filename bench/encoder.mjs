// Encoder, Wasm against native: the same content and settings, which must give the same bytes. Every case runs
// native, in Node and in Chromium by turns; the Wasm ones are warm, as they are a second after a take began.
import { bar, median, table, takeTurns } from './lib/figures.mjs';
import { openChromium, openNative, openNode } from './lib/programs.mjs';

/** The least share of the native speed, for what is recorded live. */
const BARS = {
  node: () => 0.35,
  chromium: ({ codec, speed }) => (codec === 'vp8' ? 0.53 : speed === 9 ? 0.6 : 0.5),
};
const CASES = [
  ...[5, 6, 7, 8, 9].map((speed) => ({ codec: 'vp9', speed })),
  ...[4, 8, 12, 16].map((speed) => ({ codec: 'vp8', speed })),
];
const WARM_UP_FRAMES = 30;

async function measure({ codec, speed }, places, { frames, rounds, size }) {
  const args = (count) => ['--only', codec, '--speed', String(speed), '--size', size, '--frames', String(count)];
  const once = async (place, count) => (await place.run('bench_encoder', args(count))).runs[0];
  for (const place of places.slice(1)) await once(place, WARM_UP_FRAMES);
  const results = await takeTurns(places.map((place) => () => once(place, frames)), rounds);
  const row = { codec, speed, bytes: results[0][0].bytes, hash: results[0][0].hash };
  for (const run of results.flat())
    if (run.bytes !== row.bytes || run.hash !== row.hash)
      throw new Error(`${codec} speed ${speed}: ${run.bytes} bytes ${run.hash}, native ${row.bytes} ${row.hash}`);
  places.forEach((place, index) => {
    row[`${place.name}Fps`] = median(results[index].map((run) => run.framesPerSecond));
    if (index === 0) return;
    // A ratio for each round, as its runs were neighbours in time.
    const ratios = results[index].map((run, k) => run.framesPerSecond / results[0][k].framesPerSecond);
    row[`${place.name}Ratio`] = median(ratios);
  });
  return row;
}

export async function run({ quick }) {
  const settings = quick ? { frames: 20, rounds: 1, size: '1280x720' } : { frames: 60, rounds: 3, size: '1280x720' };
  const places = [openNative(), openNode(), await openChromium()];
  try {
    const rows = [];
    for (const each of CASES) {
      rows.push(await measure(each, places, settings));
      process.stdout.write(`  ${each.codec} speed ${each.speed}: measured\n`);
    }
    const ratio = (name) => (row) => row[`${name}Ratio`];
    table('Encoder, 1280x720, one thread, frames per second (same bytes everywhere)', [
      ['codec', 'codec'], ['speed', 'speed'], ['native', 'nativeFps'], ['Wasm, Node', 'nodeFps'],
      ['ratio', ratio('node')], ['Wasm, Chromium', 'chromiumFps'], ['ratio', ratio('chromium')], ['bytes', 'bytes'],
    ], rows);
    // VP8 at speed 4 is for looking only: nobody records live that slowly.
    const bars = rows.filter(({ codec, speed }) => codec === 'vp9' || speed >= 8).flatMap((row) =>
      ['node', 'chromium'].map((place) =>
        bar(`encoder ${row.codec} speed ${row.speed}, Wasm in ${place} against native`, ratio(place)(row), {
          least: BARS[place](row),
        }),
      ),
    );
    return { settings, rows, bars };
  } finally {
    for (const place of places) await place.close();
  }
}
