// Sharpness: the same drawn scenes by four ways at the same bitrate. "own": our recorder in headless Chromium, through
// the package; "browser": its own MediaRecorder, again with another bitrate where its bytes are not ours; "native": our
// encoder; "libvpx": libvpx with its own settings for real time. Decibels and SSIM of luma (of the text, where there is
// some) after a change, in the mean, in the worst second; bits of the bitrate; CPU.
// Then numbered pictures, each of a source once.
//   --only slides,vp9,1280x720   what has all of these words in its name
import { numberedPictures } from './cadence.mjs';
import { short, bar, table } from './lib/figures.mjs';
import { openNative } from './lib/programs.mjs';
import { openRecorded } from './lib/recorded.mjs';

/** Their places are those of picture_scene.c. `source`: what the page says that it is. */
const SCENES = ['slides', 'still', 'scroll', 'cut', 'noise', 'talk', 'gradient', 'photos', 'wake'];
const CASES = [
  { scene: 'slides', source: 'screen' },
  { scene: 'slides', source: 'camera' },
  { scene: 'still', source: 'camera' },
  { scene: 'scroll', source: 'screen' },
  { scene: 'cut', source: 'camera' },
  { scene: 'noise', source: 'camera' },
  { scene: 'talk', source: 'camera' },
  { scene: 'gradient', source: 'camera' },
  { scene: 'photos', source: 'camera' },
  { scene: 'wake', source: 'camera' },
];
const QUICK = ['slides', 'talk'];
const TEXT = ['slides', 'still'];
const CAMERAS = ['noise', 'talk'];
const TEXT_BAR_DB = 45;
/** Figures of two runs of the same recorder differ by so much. */
const SAME_DB = 0.1;
const SAME_SSIM = 0.002;
const SAME_BYTES = 0.03;
const BITRATES = { '1280x720': 2_500_000, '1920x1080': 5_000_000 };
const STEPS = [0, 1, 3, 7, 14];

const known = (value) => (value === undefined || value < 0 ? undefined : value);

async function measureNative(native, { scene, source, codec, size, bitrate, frames }, encoder) {
  const args = ['--scene', scene, '--codec', codec, '--size', size, '--frames', String(frames), '--bitrate', String(bitrate)];
  const result = await native.run('bench_quality', [...args, '--encoder', encoder, '--content', source]);
  return { ...result, bytes: (result.share * bitrate * frames) / 30 / 8 };
}

/** MediaRecorder, and once more with the bitrate at which its file should be as large as ours. */
async function measureBrowsers(recorded, each, own) {
  const asked = await recorded.record({ ...each, recorder: 'browser' });
  const wanted = own.bytes / own.seconds;
  const got = asked.bytes / asked.seconds;
  if (Math.abs(got / wanted - 1) <= SAME_BYTES) return { asked, equal: asked };
  const bitrate = Math.round((each.bitrate * wanted) / got);
  return { asked, equal: { ...(await recorded.record({ ...each, bitrate, recorder: 'browser' })), bitrate } };
}

async function measure(recorded, native, each) {
  const none = await recorded.record({ ...each, frames: 90, recorder: 'none' });
  const own = await recorded.record({ ...each, recorder: 'own' });
  const { asked, equal } = await measureBrowsers(recorded, each, own);
  const ours = await measureNative(native, each, 'own');
  const stock = await measureNative(native, each, 'stock');
  const rows = [
    { by: 'own', ...own, cpuMs: ((own.cpu - none.cpu) * 1000) / 30 },
    { by: 'browser', ...asked, cpuMs: ((asked.cpu - none.cpu) * 1000) / 30 },
    ...(equal === asked ? [] : [{ by: 'browser, equal bytes', ...equal, cpuMs: ((equal.cpu - none.cpu) * 1000) / 30 }]),
    { by: 'native', ...ours },
    { by: 'libvpx', ...stock },
  ].map((row) => ({ ...each, ...row, bitrate: row.bitrate ?? each.bitrate }));
  const name = `${each.scene} as ${each.source}, ${each.codec} ${each.size}`;
  table(`Quality: ${name}`, [
    ['by', 'by'],
    ...STEPS.map((step, i) => [`+${step}`, (row) => known(row.after[i])]),
    ['least after', (row) => known(row.leastAfter)], ['mean', 'mean'], ['worst s', 'worstSecond'],
    ...STEPS.filter((step) => step <= 1).map((step, i) => [`SSIM +${step}`, (row) => known(row.ssimAfter[i])?.toFixed(4)]),
    ['SSIM', (row) => row.ssim.toFixed(4)], ['KB', (row) => row.bytes / 1000], ['of bitrate', 'share'],
    ['CPU ms', 'cpuMs'], ['missing', 'missing'], ['speeds', (row) => row.speeds?.join(' ')],
  ], rows);
  return { name, ...each, own, asked, equal, rows };
}

