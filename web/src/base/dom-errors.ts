/** What the browser's exceptions mean, by their names: the one table of them. A name says another thing of a device than of storage. */

import type { KeeptakeErrorCode } from './errors.js';

type DeviceCode = Extract<KeeptakeErrorCode, 'permission-denied' | 'no-device' | 'device-busy' | 'bad-argument'>;

interface Meaning {
  /** Of getUserMedia and getDisplayMedia. */
  device?: DeviceCode;
  /** Of IndexedDB: there is none for this page, or it is of a newer version. */
  storage?: 'none' | 'newer';
  /** Of a request that a signal ended. */
  ended?: true;
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  NotAllowedError: { device: 'permission-denied', storage: 'none' },
  SecurityError: { device: 'permission-denied', storage: 'none' },
  // A page without a click, and a private window.
  InvalidStateError: { device: 'permission-denied', storage: 'none' },
  NotFoundError: { device: 'no-device' },
  OverconstrainedError: { device: 'no-device' },
  NotReadableError: { device: 'device-busy' },
  AbortError: { device: 'device-busy', ended: true },
  TimeoutError: { ended: true },
  TypeError: { device: 'bad-argument' },
  VersionError: { storage: 'newer' },
};

/** The name of whatever was thrown; empty where it is no error. */
export function errorName(error: unknown): string {
  return error instanceof Error || (typeof DOMException !== 'undefined' && error instanceof DOMException)
    ? error.name
    : '';
}

function meaningOf(error: unknown): Meaning {
  const name = errorName(error);
  return (Object.hasOwn(MEANINGS, name) && MEANINGS[name]) || {};
}

/** Why a device was not opened; null: for a reason of no kind that is known. */
export function deviceCode(error: unknown): DeviceCode | null {
  return meaningOf(error).device ?? null;
}

/** Why the browser's storage was not opened; null: for another reason, and there may be something in it. */
export function storageTrouble(error: unknown): 'none' | 'newer' | null {
  return meaningOf(error).storage ?? null;
}

/** A signal ended what was asked for, say a time limit. */
export function wasEnded(error: unknown): boolean {
  return meaningOf(error).ended === true;
}
