/** The recording on the server that a take's bytes go to, as it is asked for at the start and by recovery. */

import { ApiError, field, isLost, type ApiClient } from './api.js';

/** A lost answer is asked for again so often. */
const TRIES = 2;

/** What the server allows; seconds, pictures a second. */
export interface Limits {
  maxLength: number;
  maxFps: number;
}

/** What the server is told of a take. `maxLength`: the page's own wish in seconds, 0: none. */
export interface TakeSettings {
  title: string;
  codec: 'vp9' | 'vp8';
  width: number;
  height: number;
  fps: number;
  videoBitrate: number;
  audioBitrate: number;
  maxLength: number;
}

export interface MadeRecording {
  recordingId: string;
  /** Empty where the server gives none. */
  writer: string;
}

/**
 * Makes the recording. A lost answer is asked for again under the same key, which gives the same recording instead of
 * a second one that nobody uses; one that was made under that key with other settings is another recording.
 */
export async function makeRecording(
  api: Pick<ApiClient, 'call'>,
  settings: TakeSettings,
  { maxLength, maxFps }: Limits,
  firstKey: string,
  isOver: () => boolean = () => false,
): Promise<MadeRecording> {
  const body = {
    title: settings.title,
    codec: settings.codec,
    width: settings.width,
    height: settings.height,
    fps: Math.min(settings.fps, maxFps),
    video_bitrate: settings.videoBitrate,
    audio_bitrate: settings.audioBitrate,
    max_length_seconds: Math.min(settings.maxLength || Infinity, maxLength),
  };
  let key = firstKey;
  for (let tried = 1; ; tried++) {
    try {
      const made = await api.call('POST', '/recordings', body, { headers: { 'Idempotency-Key': key } });
      const id = field(made, 'id');
      if (typeof id === 'string') return { recordingId: id, writer: String(field(made, 'writer') ?? '') };
      throw new ApiError('server-error', 'The answer names no recording; something may stand between.', 0);
    } catch (error) {
      const used = error instanceof ApiError && error.apiCode === 'conflict';
      if (used) key = crypto.randomUUID();
      if ((!isLost(error) && !used) || tried >= TRIES || isOver()) throw error;
    }
  }
}

/** Opens its upload; the same one where it has one. The size of its parts, 0 where the server gives none. */
export async function openUpload(api: Pick<ApiClient, 'call'>, recordingId: string): Promise<number> {
  const created = await api.call('POST', `/recordings/${recordingId}/upload`, {});
  return Number(field(created, 'part_bytes')) || 0;
}
