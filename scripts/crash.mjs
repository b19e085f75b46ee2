#!/usr/bin/env node
// npm run crash [-- browser|server OPTIONS…]: sets up, builds, then kills at random moments and looks at what is
// left: browsers that record (tests/crash/browser-kills.mjs, also without a word) or the server
// (tests/crash/server-kills.mjs). Their options: npm run crash -- browser --help.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildPreset, buildProduct, explain } from './lib/build.mjs';
import { ROOT, StepError, run } from './lib/run.mjs';
import { RUN_PACKAGES, TEST_PACKAGES } from './packages.mjs';
import { ensurePackages, setUp } from './setup.mjs';

/** The harness that the arguments name, and what is left for it. */
function chosenHarness(argv) {
    const [first, ...rest] = argv;
    const named = first !== undefined && !first.startsWith('-');
    const name = named ? first : 'browser';
    const file = join('tests/crash', `${name}-kills.mjs`);
    if (!/^(browser|server)$/.test(name) || !existsSync(join(ROOT, file))) {
        throw new StepError(`"${name}" is neither browser nor server.`);
    }
    return { file, args: named ? rest : argv };
}

try {
    const { file, args } = chosenHarness(process.argv.slice(2));
    await ensurePackages([...RUN_PACKAGES, ...TEST_PACKAGES]);
    const inBrowsers = file.includes('browser');
    await setUp({ wasm: inBrowsers });
    await (inBrowsers ? buildProduct() : buildPreset('native'));
    const { code } = await run(process.execPath, [file, ...args], { allowFailure: true });
    process.exitCode = code;
} catch (error) {
    process.exitCode = explain(error);
}
