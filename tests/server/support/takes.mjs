// Real takes, as a browser leaves them that died: an unpatched header and whole clusters, no Cues.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { serverProgram } from './keeptake.mjs';

/**
 * Writes a take with tests/tools/make_take.c. Returns the finished file, the one without an end, and where its clusters
 * are. The files stay in `folder`.
 */
export function makeTake(folder, name, ...options) {
  const program = path.join(path.dirname(serverProgram()), '../tests/make_take');
  const make = (file, ...more) => {
    const out = execFileSync(program, [file, '--seconds', '5', '--keyframe-ms', '500', ...options, ...more], { encoding: 'utf8' });
    return out.trim().split('\n').map((line) => JSON.parse(line));
  };
  const whole = path.join(folder, `${name}-whole.webm`);
  const open = path.join(folder, `${name}.webm`);
  const chunks = make(whole).filter((chunk) => chunk.kind < 2);
  make(open, '--cut', String(chunks.length));
  return { whole: readFileSync(whole), bytes: readFileSync(open), clusters: chunks.slice(1) };
}

/** Header and whole clusters within the first `cut` bytes of such a take. */
export function validBytes(take, cut) {
  const last = take.clusters.filter((cluster) => cluster.offset + cluster.bytes <= cut).at(-1);
  return last ? last.offset + last.bytes : 0;
}
