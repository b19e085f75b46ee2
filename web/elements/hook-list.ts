/** The hooks of a page: prepared, shown, edited, in an order; one at a place. */

import type { HookOptions, Recorder } from 'keeptake';
import { languageOf } from './strings.js';

/** A hook of this page's list, shown or not. */
export interface HookEntry extends HookOptions {
  id: string;
  visible: boolean;
}

/** More would not be found again in a list. */
const MOST_HOOKS = 60;

/** An id that no hook of another page, kept in a scene of earlier, has either. */
function newId(): string {
  const [a = 0, b = 0] = crypto.getRandomValues(new Uint32Array(2));
  return `hook-${a.toString(36)}${b.toString(36)}`;
}

/** Of one recorder. `changed` is called after each change, `failed` with what could not be done unasked. */
export class HookList {
  entries: readonly HookEntry[] = [];
  readonly #recorder: Recorder;
  readonly #changed: () => void;
  readonly #failed: (error: unknown) => void;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(recorder: Recorder, changed: () => void, failed: (error: unknown) => void) {
    this.#recorder = recorder;
    this.#changed = changed;
    this.#failed = failed;
  }

  /**
   * Puts a hook at the end of the list, not on the picture; one of the same id is replaced. Gives its id.
   * @throws {Error} where the list is full
   */
  add(hook: HookOptions): string {
    const id = hook.id ?? newId();
    this.#put({ ...hook, id, visible: this.#find(id)?.visible ?? false });
    this.#changed();
    return id;
  }

  /** Shows a hook in place of the one that is there, and keeps it in the list. */
  async show(hook: HookOptions): Promise<void> {
    const id = hook.id ?? newId();
    this.#room(id);
    await this.#recorder.showHook({ ...hook, id });
    const before = this.entries.filter((h) => h.visible && h.id !== id && h.sourceId === hook.sourceId);
    this.#put({ ...hook, id, visible: true });
    this.#hideLater(id, hook.duration);
    this.#changed();
    // The old one goes last: a refused hook changes nothing.
    await Promise.all(before.map((h) => this.hide(h.id)));
  }

  async hide(id: string): Promise<void> {
    await this.#recorder.hideHook(id);
    this.#markHidden(id);
  }

  /** Gives a hook other words or another place; one on the picture changes there. An unknown id changes nothing. */
  async change(id: string, hook: HookOptions): Promise<void> {
    const old = this.#find(id);
    if (old?.visible === true) {
      await this.show({ ...hook, id });
    } else if (old !== undefined) {
      this.add({ ...hook, id });
    }
  }

  /** Forgets a hook; a visible one is hidden first. */
  async remove(id: string): Promise<void> {
    if (this.#find(id)?.visible === true) {
      await this.hide(id);
    }
    this.entries = this.entries.filter((h) => h.id !== id);
    this.#changed();
  }

  /** Moves a hook to a place of the list, counted from 0. */
  move(id: string, to: number): void {
    const hook = this.#find(id);
    if (hook !== undefined) {
      const others = this.entries.filter((h) => h.id !== id);
      const at = Math.max(0, Math.min(others.length, to));
      this.entries = [...others.slice(0, at), hook, ...others.slice(at)];
      this.#changed();
    }
  }

  /**
   * Makes the picture show just those that are visible here; they and the others are put into the list with the
   * words that they have here. Hooks on people who are not there stay in the list only.
   */
  async restore(hooks: readonly HookEntry[]): Promise<void> {
    const people = new Set(this.#recorder.sources.map((s) => s.id));
    const shown = hooks.filter((h) => h.visible && (h.sourceId === undefined || people.has(h.sourceId)));
    const gone = this.entries.filter((h) => h.visible && !shown.some((s) => s.id === h.id));
    await Promise.all(gone.map((h) => this.hide(h.id)));
    for (const { visible: _visible, ...hook } of hooks.slice(0, MOST_HOOKS)) {
      if (shown.some((s) => s.id === hook.id)) {
        await this.show(hook);
      } else {
        this.add(hook);
      }
    }
  }

  /** Takes the hooks of another recorder over, none of them shown. */
  adopt(hooks: readonly HookEntry[]): void {
    this.entries = hooks.map((hook) => ({ ...hook, visible: false }));
    this.#changed();
  }

  /** A hook on somebody who left is not shown any more, and does not come back with the next of that id. */
  peopleChanged(): void {
    const here = new Set(this.#recorder.sources.map((s) => s.id));
    for (const { id, sourceId, visible } of this.entries) {
      if (visible && sourceId !== undefined && !here.has(sourceId)) {
        this.#markHidden(id);
        void this.#recorder.hideHook(id).catch(this.#failed);
      }
    }
  }

  #find(id: string): HookEntry | undefined {
    return this.entries.find((h) => h.id === id);
  }

  #room(id: string): void {
    if (this.entries.length >= MOST_HOOKS && this.#find(id) === undefined) {
      throw new Error(languageOf().words.hooks.full(MOST_HOOKS));
    }
  }

  #put(entry: HookEntry): void {
    this.#room(entry.id);
    this.entries =
      this.#find(entry.id) === undefined
        ? [...this.entries, entry]
        : this.entries.map((h) => (h.id === entry.id ? entry : h));
  }

  #hideLater(id: string, seconds: number | undefined): void {
    clearTimeout(this.#timers.get(id));
    if (seconds !== undefined) {
      this.#timers.set(
        id,
        setTimeout(() => this.#markHidden(id), seconds * 1000),
      );
    }
  }

  #markHidden(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.entries = this.entries.map((h) => (h.id === id ? { ...h, visible: false } : h));
    this.#changed();
  }
}