/** Text is sharp at the change, stays so, and from the next picture on is no worse than the browser's. */
function textBars({ name, own, asked }) {
  const later = STEPS.flatMap((step, i) => (step > 0 ? [own.after[i] - asked.after[i]] : []));
  return [
    bar(`${name}: text at a change, dB`, own.after[0], { least: TEXT_BAR_DB }),
    bar(`${name}: text ever after, dB`, own.leastAfter, { least: TEXT_BAR_DB }),
    bar(`${name}: dB above the browser's from +1 on, least`, Math.min(...later), { least: -SAME_DB }),
    bar(`${name}: bits of the bitrate`, own.share, { most: 1.1 }),
    // With an inset that moves there is always something to spend them on.
    ...(name.startsWith('slides ') ? [bar(`${name}: bits of the bitrate, least`, own.share, { least: 0.9 })] : []),
  ];
}

function cameraBars({ name, own, equal }) {
  return [
    bar(`${name}: dB above the browser's at equal bytes`, own.mean - equal.mean, { least: -SAME_DB }),
    bar(`${name}: SSIM above the browser's at equal bytes`, own.ssim - equal.ssim, { least: -SAME_SSIM }),
    bar(`${name}: off the bitrate`, Math.abs(own.share - 1), { most: 0.1 }),
  ];
}

function barsOf(result) {
  if (result.size !== '1280x720') return [];
  if (TEXT.includes(result.scene)) return textBars(result);
  return CAMERAS.includes(result.scene) ? cameraBars(result) : [];
}

function plan({ quick, only }) {
  const sizes = quick ? ['1280x720'] : Object.keys(BITRATES);
  const words = only ?? [];
  return sizes.flatMap((size) =>
    ['vp9', 'vp8'].flatMap((codec) =>
      CASES.filter(({ scene }) => !quick || QUICK.includes(scene)).map((each) => ({
        ...each, codec, size, kind: SCENES.indexOf(each.scene), bitrate: BITRATES[size], frames: quick ? 120 : 300,
      })))).filter((each) => words.every((word) => Object.values(each).includes(word)));
}

export async function run(options) {
  const cases = plan(options);
  if (cases.length === 0) throw new Error(`--only ${options.only}: no scene has all of these words.`);
  const native = openNative();
  const recorded = await openRecorded();
  const results = [];
  try {
    for (const each of cases) results.push(await measure(recorded, native, each));
  } finally {
    await recorded.close();
  }
  // On a busy machine pictures are missing, and the encoder is made faster: such a run proves nothing.
  for (const { name, own, asked } of results)
    if (own.missing > 0 || asked.missing > 0)
      console.log(`  ${name}: ${own.missing} pictures missing of ours, ${asked.missing} of the browser's; speeds ${short(own.speeds?.join(' '))}`);
  const numbered = options.only ? undefined : await numberedPictures(options);
  return {
    rows: results.flatMap(({ rows }) => rows),
    numbered: numbered?.codecs,
    bars: [...results.flatMap(barsOf), ...(numbered?.bars ?? [])],
  };
}
