// The package as npm would publish it: packed once for each process, unpacked beside what it depends on.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const LIT = ['lit', 'lit-html', 'lit-element', '@lit'];

let made;

/** The archive of `npm pack`, and its content in a folder: `{ archive, folder }`. */
export function packed() {
  if (made) return made;
  const work = mkdtempSync(join(tmpdir(), 'keeptake-packed-'));
  process.on('exit', () => rmSync(work, { recursive: true, force: true }));
  // Without scripts: what is tested is the build that stands.
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', work, '-w', 'keeptake'];
  execFileSync('npm', pack, { cwd: ROOT });
  const archive = join(
    work,
    readdirSync(work).find((name) => name.endsWith('.tgz')),
  );
  const folder = join(work, 'package');
  execFileSync('tar', ['-xzf', archive, '-C', work]);
  made = { archive, folder, manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) };
  return made;
}

/** An empty project that has installed the package, and lit where it is wanted; `files`: names and texts. */
export function consumer(files = {}, { lit = true, type = 'module' } = {}) {
  const { archive } = packed();
  const folder = mkdtempSync(join(tmpdir(), 'keeptake-consumer-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'keeptake'), { recursive: true });
  execFileSync('tar', ['-xzf', archive, '--strip-components=1', '-C', join(modules, 'keeptake')]);
  for (const name of lit ? LIT : []) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Every file below `folder`, relative to it, with `/`. */
export function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
