/** What this browser remembers of the host from one visit to the next: devices, name, and the picture to begin with. */

import { ownSourceOf, SPEECH, type DeviceWish, type OwnWishes, type RecorderStore } from '../../elements/index.js';
import type { Background, Composition, LayoutKind } from 'keeptake';

/** Everything has a default: what is stored may be missing, old or garbage. */
export interface Memory {
  wishes: OwnWishes;
  /** The host's name, and whether it stands in the picture. */
  name: string;
  showName: boolean;
  layout: LayoutKind;
  gap: number;
  background: Background;
}

const KEY = 'keeptake.studio.host';
const HOST = 'host';
const SAVE_MS = 300;

const LAYOUTS: readonly LayoutKind[] = ['grid', 'side-by-side', 'picture-in-picture', 'spotlight', 'screen-only'];

const DEFAULTS: Memory = {
  wishes: { camera: null, microphone: null, output: null, sound: SPEECH },
  name: 'Host',
  showName: false,
  layout: 'grid',
  gap: 0.02,
  background: { kind: 'gradient', from: '#0a0f1e', to: '#2f4a7c', angle: 90 },
};

type Json = Record<string, unknown>;

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function text(value: unknown, most: number): string | null {
  return typeof value === 'string' && value.length <= most ? value : null;
}

function device(value: unknown): DeviceWish | null {
  const { id, label } = object(value);
  const known = text(id, 500);
  return known === null || known === '' ? null : { id: known, label: text(label, 500) ?? '' };
}

function color(value: unknown): string | null {
  return typeof value === 'string' && /^#[0-9a-f]{6}$/i.test(value) ? value : null;
}

function number(value: unknown, low: number, high: number, fallback: number): number {
  return typeof value === 'number' && value >= low && value <= high ? value : fallback;
}

function background(value: unknown): Background {
  const wish = object(value);
  const [plain, from, to] = [color(wish['color']), color(wish['from']), color(wish['to'])];
  if (wish['kind'] === 'color' && plain !== null) {
    return { kind: 'color', color: plain };
  }
  return wish['kind'] === 'gradient' && from !== null && to !== null
    ? { kind: 'gradient', from, to, angle: number(wish['angle'], -360, 360, 0) }
    : DEFAULTS.background;
}

/** What is remembered; anything that cannot be is left out. */
export function readMemory(): Memory {
  let stored: Json = {};
  try {
    stored = object(JSON.parse(localStorage.getItem(KEY) ?? '{}'));
  } catch {
    // Damaged or forbidden: as at the first visit.
  }
  const [devices, sound] = [object(stored['wishes']), object(object(stored['wishes'])['sound'])];
  const flag = (key: keyof typeof SPEECH): boolean => {
    const value = sound[key];
    return typeof value === 'boolean' ? value : SPEECH[key];
  };
  return {
    wishes: {
      camera: device(devices['camera']),
      microphone: device(devices['microphone']),
      output: device(devices['output']),
      sound: {
        echoCancellation: flag('echoCancellation'),
        noiseSuppression: flag('noiseSuppression'),
        autoGainControl: flag('autoGainControl'),
        stereo: flag('stereo'),
      },
    },
    name: text(stored['name'], 60)?.trim() || DEFAULTS.name,
    showName: stored['showName'] === true,
    layout: LAYOUTS.find((each) => each === stored['layout']) ?? DEFAULTS.layout,
    gap: number(stored['gap'], 0, 0.2, DEFAULTS.gap),
    background: background(stored['background']),
  };
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // It then lasts as long as the page.
  }
}

/** The picture that is first composed; the rest of its look comes when the engine runs (scenes.ts). */
export function firstComposition({ layout, gap, background }: Memory): Composition {
  return { layout, gap, background, sources: [] };
}

/** Follows one recorder's store: gives it what is remembered, and remembers what changes. */
export class Keeper {
  readonly #store: RecorderStore;
  readonly #memory: Memory;
  readonly #off: (() => void)[];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #named = false;

  constructor(of: RecorderStore, memory: Memory) {
    this.#store = of;
    this.#memory = memory;
    const own = ownSourceOf(of);
    own.wish(memory.wishes);
    this.#off = [
      own.subscribe((wishes) => this.#keep({ wishes })),
      of.subscribe((topic) => {
        if (topic === 'composition') {
          this.#keepComposition();
        } else if (topic === 'sources') {
          this.#keepName();
        }
      }),
    ];
    addEventListener('pagehide', this.#save);
  }

  /** Ends it; what changed last is kept. */
  close(): void {
    this.#off.forEach((each) => each());
    removeEventListener('pagehide', this.#save);
    this.#save();
  }

  #keep(patch: Partial<Memory>): void {
    Object.assign(this.#memory, patch);
    this.#timer ??= setTimeout(this.#save, SAVE_MS);
  }

  #save = (): void => {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      store(KEY, JSON.stringify(this.#memory));
    }
  };

  #keepComposition(): void {
    const { layout, gap, background: now } = this.#store.composition;
    // Where everybody stands in a free layout is of this very take.
    this.#keep({
      ...(layout === undefined || layout === 'free' ? {} : { layout }),
      ...(gap === undefined ? {} : { gap }),
      ...(now === undefined || now.kind === 'image' ? {} : { background: now }),
    });
  }

  #keepName(): void {
    const host = this.#store.sources.find((s) => s.id === HOST);
    if (host === undefined) {
      this.#named = false;
      return;
    }
    if (!this.#named) {
      this.#named = true;
      // A name tag of the last visit comes back with its person.
      if (this.#memory.showName && !this.#store.shownNames.has(HOST)) {
        void this.#store.perform('kt-name-request', { id: HOST, name: host.name, show: true });
      }
      return;
    }
    this.#keep({ name: host.name || DEFAULTS.name, showName: this.#store.shownNames.has(HOST) });
  }
}
