// The builds in their order: native, Wasm, npm packages, the package, the studio. Each does nothing
// when its inputs are what they were: CMake and Ninja know for themselves, the rest has stamps in
// build/stamps with the hash of what went in.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { JOBS, LOGS, ROOT, StepError, hashTree, run, step } from './run.mjs';

const STAMPS = join(ROOT, 'build', 'stamps');
const COMPRESSED = new Set(['.js', '.mjs', '.css', '.html', '.svg', '.json', '.wasm']);

/** Runs `work` unless it ran before with the same inputs and `outputs` are still there. */
async function stamped(name, inputs, outputs, work) {
    const file = join(STAMPS, name);
    const key = await hashTree(inputs);
    const made = outputs.every((path) => existsSync(join(ROOT, path)));
    if (made && existsSync(file) && readFileSync(file, 'utf8') === key) return;
    rmSync(file, { force: true });
    await work();
    mkdirSync(STAMPS, { recursive: true });
    writeFileSync(file, key);
}

/** Configures (once) and builds a CMake preset. */
export async function buildPreset(preset, targets = []) {
    const folder = join(ROOT, 'build', preset);
    const log = join(LOGS, `build-${preset}.log`);
    rmSync(log, { force: true });
    await step(`build ${preset}`, async () => {
        try {
            if (!existsSync(join(folder, 'build.ninja'))) {
                await run('cmake', ['--preset', preset], { log });
            }
            const target = targets.length ? ['--target', ...targets] : [];
            await run('cmake', ['--build', folder, '-j', JOBS, ...target], { log });
        } catch (error) {
            error.advice ??= `repeat it alone: cmake --preset ${preset} && cmake --build build/${preset}`;
            throw error;
        }
    });
}

/** `npm ci` when the lock file is not the one that node_modules was made from. */
export async function installNpm() {
    const log = join(LOGS, 'npm-ci.log');
    await stamped('npm', ['package-lock.json', 'web/package.json', 'package.json'],
        ['node_modules/.package-lock.json'], () =>
            step('npm ci', async () => {
                try {
                    await run('npm', ['ci', '--no-audit', '--no-fund'], { log });
                } catch (error) {
                    error.advice = 'is the npm registry reachable? Then: npm ci';
                    throw error;
                }
            }));
}

/** The npm package (web/dist) and the studio page (web/pages/studio/dist). */
export async function buildWeb() {
    const engines = ['st', 'mt'].flatMap((variant) =>
        ['mjs', 'wasm'].map((end) => `build/wasm-${variant}/wasm/keeptake-engine-${variant}.${end}`));
    const log = join(LOGS, 'build-web.log');
    await stamped('web', ['web', 'scripts/build-package.mjs', 'scripts/lib/elements-manifest.mjs',
        'scripts/lib/web-rooms.mjs', 'package-lock.json', ...engines],
        ['web/dist/index.js', 'web/pages/studio/dist/index.html'], () =>
            step('build the package and the studio', async () => {
                rmSync(log, { force: true });
                await run(process.execPath, ['scripts/build-package.mjs'], { log });
                await run(process.execPath,
                    ['node_modules/vite/bin/vite.js', 'build', '--config', 'web/vite.config.ts'], { log });
                compressTree(join(ROOT, 'web/pages/studio/dist'));
            }));
}

/** Writes FILE.gz beside every text and Wasm file; the server sends it to whoever accepts gzip. */
function compressTree(folder) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) {
            compressTree(path);
        } else if (COMPRESSED.has(extname(entry.name))) {
            writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
        }
    }
}

/** Everything that the studio needs to run. */
export async function buildProduct() {
    await buildPreset('native');
    await buildPreset('wasm-st', ['keeptake-engine-st']);
    await buildPreset('wasm-mt', ['keeptake-engine-mt']);
    await installNpm();
    await buildWeb();
}

/** Prints a failed step as the user needs it; returns the exit code. */
export function explain(error) {
    console.error(`\nFailed: ${error.message}`);
    if (error.advice) console.error(`What to do: ${error.advice}`);
    if (error.log) console.error(`Log: ${error.log}`);
    if (!(error instanceof StepError)) console.error(error.stack);
    return 1;
}
