/** The package `keeptake`: records a show in the browser and never loses the take. */

export { createRecorder } from './recorder.js';
export { openCamera, openScreen, type CameraOptions, type ScreenOptions } from './devices.js';
export { openRecovery } from './recovery.js';
export { isSupported, type Support, type SupportFeatures } from './support.js';
export { VERSION } from './version.js';
export type { ListenOptions } from './emitter.js';
export type { Token, TokenAsk, TokenReason } from './token.js';
export { KeeptakeError, type KeeptakeErrorCode, type KeeptakeErrorOptions } from './errors.js';
export type { Scene, SceneSpan, Timeline, TimelineDeed, TimelineEvent } from './scene.js';
export type {
  Background,
  Composition,
  CompositionSource,
  Corner,
  FinishedTake,
  HookOptions,
  JournalOptions,
  LayoutKind,
  LogoOptions,
  PlacedSource,
  Recorder,
  RecorderEvents,
  RecorderOptions,
  RecorderStats,
  RecorderWarning,
  Recovery,
  RecoveryOptions,
  Rect,
  SalvageProgress,
  SourceInfo,
  SourceOptions,
  StartedOver,
  StartOptions,
  TakeState,
  UnfinishedTake,
} from './types.js';
