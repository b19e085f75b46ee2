// Compositor, one picture: Wasm against native, against its own plain C, and against libyuv doing the same tiles.
import { bar, median, table, takeTurns } from './lib/figures.mjs';
import { openChromium, openNative, openNode } from './lib/programs.mjs';

const BAR_MS = 4;

function same(a, b) {
  return a.sources === b.sources && a.width === b.width && a.height === b.height;
}

export async function run({ quick }) {
  const settings = { frames: quick ? 10 : 60, rounds: quick ? 1 : 3 };
  const places = [openNative(), openNode(), await openChromium()];
  const once = (place) => place.run('bench_compositor', ['--frames', String(settings.frames)]);
  try {
    for (const place of places.slice(1)) await once(place);
    const results = await takeTurns(places.map((place) => () => once(place)), settings.rounds);
    const rows = results[0][0].map((first) => summary(first, places, results));
    table('Compositor, milliseconds a picture: 1280x720 cameras in a grid, every one new each time', [
      ['sources', 'sources'], ['canvas', (row) => `${row.width}x${row.height}`], ['native', 'nativeMs'],
      ['libyuv', 'libyuvMs'], ['Wasm, Node', 'nodeMs'], ['Wasm, Chromium', 'chromiumMs'],
      ['Wasm, plain C', 'nodePlainMs'], ['native/Wasm', 'ratio'], ['libyuv/native', 'libyuvRatio'],
    ], rows);
    const four = rows.find((row) => row.sources === 4 && row.height === 1080);
    const bars = ['node', 'chromium'].map((place) =>
      bar(`compositor, 4 sources to 1080p, Wasm in ${place}, ms`, four[`${place}Ms`], { most: BAR_MS }),
    );
    return { settings, rows, bars };
  } finally {
    for (const place of places) await place.close();
  }
}

function summary(first, places, results) {
  const { sources, width, height, hash } = first;
  const runs = results.map((rounds) => rounds.map((rows) => rows.find((row) => same(row, first))));
  for (const run of runs.flat())
    if (run.hash !== hash) throw new Error(`${sources} sources to ${width}x${height}: picture ${run.hash}, native ${hash}`);
  const row = { sources, width, height, hash };
  places.forEach((place, index) => {
    row[`${place.name}Ms`] = median(runs[index].map((run) => run.ms));
    row[`${place.name}PlainMs`] = median(runs[index].map((run) => run.plain_ms));
  });
  row.ratio = median(runs[1].map((run, k) => runs[0][k].ms / run.ms));
  if (first.libyuv_ms === undefined) return row;
  row.libyuvMs = median(runs[0].map((run) => run.libyuv_ms));
  row.libyuvRatio = median(runs[0].map((run) => run.libyuv_ms / run.ms));
  return row;
}
