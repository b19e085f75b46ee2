/** Names and hooks of the picture: rasterised for the width of their tile, and again when that changes. */

import { SpriteKind } from '../engine/contract.gen.js';
import type { EngineRecorder } from '../engine/engine.js';
import { KeeptakeError } from '../errors.js';
import type { HookOptions } from '../types.js';
import type { Source, Sources } from './sources.js';
import { hookSprite, nameSprite } from './sprites.js';

/** Longer than any transition: then every tile stands where it will stay. */
const SETTLED_US = 10_000_000;

export interface OverlaysOptions {
  recorder: EngineRecorder;
  sources: Sources;
  /** Canvas, pixels. */
  width: number;
  height: number;
  nowUs: () => number;
  wallUs: () => number;
  /** Ids of the composition's sources, in its order. */
  composed: () => string[];
}

export class Overlays {
  readonly #options: OverlaysOptions;
  readonly #hooks = new Map<string, { hook: HookOptions; timer?: ReturnType<typeof setTimeout> }>();
  /** Tile width for which a sprite was drawn last. */
  readonly #widths = new Map<string, number>();

  constructor(options: OverlaysOptions) {
    this.#options = options;
  }

  /** Draws what has another tile width than when it was drawn last; call after every change of the picture. */
  redraw(): void {
    for (const source of this.#options.sources.all()) this.#drawName(source);
    for (const [id, { hook }] of this.#hooks) this.#drawHook(id, hook, false);
  }

  /** Name or `showName` of the source changed. */
  renamed(source: Source): void {
    this.#widths.delete(`name:${source.id}`);
    if (!source.showName || source.name.trim() === '') this.#hide(`name:${source.id}`);
    this.redraw();
  }

  /** The source leaves. */
  removed(source: Source): void {
    this.#widths.delete(`name:${source.id}`);
    this.#hide(`name:${source.id}`);
  }

  /** @throws {KeeptakeError} `'bad-argument'` without a text, `'limit'` where too many are shown */
  showHook(hook: HookOptions & { id: string }): void {
    if (hook.text.trim() === '') throw new KeeptakeError('bad-argument', 'A hook needs a text.');
    clearTimeout(this.#hooks.get(hook.id)?.timer);
    this.#drawHook(hook.id, hook, true);
    const seconds = hook.duration;
    const timer = seconds && seconds > 0 ? setTimeout(() => this.hideHook(hook.id), seconds * 1000) : undefined;
    this.#hooks.set(hook.id, { hook, ...(timer === undefined ? {} : { timer }) });
  }

  hideHook(id: string): void {
    clearTimeout(this.#hooks.get(id)?.timer);
    this.#hooks.delete(id);
    this.#widths.delete(id);
    this.#hide(id);
  }

  close(): void {
    for (const { timer } of this.#hooks.values()) clearTimeout(timer);
    this.#hooks.clear();
  }

  #hide(id: string): void {
    const { recorder, nowUs, wallUs } = this.#options;
    recorder.hideSprite(id, nowUs(), wallUs());
  }

  /** Width in pixels of a source's tile once a running transition is over; the canvas where it has none. */
  #tileWidth(sourceId: string | undefined): number {
    const { recorder, composed, nowUs, width } = this.#options;
    const ids = composed();
    const place = recorder.placed(nowUs() + SETTLED_US).find(({ source }) => ids[source] === sourceId);
    return (place?.width ?? 1) * width;
  }

  #drawName(source: Source): void {
    if (!source.showName || source.name.trim() === '') return;
    const { recorder, height, nowUs, wallUs } = this.#options;
    const id = `name:${source.id}`;
    const width = this.#tileWidth(source.id);
    if (this.#widths.get(id) === width) return;
    const sprite = nameSprite(source.name, width, height);
    if (!sprite) return;
    this.#widths.set(id, width);
    const what = { id, kind: SpriteKind.name, sourceId: source.id, text: source.name };
    recorder.showSprite(what, sprite.rgba, sprite, nowUs(), wallUs());
  }

  #drawHook(id: string, hook: HookOptions, fresh: boolean): void {
    const { recorder, height, nowUs, wallUs } = this.#options;
    const width = this.#tileWidth(hook.sourceId);
    if (!fresh && this.#widths.get(id) === width) return;
    const sprite = hookSprite(hook, width, height);
    this.#widths.set(id, width);
    const what = { id, kind: SpriteKind.hook, sourceId: hook.sourceId ?? '', text: hook.text };
    recorder.showSprite(what, sprite.rgba, sprite, nowUs(), wallUs());
  }
}
