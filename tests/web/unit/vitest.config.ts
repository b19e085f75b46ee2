/** Tests of the package's logic, in Node: no browser, no engine. */

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('../../..', import.meta.url)),
  test: { name: 'unit', include: ['tests/web/unit/*.test.ts'], environment: 'node', testTimeout: 10_000 },
});
