/** `<kt-stage>`: lies over the picture; people are picked, dragged and resized with mouse, finger and keys. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Composition, PlacedSource, Rect } from 'keeptake';
import { KtElement } from './element.js';
import { freeSources } from './free.js';
import { icon } from './icons.js';
import { layerOrder, moveLayer } from './layers.js';
import type { RecorderStore, StoreTopic } from './store.js';
import { themeStyles } from './theme.js';

/** Smallest side of a host, fraction of the canvas. */
const MIN_SIDE = 0.06;
/** Movement that tells a drag from a click, CSS pixels. */
const DRAG_START_PX = 4;
/** Distance at which edges and centres catch, fraction of the canvas. */
const SNAP = 0.012;
/** One composition this often while dragging: each one is an event of the timeline. */
const SEND_MS = 100;
const STEP = 0.01;

type Handle = 'move' | 'nw' | 'ne' | 'sw' | 'se';

interface Drag {
  id: string;
  handle: Handle;
  from: Rect;
  x: number;
  y: number;
  moved: boolean;
  /** What stood there before the drag; Escape brings it back. */
  before: Composition | null;
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** `rect` moved or resized by a fraction of the canvas, kept inside it. */
export function adjustRect(rect: Rect, handle: Handle, dx: number, dy: number): Rect {
  if (handle === 'move') {
    return { ...rect, x: clamp(rect.x + dx, 0, 1 - rect.width), y: clamp(rect.y + dy, 0, 1 - rect.height) };
  }
  const right = rect.x + rect.width;
  const bottom = rect.y + rect.height;
  const west = handle.includes('w');
  const north = handle.includes('n');
  const x = west ? clamp(rect.x + dx, 0, right - MIN_SIDE) : rect.x;
  const y = north ? clamp(rect.y + dy, 0, bottom - MIN_SIDE) : rect.y;
  const width = west ? right - x : clamp(rect.width + dx, MIN_SIDE, 1 - rect.x);
  const height = north ? bottom - y : clamp(rect.height + dy, MIN_SIDE, 1 - rect.y);
  return { x, y, width, height };
}

/** `rect` caught by the canvas' edges and centre lines when it is near them. */
export function snapRect(rect: Rect): Rect {
  const axis = (start: number, size: number): number => {
    const options = [0, 0.5 - size / 2, 1 - size];
    return options.find((o) => Math.abs(start - o) < SNAP) ?? start;
  };
  return { ...rect, x: axis(rect.x, rect.width), y: axis(rect.y, rect.height) };
}

/**
 * Goes into `<kt-preview>`. The first drag turns the layout into a free one,
 * everybody where they stand. Arrow keys move, with Shift they resize (Alt: small
 * steps), Page Up and Page Down change the layer.
 *
 * @fires kt-composition-request - a changed composition
 */
export class KtStage extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'sources', 'composition'];
  static override properties: PropertyDeclarations = {
    placed: { state: true },
    selected: { state: true },
    message: { state: true },
  };
  static override styles = [
    themeStyles,
    css`
      :host {
        position: absolute;
        inset: 0;
        overflow: hidden;
        border-radius: inherit;
      }
      /* Places are those of the picture, which is the same in every script: from its left, whatever the page's side. */
      .host,
      .handle {
        left: var(--_x);
        top: var(--_y);
      }
      .host {
        appearance: none;
        position: absolute;
        width: var(--_w);
        height: var(--_h);
        margin: 0;
        padding: 0;
        border: 0;
        border-radius: 6px;
        background: transparent;
        cursor: grab;
        touch-action: none;
      }
      .host:hover {
        box-shadow: inset 0 0 0 2px rgb(255 255 255 / 0.55);
      }
      .host.on {
        box-shadow:
          inset 0 0 0 2px var(--_accent),
          inset 0 0 0 3px rgb(0 0 0 / 0.55);
      }
      .host:focus-visible {
        outline: 3px solid var(--_focus);
        outline-offset: -3px;
      }
      .dragging .host {
        cursor: grabbing;
      }
      .handle {
        position: absolute;
        width: 28px;
        height: 28px;
        z-index: 1000;
        margin: -14px;
        touch-action: none;
      }
      .handle::before {
        content: '';
        position: absolute;
        inset: 8px;
        border: 2px solid #06110f;
        border-radius: 50%;
        background: var(--_accent);
      }
      .nw,
      .se {
        cursor: nwse-resize;
      }
      .ne,
      .sw {
        cursor: nesw-resize;
      }
      .guide {
        position: absolute;
        background: var(--_accent);
        pointer-events: none;
      }
      .guide.across {
        inset-block: 0;
        left: 50%;
        width: 1px;
      }
      .guide.down {
        inset-inline: 0;
        top: 50%;
        height: 1px;
      }
      .layers {
        position: absolute;
        z-index: 1001;
        inset-block: 8px auto;
        inset-inline: auto 8px;
        display: flex;
        gap: 2px;
        padding: 2px;
        border-radius: 8px;
        background: rgb(8 11 15 / 0.82);
      }
      .layer {
        appearance: none;
        display: grid;
        place-items: center;
        width: 30px;
        height: 30px;
        padding: 0;
        border: 0;
        border-radius: 6px;
        background: none;
        color: #fff;
        cursor: pointer;
      }
      .layer:hover {
        background: rgb(255 255 255 / 0.18);
      }
      @media (pointer: coarse) {
        .layer {
          width: 44px;
          height: 44px;
        }
        .handle {
          width: 44px;
          height: 44px;
          margin: -22px;
        }
        .handle::before {
          inset: 14px;
        }
      }
    `,
  ];

  declare private placed: PlacedSource[];
  declare private selected: string;
  declare private message: string;
  #drag: Drag | null = null;
  #sending = false;
  #wanted: Composition | null = null;
  #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor() {
    super();
    this.placed = [];
    this.selected = '';
    this.message = '';
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.#onEscape);
    this.addEventListener('pointerenter', this.#refresh);
    this.addEventListener('focusin', this.#refresh);
    this.addEventListener('focusout', this.#deselect);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.#onEscape);
    this.removeEventListener('pointerenter', this.#refresh);
    this.removeEventListener('focusin', this.#refresh);
    this.removeEventListener('focusout', this.#deselect);
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
    this.#drag = null;
  }

  protected override storeChanged(store: RecorderStore | null): void {
    this.placed = [];
    if (store !== null) {
      this.#refreshSoon();
    }
  }

  protected override storeUpdated(): void {
    this.#refreshSoon();
  }

  get #editable(): boolean {
    const state = this.store?.state.state;
    return state === 'setup' || state === 'recording' || state === 'paused';
  }

  #refresh = (): void => {
    const store = this.store;
    if (store === null || this.#drag?.moved === true || store.state.state === 'loading') {
      return;
    }
    void store.recorder.placedSources().then(
      (placed) => {
        if (this.store === store && this.#drag?.moved !== true) {
          this.placed = placed;
        }
      },
      () => undefined,
    );
  };

  #deselect = (): void => {
    if (this.#drag === null) {
      this.selected = '';
    }
  };

  /** Now, and once the move to the new places is over. */
  #refreshSoon(): void {
    this.#refresh();
    const seconds = this.store?.composition.transition ?? 0.25;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.#refresh();
      },
      seconds * 1000 + 120,
    );
    this.#timers.add(timer);
  }

  protected override render(): TemplateResult {
    const live = this.#editable;
    return html`<div
        class=${this.#drag?.moved ? 'dragging' : ''}
        role="group"
        aria-label=${this.words.stage.label}
        @pointermove=${this.#onMove}
        @pointerup=${this.#onEnd}
        @pointercancel=${this.#onEnd}
      >
        ${live ? this.#hosts() : nothing} ${live ? this.#guides() : nothing} ${live ? this.#layers() : nothing}
      </div>
      <span class="sr" id="help"
        >${this.words.stage.help}</span
      >
      <span class="sr" role="status">${this.message}</span>`;
  }

  /** In the order of the list, not of the layers: a button keeps its person, and so the keys, whoever is in front. */
  #hosts(): TemplateResult {
    const order = new Map((this.store?.sources ?? []).map((s, i) => [s.id, i]));
    const layers = new Map(this.placed.map((p, i) => [p.id, i]));
    const stable = [...this.placed].sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
    return html`${repeat(
      stable,
      (p) => p.id,
      (p) => this.#host(p, layers.get(p.id) ?? 0),
    )}`;
  }

  #host(place: PlacedSource, layer: number): TemplateResult {
    const on = place.id === this.selected;
    const pc = (n: number): string => `${(n * 100).toFixed(3)}%`;
    const box = `--_x:${pc(place.x)};--_y:${pc(place.y)};--_w:${pc(place.width)};--_h:${pc(place.height)};z-index:${layer}`;
    const name = this.store?.nameOf(place.id) ?? place.id;
    return html`<button
        class="host ${on ? 'on' : ''}"
        style=${box}
        data-id=${place.id}
        aria-label=${this.words.stage.placeOf(name)}
        aria-describedby="help"
        aria-pressed=${on}
        @focus=${() => (this.selected = place.id)}
        @keydown=${(e: KeyboardEvent) => this.#onKey(e, place)}
        @pointerdown=${(e: PointerEvent) => this.#onStart(e, place, 'move')}
      ></button>
      ${on ? this.#handles(place) : nothing}`;
  }

  #handles(place: PlacedSource): TemplateResult[] {
    return (['nw', 'ne', 'sw', 'se'] as const).map((corner) => {
      const x = corner.includes('w') ? place.x : place.x + place.width;
      const y = corner.includes('n') ? place.y : place.y + place.height;
      return html`<span
        class="handle ${corner}"
        style="--_x:${x * 100}%;--_y:${y * 100}%"
        @pointerdown=${(e: PointerEvent) => this.#onStart(e, place, corner)}
      ></span>`;
    });
  }

  /** Layers for mouse and finger, while somebody is picked and there is somebody to be above of. */
  #layers(): TemplateResult | typeof nothing {
    const id = this.selected;
    if (this.#drag !== null || this.placed.length < 2 || !this.placed.some((p) => p.id === id)) {
      return nothing;
    }
    const name = this.store?.nameOf(id) ?? id;
    const { stage: words } = this.words;
    const choice = (step: 'forward' | 'backward'): TemplateResult => html`<button
      class="layer"
      tabindex="-1"
      aria-label=${words[step](name)}
      title=${step === 'forward' ? words.forwardHint : words.backwardHint}
      @pointerdown=${(e: PointerEvent) => e.preventDefault()}
      @mousedown=${(e: MouseEvent) => e.preventDefault()}
      @click=${() => this.#layer(id, step)}
    >
      ${icon(step === 'forward' ? 'front' : 'behind', 18)}
    </button>`;
    return html`<div class="layers" role="group" aria-label=${words.layerOf(name)}>
      ${choice('backward')} ${choice('forward')}
    </div>`;
  }

  #guides(): TemplateResult | typeof nothing {
    const place = this.placed.find((p) => p.id === this.#drag?.id);
    if (place === undefined || this.#drag?.moved !== true || this.#drag.handle !== 'move') {
      return nothing;
    }
    const near = (a: number): boolean => Math.abs(a - 0.5) < 1e-4;
    const across = near(place.x + place.width / 2);
    const down = near(place.y + place.height / 2);
    return html`${across ? html`<i class="guide across"></i>` : nothing}
    ${down ? html`<i class="guide down"></i>` : nothing}`;
  }

  #onStart(event: PointerEvent, place: PlacedSource, handle: Handle): void {
    if (event.button !== 0) {
      return;
    }
    event.preventDefault();
    const target = event.currentTarget as HTMLElement;
    target.setPointerCapture(event.pointerId);
    const id = CSS.escape(place.id);
    this.renderRoot.querySelector<HTMLElement>(`.host[data-id="${id}"]`)?.focus({ preventScroll: true });
    this.selected = place.id;
    const { x, y, width, height } = place;
    this.#drag = {
      id: place.id,
      handle,
      from: { x, y, width, height },
      x: event.clientX,
      y: event.clientY,
      moved: false,
      before: this.store?.composition ?? null,
    };
  }

  #onMove(event: PointerEvent): void {
    const drag = this.#drag;
    if (drag === null) {
      return;
    }
    const px = event.clientX - drag.x;
    const py = event.clientY - drag.y;
    if (!drag.moved && Math.hypot(px, py) < DRAG_START_PX) {
      return;
    }
    drag.moved = true;
    const size = this.getBoundingClientRect();
    const rect = adjustRect(drag.from, drag.handle, px / size.width, py / size.height);
    this.#place(drag.id, drag.handle === 'move' && !event.altKey ? snapRect(rect) : rect);
  }

  /** Escape puts what is being dragged back where it was. */
  #onEscape = (event: KeyboardEvent): void => {
    const drag = this.#drag;
    if (event.key !== 'Escape' || drag === null) {
      return;
    }
    event.preventDefault();
    this.#drag = null;
    if (drag.moved && drag.before !== null) {
      this.#send(drag.before);
      this.message = this.words.stage.back(this.store?.nameOf(drag.id) ?? drag.id);
      this.#refreshSoon();
    }
    this.requestUpdate();
  };

  #onEnd(): void {
    const drag = this.#drag;
    this.#drag = null;
    if (drag?.moved) {
      this.#announce(drag.id);
      this.#refreshSoon();
    }
    this.requestUpdate();
  }

  #onKey(event: KeyboardEvent, place: PlacedSource): void {
    const arrows: Record<string, readonly [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const arrow = arrows[event.key];
    if (arrow !== undefined) {
      event.preventDefault();
      const step = event.altKey ? STEP / 5 : STEP * 2;
      const handle = event.shiftKey ? 'se' : 'move';
      this.#place(place.id, adjustRect(place, handle, arrow[0] * step, arrow[1] * step));
      this.#announce(place.id);
    } else if (event.key === 'PageUp' || event.key === 'PageDown') {
      event.preventDefault();
      this.#layer(place.id, event.key === 'PageUp' ? 'forward' : 'backward');
    }
  }

  /** Shows the new place at once and sends it on. */
  #place(id: string, rect: Rect): void {
    const store = this.store;
    if (store === null) {
      return;
    }
    this.placed = this.placed.map((p) => (p.id === id ? { ...p, ...rect } : p));
    this.#send({
      ...store.composition,
      layout: 'free',
      transition: 0.1,
      sources: freeSources(store.composition.sources, this.placed),
    });
  }

  #layer(id: string, step: 'forward' | 'backward'): void {
    const store = this.store;
    if (store === null) {
      return;
    }
    const sources = moveLayer(store.composition.sources, id, step);
    if (sources !== null) {
      this.#send({ ...store.composition, sources });
    }
    const order = layerOrder(sources ?? store.composition.sources);
    this.message = this.words.stage.layer(store.nameOf(id), order.indexOf(id) + 1, order.length);
  }

  /** At most one composition per SEND_MS; the last one always goes out. */
  #send(composition: Composition): void {
    this.#wanted = composition;
    if (this.#sending) {
      return;
    }
    this.#sending = true;
    const next = this.#wanted;
    this.#wanted = null;
    const pause = new Promise((resolve) => setTimeout(resolve, SEND_MS));
    void Promise.all([this.request('kt-composition-request', { composition: next }), pause]).finally(() => {
      this.#sending = false;
      if (this.#wanted !== null) {
        this.#send(this.#wanted);
      }
    });
  }

  #announce(id: string): void {
    const at = this.placed.find((p) => p.id === id);
    if (at !== undefined) {
      const name = this.store?.nameOf(id) ?? id;
      const [x, y, width, height] = [at.x, at.y, at.width, at.height].map((n) => this.language.percent(n));
      this.message = this.words.stage.stands(name, x ?? '', y ?? '', width ?? '', height ?? '');
    }
  }
}
