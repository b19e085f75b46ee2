/** Takes that were just thrown away, each with its Undo, for as long as that works. */

import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from 'lit';
import type { StartedOver, UnfinishedTake } from 'keeptake';
import { icon } from './icons.js';
import { titleOf } from './recovery-words.js';
import { languageOf } from './strings.js';

/** So long Start Over can be undone. */
export const UNDO_SECONDS = 10;

export interface Undoable {
  take: UnfinishedTake;
  started: StartedOver;
  /** Whole seconds. */
  left: number;
  /** It is being brought back. */
  busy: boolean;
}

export class UndoList implements ReactiveController {
  readonly #host: ReactiveControllerHost & HTMLElement;
  readonly #over: (undoable: Undoable) => void;
  #all: Undoable[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `over` is told of each whose time is up, before it goes. */
  constructor(host: ReactiveControllerHost & HTMLElement, over: (undoable: Undoable) => void) {
    this.#host = host;
    this.#over = over;
    host.addController(this);
  }

  /** There is something to bring back. */
  get pending(): boolean {
    return this.#all.length > 0;
  }

  add(take: UnfinishedTake, started: StartedOver): void {
    this.#all = [...this.#all, { take, started, left: UNDO_SECONDS, busy: false }];
    this.#timer ??= setInterval(() => this.#tick(), 1000);
    this.#host.requestUpdate();
  }

  /** Its time does not run out while it is being brought back. */
  hold(undoable: Undoable): void {
    undoable.busy = true;
    this.#host.requestUpdate();
  }

  remove(undoable: Undoable): void {
    this.#all = this.#all.filter((each) => each !== undoable);
    this.#host.requestUpdate();
  }

  /** What is left of it is recovery's affair. */
  hostDisconnected(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#all = [];
  }

  /** Seconds are shown, but not spoken each time: `undo` is told once, by the element. */
  render(undo: (undoable: Undoable) => void): TemplateResult | typeof nothing {
    const language = languageOf(this.#host);
    const { recovery: words } = language.words;
    return this.#all.length === 0
      ? nothing
      : html`${this.#all.map(
          (each) => html`<div class="note undo" part="undo">
            ${icon('trash')}
            <div>
              <strong>${words.isThrownAway(titleOf(each.take, language))}</strong>
              <p aria-hidden="true">${words.forGoodIn(each.left)}</p>
            </div>
            <button class="back" ?disabled=${each.busy} data-undo=${each.take.id} aria-label=${words.undoOf(titleOf(each.take, language))} @click=${() => undo(each)}>
              ${words.undo}
            </button>
          </div>`,
        )}`;
  }

  #tick(): void {
    for (const each of this.#all.filter(({ busy }) => !busy)) {
      each.left -= 1;
    }
    for (const each of this.#all.filter(({ left, busy }) => left <= 0 && !busy)) {
      this.#over(each);
      this.remove(each);
    }
    if (this.#all.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    this.#host.requestUpdate();
  }
}
