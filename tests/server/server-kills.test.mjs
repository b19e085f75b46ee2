// A short run of the harness that kills the server (tests/crash/server-kills.mjs); the long one is
// npm run crash -- server. KEEPTAKE_KILLS=N and KEEPTAKE_SEED=N change it.
import { test } from 'node:test';
import { runServerKills } from '../crash/server-kills.mjs';

const kills = Number(process.env.KEEPTAKE_KILLS ?? 40);
const seed = Number(process.env.KEEPTAKE_SEED ?? Date.now() % 1_000_000);

test(`${kills} kills, seed ${seed}`, { timeout: 60_000 + kills * 5000 }, async (t) => {
  t.diagnostic(`repeat: KEEPTAKE_SEED=${seed} KEEPTAKE_KILLS=${kills}`);
  const { acknowledged, interrupted, verified } = await runServerKills({ kills, seed, busyMs: 100 });
  t.diagnostic(`acknowledged ${JSON.stringify(acknowledged)}`);
  t.diagnostic(`under way at a kill ${JSON.stringify(interrupted)}`);
  t.diagnostic(`${verified.reads} contents read and compared`);
});
