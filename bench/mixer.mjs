// Mixer and Opus: share of one core for sound in real time, Wasm against native.
import { median, table, takeTurns } from './lib/figures.mjs';
import { openChromium, openNative, openNode } from './lib/programs.mjs';

export async function run({ quick }) {
  const settings = { seconds: quick ? 10 : 60, rounds: quick ? 1 : 3 };
  const places = [openNative(), openNode(), await openChromium()];
  const once = (place) => place.run('bench_mixer', ['--seconds', String(settings.seconds)]);
  try {
    for (const place of places.slice(1)) await once(place);
    const results = await takeTurns(places.map((place) => () => once(place)), settings.rounds);
    const rows = results[0][0].rows.map(({ name, sources }, index) => {
      const row = { name, sources };
      const percent = (place, round) => results[place][round].rows[index].core_percent;
      places.forEach((place, p) => (row[`${place.name}Percent`] = median(results[p].map((_, k) => percent(p, k)))));
      row.ratio = median(results[0].map((_, k) => percent(0, k) / percent(1, k)));
      return row;
    });
    table('Mixer and Opus, percent of one core in real time', [
      ['sound', 'name'], ['sources', 'sources'], ['native', 'nativePercent'], ['Wasm, Node', 'nodePercent'],
      ['Wasm, Chromium', 'chromiumPercent'], ['native/Wasm', 'ratio'],
    ], rows);
    return { settings, rows, bars: [] };
  } finally {
    for (const place of places) await place.close();
  }
}
