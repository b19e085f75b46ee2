/** A stand-in for the recovery of unfinished takes: what it lists, and how its calls end, is set from outside. */

import { KeeptakeError } from '../../web/src/base/errors.js';
import { emptyScene } from './fake-recorder.js';
import type { FinishedTake, Recovery, SalvageProgress, StartedOver, UnfinishedTake } from '../../web/src/base/types.js';

type Downloaded = Awaited<ReturnType<Recovery['download']>>;

/** An unfinished take of 12:34, with 31 MB of which 1.1 MB are only on this machine; `patch` changes it. */
export function unfinished(patch: Partial<UnfinishedTake> = {}): UnfinishedTake {
  return {
    id: 'take-1',
    recordingId: 'rec_1',
    title: 'Episode 12',
    startedAt: new Date(Date.now() - 26 * 60_000),
    duration: 754,
    bytes: 31_000_000,
    safeBytes: 29_900_000,
    localBytes: 6_300_000,
    picture: null,
    live: false,
    elsewhere: false,
    server: 'https://server.example',
    page: { title: 'Keeptake', url: 'http://127.0.0.1:8080/' },
    codec: 'vp9',
    width: 1280,
    height: 720,
    ...patch,
  };
}

/** See the file's first line. */
export class FakeRecovery implements Recovery {
  /** What the next {@link openRecovery} lists, and how its first list fails. */
  static preset: { takes: UnfinishedTake[]; failure: Error | null } = { takes: [], failure: null };
  takes: UnfinishedTake[];
  /** Every call but `list`, as `name` and id. */
  readonly calls: [string, string][] = [];
  listed = 0;
  prepared = 0;
  /** The next call of this name fails with this error. */
  failNext: { name: string; error: Error } | null = null;
  /** Salvage waits for this before its last phase. */
  hold: Promise<void> | null = null;
  /** Steps of each of its phases, and milliseconds of a step. */
  steps = 2;
  stepMs = 0;
  downloaded: Downloaded = { file: new Blob(['file']), duration: 22, complete: false, missing: [[8, 740]] };
  /** What salvage gives instead of a take on the server. */
  file: Blob | null = null;

  constructor(takes: UnfinishedTake[] = []) {
    this.takes = takes;
  }

  async list(): Promise<UnfinishedTake[]> {
    this.listed += 1;
    this.#mayFail('list');
    return [...this.takes];
  }

  async salvage(
    id: string,
    { onProgress, signal }: { onProgress?: (progress: SalvageProgress) => void; signal?: AbortSignal } = {},
  ): Promise<FinishedTake> {
    const take = this.#called('salvage', id);
    for (const phase of ['reading', 'sending', 'completing'] as const) {
      for (let step = 0; step <= this.steps; step += 1) {
        onProgress?.({ phase, progress: step / this.steps });
        await new Promise((resolve) => setTimeout(resolve, this.stepMs));
        signal?.throwIfAborted();
        this.#mayFail(phase);
      }
      if (phase === 'sending' && this.hold !== null) {
        const aborted = new Promise<void>((_, reject) =>
          signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
        );
        await Promise.race([this.hold, aborted]);
      }
    }
    if (this.file === null) {
      this.#forget(id);
    }
    return {
      recordingId: take.recordingId ?? '',
      duration: take.duration,
      bytes: take.bytes,
      ...(this.file === null ? {} : { file: this.file }),
      playbackUrl: async () => '/api/fake/take.webm',
      timeline: async () => ({ version: 1, canvas: { width: 1280, height: 720 }, events: [] }),
      scene: async () => emptyScene(take.duration, { width: 1280, height: 720 }),
      forget: async () => this.#forget(id),
    };
  }

  /** What the next undo answers. */
  undoes = true;
  /** Seconds that were asked for at the last Start Over. */
  undoSeconds = 0;

  async startOver(id: string, { undoSeconds = 0 }: { undoSeconds?: number } = {}): Promise<StartedOver> {
    const take = this.#called('startOver', id);
    this.undoSeconds = undoSeconds;
    this.#forget(id);
    return {
      undo: async () => {
        this.calls.push(['undo', id]);
        if (this.undoes) this.takes = [...this.takes, take];
        return this.undoes;
      },
    };
  }

  async download(id: string): Promise<Downloaded> {
    this.#called('download', id);
    return this.downloaded;
  }

  async prepare(): Promise<void> {
    this.prepared += 1;
  }

  setToken(): void {}

