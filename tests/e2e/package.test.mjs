// The package as a front-end team meets it: packed, installed into an empty Vite project, built, and run from
// the build, with a strict policy, in both variants; and once more with `assetBase`.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { build } from 'vite';
import { launchBrowser, openPage, ROOT, startServer, temporaryFolder } from './support/stack.mjs';

const MAIN = `
import { createRecorder, type FinishedTake } from 'keeptake';
import 'keeptake/elements/define';
const base = new URLSearchParams(location.search).get('base');
const recorder = createRecorder({ server: { url: location.origin }, codec: 'vp8', width: 320, height: 180, ...(base ? { assetBase: base } : {}) });
const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
const context = canvas.getContext('2d')!;
setInterval(() => context.fillRect(Math.random() * 320, 0, 5, 5), 30);
const result = (async (): Promise<{ take: FinishedTake; variant: string; control: boolean }> => {
  await recorder.addSource(canvas.captureStream(30), { id: 'host' });
  await recorder.start({ countdown: 0 });
  while ((recorder.stats?.elapsed ?? 0) < 1) await new Promise((resolve) => setTimeout(resolve, 50));
  const variant = recorder.stats!.variant;
  return { take: await recorder.stop(), variant, control: customElements.get('kt-controls') !== undefined };
})();
Object.assign(window, { result: result.then(({ take, variant, control }) => ({ duration: take.duration, variant, control })) });
`;

let folder;
let server;
let browser;
before(async () => {
  folder = temporaryFolder('consumer');
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder, '-w', 'keeptake'], { cwd: ROOT });
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'keeptake'), { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, archive), '--strip-components=1', '-C', join(modules, 'keeptake')]);
  for (const name of ['lit', 'lit-html', 'lit-element', '@lit'])
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  writeFileSync(join(folder, 'index.html'), '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/main.ts"></script>');
  writeFileSync(join(folder, 'main.ts'), MAIN);
  await build({ root: folder, logLevel: 'error', worker: { format: 'es' }, configFile: false, build: { assetsInlineLimit: 0 } });
  cpSync(join(modules, 'keeptake/dist'), join(folder, 'dist/own'), { recursive: true });
  server = await startServer({ studio: join(folder, 'dist') });
  browser = await launchBrowser();
}, { timeout: 120_000 });
after(async () => {
  await browser?.close();
  await server?.close();
});

describe('the packed package in a page that Vite built', () => {
  for (const [name, query, variant] of [
    ['isolated', '', 'threaded'],
    ['not isolated', '?isolation=off', 'single-threaded'],
    ['files elsewhere', '?base=/own/', 'threaded'],
  ])
    it(`records: ${name}`, { timeout: 60_000 }, async () => {
      const { page, errors } = await openPage(browser.context, `${server.url}/${query}`);
      const result = await page.evaluate(() => window.result);
      assert.ok(result.duration >= 1);
      assert.equal(result.variant, variant);
      assert.ok(result.control, 'the custom elements are defined');
      assert.deepEqual(errors, []);
      await page.close();
    });

  it('has types that a strict project accepts', () => {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({
      compilerOptions: { strict: true, noEmit: true, target: 'ES2022', module: 'ESNext', moduleResolution: 'Bundler', lib: ['ES2023', 'DOM'], types: [], skipLibCheck: false },
      files: ['main.ts'],
    }));
    execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], { stdio: 'pipe' });
  });

  it('carries the notices of what is in the engine', () => {
    const text = readFileSync(join(folder, 'node_modules/keeptake/dist/THIRD-PARTY-NOTICES.txt'), 'utf8');
    for (const name of ['libvpx', 'opus', 'libwebm', 'zlib', 'cjson']) assert.match(text, new RegExp(`^${name} \\d`, 'm'));
    assert.match(text, /Redistribution and use in source and binary forms/);
  });

  it('ships nothing but its build', () => {
    const names = readdirSync(join(folder, 'node_modules/keeptake'));
    assert.deepEqual(names.filter((name) => !/^(dist|src|elements|package\.json|README\.md|LICENSE)$/.test(name)), []);
  });
});
