// Quality of the encoder, natively (its bytes are the same in Wasm), on scenes made here: slides, scrolling text, a
// cut, noise, a head, gradients. Decibels of luma after a change, in the mean, in the worst second; bits; CPU.
// Then numbered pictures, in the browser.
import { numberedPictures } from './cadence.mjs';
import { bar, table } from './lib/figures.mjs';
import { openNative } from './lib/programs.mjs';

const SCENES = ['slides', 'still', 'scroll', 'cut', 'noise', 'talk', 'gradient'];
const TEXT = ['slides', 'still'];
const TEXT_BAR_DB = 45;
const BITRATES = { '1280x720': 2_500_000, '1920x1080': 5_000_000 };
const STEPS = [0, 1, 3, 7, 14];

async function measure(native, scene, codec, size, frames) {
  const args = ['--scene', scene, '--codec', codec, '--size', size, '--frames', String(frames), '--bitrate', String(BITRATES[size])];
  return { codec, size, ...(await native.run('bench_quality', args)) };
}

const known = (value) => (value < 0 ? undefined : value);

export async function run({ quick }) {
  const settings = { frames: quick ? 120 : 300, sizes: quick ? ['1280x720'] : Object.keys(BITRATES) };
  const native = openNative();
  const rows = [];
  for (const size of settings.sizes)
    for (const codec of ['vp9', 'vp8'])
      for (const scene of SCENES) rows.push(await measure(native, scene, codec, size, settings.frames));
  table('Quality, native, luma in dB', [
    ['scene', 'scene'], ['codec', 'codec'], ['size', 'size'],
    ...STEPS.map((step, i) => [`+${step}`, (row) => known(row.after[i])]),
    ['least after', (row) => known(row.leastAfter)], ['mean', 'mean'], ['worst s', 'worstSecond'], ['SSIM', 'ssim'],
    ['of bitrate', 'share'], ['CPU ms', 'cpuMs'],
  ], rows);
  const bars = rows.filter(({ scene, size }) => TEXT.includes(scene) && size === '1280x720').flatMap((row) => [
    bar(`${row.scene} ${row.codec}, text at a change`, row.after[0], { least: TEXT_BAR_DB }),
    bar(`${row.scene} ${row.codec}, text ever after`, row.leastAfter, { least: TEXT_BAR_DB }),
  ]);
  const busy = rows.filter(({ scene }) => scene === 'cut' || scene === 'noise' || scene === 'talk');
  if (!quick)
    bars.push(...busy.map((row) => bar(`${row.scene} ${row.codec} ${row.size}, off the bitrate`, Math.abs(row.share - 1), { most: 0.1 })));
  const numbered = await numberedPictures({ quick });
  bars.push(...numbered.bars);
  return { settings, rows, numbered: numbered.codecs, bars };
}
