/** The package `keeptake`: records a show in the browser and never loses the take. */

export { createRecorder } from './page/recorder.js';
export { openCamera, openScreen, type CameraOptions, type ScreenOptions } from './capture/devices.js';
export { openRecovery } from './page/recovery.js';
export { openRecordings } from './page/recordings.js';
export { isSupported, type Support, type SupportFeatures } from './page/support.js';
export { VERSION } from './base/version.js';
export type { ListenOptions } from './base/emitter.js';
export type {
  Recording,
  RecordingPage,
  CallSignal,
  Recordings,
  RecordingsOptions,
  Session,
  StoredRecording,
} from './base/recordings.js';
export type { Token, TokenAsk, TokenReason } from './base/token.js';
export {
  KeeptakeError,
  type KeeptakeErrorCode,
  type KeeptakeErrorContext,
  type KeeptakeErrorContexts,
  type KeeptakeErrorOptions,
} from './base/errors.js';
export type { Scene, SceneSpan, Timeline, TimelineDeed, TimelineEvent } from './base/scene.js';
export type {
  AudioState,
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
  SoundLevel,
  SourceChanges,
  SourceInfo,
  SourceOptions,
  StartedOver,
  StartOptions,
  TakeControls,
  TakeState,
  UnfinishedTake,
  VideoState,
} from './base/types.js';
