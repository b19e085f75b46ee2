// Debian's package tools: installing what is missing, and fetching files of other suites through
// private lists, so that the system's own configuration stays as it is.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, LOGS, StepError, run, which } from './run.mjs';

const LOG = join(LOGS, 'apt.log');
const SUITES = ['trixie', 'bookworm'];

/** { id: 'debian', codename: 'bookworm' } of this machine. */
export function distribution() {
    const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
    const value = (key) => new RegExp(`^${key}="?([^"\n]*)`, 'm').exec(text)?.[1] ?? '';
    return { id: value('ID'), codename: value('VERSION_CODENAME') };
}

export function hasApt() {
    return distribution().id === 'debian' && which('apt-get');
}

/** The packages of `names` that are not installed. */
export async function missingPackages(names) {
    const { text } = await run('dpkg-query', ['-W', '-f=${Package} ${db:Status-Status}\n', ...names], {
        capture: true,
        allowFailure: true,
    });
    const installed = new Set(
        text.split('\n').filter((line) => line.endsWith(' installed')).map((line) => line.split(' ')[0]),
    );
    return names.filter((name) => !installed.has(name));
}

/** Installs `names` with the system's own lists; root or sudo. */
export async function installPackages(names) {
    const root = process.getuid?.() === 0;
    const advice = `install them yourself: apt-get install ${names.join(' ')}`;
    if (!root && !which('sudo')) {
        throw new StepError(`not root and no sudo; missing packages: ${names.join(' ')}`, { advice });
    }
    const apt = (args) =>
        run(root ? 'apt-get' : 'sudo', [...(root ? [] : ['apt-get']), '-o', 'DPkg::Lock::Timeout=300', ...args], {
            log: LOG,
            env: { DEBIAN_FRONTEND: 'noninteractive' },
        });
    try {
        await apt(['update']);
        await apt(['install', '-y', '--no-install-recommends', ...names]);
    } catch (error) {
        error.advice ??= advice;
        throw error;
    }
}

/** apt-get/apt-cache options that select the private lists of SUITES; refreshed when older than a day. */
export async function privateLists() {
    const base = join(CACHE, 'apt');
    const parts = join(base, 'parts');
    const lists = join(base, 'lists');
    const options = [
        `Dir::Etc::SourceList=${join(base, 'empty.list')}`,
        `Dir::Etc::SourceParts=${parts}`,
        `Dir::State::Lists=${lists}`,
        `Dir::Cache::pkgcache=${join(base, 'pkgcache.bin')}`,
        `Dir::Cache::srcpkgcache=${join(base, 'srcpkgcache.bin')}`,
        'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option]);
    const stamp = join(base, 'updated');
    const day = 24 * 3600 * 1000;
    if (existsSync(stamp) && Date.now() - Number(readFileSync(stamp, 'utf8')) < day) return options;
    mkdirSync(parts, { recursive: true });
    mkdirSync(join(lists, 'partial'), { recursive: true });
    writeFileSync(join(base, 'empty.list'), '');
    writePrivateSources(parts);
    await run('apt-get', [...options, 'update'], { log: LOG });
    writeFileSync(stamp, String(Date.now()));
    return options;
}

/** Copies the machine's Debian sources for each of SUITES, source packages included. */
function writePrivateSources(parts) {
    const { codename } = distribution();
    const folder = '/etc/apt/sources.list.d';
    const deb822 = existsSync(folder)
        ? readdirSync(folder)
              .filter((name) => name.endsWith('.sources'))
              .map((name) => readFileSync(join(folder, name), 'utf8'))
              .filter((text) => new RegExp(`^Suites:.*\\b${codename}\\b`, 'm').test(text))
        : [];
    const classic = existsSync('/etc/apt/sources.list') ? readFileSync('/etc/apt/sources.list', 'utf8') : '';
    const lines = classic
        .split('\n')
        .filter((line) => /^deb\s/.test(line) && line.includes(` ${codename}`));
    if (deb822.length + lines.length === 0) {
        throw new StepError(`no Debian ${codename} sources in /etc/apt`, {
            advice: 'add a debian.sources file, or put the archives into $KEEPTAKE_CACHE/sources',
        });
    }
    for (const suite of SUITES) {
        const rename = (text) => text.replaceAll(codename, suite);
        if (deb822.length) {
            const text = deb822.map((one) => rename(one).replace(/^Types:.*$/gm, 'Types: deb deb-src'));
            writeFileSync(join(parts, `${suite}.sources`), text.join('\n'));
        }
        if (lines.length) {
            const both = lines.flatMap((line) => [line, line.replace(/^deb\s/, 'deb-src ')]);
            writeFileSync(join(parts, `${suite}.list`), `${rename(both.join('\n'))}\n`);
        }
    }
}

/**
 * Downloads the file that has `sha256` from Debian source package `name` into `folder`. Only the
 * versions that list this very file are asked for.
 */
export async function fetchSourceFile(name, sha256, folder) {
    const options = await privateLists();
    const text = await run('apt-cache', [...options, 'showsrc', name], { capture: true });
    const record = text
        .split(/\n\n+/)
        .find((one) => one.includes(sha256) && new RegExp(`^Package: ${name}$`, 'm').test(one));
    const version = record && /^Version: (.*)$/m.exec(record)?.[1];
    if (!version) throw new StepError(`Debian's ${name} no longer has the pinned source ${sha256}`);
    // Only the one file counts: a mirror that lacks another file of the package does no harm.
    const file = record
        .split('\n')
        .find((line) => line.includes(sha256))
        .trim()
        .split(/\s+/)[2];
    for (let attempt = 1; !existsSync(join(folder, file)); attempt++) {
        await run('apt-get', [...options, 'source', '--download-only', `${name}=${version}`], {
            cwd: folder,
            log: LOG,
            allowFailure: attempt < 4,
        });
    }
}

/** Downloads binary packages of suite trixie (or an exact `name=version`) into `folder`. */
export async function fetchBinary(names, folder) {
    const options = await privateLists();
    await run('apt-get', [...options, 'download', ...names], { cwd: folder, log: LOG });
}
