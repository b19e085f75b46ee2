/** What elements ask for: the names and details of the composed `kt-…-request` events. */

import type { LogoChange } from './logo.js';
import type { SceneLook } from './scene.js';
import type { Composition, FinishedTake, HookOptions, SourceOptions, UnfinishedTake } from 'keeptake';

/** Details of the requests that steer a take, by name. */
export interface KtTakeRequestMap {
  /** Begin a take. `countdown` in seconds; `title` instead of that of the recorder's options. */
  'kt-start-request': { countdown?: number; title?: string };
  /** End a running countdown. */
  'kt-cancel-request': Record<string, never>;
  'kt-pause-request': Record<string, never>;
  'kt-resume-request': Record<string, never>;
  'kt-stop-request': Record<string, never>;
  /** Throw the take away; the sources stay. Sent after the person has agreed. */
  'kt-restart-request': Record<string, never>;
  /** After a stopped or failed take: ready for the next one. */
  'kt-reset-request': Record<string, never>;
  /** Server and store are tried again now. */
  'kt-send-now-request': Record<string, never>;
  /** The take that is being stored is not waited for: recovery has it. */
  'kt-leave-for-later-request': Record<string, never>;
}

/** Details of the requests that change the picture and who is in it, by name. */
export interface KtStageRequestMap {
  'kt-composition-request': { composition: Composition };
  /** Bring a look of the picture back: layout, background, hooks and names. `undo` (default true): it can be undone. */
  'kt-scene-request': { look: SceneLook; undo?: boolean };
  /** Change the logo; what is left out stays as it is. An `image` of null takes it away. */
  'kt-logo-request': LogoChange;
  /** An image file to lie behind everything. */
  'kt-background-image-request': { image: Blob };
  /** `owned`: the tracks are stopped when the source is removed; `dispose` runs then too. */
  'kt-source-add-request': { media: MediaStream; options: SourceOptions; owned?: boolean; dispose?: () => void };
  'kt-source-replace-request': { id: string; media: MediaStream };
  'kt-source-remove-request': { id: string };
  'kt-mute-request': { id: string; audio?: boolean; video?: boolean };
  /** `gain` is linear, 0..8. */
  'kt-gain-request': { id: string; gain: number };
  'kt-name-request': { id: string; name: string; show: boolean };
  /** Put a hook into the list without showing it. */
  'kt-hook-add-request': { hook: HookOptions };
  /** Other words or another place for a hook of the list; one that is shown changes in the picture. */
  'kt-hook-change-request': { id: string; hook: HookOptions };
  /** Another place in the list, counted from 0. */
  'kt-hook-move-request': { id: string; to: number };
  /** Show a hook, in place of the one that is there, and keep it in the list. */
  'kt-hook-show-request': { hook: HookOptions };
  'kt-hook-hide-request': { id: string };
  /** Forget a hook of the list; a visible one is hidden first. */
  'kt-hook-remove-request': { id: string };
}

/** Detail of every request event, by name. */
export interface KtRequestMap extends KtTakeRequestMap, KtStageRequestMap {}

/** Name of a request event. */
export type KtRequestName = keyof KtRequestMap;

/** What `<kt-recovery-modal>` asks for; `id` is that of the unfinished take. */
export interface KtRecoveryRequestMap {
  /** Finish the take from what is in the store and on this machine. */
  'kt-salvage-request': { id: string };
  /** Throw the take away, here and in the store. Sent after the person has agreed. */
  'kt-start-over-request': { id: string };
  /** Save what is on this machine as a file. */
  'kt-take-download-request': { id: string };
}

/**
 * A wish of a person, on its way up the page. `preventDefault()` keeps it from
 * the recorder; the page then acts itself.
 */
export class KtRequestEvent<K extends KtRequestName> extends CustomEvent<KtRequestMap[K]> {
  constructor(name: K, detail: KtRequestMap[K]) {
    super(name, { detail, bubbles: true, composed: true, cancelable: true });
  }
}

/** The same for an unfinished take: `preventDefault()` keeps it from the {@link Recovery}. */
export class KtRecoveryRequestEvent<K extends keyof KtRecoveryRequestMap> extends CustomEvent<KtRecoveryRequestMap[K]> {
  constructor(name: K, detail: KtRecoveryRequestMap[K]) {
    super(name, { detail, bubbles: true, composed: true, cancelable: true });
  }
}

type Requests = { [K in KtRequestName]: KtRequestEvent<K> };
type RecoveryRequests = { [K in keyof KtRecoveryRequestMap]: KtRecoveryRequestEvent<K> };

/** Every event of the elements, by name; all of them bubble and are composed. */
export interface KtEventMap extends Requests, RecoveryRequests {
  /** Of `<kt-player>`: the file was saved, or its download has begun. */
  'kt-downloaded': CustomEvent<null>;
  /** Of `<kt-recovery-modal>`: a take is finished. */
  'kt-salvaged': CustomEvent<FinishedTake>;
  /** A take is thrown away; its id. */
  'kt-started-over': CustomEvent<string>;
  /** It was brought back; its id. */
  'kt-start-over-undone': CustomEvent<string>;
  /** The list was read. */
  'kt-recovery-change': CustomEvent<readonly UnfinishedTake[]>;
  /** The list could not be read. */
  'kt-recovery-error': CustomEvent<unknown>;
}

declare global {
  /** `HTMLElementEventMap`, `DocumentEventMap` and `WindowEventMap` are made of this. */
  interface GlobalEventHandlersEventMap extends KtEventMap {}
}
