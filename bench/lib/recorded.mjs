// Scenes recorded in headless Chromium, by the package and by the browser's own MediaRecorder, decoded by ffmpeg and
// compared with what was drawn by bench_quality.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launchBrowser, openPage, pageFolder, ROOT, startServer, temporaryFolder } from '../../tests/e2e/support/stack.mjs';
import { family, familyCpu, findProcess } from './machine.mjs';
import { programFolder } from './programs.mjs';

const FPS = 30;

/** Size in bytes and time in seconds of each picture of a file. */
function packets(file) {
  const args = ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'packet=pts_time,size', '-of', 'csv=p=0', file];
  return execFileSync('ffprobe', args, { encoding: 'utf8', maxBuffer: 1 << 26 })
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number))
    .map(([time, bytes]) => ({ time, bytes }));
}

/** What bench_quality says about the pictures of a file. */
function judge(file, { scene, size, frames }) {
  const decode = ['-v', 'error', '-i', file, '-an', '-fps_mode', 'passthrough', '-enc_time_base', '1:1000000', '-pix_fmt', 'yuv420p', '-f', 'rawvideo', '-'];
  const compare = ['--scene', scene, '--size', size, '--frames', String(frames), '--shown', '-'];
  const decoder = spawn('ffmpeg', decode, { stdio: ['ignore', 'pipe', 'inherit'] });
  const program = spawn(join(programFolder('native'), 'bench_quality'), compare, { stdio: [decoder.stdout, 'pipe', 'pipe'] });
  return new Promise((resolve, reject) => {
    let [text, errors] = ['', ''];
    program.stdout.on('data', (data) => (text += data));
    program.stderr.on('data', (data) => (errors += data));
    program.once('error', reject);
    decoder.once('error', reject);
    program.once('close', (code) => {
      decoder.kill();
      if (code === 0) resolve(JSON.parse(text));
      else reject(new Error(`bench_quality ended with ${code}: ${errors}`));
    });
    decoder.stdout.destroy(); // the program has it
  });
}

/** Figures of a file: those of the pictures, bits of `bitrate` over the pictures that were judged. */
async function measureFile(file, each) {
  const figures = await judge(file, each);
  const all = packets(file).slice(figures.first, figures.last + 1);
  const bytes = all.reduce((sum, packet) => sum + packet.bytes, 0);
  const seconds = all.at(-1).time - all[0].time + 1 / FPS;
  return { ...figures, bytes, seconds, share: (bytes * 8) / seconds / each.bitrate };
}

export async function openRecorded() {
  const studio = pageFolder();
  const folder = temporaryFolder('quality');
  for (const name of ['quality.html', 'quality.mjs', 'quality-source.mjs', 'recorders.mjs']) cpSync(join(ROOT, 'bench/page', name), join(studio, name));
  for (const name of ['scene.mjs', 'scene.wasm']) cpSync(join(programFolder('wasm-st'), name), join(studio, name));
  const server = await startServer({ studio });
  const browser = await launchBrowser();
  const pid = findProcess(`--user-data-dir=${browser.profile}`);

  /**
   * `each`: {scene, kind (its index), size, codec, bitrate, frames, recorder (own, browser, none), source (camera,
   * screen)}. Resolves to the figures with the CPU seconds of all the browser's processes per second.
   */
  async function record(each) {
    const { page, errors } = await openPage(browser.context, `${server.url}/quality.html`);
    try {
      page.setDefaultTimeout(0);
      await page.waitForFunction('window.bench !== undefined');
      const [width, height] = each.size.split('x').map(Number);
      await page.evaluate((options) => window.bench.open(options), { ...each, width, height, rest: each.rest ?? 2 });
      const [before, began] = [family(pid), performance.now()];
      await page.evaluate(() => window.bench.play());
      const cpu = familyCpu(before, family(pid)) / ((performance.now() - began) / 1000);
      const result = await page.evaluate(() => window.bench.stop());
      if (errors.length > 0) throw new Error(`Errors of the page: ${errors.join(' | ')}`);
      if (!result) return { cpu };
      const file = join(folder, 'take.webm');
      writeFileSync(file, Buffer.from(result.file, 'base64'));
      return { cpu, speeds: result.speeds, ...(await measureFile(file, each)) };
    } finally {
      await page.close();
    }
  }

  async function close() {
    await browser.close();
    await server.close();
    rmSync(studio, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  }
  return { record, close };
}
