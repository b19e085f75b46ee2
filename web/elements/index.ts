/**
 * The custom elements. Nothing is registered on import: call {@link defineElements},
 * or import `keeptake/elements/define`.
 */

import { KtBackgroundPicker } from './kt-background-picker.js';
import { KtControls } from './kt-controls.js';
import { KtCountdown } from './kt-countdown.js';
import { KtDevicePicker } from './kt-device-picker.js';
import { KtHooksPanel } from './kt-hooks-panel.js';
import { KtLayoutPicker } from './kt-layout-picker.js';
import { KtLevel } from './kt-level.js';
import { KtLogoPicker } from './kt-logo-picker.js';
import { KtPausedModal } from './kt-paused-modal.js';
import { KtPlayer } from './kt-player.js';
import { KtPreview } from './kt-preview.js';
import { KtRecorderProvider } from './kt-recorder-provider.js';
import { KtRecoveryModal } from './kt-recovery-modal.js';
import { KtSoundCheck } from './kt-sound-check.js';
import { KtSourcesPanel } from './kt-sources-panel.js';
import { KtStage } from './kt-stage.js';
import { KtStateBadge } from './kt-state-badge.js';
import { KtStats } from './kt-stats.js';

export { KtContextEvent, KtElement, KtTakeElement } from './element.js';
export { explain, explainMedia, type DeviceKind, type Explanation } from './explain.js';
export { HearingLog, soundTrouble, type Heard } from './hearing.js';
export {
  ownSourceOf,
  SPEECH,
  type DeviceWish,
  type OwnKind,
  type OwnSource,
  type OwnWishes,
  type SoundWishes,
} from './own-source.js';
export { explainRecovery } from './recovery-words.js';
export {
  KtRecoveryRequestEvent,
  KtRequestEvent,
  type KtEventMap,
  type KtRecoveryRequestMap,
  type KtRequestMap,
  type KtStageRequestMap,
  type KtTakeRequestMap,
  type KtRequestName,
} from './requests.js';
export type { RecorderFactory } from './sound-test.js';
export type { Logo, LogoChange } from './logo.js';
export type { SceneLook, SceneName } from './scene.js';
export { SortList, sortStyles } from './sort-list.js';
export {
  addStrings,
  Language,
  LanguageController,
  languageOf,
  setLanguage,
  type Strings,
} from './strings.js';
export { en, type Widened } from './strings/en.js';
export { safetyOf, savingOf, type Safety } from './safety.js';
export {
  RecorderStore,
  storeOf,
  TakeStore,
  type HookEntry,
  type Notice,
  type SourceMedia,
  type StoreTopic,
} from './store.js';
export type { PlayableTake } from './kt-player.js';
export {
  KtBackgroundPicker,
  KtControls,
  KtCountdown,
  KtDevicePicker,
  KtHooksPanel,
  KtLayoutPicker,
  KtLogoPicker,
  KtLevel,
  KtPausedModal,
  KtPlayer,
  KtPreview,
  KtRecorderProvider,
  KtRecoveryModal,
  KtSoundCheck,
  KtSourcesPanel,
  KtStage,
  KtStateBadge,
  KtStats,
};

const elements = {
  'kt-recorder-provider': KtRecorderProvider,
  'kt-state-badge': KtStateBadge,
  'kt-preview': KtPreview,
  'kt-stage': KtStage,
  'kt-countdown': KtCountdown,
  'kt-controls': KtControls,
  'kt-paused-modal': KtPausedModal,
  'kt-recovery-modal': KtRecoveryModal,
  'kt-layout-picker': KtLayoutPicker,
  'kt-background-picker': KtBackgroundPicker,
  'kt-logo-picker': KtLogoPicker,
  'kt-hooks-panel': KtHooksPanel,
  'kt-sources-panel': KtSourcesPanel,
  'kt-device-picker': KtDevicePicker,
  'kt-level': KtLevel,
  'kt-sound-check': KtSoundCheck,
  'kt-stats': KtStats,
  'kt-player': KtPlayer,
} as const;

/** Registers every element that is not registered yet. Repeat calls do nothing. */
export function defineElements(registry: CustomElementRegistry = customElements): void {
  for (const [tag, element] of Object.entries(elements)) {
    if (registry.get(tag) === undefined) {
      registry.define(tag, element);
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'kt-recorder-provider': KtRecorderProvider;
    'kt-state-badge': KtStateBadge;
    'kt-preview': KtPreview;
    'kt-stage': KtStage;
    'kt-countdown': KtCountdown;
    'kt-controls': KtControls;
    'kt-paused-modal': KtPausedModal;
    'kt-recovery-modal': KtRecoveryModal;
    'kt-layout-picker': KtLayoutPicker;
    'kt-background-picker': KtBackgroundPicker;
    'kt-logo-picker': KtLogoPicker;
    'kt-hooks-panel': KtHooksPanel;
    'kt-sources-panel': KtSourcesPanel;
    'kt-device-picker': KtDevicePicker;
    'kt-level': KtLevel;
    'kt-sound-check': KtSoundCheck;
    'kt-stats': KtStats;
    'kt-player': KtPlayer;
  }
}
