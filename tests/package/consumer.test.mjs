// The package in other people's projects: TypeScript's resolutions, bundlers, a server that renders, CommonJS.
// That it records from a build of Vite is shown in tests/e2e/package.test.mjs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { rollup } from 'rollup';
import webpack from 'webpack';
import { consumer, filesOf, packed, ROOT } from './packed.mjs';

const RECORDS = `
import { createRecorder, KeeptakeError, VERSION, type Recorder, type TakeState, type Timeline } from 'keeptake';
export const recorder: Recorder = createRecorder({ server: null });
export const off = recorder.on('state', (state: TakeState) => console.log(state.state, VERSION), { once: true });
export async function last(): Promise<Timeline | null> {
  try {
    return await (await recorder.stop()).timeline();
  } catch (error) {
    if (error instanceof KeeptakeError && error.retryable) return null;
    throw error;
  }
}
`;
const SHOWS = `
import { defineElements, storeOf, type KtPlayer } from 'keeptake/elements';
import 'keeptake/elements/define';
defineElements();
const player: KtPlayer = document.createElement('kt-player');
player.take = null;
document.addEventListener('kt-gain-request', (event) => {
  const gain: number = event.detail.gain;
  // @ts-expect-error the request has no such field
  console.log(gain, event.detail.loudness, storeOf);
});
`;
const PLAIN = `import { createRecorder } from 'keeptake'; globalThis.made = createRecorder;`;

function typecheck(folder, options) {
  const base = {
    strict: true,
    noEmit: true,
    target: 'ES2022',
    lib: ['ES2023', 'DOM', 'DOM.Iterable'],
    types: [],
    skipLibCheck: false,
  };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...base, ...options }, include: ['*.ts'] }),
  );
  try {
    execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return '';
  } catch (error) {
    return error.stdout;
  }
}

