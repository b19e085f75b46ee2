/** The end of an upload that its recorder did not ask for: others aborted, deleted or salvaged it, or its bytes are gone. */

import type { UploadStats } from '../engine/engine.js';
import { KeeptakeError } from '../base/errors.js';
import { ApiError, isEnded } from '../server/api.js';

export interface UploadEnd {
  /** Of the upload, with what is left of it in the store as `safeBytes`. */
  stats: UploadStats;
  error: KeeptakeError;
}

/** Asking again is of no use: there is no such upload any more. */
export function isUploadEnd(error: unknown): boolean {
  return isEnded(error) || (error instanceof KeeptakeError && error.context['gone'] === true);
}

/** `error`: one that {@link isUploadEnd} is true of. */
export function uploadEnd(error: unknown, stats: UploadStats): UploadEnd {
  const cause = error instanceof KeeptakeError && !(error instanceof ApiError) ? error.cause : error;
  // The server finishes what had arrived, or bytes are missing on this side only; otherwise the store has dropped all of it.
  const kept = cause instanceof RangeError || (cause instanceof ApiError && cause.apiCode === 'salvaged');
  const safeBytes = kept ? stats.safeBytes : 0;
  const why = cause instanceof Error ? ` ${cause.message}` : '';
  const message = `Nothing more of this take is uploaded: its upload was ended.${why} What this browser's storage holds is kept for recovery.`;
  return {
    stats: { ...stats, state: 'failed', safeBytes, nextUs: -1 },
    error: new KeeptakeError('upload-failed', message, {
      cause,
      context: { safeBytes, totalBytes: stats.totalBytes, gone: true },
    }),
  };
}
