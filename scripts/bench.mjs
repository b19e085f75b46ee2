#!/usr/bin/env node
// npm run bench [-- NAME… --json FILE]: sets up, builds everything, then runs bench/run.mjs.
import { buildPreset, buildProduct, explain } from './lib/build.mjs';
import { run } from './lib/run.mjs';
import { BENCH_PACKAGES, RUN_PACKAGES } from './packages.mjs';
import { ensurePackages, setUp } from './setup.mjs';

try {
    await ensurePackages([...RUN_PACKAGES, ...BENCH_PACKAGES]);
    await setUp();
    await buildProduct();
    await buildPreset('wasm-st', ['bench/all']);
    const args = process.argv.slice(2);
    const { code } = await run(process.execPath, ['bench/run.mjs', ...args], { allowFailure: true });
    process.exitCode = code;
} catch (error) {
    process.exitCode = explain(error);
}
