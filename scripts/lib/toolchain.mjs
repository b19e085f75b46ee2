// Finds or makes the Emscripten that builds the engine. Its age decides the engine's speed: 3.1.6
// with LLVM 14, Debian 12's own, gives SIMD code that is three to four times slower.
import { execFileSync } from 'node:child_process';
import {
    chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync,
    writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fetchBinary, hasApt } from './apt.mjs';
import { CACHE, LOGS, ROOT, StepError, run, sha256, step, temporary } from './run.mjs';

const OLDEST = [3, 1, 60];
const REVISION = 1;
const PREFIX_VERSION = '3.1.69';
const LLVM = '19';
const PACKAGES = ['emscripten', 'binaryen', 'libc6', 'libstdc++6', 'libgcc-s1'];
const LOG = join(LOGS, 'toolchain.log');

/** Version of an emcc as [major, minor, patch], or null. */
function versionOf(emcc) {
    try {
        const text = execFileSync(emcc, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
        const match = /\b(\d+)\.(\d+)\.(\d+)\b/.exec(text);
        return match && match.slice(1).map(Number);
    } catch {
        return null;
    }
}

function recentEnough(version) {
    if (!version) return false;
    for (let i = 0; i < 3; i++) {
        if (version[i] !== OLDEST[i]) return version[i] > OLDEST[i];
    }
    return true;
}

/** Folder of Emscripten's own files (where cmake/Modules lies) for an emcc on PATH. */
function rootOf(emcc) {
    const root = execFileSync('em-config', ['EMSCRIPTEN_ROOT'], { encoding: 'utf8' }).trim();
    return existsSync(join(root, 'cmake')) ? root : dirname(emcc);
}

/**
 * The toolchain: {root, bin, key}
 *   root  Emscripten's own folder; root/cmake/Modules/Platform/Emscripten.cmake is its CMake file
 *   bin   folder of emcc, em++, emar, emranlib
 *   key   changes when the compiler does; part of the name of everything built with it
 */
export async function findToolchain() {
    const onPath = (process.env.PATH ?? '').split(':').map((folder) => join(folder, 'emcc')).find(existsSync);
    if (onPath) {
        const version = versionOf(onPath);
        if (recentEnough(version)) {
            const root = rootOf(onPath);
            return { root, bin: dirname(onPath), key: `emcc-${version.join('.')}` };
        }
    }
    if (!hasApt()) {
        throw new StepError(`no Emscripten >= ${OLDEST.join('.')} on PATH`, {
            advice: 'install emsdk (https://github.com/emscripten-core/emsdk): ./emsdk install ' +
                `${PREFIX_VERSION} && ./emsdk activate ${PREFIX_VERSION}, then put it on PATH`,
        });
    }
    return makePrefix();
}

/** Unpacks Debian trixie's Emscripten into a prefix of its own, beside the system's LLVM 19. */
async function makePrefix() {
    const key = sha256(JSON.stringify([REVISION, PACKAGES, LLVM])).slice(0, 12);
    const prefix = join(CACHE, `emscripten-${PREFIX_VERSION}-${key}`);
    const root = join(prefix, 'usr/share/emscripten');
    const result = { root, bin: root, key: `emscripten-${PREFIX_VERSION}-${key}` };
    if (existsSync(prefix)) return result;
    await step(`Wasm toolchain: Emscripten ${PREFIX_VERSION}`, async () => {
        const temp = temporary('emscripten');
        const debs = join(temp, 'debs');
        const made = join(temp, 'prefix');
        mkdirSync(debs);
        mkdirSync(made);
        await fetchBinary(PACKAGES.map((name) => `${name}/trixie`), debs);
        for (const deb of readdirSync(debs)) {
            await run('dpkg-deb', ['-x', join(debs, deb), made], { log: LOG });
        }
        for (const useless of ['test', 'docs']) {
            rmSync(join(made, 'usr/share/emscripten', useless), { recursive: true, force: true });
        }
        wrapBinaryen(made, prefix);
        symlinkSync('/usr/share/nodejs', join(made, 'usr/share/emscripten/node_modules'));
        writeFileSync(join(made, 'usr/share/emscripten/.emscripten'), emConfig(prefix));
        renameSync(made, prefix);
        rmSync(temp, { recursive: true });
    });
    const version = versionOf(join(root, 'emcc'));
    if (!recentEnough(version)) {
        throw new StepError(`the Emscripten of ${prefix} does not run`, {
            advice: `remove ${prefix} and try again, or install emsdk`,
            log: LOG,
        });
    }
    return result;
}

/** Binaryen needs trixie's libc: each tool runs through the prefix's own dynamic loader. */
function wrapBinaryen(made, prefix) {
    const folder = join(made, 'binaryen/bin');
    mkdirSync(folder, { recursive: true });
    for (const tool of readdirSync(join(made, 'usr/bin')).filter((name) => name.startsWith('wasm'))) {
        const file = join(folder, tool);
        const libraries = `${prefix}/usr/lib/x86_64-linux-gnu`;
        writeFileSync(
            file,
            `#!/bin/sh\nexec "${libraries}/ld-linux-x86-64.so.2" --library-path "${libraries}" ` +
                `"${prefix}/usr/bin/${tool}" "$@"\n`,
        );
        chmodSync(file, 0o755);
    }
    symlinkSync('../usr/lib', join(made, 'binaryen/lib'));
}

function emConfig(prefix) {
    return [
        `LLVM_ROOT = '/usr/lib/llvm-${LLVM}/bin'`,
        `BINARYEN_ROOT = '${prefix}/binaryen'`,
        `NODE_JS = '${process.execPath}'`,
        `CACHE = '${prefix}/usr/share/emscripten/cache'`,
        'FROZEN_CACHE = True',
        '',
    ].join('\n');
}

/** Writes the CMake toolchain file of the Wasm presets; returns its path. */
export function writeToolchainFile(toolchain) {
    const file = join(ROOT, 'build', 'wasm-toolchain.cmake');
    const text = [
        '# Written by scripts/setup.mjs.',
        `set(EMSCRIPTEN_ROOT_PATH "${toolchain.root}")`,
        `set(CMAKE_CROSSCOMPILING_EMULATOR "${process.execPath}")`,
        `include("${toolchain.root}/cmake/Modules/Platform/Emscripten.cmake")`,
        '',
    ].join('\n');
    mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
    return file;
}
