/** A list whose entries are put into another order by a handle: with the mouse, a finger or the arrow keys. */

import { css, html, type LitElement, type ReactiveController, type TemplateResult } from 'lit';
import { icon } from './icons.js';
import { languageOf } from './strings.js';

/** Movement that tells a drag from a press, CSS pixels. */
const DRAG_START_PX = 4;
/** Nearer to the edge of what scrolls than this, a drag scrolls it. */
const SCROLL_EDGE_PX = 36;
const SCROLL_STEP_PX = 9;

interface Drag {
  id: string;
  pointer: number;
  grip: HTMLElement;
  /** Where the pointer went down, in the coordinates of the list's content. */
  from: number;
  items: HTMLElement[];
  /** Middles of the items, in the same coordinates. */
  middles: number[];
  /** Space that the dragged item leaves. */
  step: number;
  index: number;
  to: number;
  moved: boolean;
  scroller: Element | null;
}

/** Styles for the handle and what moves; the host's `li` need a `data-sort` with their id. */
export const sortStyles = css`
  .grip {
    flex: none;
    width: 28px;
    min-height: 36px;
    margin-inline-start: -6px;
    cursor: grab;
    touch-action: none;
  }
  .grip:active {
    cursor: grabbing;
  }
  [data-sort].lifted {
    position: relative;
    z-index: 1;
    box-shadow: 0 8px 24px rgb(0 0 0 / 0.35);
  }
  .sorting [data-sort]:not(.lifted) {
    transition: transform 0.14s;
  }
  @media (pointer: coarse) {
    .grip {
      width: 44px;
      min-height: 44px;
    }
  }
`;

/**
 * `moved(id, to)` is called when an entry was let go at another place, or moved by a key: Up and Down by one, Home and
 * End to the ends. Escape, and a pointer that is taken away, leave everything as it was.
 */
export class SortList implements ReactiveController {
  readonly #host: LitElement;
  readonly #moved: (id: string, to: number) => void;
  #drag: Drag | null = null;
  /** For assistive technology; the host shows it in a live region. */
  message = '';

  constructor(host: LitElement, moved: (id: string, to: number) => void) {
    this.#host = host;
    this.#moved = moved;
    host.addController(this);
  }

