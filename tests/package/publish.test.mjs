// What a registry and its readers see of the package: the manifest, its files, its links.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';
import { filesOf, packed, ROOT } from './packed.mjs';

/** Every file that `exports` names, with its subpath. */
function exported({ exports }) {
  const files = (target) => (typeof target === 'string' ? [target] : Object.values(target).flatMap(files));
  return Object.entries(exports).flatMap(([subpath, target]) => files(target).map((file) => [subpath, file]));
}

/** The declarations that a reader of the public ones gets to. */
function declarations() {
  const { folder, manifest } = packed();
  const roots = exported(manifest)
    .filter(([, file]) => file.endsWith('.d.ts'))
    .map(([, file]) => join(folder, file));
  const options = {
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    module: ts.ModuleKind.ESNext,
    types: [],
    noLib: true,
  };
  const files = ts
    .createProgram(roots, options)
    .getSourceFiles()
    .map(({ fileName }) => fileName);
  return files.filter((file) => file.startsWith(`${folder}/`)).map((file) => file.slice(folder.length + 1));
}

describe('the packed package', () => {
  it('is what publint asks for', { timeout: 60_000 }, async () => {
    const { archive, manifest } = packed();
    const tarball = new Uint8Array(readFileSync(archive)).buffer;
    const { messages } = await publint({ pack: { tarball }, strict: true });
    assert.deepEqual(
      messages.map((message) => formatMessage(message, manifest, { color: false })),
      [],
    );
  });

  it('has types that each resolution finds and that tell the truth', { timeout: 60_000 }, async () => {
    const { archive } = packed();
    const report = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(archive))));
    assert.ok(report.types, 'types are shipped');
    // Modules only, said in docs/package.md: `require` gets them as modules, and node10 has no subpaths.
    const told = new Set(['CJSResolvesToESM']);
    const problems = report.problems.filter(
      ({ kind, resolutionKind }) => !told.has(kind) && !(kind === 'NoResolution' && resolutionKind === 'node10'),
    );
    assert.deepEqual(problems, []);
  });

  it('names its public entries one by one, and has each of their files', () => {
    const { folder, manifest } = packed();
    for (const [subpath, file] of exported(manifest)) {
      assert.ok(!subpath.includes('*') && !file.includes('*'), `${subpath} is one entry`);
      assert.ok(existsSync(join(folder, file)), `${subpath}: ${file} is in the package`);
    }
  });

  it('says who made it, where it lives and what it needs', () => {
    const { manifest } = packed();
    for (const field of ['description', 'license', 'author', 'repository', 'homepage', 'bugs', 'keywords', 'engines'])
      assert.ok(manifest[field], field);
    assert.equal(manifest.peerDependenciesMeta.lit.optional, true, 'who only records needs no lit');
    assert.equal(manifest.dependencies, undefined, 'nothing comes along');
  });

  it('carries README, licence and notices, and nothing but its build', () => {
    const { folder } = packed();
    const names = filesOf(folder);
    assert.equal(
      readFileSync(join(folder, 'LICENSE'), 'utf8'),
      readFileSync(join(ROOT, 'LICENSE'), 'utf8'),
      'the licence of the project',
    );
    assert.ok(names.includes('dist/THIRD-PARTY-NOTICES.txt'));
    assert.ok(statSync(join(folder, 'README.md')).size > 1500);
    const odd = names.filter((name) => !/^((dist|src|elements)\/.+|package\.json|README\.md|LICENSE)$/.test(name));
    assert.deepEqual(odd, []);
    assert.deepEqual(
      names.filter((name) => /\.test\.|fixture|tsbuildinfo/.test(name)),
      [],
    );
  });

  it('has a map beside each module, and each map the text that it maps', () => {
    const { folder } = packed();
    const names = filesOf(folder);
    for (const name of names.filter((each) => /\.map$/.test(each))) {
      const { sources, sourcesContent } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
      const shipped = sources.every((source) => existsSync(normalize(join(folder, dirname(name), source))));
      assert.ok(shipped || sourcesContent?.length === sources.length, `${name} leads to its sources`);
    }
    const bare = names.filter((name) => /(?<!\.d)\.(js|d\.ts)$/.test(name) && !names.includes(`${name}.map`));
    assert.deepEqual(bare, []);
  });

  it('links to places that can be reached from anywhere', () => {
    const { folder, manifest } = packed();
    const home = manifest.repository.url.replace(/^git\+/, '').replace(/\.git$/, '');
    const broken = [];
    for (const name of ['README.md', ...declarations()]) {
      const text = readFileSync(join(folder, name), 'utf8');
      for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g))
        if (!/^(https:|#)/.test(link)) broken.push(`${name}: ${link}`);
      // A page of docs/ named in a comment is no use to who has the package alone.
      for (const [, before, page] of text.matchAll(/(\S*?)\b(docs\/[\w-]+\.(?:md|json))/g))
        if (!before.includes(home)) broken.push(`${name}: ${page}`);
      for (const [, page] of text.matchAll(new RegExp(`${home}/(?:blob|raw)/main/([\\w./-]+)`, 'g')))
        if (!existsSync(join(ROOT, page))) broken.push(`${name}: ${page} is not there`);
    }
    assert.deepEqual(broken, []);
  });
});
