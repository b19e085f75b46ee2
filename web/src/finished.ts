/** A stored take as a page sees it. */

import type { StoredTake } from './messages.js';
import type { FinishedTake } from './types.js';

/** `post` asks keeptake-server. */
export function finishedTake(
  stored: StoredTake,
  post: (path: string, body: unknown) => Promise<unknown>,
): FinishedTake {
  const { recordingId, duration, bytes, file } = stored;
  return {
    recordingId,
    duration,
    bytes,
    ...(file ? { file } : {}),
    playbackUrl: async ({ expiresSeconds = 3600, download = false } = {}) => {
      if (file) return URL.createObjectURL(file);
      const answer = await post(`/recordings/${recordingId}/playback`, { expires_seconds: expiresSeconds, download });
      return (answer as { url: string }).url;
    },
    timeline: () => Promise.resolve(JSON.parse(stored.timeline) as unknown),
    scene: () => Promise.resolve(JSON.parse(stored.scene) as unknown),
  };
}
