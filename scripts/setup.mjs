#!/usr/bin/env node
// Makes everything a build needs: Debian packages, third-party sources and prefixes, and (without
// --native) the Wasm toolchain. Plain Node 20, no dependencies. Results lie in $KEEPTAKE_CACHE
// (~/.cache/keeptake); build/prefixes.cmake tells CMake where.
//   node scripts/setup.mjs --native    enough for the presets native, native-asan and fuzz
//   node scripts/setup.mjs             the Wasm presets too
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RECIPES } from '../third_party/recipes.mjs';
import { distribution, hasApt, installPackages, missingPackages } from './lib/apt.mjs';
import { CACHE, ROOT, step, withLock } from './lib/run.mjs';
import { buildLibrary } from './lib/thirdparty.mjs';
import { NATIVE_PACKAGES } from './packages.mjs';

/** Installs the missing ones of `names`; off Debian it only says what is needed. */
export async function ensurePackages(names) {
    if (!hasApt()) {
        console.log(`  This is ${distribution().id || 'not Debian'}: please have these Debian packages'`);
        console.log(`  counterparts installed: ${names.join(' ')}`);
        return;
    }
    const missing = await missingPackages(names);
    if (missing.length === 0) return;
    await step(`install ${missing.join(' ')}`, () => installPackages(missing));
}

function writeIfChanged(file, text) {
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
}

/** Builds the third-party prefixes and returns {variant: {library: prefix}}. */
export async function setUp({ native = true, wasm = true } = {}) {
    await ensurePackages(NATIVE_PACKAGES);
    return withLock(async () => {
        rmSync(join(CACHE, 'tmp'), { recursive: true, force: true });
        const lines = [];
        const variants = [...(native ? ['native'] : []), ...(wasm ? [] : [])];
        for (const variant of variants) {
            for (const name of Object.keys(RECIPES)) {
                const prefix = await buildLibrary(name, variant);
                lines.push(`set(KT_PREFIX_${name}_${variant} "${prefix}")`);
            }
        }
        writeIfChanged(join(ROOT, 'build', 'prefixes.cmake'), `${lines.join('\n')}\n`);
    });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
    const start = Date.now();
    try {
        await setUp({ wasm: !process.argv.includes('--native') });
        console.log(`  set-up done in ${((Date.now() - start) / 1000).toFixed(1)} s (cache: ${CACHE})`);
    } catch (error) {
        console.error(`\nSet-up failed: ${error.message}`);
        if (error.advice) console.error(`What to do: ${error.advice}`);
        if (error.log) console.error(`Log: ${error.log}`);
        process.exit(1);
    }
}
