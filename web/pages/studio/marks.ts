/** Marks of a take: moments that the host wants to find again. Kept in this browser with the recording. */

import type { RecorderStore } from '../../elements/index.js';

/** A moment of a take. */
export interface Mark {
  /** Take time, seconds. */
  time: number;
  /** The host's words; may be empty. */
  label: string;
}

const KEY = 'keeptake.studio.marks';
const MOST_MARKS = 500;
const MOST_TAKES = 100;
const MOST_LABEL = 120;
/** The take time is told twice a second; between two tellings it goes on by at most this. */
const MOST_AHEAD_SECONDS = 1;

type Kept = Record<string, Mark[]>;

function readMark(value: unknown): Mark[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  const { time, label } = value as { time?: unknown; label?: unknown };
  return typeof time === 'number' && time >= 0 && Number.isFinite(time)
    ? [{ time, label: typeof label === 'string' ? label.slice(0, MOST_LABEL) : '' }]
    : [];
}

function readKept(): Kept {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
    return Object.fromEntries(entries.map(([id, marks]) => [id, Array.isArray(marks) ? marks.flatMap(readMark) : []]));
  } catch {
    return {};
  }
}

/** The marks that are kept of a recording, by time. */
export function keptMarks(recordingId: string): readonly Mark[] {
  return readKept()[recordingId] ?? [];
}

/** Keeps the marks of a recording; of the oldest takes they are forgotten. A full storage is no error. */
export function keepMarks(recordingId: string, marks: readonly Mark[]): void {
  const { [recordingId]: _old, ...others } = readKept();
  const kept = Object.entries({ ...others, ...(marks.length > 0 ? { [recordingId]: marks } : {}) });
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(kept.slice(-MOST_TAKES))));
  } catch {
    // They then last as long as the page.
  }
}

const marksOfStores = new WeakMap<RecorderStore, TakeMarks>();

/** The marks of a recorder's takes; the same object each time. */
export function marksOf(store: RecorderStore): TakeMarks {
  const marks = marksOfStores.get(store) ?? new TakeMarks(store);
  marksOfStores.set(store, marks);
  return marks;
}

/** Those of the take that runs, or has just ended. */
export class TakeMarks {
  all: readonly Mark[] = [];
  readonly #store: RecorderStore;
  readonly #listeners = new Set<() => void>();
  #state: string;
  #toldAt = 0;

  constructor(store: RecorderStore) {
    this.#store = store;
    this.#state = store.state.state;
    store.subscribe((topic) => {
      if (topic === 'stats') {
        this.#toldAt = performance.now();
      } else if (topic === 'state') {
        this.#onState();
      }
    });
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Marks this moment, in the timeline too, whose time counts; null while nothing is recorded. */
  add(label = ''): Mark | null {
    const store = this.#store;
    if (store.state.state !== 'recording' || this.all.length >= MOST_MARKS) {
      return null;
    }
    const ahead = Math.min(MOST_AHEAD_SECONDS, (performance.now() - this.#toldAt) / 1000);
    const mark = { time: store.elapsed + ahead, label };
    this.#set([...this.all, mark]);
    store.recorder.mark(label || undefined).then(
      (time) => this.#set(this.all.map((each) => (each === mark ? { ...each, time } : each))),
      (error: unknown) => store.report(error),
    );
    return mark;
  }

  rename(mark: Mark, label: string): void {
    this.#set(this.all.map((each) => (each === mark ? { ...each, label: label.trim().slice(0, MOST_LABEL) } : each)));
  }

  remove(mark: Mark): void {
    this.#set(this.all.filter((each) => each !== mark));
  }

  #onState(): void {
    const { state } = this.#store;
    const before = this.#state;
    this.#state = state.state;
    const fresh = state.state === 'recording' && before !== 'recording' && before !== 'paused';
    if (fresh || state.state === 'setup') {
      this.#toldAt = performance.now();
      this.#set([]);
    } else if (state.state === 'stopped') {
      this.#set(this.all);
    }
  }

  #set(marks: readonly Mark[]): void {
    this.all = marks;
    const { state } = this.#store;
    if (state.state === 'stopped' && state.take.file === undefined) {
      keepMarks(state.take.recordingId, marks);
    }
    this.#listeners.forEach((listener) => listener());
  }
}
