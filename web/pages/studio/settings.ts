/** How takes are recorded: defaults, then what this browser remembers, then the page's address. */

import type { RecorderOptions } from 'keeptake';

/** Settings of the studio. */
export interface Settings {
  codec: 'vp9' | 'vp8';
  width: number;
  height: number;
  fps: number;
  /** Bits per second. */
  videoBitrate: number;
  /** Seconds before a take. */
  countdown: number;
  /** `browser`: nothing is uploaded, the take is a file of this page. */
  keep: 'server' | 'browser';
  /** What the copy on this machine survives: a crash of the browser, or a power cut too. */
  durability: 'relaxed' | 'strict';
  /** Keeps the whole take on this machine until it is saved, not only what is not stored yet. */
  localCopy: boolean;
  /** Set by the address alone. */
  variant?: 'threaded' | 'single-threaded';
}

const KEY = 'keeptake.studio.settings';

const DEFAULTS: Settings = {
  codec: 'vp9',
  width: 1280,
  height: 720,
  fps: 30,
  videoBitrate: 2_500_000,
  countdown: 3,
  keep: 'server',
  durability: 'relaxed',
  localCopy: false,
};

/** A whole number in its limits, or the fallback. */
function whole(value: unknown, low: number, high: number, fallback: number): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= low && number <= high ? number : fallback;
}

function remembered(): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** The settings in force; anything out of its limits is ignored. */
export function readSettings(search: string = location.search): Settings {
  const wish = { ...DEFAULTS, ...remembered(), ...Object.fromEntries(new URLSearchParams(search)) } as Record<
    string,
    unknown
  >;
  const width = whole(wish['width'], 160, 1920, DEFAULTS.width) & ~1;
  const height = whole(wish['height'], 90, 1920, DEFAULTS.height) & ~1;
  const fits = width * height <= 1920 * 1080;
  const variant = wish['variant'];
  return {
    codec: wish['codec'] === 'vp8' ? 'vp8' : 'vp9',
    width: fits ? width : DEFAULTS.width,
    height: fits ? height : DEFAULTS.height,
    fps: whole(wish['fps'], 1, 60, DEFAULTS.fps),
    videoBitrate: whole(wish['videoBitrate'], 100_000, 20_000_000, DEFAULTS.videoBitrate),
    countdown: whole(wish['countdown'], 0, 10, DEFAULTS.countdown),
    keep: wish['keep'] === 'browser' ? 'browser' : 'server',
    durability: wish['durability'] === 'strict' ? 'strict' : 'relaxed',
    localCopy: String(wish['localCopy']) === 'true',
    ...(variant === 'single-threaded' || variant === 'threaded' ? { variant } : {}),
  };
}

/** Remembers settings in this browser. A full or forbidden storage is no error. */
export function rememberSettings(settings: Settings): void {
  const { variant: _variant, ...kept } = settings;
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // They then last as long as the page.
  }
}

/** The same as the package's options. */
export function recorderOptions(settings: Settings, title: string): RecorderOptions {
  return {
    server: settings.keep === 'server' ? { url: location.origin } : null,
    title,
    width: settings.width,
    height: settings.height,
    fps: settings.fps,
    codec: settings.codec,
    videoBitrate: settings.videoBitrate,
    journal: { durability: settings.durability, keepLocalCopy: settings.localCopy },
    ...(settings.variant === undefined ? {} : { variant: settings.variant }),
  };
}
