// Runs commands for the scripts: one line of progress per step, output into a log file.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the checkout. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
/** Everything that outlives a checkout: toolchain, sources, third-party builds. */
export const CACHE = process.env.KEEPTAKE_CACHE
    ? resolve(process.env.KEEPTAKE_CACHE)
    : join(homedir(), '.cache', 'keeptake');
export const LOGS = join(ROOT, 'build', 'logs');
export const JOBS = process.env.KEEPTAKE_JOBS ?? '2';

/** A failure that tells the user what to do; `log` is the file with the details. */
export class StepError extends Error {
    constructor(message, { advice, log } = {}) {
        super(message);
        this.advice = advice;
        this.log = log;
    }
}

/** Last lines of a log file, for messages. */
function tail(file, lines = 15) {
    if (!existsSync(file)) return '';
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

/**
 * Runs a command to its end. Throws StepError unless it exits with 0.
 *   log      file the output is appended to; without it, output is inherited
 *   capture  true: resolve to the standard output as text
 *   timeout  seconds, after which the command's whole process group is killed
 */
export function run(command, args = [], options = {}) {
    const { cwd = ROOT, env = {}, log, capture = false, timeout = 0, allowFailure = false } = options;
    if (log) mkdirSync(dirname(log), { recursive: true });
    const fd = log ? openSync(log, 'a') : null;
    if (log) writeFileSync(log, `\n$ ${command} ${args.join(' ')}\n`, { flag: 'a' });
    return new Promise((done, fail) => {
        const output = fd ?? 'inherit';
        const child = spawn(command, args, {
            cwd,
            env: { ...process.env, ...env },
            stdio: ['ignore', capture ? 'pipe' : output, fd ?? (capture ? 'pipe' : 'inherit')],
            detached: timeout > 0,
        });
        let text = '';
        let expired = false;
        const timer = timeout
            ? setTimeout(() => {
                  expired = true;
                  try {
                      process.kill(-child.pid, 'SIGKILL');
                  } catch {
                      // It has just ended by itself.
                  }
              }, timeout * 1000)
            : null;
        child.stdout?.on('data', (data) => (text += data));
        child.stderr?.on('data', (data) => (text += data));
        const finish = (code, why) => {
            clearTimeout(timer);
            if (fd !== null) closeSync(fd);
            if (allowFailure) return done({ code, text, expired });
            if (code === 0) return done(text);
            const reason = expired ? `took longer than ${timeout} s` : (why ?? `exit code ${code}`);
            fail(new StepError(`${command}: ${reason}\n${log ? tail(log) : text}`, { log }));
        };
        child.on('error', (error) => finish(127, error.message));
        child.on('close', (code) => finish(code ?? 1));
    });
}

/** A fresh folder in the cache, on the same file system as the results. */
export function temporary(name) {
    mkdirSync(join(CACHE, 'tmp'), { recursive: true });
    return mkdtempSync(join(CACHE, 'tmp', `${name}-`));
}

/** True when a program is on PATH. */
export function which(name) {
    return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, name)));
}

/** Prints "name ... 1.2 s" around one step. */
export async function step(name, work) {
    const start = Date.now();
    process.stdout.write(`  ${name} ...\n`);
    const result = await work();
    process.stdout.write(`  ${name}: ${((Date.now() - start) / 1000).toFixed(1)} s\n`);
    return result;
}

export function sha256(data) {
    return createHash('sha256').update(data).digest('hex');
}

export async function sha256File(file) {
    return sha256(await readFile(file));
}

/** Hash of the content of files and folders (recursively), order-independent of the disk. */
export async function hashTree(paths, base = ROOT) {
    const hash = createHash('sha256');
    const visit = async (path) => {
        if (!existsSync(path)) return;
        const info = await stat(path);
        if (!info.isDirectory()) {
            hash.update(`${relative(base, path)}\0`).update(await readFile(path)).update('\0');
            return;
        }
        for (const name of (await readdir(path)).sort()) {
            if (['node_modules', 'dist', '.git', 'build'].includes(name)) continue;
            await visit(join(path, name));
        }
    };
    for (const path of paths) await visit(resolve(base, path));
    return hash.digest('hex');
}

/** Runs `work` while no other process on this machine holds the same cache lock. */
export async function withLock(work) {
    mkdirSync(CACHE, { recursive: true });
    const file = join(CACHE, 'lock');
    for (let told = false; ; ) {
        try {
            writeFileSync(file, String(process.pid), { flag: 'wx' });
            break;
        } catch (error) {
            if (error.code !== 'EEXIST') throw error;
            if (!ownerLives(file)) {
                rmSync(file, { force: true });
                continue;
            }
            if (!told) console.log('  waiting for another set-up to finish ...');
            told = true;
            await new Promise((wake) => setTimeout(wake, 500));
        }
    }
    const release = () => rmSync(file, { force: true });
    const interrupted = () => {
        release();
        process.exit(130);
    };
    process.once('SIGINT', interrupted);
    process.once('SIGTERM', interrupted);
    try {
        return await work();
    } finally {
        process.off('SIGINT', interrupted);
        process.off('SIGTERM', interrupted);
        release();
    }
}

function ownerLives(file) {
    try {
        const pid = Number(readFileSync(file, 'utf8'));
        if (!pid) return false;
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return error.code === 'EPERM';
    }
}
