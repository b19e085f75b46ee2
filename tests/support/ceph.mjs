// Ceph RGW on this machine, for a test or a benchmark: a monitor, one OSD whose BlueStore is a sparse file, and
// radosgw, all on 127.0.0.1, without root or systemd, in a folder that is thrown away. The gateway can be killed and
// started again, the disk can be frozen. Debian: ceph-mon ceph-osd radosgw ceph-common.
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { which } from '../../scripts/lib/run.mjs';

const PROGRAMS = ['ceph', 'ceph-mon', 'ceph-osd', 'monmaptool', 'radosgw', 'radosgw-admin'];
const GATEWAY = 'client.rgw.keeptake';
const START_MS = 90_000;
const DISK_BYTES = 16 * 2 ** 30;
export const ACCESS_KEY = 'keeptake-tests';
export const SECRET_KEY = 'keeptake-tests-secret';
/** A key of the gateway's built-in key service (SSE-KMS). */
export const KMS_KEY = 'keeptake-key';

const execute = promisify(execFile);

/** Programs that are missing here. */
export function missingPrograms() {
  return PROGRAMS.filter((name) => !which(name));
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** One replica, no authentication between the daemons, and a monitor that settles quickly as it is alone. */
function configuration(folder, monitorPort, gatewayPort, leastPartBytes) {
  const sections = {
    global: {
      fsid: randomUUID(),
      'mon host': `[v2:127.0.0.1:${monitorPort}]`,
      'public addr': '127.0.0.1',
      'cluster addr': '127.0.0.1',
      'auth cluster required': 'none',
      'auth service required': 'none',
      'auth client required': 'none',
      // Without it a client that has no keys waits for ever.
      'ms mon client mode': 'crc',
      'run dir': folder,
      'admin socket': `${folder}/$name.asok`,
      'log file': `${folder}/$name.log`,
      'crash dir': folder,
      'osd pool default size': 1,
      'osd pool default min size': 1,
      'osd pool default pg num': 4,
      'osd pool default pgp num': 4,
      'osd pool default pg autoscale mode': 'off',
      'osd crush chooseleaf type': 0,
    },
    mon: {
      'mon data': `${folder}/mon`,
      'mon allow pool size one': true,
      'mon max pg per osd': 1000,
      'mon data avail crit': 1,
      'mgr initial modules': '',
      'paxos propose interval': 0.02,
      'paxos min wait': 0.01,
    },
    osd: { 'osd data': `${folder}/osd`, 'osd objectstore': 'bluestore', 'bluestore block size': DISK_BYTES },
    [GATEWAY]: {
      'rgw data': folder,
      'rgw frontends': `beast endpoint=127.0.0.1:${gatewayPort}`,
      'rgw enable usage log': false,
      'rgw enable ops log': false,
      'rgw multipart min part size': leastPartBytes,
      // So that http://BUCKET.localhost works beside http://127.0.0.1/BUCKET.
      'rgw dns name': 'localhost',
      'rgw crypt require ssl': false,
      'rgw crypt s3 kms backend': 'testing',
      'rgw crypt s3 kms encryption keys': `${KMS_KEY}=${Buffer.alloc(32, 7).toString('base64')}`,
    },
  };
  const lines = Object.entries(sections).flatMap(([name, values]) => [
    `[${name}]`,
    ...Object.entries(values).map(([key, value]) => `${key} = ${value}`),
  ]);
  return { text: `${lines.join('\n')}\n`, fsid: sections.global.fsid };
}

class Cluster {
  #running = new Map();

  constructor(folder, leastPartBytes) {
    this.folder = folder;
    this.leastPartBytes = leastPartBytes;
    this.config = join(folder, 'ceph.conf');
    process.on('exit', this.#killAll);
  }

  #tool(program, ...args) {
    return execute(program, ['-c', this.config, ...args], { timeout: START_MS, env: { ...process.env, CEPH_ARGS: '' } });
  }

  /** Starts a daemon in the foreground; it does not keep this process alive. */
  #daemon(program, ...args) {
    const log = openSync(join(this.folder, 'output.log'), 'a');
    const child = spawn(program, ['-f', '-c', this.config, ...args], { stdio: ['ignore', log, log] });
    closeSync(log);
    child.exited = new Promise((resolve) => child.once('exit', resolve));
    child.unref();
    this.#running.set(program, child);
  }

  async #kill(child) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    child.kill('SIGKILL');
    await child.exited;
  }

  #killAll = () => {
    for (const child of this.#running.values()) child.kill('SIGKILL');
  };

  async start() {
    const monitorPort = await freePort();
    const gatewayPort = await freePort();
    const { text, fsid } = configuration(this.folder, monitorPort, gatewayPort, this.leastPartBytes);
    for (const name of ['mon', 'osd']) mkdirSync(join(this.folder, name), { recursive: true });
    writeFileSync(this.config, text);
    const map = join(this.folder, 'monmap');
    await execute('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', `[v2:127.0.0.1:${monitorPort}]`, map]);
    await this.#tool('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map);
    this.#daemon('ceph-mon', '-i', 'a');
    const disk = randomUUID();
    await this.#tool('ceph', 'osd', 'new', disk);
    await this.#tool('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', disk);
    this.#daemon('ceph-osd', '-i', '0');
    const keys = ['--access-key', ACCESS_KEY, '--secret-key', SECRET_KEY];
    const user = ['user', 'create', '--uid', 'keeptake', '--display-name', 'keeptake', ...keys];
    await this.#tool('radosgw-admin', '-n', GATEWAY, '--no-mon-config', ...user);
    this.port = gatewayPort;
    this.endpoint = `http://127.0.0.1:${gatewayPort}`;
    await this.startGateway();
  }

  /** Starts radosgw, for the first time or after it was killed, and waits until it answers. */
  async startGateway() {
    this.#daemon('radosgw', '-n', GATEWAY, '--no-mon-config');
    const deadline = Date.now() + START_MS;
    for (;;) {
      try {
        if ((await fetch(this.endpoint)).ok) return;
      } catch {
        // It does not listen yet.
      }
      if (Date.now() > deadline) throw new Error(`radosgw does not answer:\n${this.output().slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** kill -9 of radosgw. */
  async killGateway() {
    await this.#kill(this.#running.get('radosgw'));
  }

  /** SIGSTOP to the OSD: whatever needs the disk hangs, connections stay open. */
  freezeDisk() {
    this.#running.get('ceph-osd').kill('SIGSTOP');
  }

  thawDisk() {
    this.#running.get('ceph-osd').kill('SIGCONT');
  }

  output() {
    return readFileSync(join(this.folder, 'output.log'), 'utf8');
  }

  get pids() {
    return [...this.#running.values()].map((child) => child.pid);
  }

  async stop() {
    // Its data is thrown away, so nothing has to be brought in order.
    for (const child of [...this.#running.values()].reverse()) await this.#kill(child);
    process.removeListener('exit', this.#killAll);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * Starts a cluster in `folder`, which stop() removes. It ends with this process.
 * leastPartBytes: of every part but the last; S3's 5 MiB, or less for small tests.
 */
export async function startCeph(folder, { leastPartBytes = 5 * 2 ** 20 } = {}) {
  const cluster = new Cluster(folder, leastPartBytes);
  try {
    await cluster.start();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** The same for tests: {ceph}, or {reason} why they have to be skipped where Ceph is not installed or does not start. */
export async function cephOrReason(start) {
  const missing = missingPrograms();
  if (missing.length > 0) return { reason: `not installed: ${missing.join(' ')}` };
  try {
    return { ceph: await start() };
  } catch (error) {
    return { reason: `Ceph does not start here: ${error.message}` };
  }
}
