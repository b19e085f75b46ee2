#!/usr/bin/env node
// Builds the npm package: web/src by tsc into web/dist, web/elements into web/dist/elements, and the engine's files beside the
// modules that load them, with the notices of what is in them; blanks and comments go, names stay. Refuses to go on when the generated contract differs from the C headers.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transformSync } from 'esbuild';
import { elementsManifest } from './lib/elements-manifest.mjs';
import { SOURCES } from '../third_party/sources.mjs';
import { ROOT } from './lib/run.mjs';
import { archive } from './lib/thirdparty.mjs';
import { checkRooms } from './lib/web-rooms.mjs';

const DIST = join(ROOT, 'web/dist');
const VARIANTS = ['st', 'mt'];

/** The text that wasm/generate_contract.c prints must be the committed one. */
export function checkContract() {
    const printed = execFileSync(join(ROOT, 'build/native/wasm/generate_contract'), { encoding: 'utf8' });
    const committed = readFileSync(join(ROOT, 'web/src/engine/contract.gen.ts'), 'utf8');
    if (printed === committed) return;
    const error = new Error('web/src/engine/contract.gen.ts differs from the C headers.');
    error.advice = 'build/native/wasm/generate_contract > web/src/engine/contract.gen.ts';
    throw error;
}

/** Bundlers rename the module, so its threads load it by its own address instead of by its name. */
function threadsLoadThisModule(text, variant) {
    const byName = new RegExp(`new URL\\("keeptake-engine-${variant}\\.mjs", ?import\\.meta\\.url\\)`, 'g');
    const changed = text.replaceAll(byName, 'new URL(import.meta.url)');
    if (variant === 'mt' && changed === text) throw new Error('The engine module starts its threads in an unknown way.');
    return changed;
}

/** Licences and patent grants of the libraries inside the Wasm files, which have to go with them. */
async function notices() {
    const texts = [];
    for (const [name, { version, notices: files = [] }] of Object.entries(SOURCES)) {
        if (files.length === 0) continue;
        const file = await archive(name);
        const text = execFileSync('tar', ['-xOf', file, '--wildcards', ...files.map((each) => `*/${each}`), '--no-wildcards-match-slash'], {
            encoding: 'utf8',
        });
        texts.push(`${name} ${version}\n${'='.repeat(name.length + version.length + 1)}\n\n${text.trim()}\n`);
    }
    return texts.join('\n\n');
}

/** Refuses a house whose arrows point up. */
function checkMap() {
    const wrong = checkRooms(join(ROOT, 'web'));
    if (wrong.length === 0) return;
    const error = new Error(`imports go against the map:\n${wrong.join('\n')}`);
    error.advice = 'docs/web.md says which room may import from which; scripts/lib/web-rooms.mjs is the map.';
    throw error;
}

/** Pages without a bundler load these modules as they are. Names stay for stack traces, and the map still leads to the source. */
function withoutBlanks(file) {
    const text = readFileSync(file, 'utf8');
    if (text.includes('@vite-ignore')) return; // a comment that bundlers read
    const link = /\/\/# sourceMappingURL=\S+\s*$/;
    const inner = readFileSync(`${file}.map`).toString('base64');
    const { code, map } = transformSync(text.replace(link, `//# sourceMappingURL=data:application/json;base64,${inner}\n`), {
        format: 'esm',
        target: 'es2022',
        minifyWhitespace: true,
        sourcefile: basename(file),
        sourcemap: 'external',
        sourcesContent: false,
    });
    writeFileSync(file, `${code}//# sourceMappingURL=${basename(file)}.map\n`);
    writeFileSync(`${file}.map`, map);
}

export async function buildPackage() {
    checkContract();
    checkMap();
    rmSync(DIST, { recursive: true, force: true });
    execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', '--force', join(ROOT, 'web/tsconfig.json')], {
        stdio: 'inherit',
    });
    for (const name of readdirSync(DIST, { recursive: true })) if (name.endsWith('.js')) withoutBlanks(join(DIST, name));
    const target = join(DIST, 'engine');
    mkdirSync(target, { recursive: true });
    for (const variant of VARIANTS) {
        for (const end of ['mjs', 'wasm']) {
            const name = `keeptake-engine-${variant}.${end}`;
            const built = join(ROOT, `build/wasm-${variant}/wasm/${name}`);
            if (!existsSync(built)) throw new Error(`${built} is missing: build the preset wasm-${variant} first.`);
            if (end === 'wasm') copyFileSync(built, join(target, name));
            else writeFileSync(join(target, name), threadsLoadThisModule(readFileSync(built, 'utf8'), variant));
        }
    }
    writeFileSync(join(DIST, 'THIRD-PARTY-NOTICES.txt'), await notices());
    writeFileSync(join(DIST, 'custom-elements.json'), `${JSON.stringify(elementsManifest(join(ROOT, 'web/elements')), null, 2)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
    try {
        await buildPackage();
    } catch (error) {
        console.error(`The package was not built: ${error.message}`);
        if (error.advice) console.error(`What to do: ${error.advice}`);
        process.exit(1);
    }
}
