// The test suites of `npm test`. Each resolves to {passed, failed, skipped, notes}: `notes` are lines
// about what failed. A suite that ran nothing counts as failed; the caller sees to that.
import {
    existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JOBS, LOGS, ROOT, run } from './run.mjs';
import { buildPreset } from './build.mjs';

const FUZZ_SECONDS = Number(process.env.KEEPTAKE_FUZZ_SECONDS ?? 4);

function add(a, b) {
    return {
        passed: a.passed + b.passed,
        failed: a.failed + b.failed,
        skipped: (a.skipped ?? 0) + (b.skipped ?? 0),
        notes: [...(a.notes ?? []), ...(b.notes ?? [])],
    };
}

const NOTHING = { passed: 0, failed: 0, skipped: 0, notes: [] };

/** Runs one after the other; their results together. */
async function inTurn(runs) {
    let total = NOTHING;
    for (const each of runs) {
        const result = await each();
        total = add(total, result);
    }
    return total;
}

/** Empties and returns the log file of a suite. */
function logFor(name) {
    const log = join(LOGS, `test-${name}.log`);
    rmSync(log, { force: true });
    return log;
}

function listFiles(folder, pattern) {
    const path = join(ROOT, folder);
    if (!existsSync(path)) return [];
    return readdirSync(path).filter((name) => pattern.test(name)).sort().map((name) => join(folder, name));
}

/** Counts the cmocka cases in the output of `ctest -V`, where every line begins with its test's number. */
export function countCtest(text) {
    const tests = new Map();
    for (const line of text.split('\n')) {
        const [, number, rest] = /^(\d+): (.*)$/.exec(line) ?? [];
        if (number) {
            const test = tests.get(number) ?? { passed: 0, failed: 0, skipped: 0, lines: [] };
            tests.set(number, test);
            test.lines.push(rest);
            const [, kind, count] = /^\[  (PASSED|FAILED|SKIPPED) +\] (\d+) test/.exec(rest) ?? [];
            if (kind) test[kind.toLowerCase()] += Number(count);
            continue;
        }
        const [, id, name, verdict] = /Test +#(\d+): (\S+) \.+ *(.*)$/.exec(line) ?? [];
        if (id) Object.assign(tests.get(id) ?? setDefault(tests, id), { name, verdict });
    }
    let total = NOTHING;
    for (const test of tests.values()) total = add(total, verdictOf(test));
    return total;
}

function setDefault(map, key) {
    map.set(key, { passed: 0, failed: 0, skipped: 0, lines: [] });
    return map.get(key);
}

function verdictOf({ passed, failed, skipped, lines, name = 'unknown', verdict = '' }) {
    const good = /^Passed/.test(verdict);
    if (good && failed === 0) return { passed: passed || 1, failed: 0, skipped, notes: [] };
    // A program that died printed no summary: it counts as one failure.
    const notes = [`${name}: ${verdict.trim() || 'did not end'}`];
    const told = lines.filter((line) => /FAILED|ERROR|LINE|error|assert|Sanitizer/.test(line));
    notes.push(...(told.length ? told : lines.slice(-5)).slice(0, 12).map((line) => `    ${line}`));
    return { passed, failed: Math.max(failed, 1), skipped, notes };
}

async function ctest(preset, args, log, timeout) {
    const { text, expired } = await run(
        'ctest', ['--test-dir', join('build', preset), '-V', '-j', JOBS, '--timeout', '180', ...args],
        { capture: true, allowFailure: true, timeout });
    mkdirSync(LOGS, { recursive: true });
    writeFileSync(log, text, { flag: 'a' });
    const result = countCtest(text);
    if (expired) result.notes.push(`${preset}: the suite's time limit of ${timeout} s was reached`);
    if (expired) result.failed = Math.max(result.failed, 1);
    return result;
}

