/** Serves the studio with the stand-in recorder: `npx vite -c tests/web/fake-studio.config.ts`. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { mergeConfig, type Plugin, type UserConfig } from 'vite';
import studio from '../../web/vite.config.js';

const recordings = Array.from({ length: 6 }, (_, i) => ({
  id: `r${i}`,
  title: ['Episode 12: the tide tables', 'Interview with Grace', 'Sound check', 'Episode 11', '', 'Pilot'][i],
  state: i === 2 ? 'recording' : 'complete',
  created_at: new Date(Date.UTC(2026, 10, 20 - i, 17, 4)).toISOString(),
  duration: 1834.2 / (i + 1),
  bytes: Math.round(574_000_000 / (i + 1)),
  codec: 'vp9',
  width: 1280,
  height: 720,
  fps: 30,
}));

/** Answers the few calls of the studio; `?server=gone` on the page makes them fail. TAKE names a WebM file to play. */
const api: Plugin = {
  name: 'fake-api',
  configureServer(server) {
    server.middlewares.use('/api', (request, response) => {
      const gone = request.headers.referer?.includes('server=gone') ?? false;
      response.statusCode = gone ? 502 : 200;
      response.setHeader('Content-Type', 'application/json');
      const url = request.url ?? '';
      const take = process.env['TAKE'];
      if (url.endsWith('.webm') && take !== undefined) {
        response.setHeader('Content-Type', 'video/webm');
        response.end(readFileSync(take));
        return;
      }
      const body = url.includes('session')
        ? { organisation: 'local', role: 'owner', limits: { enabled: true, max_length_seconds: 3600, max_fps: 60 } }
        : /recordings\?/.test(url)
          ? { recordings }
          : { ...recordings[0], id: 'fake-1', duration: 9.5, bytes: 3_100_000 };
      response.end(JSON.stringify(gone ? {} : body));
    });
  },
};

export default mergeConfig(studio as UserConfig, {
  resolve: {
    alias: [{ find: 'keeptake', replacement: fileURLToPath(new URL('./fake-recorder.ts', import.meta.url)) }],
  },
  plugins: [api],
  server: { proxy: {} },
} satisfies UserConfig);
