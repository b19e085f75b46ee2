// The studio as `npm start` serves it: built by Vite, under the server's own policy.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { launchBrowser, openPage, ROOT, startServer } from './support/stack.mjs';

let server;
let browser;
before(async () => {
  const studio = join(ROOT, 'web/studio/dist');
  assert.ok(existsSync(join(studio, 'index.html')), 'npm test builds the studio');
  server = await startServer({ studio });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

describe('the built studio', () => {
  it('records with threads, from files that can be cached for good', { timeout: 60_000 }, async () => {
    const { page, errors } = await openPage(browser.context, 'about:blank');
    const engine = new Map();
    page.on('response', (response) => {
      const file = response.url().split('/').pop();
      if (file.startsWith('keeptake-engine-')) engine.set(file, response.headers()['cache-control']);
    });
    await page.goto(`${server.url}/`);
    await page.waitForFunction(() => document.querySelector('keeptake-studio')?.recorder?.state.state === 'setup');
    const seen = await page.evaluate(async () => {
      const { recorder } = document.querySelector('keeptake-studio');
      await recorder.start({ countdown: 0 });
      while ((recorder.stats?.elapsed ?? 0) < 1) await new Promise((resolve) => setTimeout(resolve, 50));
      const { variant } = recorder.stats;
      return { variant, duration: (await recorder.stop()).duration };
    });
    assert.equal(seen.variant, 'threaded');
    assert.ok(seen.duration >= 1);
    assert.deepEqual([...engine.keys()].map((name) => name.replace(/-[\w-]{8}\./, '.')).sort(), ['keeptake-engine-mt.mjs', 'keeptake-engine-mt.wasm']);
    for (const [file, caching] of engine) assert.match(caching, /immutable/, file);
    assert.deepEqual(errors, []);
    await page.close();
  });
});
