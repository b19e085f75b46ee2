/**
 * Builds and serves the studio page: on the recorder of the built package (web/dist), as any other page would use it, and
 * on the sources of the elements, whose icons, styles and words it shares.
 */

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Where the development server finds the API. */
const api = process.env['KEEPTAKE_API'] ?? 'http://127.0.0.1:8080';

const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
  root: at('pages/studio'),
  base: './',
  worker: { format: 'es' },
  build: {
    outDir: at('pages/studio/dist'),
    emptyOutDir: true,
    target: 'es2022',
    // Everything is a file of its own: the page's policy allows no inline scripts or data: workers.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { headers: isolation, proxy: { '/api': { target: api, changeOrigin: true } } },
  preview: { headers: isolation, proxy: { '/api': { target: api, changeOrigin: true } } },
});