async function nodeTests(name, files, { env = {}, concurrency, timeout }) {
    if (files.length === 0) return NOTHING;
    const log = logFor(`${name}-node`);
    const tap = join(LOGS, `test-${name}.tap`);
    rmSync(tap, { force: true });
    mkdirSync(LOGS, { recursive: true });
    const { code, expired } = await run(process.execPath, ['--test', `--test-concurrency=${concurrency}`,
        '--test-reporter=spec', '--test-reporter-destination=stdout',
        '--test-reporter=tap', `--test-reporter-destination=${tap}`, ...files],
    { log, env, allowFailure: true, timeout });
    const text = existsSync(tap) ? readFileSync(tap, 'utf8') : '';
    const count = (key) => Number(new RegExp(`^# ${key} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
    const notes = [...text.matchAll(/^\s*not ok \d+ - (.*)$/gm)].map((match) => match[1]);
    let failed = count('fail') + count('cancelled');
    if (expired) notes.push(`the time limit of ${timeout} s was reached`);
    if (code !== 0) failed = Math.max(failed, 1);
    if (failed) notes.push(`log: ${log}`);
    return { passed: count('pass'), failed, skipped: count('skipped') + count('todo'), notes };
}

async function vitest(name, config, timeout) {
    if (!existsSync(join(ROOT, config))) return { ...NOTHING, failed: 1, notes: [`${config} is missing: nothing ran`] };
    const log = logFor(`web-${name}`);
    const json = join(LOGS, `test-web-${name}.json`);
    rmSync(json, { force: true });
    const { code } = await run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--config', config,
        '--reporter=default', '--reporter=json', `--outputFile.json=${json}`],
    { log, allowFailure: true, timeout, env: { FORCE_COLOR: '0', NO_COLOR: '1' } });
    const report = existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : null;
    const notes = (report?.testResults ?? []).flatMap((file) => [
        ...(file.status === 'failed' && file.assertionResults.length === 0 ? [`${file.name}: ${file.message}`] : []),
        ...file.assertionResults.filter((one) => one.status === 'failed').map((one) => one.fullName),
    ]);
    const failed = Math.max(report?.numFailedTests ?? 0, code === 0 ? 0 : 1);
    if (failed) notes.push(`log: ${log}`);
    return { passed: report?.numPassedTests ?? 0, failed, skipped: report?.numPendingTests ?? 0, notes };
}

/** TypeScript of a project, checked without output: one test. */
async function typecheck(project) {
    if (!existsSync(join(ROOT, project)))
        return { passed: 0, failed: 1, skipped: 0, notes: [`${project} is missing: nothing was checked`] };
    const log = logFor(`tsc-${project.replaceAll('/', '-')}`);
    const { code } = await run(process.execPath, ['node_modules/typescript/bin/tsc', '--noEmit', '-p', project],
        { log, allowFailure: true, timeout: 300 });
    return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0,
        notes: code === 0 ? [] : [`types of ${project}; log: ${log}`] };
}

/** Linter and formatter (biome.json says of what): one test. */
async function lint() {
    const log = logFor('lint');
    const { code } = await run(process.execPath, ['node_modules/@biomejs/biome/bin/biome', 'ci', '--colors=off'],
        { log, allowFailure: true, timeout: 120 });
    const advice = `npx biome check --write mends what it can; log: ${log}`;
    return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, notes: code === 0 ? [] : [advice] };
}

async function fuzzOne(name) {
    const log = logFor(name);
    const corpus = join('tests/fuzz/corpus', name.replace(/^fuzz_/, ''));
    const work = mkdtempSync(join(tmpdir(), 'keeptake-fuzz-'));
    const artifacts = join(ROOT, 'build/fuzz/artifacts');
    mkdirSync(artifacts, { recursive: true });
    const { code, expired } = await run(join(ROOT, 'build/fuzz/tests', name), [
        `-max_total_time=${FUZZ_SECONDS}`, '-timeout=10', '-rss_limit_mb=2048', '-verbosity=1',
        `-artifact_prefix=${artifacts}/${name}-`, work,
        ...(existsSync(join(ROOT, corpus)) ? [corpus] : [])],
    { log, allowFailure: true, timeout: FUZZ_SECONDS + 60 });
    rmSync(work, { recursive: true, force: true });
    const good = code === 0 && !expired;
    return { passed: good ? 1 : 0, failed: good ? 0 : 1, skipped: 0,
        notes: good ? [] : [`${name}: repeat with build/fuzz/tests/${name} <file of ${artifacts}>; log: ${log}`] };
}

/** Suites in the order in which they run; `limit` in seconds. */
export const SUITES = {
    core: {
        title: 'core, native with ASan and UBSan',
        limit: 1200,
        build: () => buildPreset('native-asan'),
        async run(limit) {
            const log = logFor('core');
            // how good pictures are takes minutes of arithmetic, which sanitizers have seen elsewhere
            const quality = 'core.test_video_quality';
            return add(await ctest('native-asan', ['-L', 'core|contract', '-E', quality], log, limit),
                await ctest('native', ['-R', quality], log, limit));
        },
    },
    wasm: {
        title: 'core as WebAssembly under Node, both variants',
        limit: 1200,
        async build() {
            await buildPreset('wasm-st');
            await buildPreset('wasm-mt');
        },
        async run(limit) {
            const log = logFor('wasm');
            const single = await ctest('wasm-st', ['-L', 'core'], log, limit);
            const threaded = await ctest('wasm-mt', ['-L', 'core'], log, limit);
            return add(single, threaded);
        },
    },
    fuzz: {
        title: 'fuzzers, short runs',
        limit: 900,
        build: () => buildPreset('fuzz'),
        async run() {
            const names = listFiles('tests/fuzz', /^fuzz_.*\.c$/)
                .map((file) => file.replace(/^.*\//, '').replace(/\.c$/, ''));
            const results = [];
            // each has one thread: as many at a time as there are cores
            const worker = async () => {
                for (let name = names.shift(); name; name = names.shift()) results.push(await fuzzOne(name));
            };
            await Promise.all(Array.from({ length: JOBS }, worker));
            return results.reduce(add, NOTHING);
        },
    },
    server: {
        title: 'server, over real sockets',
        limit: 1800,
        build: () => buildPreset('native-asan'),
        async run(limit) {
            const env = { KEEPTAKE_SERVER: join(ROOT, 'build/native-asan/server-stub/keeptake-server') };
            const files = listFiles('tests/server', /\.test\.mjs$/);
            const [programs, requests] = await Promise.all([
                ctest('native-asan', ['-L', 'server'], logFor('server'), limit),
                nodeTests('server', files, { env, concurrency: 1, timeout: limit }),
            ]);
            return add(programs, requests);
        },
    },
    web: {
        title: 'package and elements',
        limit: 600,
        async run(limit) {
            const files = listFiles('tests/package', /\.test\.mjs$/);
            // the elements' browser waits for most of its time
            const [elements, others] = await Promise.all([
                vitest('elements', 'tests/web/elements/vitest.config.ts', limit),
                inTurn([
                    lint,
                    ...['web/pages/studio', 'tests/web/unit', 'tests/web/elements'].map(
                        (folder) => () => typecheck(`${folder}/tsconfig.json`)),
                    () => vitest('unit', 'tests/web/unit/vitest.config.ts', limit),
                    () => nodeTests('package', files, { concurrency: 1, timeout: limit }),
                ]),
            ]);
            return add(elements, others);
        },
    },
    e2e: {
        title: 'end to end in Chromium',
        limit: 1800,
        run: (limit) => nodeTests('e2e', listFiles('tests/e2e', /\.test\.mjs$/), { concurrency: 1, timeout: limit }),
    },
};