describe('a project that uses the package', () => {
  for (const [name, options] of [
    ['bundler', { module: 'ESNext', moduleResolution: 'Bundler' }],
    ['node16', { module: 'Node16', moduleResolution: 'Node16' }],
    [
      'nodenext, isolated',
      { module: 'NodeNext', moduleResolution: 'NodeNext', isolatedModules: true, verbatimModuleSyntax: true },
    ],
  ])
    it(`is type-checked with ${name}`, { timeout: 120_000 }, () => {
      assert.equal(typecheck(consumer({ 'records.ts': RECORDS, 'shows.ts': SHOWS }), options), '');
    });

  it('records without lit, also as far as its types go', { timeout: 120_000 }, () => {
    const folder = consumer({ 'records.ts': RECORDS }, { lit: false });
    assert.equal(typecheck(folder, { module: 'ESNext', moduleResolution: 'Bundler' }), '');
  });

  it('is bundled by esbuild, worker and worklet by their names', async () => {
    const folder = consumer({ 'page.js': PLAIN }, { lit: false });
    const entryPoints = { page: 'page.js', worker: 'keeptake/worker', 'audio-worklet': 'keeptake/audio-worklet' };
    const options = {
      absWorkingDir: folder,
      bundle: true,
      format: 'esm',
      outdir: 'out',
      entryPoints,
      logLevel: 'silent',
      metafile: true,
    };
    const { warnings, metafile } = await esbuild.build(options);
    assert.deepEqual(warnings, []);
    for (const name of Object.keys(entryPoints)) {
      const { bytes } = metafile.outputs[`out/${name}.js`];
      assert.ok(bytes > 500, `${name} is not shaken to nothing (${bytes} bytes)`);
    }
  });

  it('is bundled by Rollup, and the side effects that count stay', async () => {
    const resolve = {
      name: 'resolve',
      async resolveId(source, importer) {
        const { manifest } = packed();
        if (!/^keeptake(\/|$)/.test(source)) return null;
        const entry = manifest.exports[source.replace(/^keeptake/, '.')];
        const file = join(importer, '../node_modules/keeptake', entry.default ?? entry);
        const pure = !manifest.sideEffects.some((one) => join(importer, '../node_modules/keeptake', one) === file);
        return { id: file, moduleSideEffects: !pure };
      },
    };
    const folder = consumer({
      'page.js': PLAIN,
      'worker.js': `import 'keeptake/worker';`,
      'unused.js': `import 'keeptake';`,
    });
    const code = async (name) => {
      const bundle = await rollup({
        input: join(folder, name),
        plugins: [resolve],
        onwarn: ({ code, message }) => code === 'EMPTY_BUNDLE' || assert.fail(message),
      });
      const { output } = await bundle.generate({ format: 'es' });
      return output.map((chunk) => chunk.code ?? '').join('');
    };
    assert.match(await code('page.js'), /new Worker\(/);
    assert.ok((await code('worker.js')).length > 10_000, 'a wrapper around the worker is the worker');
    assert.equal((await code('unused.js')).trim(), '', 'an import that nobody uses leaves nothing');
  });

  it('is bundled by webpack, which finds worker, worklet and engine by itself', { timeout: 120_000 }, async () => {
    const folder = consumer({ 'page.js': PLAIN }, { lit: false });
    const stats = await promisify(webpack)({
      mode: 'production',
      context: folder,
      entry: './page.js',
      output: { path: join(folder, 'out'), module: true },
      experiments: { outputModule: true },
      optimization: { minimize: false },
      performance: false,
    });
    assert.deepEqual(
      stats.toJson({ all: false, errors: true }).errors.map((error) => error.message),
      [],
    );
    const made = readdirSync(join(folder, 'out'));
    assert.equal(made.filter((name) => name.endsWith('.wasm')).length, 2, `both engines are there: ${made.join(', ')}`);
    const text = made
      .filter((name) => /\.m?js$/.test(name))
      .map((name) => readFileSync(join(folder, 'out', name), 'utf8'));
    assert.ok(
      text.some((each) => each.includes('registerProcessor')),
      'the worklet is there',
    );
    assert.ok(text.length >= 3, 'worker and worklet are files of their own');
  });

  it('takes from the elements what it uses', async () => {
    const folder = consumer({ 'store.js': `import { storeOf } from 'keeptake/elements'; console.log(storeOf);` });
    const { outputFiles } = await esbuild.build({
      absWorkingDir: folder,
      entryPoints: ['store.js'],
      bundle: true,
      format: 'esm',
      write: false,
      minify: true,
      logLevel: 'silent',
    });
    const text = outputFiles[0].text;
    assert.ok(!text.includes('kt-recovery-modal') && !text.includes('<dialog'), 'no element comes along');
  });

  it('can be imported where pages are rendered on a server', () => {
    const folder = consumer({
      'render.mjs': `
        import { isSupported, VERSION, KeeptakeError } from 'keeptake';
        import { defineElements, explain } from 'keeptake/elements';
        const before = Object.keys(globalThis).length;
        if (isSupported().supported) throw new Error('Node is no browser');
        if (typeof defineElements !== 'function') throw new Error('no elements');
        console.log(JSON.stringify({ version: VERSION, error: new KeeptakeError('closed', 'x').fatal, more: Object.keys(globalThis).length - before }));
      `,
    });
    const printed = JSON.parse(execFileSync(process.execPath, ['render.mjs'], { cwd: folder, encoding: 'utf8' }));
    assert.deepEqual(printed, { version: packed().manifest.version, error: true, more: 0 });
  });

  it('reaches the package from CommonJS by import()', () => {
    const folder = consumer(
      { 'app.cjs': `import('keeptake').then(({ VERSION }) => console.log(VERSION));` },
      { type: 'commonjs' },
    );
    const printed = execFileSync(process.execPath, ['app.cjs'], { cwd: folder, encoding: 'utf8' });
    assert.equal(printed.trim(), packed().manifest.version);
  });

  it('cannot reach what is not public', () => {
    const inner = filesOf(join(packed().folder, 'dist')).find((name) => /(^|\/)channel\.js$/.test(name));
    assert.ok(inner, 'there is an inner module to ask for');
    const folder = consumer({ 'app.mjs': `await import('keeptake/dist/${inner}');` });
    assert.throws(
      () => execFileSync(process.execPath, ['app.mjs'], { cwd: folder, encoding: 'utf8', stdio: 'pipe' }),
      /ERR_PACKAGE_PATH_NOT_EXPORTED/,
    );
  });
});
