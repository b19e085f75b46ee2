/** Where the pieces of one take go. {@link Takes} has one for each take, and knows nothing of journals and servers. */

import type { EngineFrame, EngineHeap } from '../engine/engine.js';
import type { StoredTake } from '../protocol/messages.js';
import type { TakeStats } from './take-options.js';

export interface TakeSink {
  /** Under which a server makes its recording: to be used for one take only. */
  readonly creationKey: string;
  /** Nothing was made under that key, or will be: another take may use it. */
  readonly keyIsFree: boolean;
  /** The take's name in the journal, which has or had it; null: it was in none. */
  readonly journalId: string | null;
  /** 0..1 of what was not stored yet when the take was stopped; null: there is nothing to wait for. */
  readonly progress: number | null;

  /** Makes what the take needs before its first piece. Where this rejects, {@link TakeSink.discard} removes what there is. */
  open(): Promise<void>;
  /** It is ended while it opens: nothing more is begun. To be followed by {@link TakeSink.discard}. */
  abandon(): void;

  /** Takes the pieces that wait in the engine. What they hold has been handed on when this returns. */
  drain(): void;
  /** As {@link TakeSink.drain}; resolves when it is kept as well as can be. */
  keepAll(): Promise<void>;
  /** What is to be done now and then while the take runs. */
  tick(paused: boolean): void;
  /** The composed picture of this moment. */
  picture(heap: EngineHeap, frame: EngineFrame, matrix: VideoMatrixCoefficients): void;
  setTitle(title: string): void;
  /** The network is said to be back, or there is a new token. */
  wake(): void;
  /** Twice a second: says how sending goes. */
  look(): void;
  stats(): TakeStats;

  /** Stores everything that waits. `durationUs`: of the take. Rejects where that failed for good, or was closed. */
  finish(durationUs: number): Promise<StoredTake>;
  /** While {@link TakeSink.finish} waits: ends that. False: there is nothing that could be gone on with later. */
  leave(): boolean;
  /** The take failed: what there is of it is stored as it is, or stays where it is. Closes itself. */
  storePrefix(durationUs: number): Promise<void>;
  /** Removes everything of the take, wherever it is. Closes itself. */
  discard(): Promise<void>;
  /** A take that is a file on this machine has been saved by the page: nothing of it is kept any longer. Closes itself. */
  forget(): Promise<void>;
  /** Ends every request; what is kept stays. A repeated call does nothing. */
  close(): void;
}
