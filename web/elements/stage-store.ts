/** Who is in the picture and what it looks like: what a recorder has of it, plus what it does not keep itself. */

import type { Composition, CompositionSource, Recorder, SourceInfo, SourceOptions } from 'keeptake';
import { Backdrops } from './backdrops.js';
import { HookList, type HookEntry } from './hook-list.js';
import { LogoOverlay, type Logo } from './logo.js';
import type { KtStageRequestMap } from './requests.js';
import { forPeople, withAbsent, type SceneLook, type SceneName } from './scene.js';
import type { StoreTopic } from './take-store.js';

/** The media behind a source, while this page holds it. */
export interface SourceMedia {
  stream: MediaStream;
  /** The tracks are stopped with the source. */
  owned: boolean;
  dispose?: () => void;
}

/** Compositions that can be brought back, and the pause that ends a gesture. */
const UNDO_STEPS = 50;
const GESTURE_MS = 400;

function imageOf({ background }: Composition): string | undefined {
  return background?.kind === 'image' ? background.image : undefined;
}

/** What undo brings back: a composition with its picture, after a scene its hooks and names too. */
interface Step extends Pick<SceneLook, 'composition' | 'picture'> {
  rest?: Pick<SceneLook, 'hooks' | 'names'>;
}

/** Where what happens here is told. */
export interface StageTold {
  changed: (topic: StoreTopic) => void;
  failed: (error: unknown) => void;
  /** Nothing that was told of the source holds any more. */
  forgetSource: (id: string) => void;
}

export class StageStore {
  readonly recorder: Recorder;
  sources: readonly SourceInfo[];
  /** The composition as last asked for, ahead of the engine's answer. */
  composition: Composition;
  /** Sources whose name tag is drawn. */
  readonly shownNames = new Set<string>();
  readonly media = new Map<string, SourceMedia>();
  readonly #told: StageTold;
  readonly #hooks: HookList;
  #history: Step[] = [];
  #undoing: Promise<unknown> = Promise.resolve();
  readonly #backdrops: Backdrops;
  readonly #logo: LogoOverlay;
  /** Looks and names that a scene has for people who are not here. */
  readonly #absent = new Map<string, CompositionSource>();
  readonly #absentNames = new Map<string, SceneName>();
  #rememberedAt = -Infinity;
  #composing = 0;

  constructor(recorder: Recorder, told: StageTold) {
    this.recorder = recorder;
    this.#told = told;
    this.sources = recorder.sources;
    this.composition = recorder.composition;
    this.#backdrops = new Backdrops(recorder);
    this.#logo = new LogoOverlay(recorder, () => this.#emit('logo'));
    this.#hooks = new HookList(recorder, () => this.#emit('hooks'), told.failed);
    recorder.on('sources', (sources) => {
      this.sources = sources;
      this.#emit('sources');
      this.#hooks.peopleChanged();
    });
    recorder.on('composition', (composition) => {
      if (this.#composing === 0) {
        this.composition = composition;
        this.#emit('composition');
      }
    });
  }

  /** Hooks of this page, in the order of their list. */
  get hooks(): readonly HookEntry[] {
    return this.#hooks.entries;
  }

  /** The logo, shown or not; null: none. */
  get logo(): Logo | null {
    return this.#logo.current;
  }

  /** How a source is drawn, or its defaults when the composition does not name it. */
  look(id: string): CompositionSource {
    return this.composition.sources.find((s) => s.id === id) ?? { id };
  }

  /** The name of a source, or its id while it has none. */
  nameOf(id: string): string {
    return this.sources.find((s) => s.id === id)?.name || id;
  }

  /** Moves a finished stage's sources, hooks and composition to this one, for a recorder with other settings. */
  async adopt(old: StageStore): Promise<void> {
    for (const source of old.sources) {
      const media = old.media.get(source.id);
      if (media === undefined || source.ended) {
        continue;
      }
      old.media.delete(source.id);
      try {
        await this.#adoptSource(source, media, old.shownNames.has(source.id));
      } catch (error) {
        // The others come all the same; its own tracks are stopped by now.
        this.#told.failed(error);
      }
    }
    old.release();
    this.#hooks.adopt(old.hooks);
    if (old.logo !== null) {
      await this.#logo.set(old.logo);
    }
    old.#absent.forEach((look, id) => this.#absent.set(id, look));
    old.#absentNames.forEach((name, id) => this.#absentNames.set(id, name));
    await this.#bring({ ...old.#step(), composition: forPeople(old.composition, this.composition.sources) }, false);
  }

