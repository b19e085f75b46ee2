#!/usr/bin/env node
// Makes everything a build needs: Debian packages, third-party sources and prefixes, and (without
// --native) the Wasm toolchain. Plain Node 20, no dependencies. Results lie in $KEEPTAKE_CACHE
// (~/.cache/keeptake); build/prefixes-*.cmake tell CMake where.
//   node scripts/setup.mjs --native    enough for the presets native, native-asan and fuzz
//   node scripts/setup.mjs             the Wasm presets too
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RECIPES } from '../third_party/recipes.mjs';
import { distribution, hasApt, installPackages, missingPackages } from './lib/apt.mjs';
import { explain } from './lib/build.mjs';
import { CACHE, ROOT, StepError, step, withLock } from './lib/run.mjs';
import { buildLibrary } from './lib/thirdparty.mjs';
import { findToolchain, writeToolchainFile } from './lib/toolchain.mjs';
import { NATIVE_PACKAGES, WASM_PACKAGES } from './packages.mjs';

/** Installs the missing ones of `names`; off Debian it only says what is needed. */
export async function ensurePackages(names) {
    if (names.length === 0) return;
    if (!hasApt()) {
        console.log(`  This is ${distribution().id || 'not Debian'}: please have these Debian packages'`);
        console.log(`  counterparts installed: ${names.join(' ')}`);
        return;
    }
    const missing = await missingPackages(names);
    if (missing.length === 0) return;
    await step(`install ${missing.join(' ')}`, () => installPackages(missing));
}

/** Tells CMake the prefixes; the file is touched only when it changes, so nothing is configured anew. */
function writePrefixes(kind, lines) {
    const file = join(ROOT, 'build', `prefixes-${kind}.cmake`);
    const text = `${lines.join('\n')}\n`;
    mkdirSync(join(ROOT, 'build'), { recursive: true });
    if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
}

/** Removes what an interrupted set-up left; one of its compilers may still be writing there. */
function clearLeftovers() {
    try {
        rmSync(join(CACHE, 'tmp'), { recursive: true, force: true, maxRetries: 3 });
    } catch {
        // The next set-up tries again; every build has a folder of its own.
    }
}

/** Toolchain and third-party prefixes; writes build/prefixes-*.cmake and build/wasm-toolchain.cmake. */
export async function setUp({ native = true, wasm = true } = {}) {
    await ensurePackages([...NATIVE_PACKAGES, ...(wasm ? WASM_PACKAGES : [])]);
    await withLock(async () => {
        clearLeftovers();
        // First of all: where it has to be got by hand, that is said before anything is built.
        const toolchain = wasm ? await findToolchain() : null;
        const lines = [];
        const add = async (name, variant, toolchain) => {
            const prefix = await buildLibrary(name, variant, toolchain);
            lines.push(`set(KT_PREFIX_${name}_${variant} "${prefix}")`);
            return prefix;
        };
        if (native) {
            for (const name of Object.keys(RECIPES)) await add(name, 'native');
            writePrefixes('native', lines.splice(0));
        }
        if (!toolchain) return;
        toolchain.cmake = writeToolchainFile(toolchain);
        for (const variant of ['wasm-st', 'wasm-mt']) {
            toolchain.simde = await add('simde', variant, toolchain);
            for (const name of Object.keys(RECIPES)) {
                if (name !== 'simde') await add(name, variant, toolchain);
            }
        }
        writePrefixes('wasm', lines);
    });
}

/** Fails early on a Node that is too old. */
export function requireNode() {
    const [major, minor] = process.versions.node.split('.').map(Number);
    if (major > 20 || (major === 20 && minor >= 19)) return;
    throw new StepError(`Node ${process.versions.node} is too old`, { advice: 'install Node 20.19 or newer' });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
    const start = Date.now();
    try {
        requireNode();
        await setUp({ wasm: !process.argv.includes('--native') });
        console.log(`  set-up done in ${((Date.now() - start) / 1000).toFixed(1)} s (cache: ${CACHE})`);
    } catch (error) {
        process.exitCode = explain(error);
    }
}
