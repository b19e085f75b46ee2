// The machine the figures come from, and what /proc says about time, processes and memory.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';

const TICKS_PER_SECOND = 100; // USER_HZ, fixed in the Linux ABI
const PAGE_BYTES = 4096;

/** CPU time of the whole machine since boot, in ticks. */
export function cpuTimes() {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].trim().split(/\s+/).slice(1, 9).map(Number);
  const [user, nice, system, idle, wait, irq, softIrq, steal] = fields;
  return { total: user + nice + system + idle + wait + irq + softIrq + steal, idle: idle + wait, steal };
}

/** Share of the CPU time between two readings that the host gave to others. */
export function stealBetween(before, after) {
  const total = after.total - before.total;
  return total > 0 ? (after.steal - before.steal) / total : 0;
}

/** Share of the CPU time between two readings that was used, by anybody. */
export function busyBetween(before, after) {
  const total = after.total - before.total;
  return total > 0 ? 1 - (after.idle - before.idle) / total : 0;
}

function versionOf(command, args, pattern) {
  try {
    return pattern.exec(execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))?.[1];
  } catch {
    return undefined;
  }
}

export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    load: loadavg()[0],
  };
}

export function describeVersions(root) {
  const manifest = JSON.parse(readFileSync(join(root, 'web/package.json'), 'utf8'));
  return {
    keeptake: manifest.version,
    commit: versionOf('git', ['-C', root, 'rev-parse', 'HEAD'], /^(\w+)/),
    node: process.versions.node,
    v8: process.versions.v8,
    chromium: versionOf(process.env.KEEPTAKE_CHROMIUM ?? 'chromium', ['--version'], /(\d+[\d.]+)/),
    compiler: versionOf('cc', ['--version'], /^(.*)$/m),
    ffmpeg: versionOf('ffmpeg', ['-version'], /version (\S+)/),
    ceph: versionOf('radosgw', ['--version'], /version (\S+)/),
  };
}

/** Fields of /proc/PID/stat or of one of its threads; null when it is gone. */
function readStat(path) {
  try {
    const text = readFileSync(path, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return {
      parent: Number(fields[1]),
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      rssBytes: Number(fields[21]) * PAGE_BYTES,
    };
  } catch {
    return null;
  }
}

export function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function processes() {
  const list = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(`/proc/${name}/stat`);
    if (stat) list.set(Number(name), stat);
  }
  return list;
}

/** Process whose command line holds `text`; the first of a family of them, or undefined. */
export function findProcess(text) {
  return [...processes().keys()].sort((a, b) => a - b).find((pid) => commandLine(pid).join(' ').includes(text));
}

/** A process and all that descend from it: pid -> {cpuSeconds, rssBytes}. */
export function family(rootPid) {
  const all = processes();
  const found = new Map();
  const visit = (pid) => {
    const stat = all.get(pid);
    if (!stat) return;
    found.set(pid, stat);
    for (const [child, { parent }] of all) if (parent === pid) visit(child);
  };
  visit(rootPid);
  return found;
}

/** CPU seconds that a family used between two readings of `family`. */
export function familyCpu(before, after) {
  let sum = 0;
  for (const [pid, stat] of after) sum += stat.cpuSeconds - (before.get(pid)?.cpuSeconds ?? 0);
  return sum;
}

/** CPU seconds of a process's main thread so far. */
export function mainThreadCpu(pid) {
  return readStat(`/proc/${pid}/task/${pid}/stat`)?.cpuSeconds ?? Number.NaN;
}

export function residentBytes(pid) {
  return readStat(`/proc/${pid}/stat`)?.rssBytes ?? Number.NaN;
}

/** Memory of a family, shared pages divided among those who share them. */
export function familyPssBytes(members) {
  let sum = 0;
  for (const pid of members.keys()) {
    try {
      sum += Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
    } catch {
      // It has just ended.
    }
  }
  return sum;
}