  async #adoptSource(source: SourceInfo, media: SourceMedia, showName: boolean): Promise<void> {
    const { id, name, kind, gain, audioMuted, videoMuted } = source;
    await this.#add(media, { id, name, kind, showName });
    if (audioMuted || videoMuted) {
      await this.recorder.setMuted(id, { audio: audioMuted, video: videoMuted });
    }
    if (gain !== 1) {
      await this.recorder.setGain(id, gain);
    }
  }

  /** Lets go of all media, for a recorder that is closed: owned tracks are stopped. */
  release(): void {
    for (const id of [...this.media.keys()]) {
      this.#release(id);
    }
  }

  /** The look of the picture now, to be kept. */
  scene(): SceneLook {
    const { composition, picture } = this.#step();
    const names = new Map(this.#absentNames);
    for (const { id, name } of this.sources) {
      names.set(id, { name, show: this.shownNames.has(id) });
    }
    return {
      composition: withAbsent(composition, this.#absent),
      hooks: this.hooks.map((hook) => ({ ...hook })),
      names: Object.fromEntries(names),
      ...(picture === undefined ? {} : { picture }),
    };
  }

  readonly actions: { [K in keyof KtStageRequestMap]: (detail: KtStageRequestMap[K]) => Promise<unknown> } = {
    'kt-composition-request': (d) => this.#compose(d.composition),
    'kt-background-image-request': async (d) => {
      const image = await this.#backdrops.place(d.image, imageOf(this.composition));
      await this.#compose({ ...this.composition, background: { kind: 'image', image } });
    },
    'kt-logo-request': (d) => this.#logo.set(d),
    'kt-scene-request': (d) => this.#bring({ ...d.look, rest: d.look }, d.undo ?? true),
    'kt-source-add-request': (d) =>
      this.#add({ stream: d.media, owned: d.owned ?? false, ...(d.dispose ? { dispose: d.dispose } : {}) }, d.options),
    'kt-source-replace-request': async (d) => {
      const old = this.media.get(d.id);
      await this.recorder.replaceSource(d.id, d.media);
      this.media.set(d.id, { stream: d.media, owned: old?.owned ?? true });
      const kept = new Set(d.media.getTracks());
      if (old?.owned) {
        old.stream.getTracks().forEach((track) => (kept.has(track) ? undefined : track.stop()));
      }
      old?.dispose?.();
      this.#told.forgetSource(d.id);
    },
    'kt-source-remove-request': async (d) => {
      this.#absent.delete(d.id);
      this.#absentNames.delete(d.id);
      await this.recorder.removeSource(d.id);
      this.#release(d.id);
      if (this.composition.sources.some((s) => s.id === d.id)) {
        const { focus, ...rest } = this.composition;
        await this.#compose({
          ...rest,
          ...(focus === undefined || focus === d.id ? {} : { focus }),
          sources: rest.sources.filter((s) => s.id !== d.id),
        });
      }
    },
    'kt-mute-request': ({ id, audio, video }) =>
      this.recorder.setMuted(id, {
        ...(audio === undefined ? {} : { audio }),
        ...(video === undefined ? {} : { video }),
      }),
    'kt-gain-request': (d) => this.recorder.setGain(d.id, d.gain),
    'kt-name-request': async (d) => {
      await this.recorder.setName(d.id, d.name, d.show);
      this.shownNames[d.show ? 'add' : 'delete'](d.id);
      this.#emit('sources');
    },
    'kt-hook-add-request': async (d) => this.#hooks.add(d.hook),
    'kt-hook-change-request': (d) => this.#hooks.change(d.id, d.hook),
    'kt-hook-move-request': async (d) => this.#hooks.move(d.id, d.to),
    'kt-hook-show-request': (d) => this.#hooks.show(d.hook),
    'kt-hook-hide-request': (d) => this.#hooks.hide(d.id),
    'kt-hook-remove-request': (d) => this.#hooks.remove(d.id),
  };

  /** Adds a source; where a scene knows it already, with the look and the name that it has there. */
  async #add(media: SourceMedia, options: SourceOptions): Promise<void> {
    const { id } = options;
    const known = this.#absentNames.get(id);
    const named = known === undefined ? options : { ...options, name: known.name, showName: known.show };
    const look = this.#absent.get(id);
    try {
      if (look !== undefined && !this.composition.sources.some((s) => s.id === id)) {
        await this.#compose({ ...this.composition, sources: [...this.composition.sources, look] }, false);
      }
      await this.recorder.addSource(media.stream, named);
    } catch (error) {
      if (media.owned) {
        media.stream.getTracks().forEach((track) => track.stop());
      }
      media.dispose?.();
      throw error;
    }
    this.#absent.delete(id);
    this.#absentNames.delete(id);
    this.media.set(id, media);
    if (named.showName === true) {
      this.shownNames.add(id);
    }
    this.sources = this.recorder.sources;
    this.#emit('sources');
    if (!this.composition.sources.some((s) => s.id === id)) {
      const fit = options.kind === 'screen' ? ({ fit: 'contain' } as const) : {};
      const sources = [...this.composition.sources, { id, ...fit }];
      await this.#compose({ ...this.composition, sources }, false);
    }
  }

  /** Stops what this page owns of a source, and forgets what was told of it. */
  #release(id: string): void {
    const media = this.media.get(id);
    if (media?.owned) {
      media.stream.getTracks().forEach((track) => track.stop());
    }
    media?.dispose?.();
    this.media.delete(id);
    this.shownNames.delete(id);
    this.#told.forgetSource(id);
  }

  /** Takes the last change of the picture back, a scene with its hooks and names; false when there is none. */
  undo(): boolean {
    const before = this.#history.pop();
    if (before === undefined) {
      return false;
    }
    this.#undoing = this.#undoing
      .then(() => this.#bring(before, false))
      .catch((error: unknown) => this.#told.failed(error));
    return true;
  }

  #step(): Step {
    const picture = this.#backdrops.pictureOf(imageOf(this.composition));
    return { composition: this.composition, ...(picture === undefined ? {} : { picture }) };
  }

  /** One step for each gesture: what follows within the time belongs to it. */
  #remember(step: Step): void {
    const now = performance.now();
    if (now - this.#rememberedAt > GESTURE_MS || step.rest !== undefined) {
      this.#history = [...this.#history, step].slice(-UNDO_STEPS);
    }
    this.#rememberedAt = now;
  }

  /** Makes the picture look so. People who came or went since then stay as they are now. */
  async #bring({ composition, picture, rest }: Step, remember: boolean): Promise<void> {
    if (remember) {
      this.#remember({ ...this.#step(), rest: this.scene() });
    }
    let background = composition.background;
    if (picture !== undefined && background?.kind === 'image') {
      background = { kind: 'image', image: await this.#backdrops.place(picture, imageOf(this.composition)) };
    } else if (background?.kind === 'image' && rest !== undefined) {
      // A scene whose picture is lost leaves that of now.
      background = this.composition.background;
    }
    if (rest !== undefined) {
      await this.#rename(rest.names);
    }
    const absent = rest === undefined ? undefined : this.#absent;
    const wanted = { ...composition, ...(background === undefined ? {} : { background }) };
    await this.#compose(forPeople(wanted, this.composition.sources, absent), false);
    if (rest !== undefined) {
      await this.#hooks.restore(rest.hooks);
    }
  }

  async #rename(names: Record<string, SceneName>): Promise<void> {
    for (const [id, { name, show }] of Object.entries(names)) {
      const source = this.sources.find((s) => s.id === id);
      if (source === undefined) {
        this.#absentNames.set(id, { name, show });
      } else if (source.name !== name || this.shownNames.has(id) !== show) {
        await this.actions['kt-name-request']({ id, name, show });
      }
    }
  }

  async #compose(composition: Composition, remember = true): Promise<void> {
    if (remember) {
      this.#remember(this.#step());
    }
    this.composition = composition;
    this.#composing += 1;
    this.#emit('composition');
    try {
      await this.recorder.setComposition(composition);
    } catch (error) {
      this.composition = this.recorder.composition;
      throw error;
    } finally {
      this.#composing -= 1;
      this.#emit('composition');
    }
  }

  #emit(topic: StoreTopic): void {
    this.#told.changed(topic);
  }
}
