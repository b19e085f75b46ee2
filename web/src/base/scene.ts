/**
 * What a take's [timeline](https://github.com/keeptake/keeptake/blob/main/docs/timeline.md) and [scene](https://github.com/keeptake/keeptake/blob/main/docs/scene.md) hold. Both come from C or from the server, which
 * check them. Times are seconds of take time unless they are `wall`: ISO 8601, UTC, milliseconds.
 */

import type { Background, Composition, Rect } from './types.js';

/** What happened, in order. */
export interface Timeline {
  version: 1;
  canvas: { width: number; height: number };
  events: TimelineEvent[];
}

/** `take`: never goes back, except to 0 after `restart`; a pause and its resume have the same. */
export type TimelineEvent = { take: number; wall: string } & TimelineDeed;

/** A type that is not among these is of a newer version: to be passed over. */
export type TimelineDeed =
  | { type: 'start'; data: { codec: string; fps: number } }
  | { type: 'pause' | 'resume' | 'stop' | 'restart' | 'limit-reached' }
  | { type: 'composition'; data: Composition }
  | { type: 'source-added'; data: { id: string; name: string; video: boolean; audio: boolean } }
  | { type: 'source-removed' | 'source-stalled' | 'source-resumed'; data: { id: string } }
  | { type: 'source-muted'; data: { id: string; audio: boolean; video: boolean } }
  /** `source`: empty, of the whole picture. */
  | { type: 'hook-shown'; data: { id: string; source: string; text: string } }
  | { type: 'hook-hidden'; data: { id: string } }
  /** `lost`: of `machine-slept`, the seconds left out. */
  | { type: 'gap'; data: { cause: string; source: string; duration: number; lost?: number } }
  | { type: 'governor'; data: { speed: number; fps: number } }
  | { type: 'failed'; data: { code: string } }
  | { type: 'mark'; data: Record<string, unknown> };

/** Who stood where, and when. */
export interface Scene {
  version: 1;
  canvas: { width: number; height: number };
  duration: number;
  wall_start: string;
  background: { from: number; to: number; background: Background }[];
  sources: { id: string; name: string; spans: SceneSpan[] }[];
  /** Moves to what stands from `at` on, with ease in and out. */
  transitions: { at: number; duration: number }[];
  pauses: { take: number; wall_from: string; wall_to: string }[];
  /** `source`: empty, of the whole picture. */
  hooks: { id: string; source: string; text: string; from: number; to: number }[];
  /** `source`: empty, all of them. */
  gaps: { from: number; to: number; cause: string; source: string }[];
}

/** A source has spans for the time it was there, without holes; `visible` is false where the layout hid it. */
export type SceneSpan =
  | { from: number; to: number; visible: false }
  | ({
      from: number;
      to: number;
      visible: true;
      z: number;
      /** Drawing order among the visible sources, 0 lowest. */
      layer: number;
      shape: 'rectangle' | 'rounded' | 'circle';
      radius: number;
      fit: 'cover' | 'contain';
      mirror: boolean;
      border: { width: number; color: string };
      opacity: number;
    } & Rect);
