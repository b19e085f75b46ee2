// Fetches and builds the third-party libraries, one prefix per library and variant:
//   $KEEPTAKE_CACHE/<name>-<version>-<hash of recipe>/<variant>/{include,lib}
// A prefix is built in a temporary folder and renamed, so it is whole or absent.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SOURCES } from '../../third_party/sources.mjs';
import { RECIPES } from '../../third_party/recipes.mjs';
import { fetchBinary, fetchSourceFile, hasApt } from './apt.mjs';
import { CACHE, LOGS, ROOT, StepError, run, sha256, sha256File, step, temporary } from './run.mjs';

/** Path of the verified source archive of a library; fetched when it is not in the cache. */
export async function archive(name) {
    const source = SOURCES[name];
    const folder = join(CACHE, 'sources');
    const file = join(folder, source.file);
    mkdirSync(folder, { recursive: true });
    if (existsSync(file) && (await sha256File(file)) === source.sha256) return file;
    if (!hasApt()) {
        throw new StepError(`cannot fetch ${source.file}: this is not Debian`, {
            advice: `put ${source.file} (SHA-256 ${source.sha256}) into ${folder}`,
        });
    }
    await step(`fetch ${name} ${source.version}`, async () => {
        const temp = temporary(`fetch-${name}`);
        if (source.binary) {
            const version = source.file.split('_')[1];
            await fetchBinary([`${source.debian}=${version}`], temp);
        } else {
            await fetchSourceFile(source.debian, source.sha256, temp);
        }
        const actual = await sha256File(join(temp, source.file));
        if (actual !== source.sha256) {
            throw new StepError(`${source.file}: SHA-256 ${actual}, expected ${source.sha256}`, {
                advice: 'the download is damaged or was replaced; nothing of it is used',
            });
        }
        renameSync(join(temp, source.file), file);
        rmSync(temp, { recursive: true });
    });
    return file;
}

/** Unpacks a source archive; returns the folder of its top level. */
async function unpack(name, temp) {
    const file = await archive(name);
    const folder = join(temp, 'source');
    mkdirSync(folder);
    if (file.endsWith('.deb')) await run('dpkg-deb', ['-x', file, folder], { log: logOf(name) });
    else await run('tar', ['xf', file, '-C', folder, '--strip-components=1'], { log: logOf(name) });
    return folder;
}

function logOf(name) {
    return join(LOGS, `${name}.log`);
}

/** Where the prefix of a library and variant is or will be; the name changes with its recipe. */
export function prefixOf(name, variant, toolchainKey) {
    const recipe = RECIPES[name];
    const parts = [
        ...(recipe.files?.(variant) ?? []).map((file) => readFileSync(join(ROOT, file), 'utf8')),
        JSON.stringify([recipe.revision, recipe.flags(variant), SOURCES[name].sha256]),
        variant === 'native' ? '' : toolchainKey,
    ];
    const key = sha256(parts.join('\0')).slice(0, 12);
    return join(CACHE, `${name}-${SOURCES[name].version}-${key}`, variant);
}

/** Builds the prefix when it is absent. Returns its path. */
export async function buildLibrary(name, variant, toolchain) {
    const prefix = prefixOf(name, variant, toolchain?.key);
    if (existsSync(prefix)) return prefix;
    const temp = temporary(`${name}-${variant}`);
    const install = join(temp, 'install');
    await archive(name);
    await step(`build ${name} ${SOURCES[name].version} (${variant})`, async () => {
        const source = await unpack(name, temp);
        const build = join(temp, 'build');
        mkdirSync(build);
        const log = logOf(`${name}-${variant}`);
        rmSync(log, { force: true });
        await RECIPES[name].build({ source, build, install, variant, toolchain, log });
    });
    writeFileSync(join(install, 'PACKAGE'), `${name} ${SOURCES[name].version} ${variant}\n`);
    mkdirSync(join(prefix, '..'), { recursive: true });
    renameSync(install, prefix);
    rmSync(temp, { recursive: true });
    return prefix;
}