  /** Of Lit's controllers. */
  hostConnected(): void {
    document.addEventListener('keydown', this.#onEscape);
  }

  /** Of Lit's controllers. */
  hostDisconnected(): void {
    document.removeEventListener('keydown', this.#onEscape);
    this.#end();
  }

  /** Of Lit's controllers. */
  hostUpdate(): void {
    // Who is dragged may have left, or somebody come.
    const drag = this.#drag;
    if (drag?.items.some((item) => !item.isConnected)) {
      this.#end();
    }
  }

  /** The handle of an entry. */
  grip(id: string, name: string): TemplateResult {
    return html`<button
      type="button"
      class="quiet icon grip"
      data-grip=${id}
      aria-label=${languageOf(this.#host).words.sort.move(name)}
      title=${languageOf(this.#host).words.sort.hint}
      @pointerdown=${(e: PointerEvent) => this.#onDown(e, id)}
      @pointermove=${this.#onMove}
      @pointerup=${this.#onUp}
      @pointercancel=${this.cancel}
      @lostpointercapture=${this.cancel}
      @keydown=${(e: KeyboardEvent) => this.#onKey(e, id, name)}
    >
      ${icon('grip', 18)}
    </button>`;
  }

  /** Where the last move is told. */
  status(): TemplateResult {
    return html`<span class="sr" role="status">${this.message}</span>`;
  }

  /** Ends a drag as if it had not begun. */
  cancel = (): void => this.#end();

  #items(from: Element): HTMLElement[] {
    return [...(from.closest('ul, ol')?.querySelectorAll<HTMLElement>(':scope > [data-sort]') ?? [])];
  }

  #onDown(event: PointerEvent, id: string): void {
    const grip = event.currentTarget as HTMLElement;
    const items = this.#items(grip);
    const index = items.findIndex((item) => item.dataset['sort'] === id);
    if (event.button !== 0 || index < 0 || this.#drag !== null) {
      return;
    }
    event.preventDefault();
    grip.focus({ preventScroll: true });
    grip.setPointerCapture(event.pointerId);
    const scroller = scrollerOf(grip);
    const rects = items.map((item) => item.getBoundingClientRect());
    const own = rects[index];
    const next = rects[index + 1] ?? rects[index - 1];
    const gap = own && next ? Math.max(next.top - own.bottom, own.top - next.bottom) : 0;
    const scrolled = scroller?.scrollTop ?? 0;
    this.#drag = {
      id,
      pointer: event.pointerId,
      grip,
      from: event.clientY + scrolled,
      items,
      middles: rects.map((r) => (r.top + r.bottom) / 2 + scrolled),
      step: (own?.height ?? 0) + gap,
      index,
      to: index,
      moved: false,
      scroller,
    };
  }

  #onMove = (event: PointerEvent): void => {
    const drag = this.#drag;
    if (drag === null || drag.pointer !== event.pointerId) {
      return;
    }
    if (!drag.moved && Math.abs(event.clientY + (drag.scroller?.scrollTop ?? 0) - drag.from) < DRAG_START_PX) {
      return;
    }
    drag.moved = true;
    scrollAtEdge(drag.scroller, event.clientY);
    const dy = event.clientY + (drag.scroller?.scrollTop ?? 0) - drag.from;
    const at = (drag.middles[drag.index] ?? 0) + dy;
    const others = drag.middles.filter((_, i) => i !== drag.index);
    drag.to = others.filter((middle) => middle < at).length;
    drag.items[0]?.parentElement?.classList.add('sorting');
    drag.items.forEach((item, i) => {
      const shift = i > drag.index && i <= drag.to ? -drag.step : i < drag.index && i >= drag.to ? drag.step : 0;
      item.classList.toggle('lifted', i === drag.index);
      item.style.transform = `translateY(${i === drag.index ? dy : shift}px)`;
    });
  };

  #onUp = (event: PointerEvent): void => {
    const drag = this.#drag;
    if (drag === null || drag.pointer !== event.pointerId) {
      return;
    }
    this.#end();
    if (drag.moved && drag.to !== drag.index) {
      this.#moved(drag.id, drag.to);
    }
  };

  #onEscape = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && this.#drag !== null) {
      event.preventDefault();
      this.#end();
    }
  };

  #onKey(event: KeyboardEvent, id: string, name: string): void {
    const items = this.#items(event.currentTarget as Element);
    const at = items.findIndex((item) => item.dataset['sort'] === id);
    const last = items.length - 1;
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: last }[event.key];
    if (to === undefined || at < 0 || this.#drag !== null) {
      return;
    }
    event.preventDefault();
    if (to === at || to < 0 || to > last) {
      return;
    }
    this.#moved(id, to);
    this.message = languageOf(this.#host).words.sort.place(name, to + 1, items.length);
    this.#host.requestUpdate();
    void this.#host.updateComplete.then(() => {
      this.#host.renderRoot.querySelector<HTMLElement>(`[data-grip="${CSS.escape(id)}"]`)?.focus();
    });
  }

  #end(): void {
    const drag = this.#drag;
    this.#drag = null;
    if (drag !== null) {
      drag.items[0]?.parentElement?.classList.remove('sorting');
      drag.items.forEach((item) => {
        item.classList.remove('lifted');
        item.style.transform = '';
      });
      if (drag.grip.hasPointerCapture(drag.pointer)) {
        drag.grip.releasePointerCapture(drag.pointer);
      }
    }
  }
}

/** The closest ancestor that scrolls, through shadow roots. */
function scrollerOf(element: Element): Element | null {
  for (let up: Element | null = element; up !== null; ) {
    const root = up.getRootNode();
    up = up.assignedSlot ?? up.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
    if (up !== null && up.scrollHeight > up.clientHeight && /auto|scroll/.test(getComputedStyle(up).overflowY)) {
      return up;
    }
  }
  return null;
}

function scrollAtEdge(scroller: Element | null, y: number): void {
  if (scroller !== null) {
    const { top, bottom } = scroller.getBoundingClientRect();
    const by = y < top + SCROLL_EDGE_PX ? -SCROLL_STEP_PX : y > bottom - SCROLL_EDGE_PX ? SCROLL_STEP_PX : 0;
    scroller.scrollTop += by;
  }
}
