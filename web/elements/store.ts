/** The one truth that all elements of a recorder show: how its take stands, and what its picture looks like. */

import type { Composition, CompositionSource, Recorder, SourceInfo, TakeControls } from 'keeptake';
import type { HookEntry } from './hook-list.js';
import type { Logo } from './logo.js';
import type { KtRequestMap, KtRequestName } from './requests.js';
import type { SceneLook } from './scene.js';
import { StageStore, type SourceMedia } from './stage-store.js';
import { TakeStore } from './take-store.js';

export type { HookEntry } from './hook-list.js';
export type { SourceMedia } from './stage-store.js';
export { codeOf, messageOf, TakeStore, type Notice, type StoreTopic } from './take-store.js';

const stores = new WeakMap<TakeControls, TakeStore>();

/** The store of a recorder, or of whatever else steers a take; the same one for every caller. */
export function storeOf(recorder: Recorder): RecorderStore;
export function storeOf(controls: TakeControls): TakeStore;
export function storeOf(controls: TakeControls): TakeStore {
  let store = stores.get(controls);
  if (store === undefined) {
    store = isRecorder(controls) ? new RecorderStore(controls) : new TakeStore(controls);
    stores.set(controls, store);
  }
  return store;
}

/** It has a picture of its own, with people in it. */
function isRecorder(controls: TakeControls): controls is Recorder {
  return 'composition' in controls && 'addSource' in controls;
}

/** See {@link storeOf}. Made once for each recorder and kept as long as it. */
export class RecorderStore extends TakeStore {
  declare readonly recorder: Recorder;
  readonly #stage: StageStore;

  constructor(recorder: Recorder) {
    super(recorder);
    this.#stage = new StageStore(recorder, {
      changed: (topic) => this.emit(topic),
      failed: (error) => this.report(error),
      forgetSource: (id) => this.forgetSource(id),
    });
  }

  /** Who is there, as the recorder tells. */
  get sources(): readonly SourceInfo[] {
    return this.#stage.sources;
  }
  /** The composition as last asked for, ahead of the engine's answer. */
  get composition(): Composition {
    return this.#stage.composition;
  }
  /** Sources whose name tag is drawn. */
  get shownNames(): ReadonlySet<string> {
    return this.#stage.shownNames;
  }
  /** What each source was made of, by its id. */
  get media(): ReadonlyMap<string, SourceMedia> {
    return this.#stage.media;
  }
  /** Hooks of this page, in the order of their list. */
  get hooks(): readonly HookEntry[] {
    return this.#stage.hooks;
  }
  /** The logo, shown or not; null: none. */
  get logo(): Logo | null {
    return this.#stage.logo;
  }
  override get isEmpty(): boolean {
    return this.sources.length === 0;
  }

  /** How a source is drawn, or its defaults when the composition does not name it. */
  look(id: string): CompositionSource {
    return this.#stage.look(id);
  }
  /** The name of a source, or its id while it has none. */
  nameOf(id: string): string {
    return this.#stage.nameOf(id);
  }
  /** The look of the picture now, to be kept. */
  scene(): SceneLook {
    return this.#stage.scene();
  }
  /** Takes the last change of the picture back, a scene with its hooks and names; false when there is none. */
  undo(): boolean {
    return this.#stage.undo();
  }
  /** Moves a finished store's sources, hooks and composition to this one, for a recorder with other settings. */
  adopt(old: RecorderStore): Promise<void> {
    return this.#stage.adopt(old.#stage);
  }
  /** Lets go of all media, for a recorder that is closed: owned tracks are stopped. */
  release(): void {
    this.#stage.release();
  }

  protected override act<K extends KtRequestName>(name: K, detail: KtRequestMap[K]): Promise<unknown> {
    const actions: Partial<Record<KtRequestName, unknown>> = this.#stage.actions;
    const action = actions[name] as ((detail: KtRequestMap[K]) => Promise<unknown>) | undefined;
    return action ? action(detail) : super.act(name, detail);
  }
}
