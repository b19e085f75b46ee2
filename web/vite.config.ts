/** Builds and serves the studio page on the built package (web/dist), as any other page would use it. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Where the development server finds the API. */
const api = process.env['KEEPTAKE_API'] ?? 'http://127.0.0.1:8080';

/**
 * The engine's files keep their names, because its threads load it again by name;
 * the folder's name changes with their bytes, so that they can be cached for good.
 */
function engineFolder(): string {
  const folder = at('dist/src/engine/');
  const hash = createHash('sha256');
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('keeptake-engine-')) : [];
  files.sort().forEach((name) => hash.update(readFileSync(folder + name)));
  return `assets/engine-${hash.digest('hex').slice(0, 10)}`;
}

const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
  root: at('studio'),
  base: './',
  worker: { format: 'es' },
  build: {
    outDir: at('studio/dist'),
    emptyOutDir: true,
    target: 'es2022',
    // Everything is a file of its own: the page's policy allows no inline scripts or data: workers.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        assetFileNames: ({ names }) =>
          names.some((name) => name.startsWith('keeptake-engine-'))
            ? `${engineFolder()}/[name][extname]`
            : 'assets/[name]-[hash][extname]',
      },
    },
  },
  server: { headers: isolation, proxy: { '/api': { target: api, changeOrigin: true } } },
  preview: { headers: isolation, proxy: { '/api': { target: api, changeOrigin: true } } },
});
