/** Element tests run in Debian's Chromium, with its fake camera and microphone. */

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const TYPES: Record<string, string> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** The built package under /keeptake/, byte for byte: its worker is nothing that the test runner may rewrite. */
const built: Plugin = {
  name: 'built-package',
  configureServer({ middlewares }) {
    middlewares.use('/keeptake', (request, response) => {
      const path = new URL(request.url ?? '/', 'http://here').pathname;
      readFile(new URL(`../../../web/dist${path}`, import.meta.url)).then(
        (bytes) => {
          response.setHeader('Content-Type', TYPES[extname(path)] ?? 'application/octet-stream');
          response.end(bytes);
        },
        () => {
          response.statusCode = 404;
          response.end('The package is not built: node scripts/build-package.mjs');
        },
      );
    });
  },
};

export default defineConfig({
  plugins: [built],
  root: fileURLToPath(new URL('../../..', import.meta.url)),
  resolve: {
    alias: [{ find: /^keeptake$/, replacement: fileURLToPath(new URL('../fake-recorder.ts', import.meta.url)) }],
  },
  cacheDir: 'node_modules/.vite-elements',
  optimizeDeps: { include: ['axe-core', 'lit', 'lit/directives/keyed.js'] },
  test: {
    name: 'elements',
    include: ['tests/web/elements/*.test.ts'],
    testTimeout: 40_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      viewport: { width: 1000, height: 800 },
      provider: playwright({
        // Nothing is audited halfway through a fade.
        contextOptions: { reducedMotion: 'reduce' },
        launchOptions: {
          executablePath: process.env['KEEPTAKE_CHROMIUM'] ?? '/usr/bin/chromium',
          args: [
            '--no-sandbox',
            '--disable-gpu',
            '--disable-quic',
            '--no-first-run',
            '--disable-background-networking',
            '--disable-component-update',
            '--disable-sync',
            '--use-fake-device-for-media-stream',
            '--use-fake-ui-for-media-stream',
            '--autoplay-policy=no-user-gesture-required',
          ],
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
});
