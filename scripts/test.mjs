#!/usr/bin/env node
// npm test [-- SUITE…]: sets up, builds, runs every suite (or those named), sums up. The last line is
// "N passed, N failed"; the exit code is 1 when something failed or a suite ran nothing.
import { buildProduct, explain } from './lib/build.mjs';
import { RUN_PACKAGES, TEST_PACKAGES } from './packages.mjs';
import { SUITES } from './lib/suites.mjs';
import { ensurePackages, requireNode, setUp } from './setup.mjs';

async function prepare() {
    requireNode();
    await ensurePackages([...RUN_PACKAGES, ...TEST_PACKAGES]);
    await setUp();
    await buildProduct();
}

/** Runs one suite; a failure of the suite itself counts as one failed test. */
async function runSuite(name) {
    const suite = SUITES[name];
    const start = Date.now();
    console.log(`\n${name}: ${suite.title}`);
    let result;
    try {
        await suite.build?.();
        result = await suite.run(suite.limit);
    } catch (error) {
        explain(error);
        result = { passed: 0, failed: 1, skipped: 0, notes: [error.message.split('\n')[0]] };
    }
    if (result.passed + result.failed === 0) {
        result = { ...result, failed: 1, notes: ['the suite ran nothing'] };
    }
    for (const note of result.notes) console.log(`    ${note}`);
    const skipped = result.skipped ? `, ${result.skipped} skipped` : '';
    const seconds = ((Date.now() - start) / 1000).toFixed(0);
    console.log(`  ${name}: ${result.passed} passed, ${result.failed} failed${skipped} (${seconds} s)`);
    return result;
}

async function main(names) {
    const unknown = names.filter((name) => !(name in SUITES));
    if (unknown.length) {
        console.error(`Unknown suite ${unknown.join(', ')}; there are: ${Object.keys(SUITES).join(', ')}`);
        return 2;
    }
    const start = Date.now();
    let passed = 0;
    let failed = 0;
    try {
        await prepare();
        for (const name of names.length ? names : Object.keys(SUITES)) {
            const result = await runSuite(name);
            passed += result.passed;
            failed += result.failed;
        }
    } catch (error) {
        explain(error);
        failed++;
    }
    console.log(`\nall in ${((Date.now() - start) / 1000).toFixed(0)} s`);
    console.log(`${passed} passed, ${failed} failed`);
    return failed || passed === 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
