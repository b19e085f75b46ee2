// File systems that are full, for tests of what happens then.
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of `size` ("3m") that goes with the test `t`; null, and the test skipped, where none can be mounted. */
export function smallDisk(t, size) {
  const mount = mkdtempSync(join(tmpdir(), 'keeptake-full-'));
  t.after(() => {
    spawnSync('umount', ['-l', mount], { stdio: 'ignore' });
    rmSync(mount, { recursive: true, force: true });
  });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', mount], { encoding: 'utf8' });
  if (mounted.status === 0) return mount;
  t.skip(`a small file system cannot be mounted here: ${mounted.stderr?.trim() || mounted.error}`);
  return null;
}

/** Takes all the room that is left, by a file that grows at `path`. */
export function fill(path) {
  try {
    for (;;) appendFileSync(path, Buffer.alloc(1 << 16));
  } catch (error) {
    if (error.code !== 'ENOSPC') throw error;
  }
}
