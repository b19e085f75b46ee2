/** `<kt-layout-picker>`: how the people share the picture, who comes first, and the space between them. */

import { css, html, nothing, svg, type SVGTemplateResult, type TemplateResult } from 'lit';
import type { Composition, LayoutKind } from 'keeptake';
import { KtElement } from './element.js';
import { freeSources } from './free.js';
import type { StoreTopic } from './store.js';
import { fieldStyles, themeStyles } from './theme.js';

const r = (x: number, y: number, w: number, h: number, first = false): SVGTemplateResult =>
  svg`<rect x=${x} y=${y} width=${w} height=${h} rx="2.5" class=${first ? 'first' : 'tile'}/>`;

const LAYOUTS: readonly { kind: LayoutKind; art: SVGTemplateResult }[] = [
  {
    kind: 'grid',
    art: svg`${r(6, 5, 25, 14)}${r(33, 5, 25, 14)}${r(6, 21, 25, 14)}${r(33, 21, 25, 14)}`,
  },
  {
    kind: 'side-by-side',
    art: svg`${r(6, 7, 25, 26)}${r(33, 7, 25, 26)}`,
  },
  {
    kind: 'picture-in-picture',
    art: svg`${r(4, 3, 56, 34, true)}${svg`<rect x="40" y="23" width="16" height="10" rx="2" class="inset"/>`}`,
  },
  {
    kind: 'spotlight',
    art: svg`${r(5, 5, 38, 30, true)}${r(46, 5, 13, 9)}${r(46, 15.5, 13, 9)}${r(46, 26, 13, 9)}`,
  },
  {
    kind: 'screen-only',
    art: svg`${r(5, 4, 54, 28, true)}<path d="M25 36h14" class="stand"/>`,
  },
  {
    kind: 'free',
    art: svg`${r(5, 13, 24, 20)}${r(25, 5, 30, 17, true)}${r(42, 25, 16, 11)}`,
  },
];

/** The layouts in the order of the picker; a page's keys 1 to 6. */
export const LAYOUT_KINDS: readonly LayoutKind[] = LAYOUTS.map((each) => each.kind);

/** Length of the move to another layout; dragging on the stage asks for a shorter one. */
const TRANSITION_SECONDS = 0.3;

const FOCUSED: ReadonlySet<LayoutKind> = new Set(['picture-in-picture', 'spotlight', 'screen-only']);

/**
 * Radio group “Layout”, select “Featured”, slider “Spacing”.
 *
 * @fires kt-composition-request - a changed composition
 */