  async close(): Promise<void> {
    this.calls.push(['close', '']);
  }

  #called(name: string, id: string): UnfinishedTake {
    this.calls.push([name, id]);
    this.#mayFail(name);
    const take = this.takes.find((each) => each.id === id);
    if (take === undefined) {
      throw new KeeptakeError('no-such-take', `There is no take ${id}.`);
    }
    return take;
  }

  #mayFail(name: string): void {
    if (this.failNext?.name === name) {
      const { error } = this.failNext;
      this.failNext = null;
      throw error;
    }
  }

  #forget(id: string): void {
    this.takes = this.takes.filter((take) => take.id !== id);
  }
}

/** A picture of a take's last moment. */
async function picture(hue: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(320, 180);
  const context = canvas.getContext('2d');
  if (context === null) {
    throw new Error('no canvas');
  }
  const paint = context.createLinearGradient(0, 0, 320, 180);
  paint.addColorStop(0, `hsl(${hue} 40% 22%)`);
  paint.addColorStop(1, `hsl(${hue + 40} 45% 46%)`);
  context.fillStyle = paint;
  context.fillRect(0, 0, 320, 180);
  for (const [x, tone] of [
    [86, 30],
    [234, 200],
  ] as const) {
    context.save();
    context.beginPath();
    context.roundRect(x - 66, 28, 132, 124, 10);
    context.clip();
    context.fillStyle = `hsl(${hue + tone} 24% 62%)`;
    context.fillRect(x - 66, 28, 132, 124);
    context.fillStyle = `hsl(${hue + tone + 150} 30% 28%)`;
    context.beginPath();
    context.ellipse(x, 156, 46, 44, 0, 0, Math.PI * 2);
    context.fill();
    context.fillStyle = '#c99a7c';
    context.beginPath();
    context.ellipse(x, 86, 22, 27, 0, 0, Math.PI * 2);
    context.fill();
    context.restore();
  }
  return canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 });
}

/** Unfinished takes as the page's address asks for: `?orphans=3&live=1`. */
async function asked(query: URLSearchParams): Promise<UnfinishedTake[]> {
  const titles = [
    'Episode 12: the tide tables',
    'Interview with Grace',
    '',
    'A title that is longer than any card is wide, to see where it ends',
  ];
  const takes = Array.from({ length: Number(query.get('orphans') ?? 0) }, async (_, i) =>
    unfinished({
      id: `take-${i}`,
      title: titles[i % titles.length] ?? '',
      startedAt: new Date(Date.now() - (0.4 + i * 11) * 3_600_000),
      duration: [754, 44, 5403, 192][i % 4] ?? 60,
      bytes: [31_000_000, 1_900_000, 223_000_000, 8_100_000][i % 4] ?? 0,
      safeBytes: [29_900_000, 0, 223_000_000, 5_242_880][i % 4] ?? 0,
      recordingId: i === 1 ? null : `rec_${i}`,
      picture: i === 2 ? null : await picture(200 + i * 60),
    }),
  );
  const live = Array.from({ length: Number(query.get('live') ?? 0) }, async (_, i) =>
    unfinished({
      id: `live-${i}`,
      title: 'Evening show',
      live: true,
      duration: 95,
      startedAt: new Date(Date.now() - 100_000),
      page: { title: '● 01:35 · Keeptake', url: location.href },
      picture: await picture(340),
    }),
  );
  return Promise.all([...live, ...takes]);
}

/** Same signature as the package's. `?salvage=fail` makes the first salvage fail while sending, `slow` takes long. */
export function openRecovery(): Recovery {
  const query = new URLSearchParams(location.search);
  const { takes: preset, failure } = FakeRecovery.preset;
  const recovery = new FakeRecovery(preset);
  const found = asked(query).then((takes) => (recovery.takes = [...recovery.takes, ...takes]));
  const list = recovery.list.bind(recovery);
  recovery.list = async () => {
    await found;
    return list();
  };
  recovery.steps = query.has('orphans') ? 12 : 2;
  recovery.stepMs = query.get('salvage') === 'slow' ? 250 : query.has('orphans') ? 40 : 0;
  if (failure !== null) {
    recovery.failNext = { name: 'list', error: failure };
  }
  if (query.get('salvage') === 'fail') {
    recovery.failNext = { name: 'sending', error: new KeeptakeError('server-unreachable', 'No answer.') };
  }
  (globalThis as { fakeRecovery?: FakeRecovery }).fakeRecovery = recovery;
  return recovery;
}
