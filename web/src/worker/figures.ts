/** The figures that the page is told: twice a second how the take stands, and the levels while anybody wants them. */

import { STATS_FIELDS } from '../engine/contract.gen.js';
import type { EngineHeap, EngineRecorder } from '../engine/engine.js';
import type { WorkerNotice } from '../protocol/messages.js';
import type { RecorderStats, RecorderWarning } from '../base/types.js';
import type { Stage } from './stage.js';
import { NO_TAKE, type TakeStats } from './take-options.js';

const STATS_MS = 500;
const LEVELS_MS = 50;

export interface FiguresOptions {
  notify: (notice: WorkerNotice) => void;
  warn: (code: RecorderWarning['code'], message: string) => void;
  nowUs: () => number;
  /** Null: the engine is not there. */
  engine: () => { heap: EngineHeap; recorder: EngineRecorder; stage: Stage; variant: RecorderStats['variant'] } | null;
  /** Of the take that runs, or is being stored. */
  takeStats: () => TakeStats | undefined;
  /** A take is being recorded now. */
  isRecording: () => boolean;
  /** Called first, at every turn of the figures. */
  look: () => void;
}

export class Figures {
  readonly #options: FiguresOptions;
  #statsTimer: ReturnType<typeof setInterval> | undefined;
  #levelsTimer: ReturnType<typeof setInterval> | undefined;
  /** The governor's choice in this take when it was looked at last. */
  #pace: { speed: number; fps: number } | null = null;
  #closed = false;

  constructor(options: FiguresOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#statsTimer = setInterval(() => this.#tellStats(), STATS_MS);
  }

  /** Begins or ends `levels` notices, LEVELS_MS apart. */
  wantLevels(want: boolean): void {
    clearInterval(this.#levelsTimer);
    if (want && !this.#closed) this.#levelsTimer = setInterval(() => this.#tellLevels(), LEVELS_MS);
  }

  /** Another take: what the governor chose in the last one is no news. */
  newTake(): void {
    this.#pace = null;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#statsTimer);
    clearInterval(this.#levelsTimer);
  }

  #tellStats(): void {
    const { engine, notify, nowUs, takeStats, look } = this.#options;
    const parts = engine();
    if (!parts) return;
    const { recorder, stage, heap, variant } = parts;
    const now = nowUs();
    const figures = recorder.stats(now);
    const at = (index: number): number => figures[index] ?? 0;
    const take = takeStats() ?? NO_TAKE;
    stage.warnOfStalls(now);
    stage.lookAtSound(now, (sourceId, sound) => notify({ notice: 'sound', sourceId, sound }));
    look();
    this.#warnOfPace(at(STATS_FIELDS.speed), at(STATS_FIELDS.targetFps));
    notify({
      notice: 'stats',
      stats: {
        elapsed: at(STATS_FIELDS.takeUs) / 1e6,
        fps: at(STATS_FIELDS.fps),
        framesEncoded: at(STATS_FIELDS.frames),
        framesDropped: at(STATS_FIELDS.framesDropped),
        composeMs: at(STATS_FIELDS.composeMs),
        encodeMs: at(STATS_FIELDS.encodeMs),
        fileBytes: at(STATS_FIELDS.fileBytes),
        ...take,
        speed: at(STATS_FIELDS.speed),
        targetFps: at(STATS_FIELDS.targetFps),
        stalledSources: stage
          .all()
          .filter((source) => source.stallTold)
          .map((source) => source.id),
        levels: Object.fromEntries(stage.all().map((source) => [source.id, at(STATS_FIELDS.peak0 + source.handle)])),
        memoryBytes: heap.buffer.byteLength,
        variant,
      },
    });
  }

  #tellLevels(): void {
    const parts = this.#options.engine();
    if (parts) this.#options.notify({ notice: 'levels', levels: parts.stage.levels() });
  }

  #warnOfPace(speed: number, fps: number): void {
    if (!this.#options.isRecording()) return;
    const before = this.#pace ?? { speed, fps };
    this.#pace = { speed, fps };
    const { warn } = this.#options;
    if (fps < before.fps) warn('governor', `This machine is busy: ${fps} pictures a second are recorded.`);
    else if (speed > before.speed) warn('governor', 'This machine is busy: pictures are encoded with less effort.');
  }
}