export class KtLayoutPicker extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'composition', 'sources'];
  static override styles = [
    themeStyles,
    fieldStyles,
    css`
      :host {
        display: grid;
        gap: 20px;
      }
      .grid {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(132px, 1fr));
        gap: 10px;
      }
      fieldset {
        min-width: 0;
        margin: 0;
        padding: 0;
        border: 0;
      }
      .option {
        position: relative;
        display: grid;
        gap: 8px;
        padding: 8px 8px 10px;
        border: 1px solid var(--_line);
        border-radius: var(--_radius);
        background: var(--_raised);
        color: var(--_text);
        font-weight: 550;
        text-align: center;
        cursor: pointer;
        transition:
          border-color 0.14s,
          background 0.14s;
      }
      .option:hover {
        background: var(--_hover);
      }
      .option:has(:checked) {
        border-color: var(--_accent);
        box-shadow: inset 0 0 0 1px var(--_accent);
        background: color-mix(in srgb, var(--_accent) 9%, var(--_raised));
      }
      .option:has(:focus-visible) {
        outline: 2px solid var(--_focus);
        outline-offset: 2px;
      }
      .option:has(:disabled) {
        opacity: 0.45;
        cursor: default;
      }
      input[type='radio'] {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        margin: 0;
        opacity: 0;
        cursor: inherit;
      }
      svg {
        width: 100%;
        border-radius: 6px;
        background: var(--_bg);
      }
      .tile {
        fill: color-mix(in srgb, var(--_edge) 62%, var(--_bg));
      }
      .first,
      .inset {
        fill: var(--_edge);
      }
      .inset {
        stroke: var(--_bg);
        stroke-width: 2;
      }
      .stand {
        stroke: color-mix(in srgb, var(--_edge) 62%, var(--_bg));
        stroke-width: 3;
        stroke-linecap: round;
      }
      :checked ~ svg .tile {
        fill: color-mix(in srgb, var(--_accent) 48%, var(--_bg));
      }
      :checked ~ svg :is(.first, .inset) {
        fill: var(--_accent);
      }
      .free .tile,
      .free .first {
        stroke: var(--_bg);
        stroke-width: 2;
      }
    `,
  ];

  protected override render(): TemplateResult {
    const { layouts, layoutHints } = this.words;
    const composition = this.store?.composition;
    const layout = composition?.layout ?? 'grid';
    const off = this.store === null || this.store.state.state === 'stopping' || this.store.state.state === 'stopped';
    return html`<fieldset ?disabled=${off}>
        <legend class="sr">${layouts.label}</legend>
        <div class="grid" role="radiogroup" aria-label=${layouts.label}>
          ${LAYOUTS.map(
            (l) =>
              html`<label class="option ${l.kind}" title=${layoutHints[l.kind]}
                ><input
                  type="radio"
                  name="layout"
                  value=${l.kind}
                  aria-label=${layouts[l.kind]}
                  .checked=${layout === l.kind}
                  @change=${() => this.#pick(l.kind)}
                /><svg viewBox="0 0 64 40" aria-hidden="true">${l.art}</svg>${layouts[l.kind]}</label
              >`,
          )}
        </div>
      </fieldset>
      ${this.#featured(layout, composition)} ${this.#spacing(composition)}`;
  }

  #featured(layout: LayoutKind, composition: Composition | undefined): TemplateResult | typeof nothing {
    const sources = this.store?.sources ?? [];
    if (!FOCUSED.has(layout) || sources.length === 0) {
      return nothing;
    }
    return html`<label
      >${this.words.layouts.featured}<select @change=${(e: Event) => this.#change({ focus: (e.target as HTMLSelectElement).value })}>
        ${sources.map(
          (s) => html`<option value=${s.id} ?selected=${composition?.focus === s.id}>${s.name || s.id}</option>`,
        )}
      </select></label
    >`;
  }

  #spacing(composition: Composition | undefined): TemplateResult | typeof nothing {
    if (composition?.layout === 'free') {
      return nothing;
    }
    const gap = composition?.gap ?? 0.02;
    return html`<label
      >${this.words.layouts.spacing}<input
        type="range"
        min="0"
        max="0.1"
        step="0.005"
        style="--_fill: ${gap * 1000}%"
        .value=${String(gap)}
        aria-valuetext=${this.words.common.ofHeight(this.language.percent(gap, 1))}
        @change=${(e: Event) => this.#change({ gap: Number((e.target as HTMLInputElement).value) })}
    /></label>`;
  }

  /** A free layout starts from where everything stands; a featured one from the first screen. */
  async #pick(layout: LayoutKind): Promise<void> {
    const store = this.store;
    if (store === null) {
      return;
    }
    if (layout === 'free') {
      const placed = await store.recorder.placedSources();
      await this.#change({
        layout,
        transition: TRANSITION_SECONDS,
        sources: freeSources(store.composition.sources, placed),
      });
      return;
    }
    const known = store.sources.some((s) => s.id === store.composition.focus);
    const first = store.sources.find((s) => s.kind === 'screen') ?? store.sources[0];
    await this.#change({
      layout,
      transition: TRANSITION_SECONDS,
      ...(FOCUSED.has(layout) && !known && first ? { focus: first.id } : {}),
    });
  }

  async #change(patch: Partial<Composition>): Promise<void> {
    const store = this.store;
    if (store !== null) {
      await this.request('kt-composition-request', { composition: { ...store.composition, ...patch } });
    }
  }
}
