#!/usr/bin/env node
// npm start: sets everything up, builds it, starts keeptake-server and says where the studio is.
//   PORT (8080), S3_PORT (8081), KEEPTAKE_DATA (~/.local/share/keeptake) change ports and folder
//   npm start -- --demo 10 --out take.webm   hands over to scripts/demo.mjs
//   npm start -- --build-only                stops before the server
// Other arguments go to keeptake-server.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildProduct, explain } from './lib/build.mjs';
import { ROOT, StepError } from './lib/run.mjs';
import { RUN_PACKAGES } from './packages.mjs';
import { ensurePackages, requireNode, setUp } from './setup.mjs';

/** Runs a program in the foreground; signals end it cleanly. Resolves to its exit code. */
function foreground(command, args, options = {}) {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', ...options });
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    const ended = new Promise((done) => {
        child.on('error', () => done(127));
        child.on('exit', (code, signal) => {
            const asked = signal === 'SIGINT' || signal === 'SIGTERM';
            if (signal && !asked) console.error(`\n${command} was ended by ${signal}.`);
            done(code ?? (asked ? 0 : 1));
        });
    });
    return { child, ended };
}

async function serve(args) {
    const data = process.env.KEEPTAKE_DATA ?? join(homedir(), '.local/share/keeptake');
    try {
        mkdirSync(data, { recursive: true, mode: 0o700 });
    } catch (error) {
        throw new StepError(`the data folder ${data} cannot be made: ${error.code}.`, { advice: 'KEEPTAKE_DATA names another one.' });
    }
    // Nobody scrapes this machine unless somebody says so: any free port, so that a taken one is no hindrance.
    const said = 'KEEPTAKE_METRICS_PORT' in process.env || args.includes('--config');
    const metrics = said ? [] : ['--metrics-port', '0'];
    const { child, ended } = foreground(
        join(ROOT, 'build/native/server-stub/keeptake-server'),
        ['--data', data, '--studio', join(ROOT, 'web/pages/studio/dist'), '--local-owner', ...metrics,
            ...args],
        { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    createInterface({ input: child.stdout }).on('line', (line) => {
        if (!line.startsWith('ready ')) return console.log(line);
        const ready = JSON.parse(line.slice(6));
        console.log(`\n  The studio: ${ready.url}/`);
        console.log(`  The store:  ${ready.s3_url}   Takes: ${data}`);
        console.log(`  Metrics:    ${ready.metrics_url}/metrics\n  Ctrl-C ends it.`);
    });
    const code = await ended;
    if (code !== 0) {
        console.error(`\nkeeptake-server ended with ${code}. PORT, S3_PORT and KEEPTAKE_DATA change ports and data folder: ` +
            'PORT=9080 S3_PORT=9081 npm start');
    }
    return code;
}

async function main(args) {
    const start = Date.now();
    requireNode();
    const demo = args.includes('--demo');
    console.log('Keeptake: setting up (a first start takes minutes, the next one seconds)');
    await ensurePackages(demo ? RUN_PACKAGES : []);
    await setUp();
    await buildProduct();
    console.log(`Ready after ${((Date.now() - start) / 1000).toFixed(1)} s`);
    if (args.includes('--build-only')) return 0;
    if (!demo) return serve(args);
    const script = join(ROOT, 'scripts/demo.mjs');
    if (!existsSync(script)) throw new Error('scripts/demo.mjs is missing');
    return foreground(process.execPath, [script, ...args], { cwd: process.env.INIT_CWD ?? ROOT }).ended;
}

process.exitCode = await main(process.argv.slice(2)).catch(explain);
