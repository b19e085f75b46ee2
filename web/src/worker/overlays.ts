/** Names and hooks of the picture: rasterised for the size of their tile, and again when that changes. */

import { SpriteKind } from '../engine/contract.gen.js';
import type { EngineRecorder } from '../engine/engine.js';
import { KeeptakeError } from '../base/errors.js';
import type { Corner, HookOptions } from '../base/types.js';
import { CORNER_KIND, logoSprite } from './logo.js';
import type { Source, Sources } from './sources.js';
import { hookSprite, nameSprite } from './sprites.js';

/** Longer than any transition: then every tile stands where it will stay. */
const SETTLED_US = 10_000_000;

/** Of its sprite. Hooks of a page have no colon in their ids, unless it names them so. */
const LOGO_ID = 'corner:logo';

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
  /** Size of the tile for which a sprite was drawn last. */
  readonly #tiles = new Map<string, string>();

  constructor(options: OverlaysOptions) {
    this.#options = options;
  }

  /** Draws what has a tile of another size than when it was drawn last; call after every change of the picture. */
  redraw(): void {
    for (const source of this.#options.sources.all()) this.#drawName(source);
    for (const [id, { hook }] of this.#hooks) this.#drawHook(id, hook, false);
  }

  /** Name or `showName` of the source changed. */
  renamed(source: Source): void {
    this.#tiles.delete(`name:${source.id}`);
    if (!source.showName || source.name.trim() === '') this.#hide(`name:${source.id}`);
    this.redraw();
  }

  /** The source leaves. */
  removed(source: Source): void {
    this.#tiles.delete(`name:${source.id}`);
    this.#hide(`name:${source.id}`);
  }

  /**
   * Shows a hook, or another text of it. One at the same place leaves, since both would lie on top of each other.
   * @throws {KeeptakeError} `'bad-argument'` without a text, `'limit'` where too many are shown
   */
  showHook(hook: HookOptions & { id: string }): void {
    if (hook.text.trim() === '') throw new KeeptakeError('bad-argument', 'A hook needs a text.');
    clearTimeout(this.#hooks.get(hook.id)?.timer);
    this.#drawHook(hook.id, hook, true);
    const seconds = hook.duration;
    const timer = seconds && seconds > 0 ? setTimeout(() => this.hideHook(hook.id), seconds * 1000) : undefined;
    this.#hooks.set(hook.id, { hook, ...(timer === undefined ? {} : { timer }) });
    for (const [id, { hook: other }] of this.#hooks)
      if (id !== hook.id && (other.sourceId ?? '') === (hook.sourceId ?? '')) this.hideHook(id);
  }

  hideHook(id: string): void {
    clearTimeout(this.#hooks.get(id)?.timer);
    this.#hooks.delete(id);
    this.#tiles.delete(id);
    this.#hide(id);
  }

  /** Shows a logo in place of the one before; null: none. It is read during the call. */
  setLogo(logo: { image: ImageBitmap; corner: Corner; size: number } | null): void {
    if (!logo) return this.#hide(LOGO_ID);
    const { recorder, nowUs, wallUs } = this.#options;
    const sprite = logoSprite(logo.image, logo.size, this.#options);
    const what = { id: LOGO_ID, kind: CORNER_KIND[logo.corner], sourceId: '', text: '' };
    recorder.showSprite(what, sprite.rgba, sprite, nowUs(), wallUs());
  }

  close(): void {
    for (const { timer } of this.#hooks.values()) clearTimeout(timer);
    this.#hooks.clear();
  }

  #hide(id: string): void {
    const { recorder, nowUs, wallUs } = this.#options;
    recorder.hideSprite(id, nowUs(), wallUs());
  }

  /** Pixels of a source's tile once a running transition is over; of the canvas where it has none. */
  #tile(sourceId: string | undefined): { width: number; height: number } {
    const { recorder, composed, nowUs, width, height } = this.#options;
    const ids = composed();
    const place = recorder.placed(nowUs() + SETTLED_US).find(({ source }) => ids[source] === sourceId);
    return { width: (place?.width ?? 1) * width, height: (place?.height ?? 1) * height };
  }

  /** False where the sprite is drawn for a tile of this size already; remembers it otherwise. */
  #isNew(id: string, { width, height }: { width: number; height: number }): boolean {
    const size = `${width} ${height}`;
    if (this.#tiles.get(id) === size) return false;
    this.#tiles.set(id, size);
    return true;
  }

  #drawName(source: Source): void {
    if (!source.showName || source.name.trim() === '') return;
    const { recorder, height, nowUs, wallUs } = this.#options;
    const id = `name:${source.id}`;
    const tile = this.#tile(source.id);
    if (!this.#isNew(id, { ...tile, height: 0 })) return;
    const sprite = nameSprite(source.name, tile.width, height);
    if (!sprite) return;
    const what = { id, kind: SpriteKind.name, sourceId: source.id, text: source.name };
    recorder.showSprite(what, sprite.rgba, sprite, nowUs(), wallUs());
  }

  #drawHook(id: string, hook: HookOptions, fresh: boolean): void {
    const { recorder, height, nowUs, wallUs } = this.#options;
    const tile = this.#tile(hook.sourceId);
    if (!this.#isNew(id, tile) && !fresh) return;
    const sprite = hookSprite(hook, tile, height);
    const what = { id, kind: SpriteKind.hook, sourceId: hook.sourceId ?? '', text: hook.text };
    recorder.showSprite(what, sprite.rgba, sprite, nowUs(), wallUs());
  }
}
