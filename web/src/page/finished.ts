/** A stored take as a page sees it. */

import { KeeptakeError } from '../base/errors.js';
import type { StoredTake } from '../protocol/messages.js';
import type { Scene, Timeline } from '../base/scene.js';
import type { FinishedTake } from '../base/types.js';
import type { ApiClient } from '../server/api.js';
import { playbackUrl } from '../server/recordings.js';

/** `api`: null where the take is on this machine alone. `forget` removes what the journal has of such a take. */
export function finishedTake(
  stored: StoredTake,
  api: Pick<ApiClient, 'call'> | null,
  forget: () => Promise<void>,
): FinishedTake {
  const { recordingId, duration, bytes, file } = stored;
  return {
    recordingId,
    duration,
    bytes,
    ...(file ? { file } : {}),
    ...(stored.missing?.length ? { missing: stored.missing } : {}),
    ...(stored.journalId === undefined ? {} : { unfinishedId: stored.journalId }),
    playbackUrl: async (options) => {
      if (file) return URL.createObjectURL(file);
      if (!api) throw new KeeptakeError('bad-state', 'This take is in no store.');
      return playbackUrl(api, recordingId)(options);
    },
    timeline: () => Promise.resolve(JSON.parse(stored.timeline) as Timeline | null),
    scene: () => Promise.resolve(JSON.parse(stored.scene) as Scene | null),
    forget: () => (file ? forget() : Promise.resolve()),
  };
}
