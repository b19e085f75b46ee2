/** `<kt-background-picker>`: what lies behind everybody: a colour, a gradient, a picture. */

import { css, html, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { Background } from 'keeptake';
import { KtElement } from './element.js';
import { icon } from './icons.js';
import type { StoreTopic } from './store.js';
import type { Strings } from './strings.js';
import { buttonStyles, fieldStyles, fileStyles, themeStyles } from './theme.js';

const COLORS: readonly { name: keyof Strings['colors']; color: string }[] = [
  { name: 'ink', color: '#10151c' },
  { name: 'pine', color: '#14463c' },
  { name: 'plum', color: '#432344' },
  { name: 'clay', color: '#9a4a34' },
  { name: 'paper', color: '#f1eee6' },
];

// Angles as in a composition: 0 is left to right, 90 top to bottom; CSS begins at the bottom.
const GRADIENTS: readonly { name: keyof Strings['colors']; from: string; to: string; angle: number }[] = [
  { name: 'lagoon', from: '#0b3b45', to: '#2fa58f', angle: 45 },
  { name: 'dusk', from: '#1d2250', to: '#c45c78', angle: 45 },
  { name: 'ember', from: '#3b1020', to: '#f08a3c', angle: 45 },
  { name: 'night', from: '#0a0f1e', to: '#2f4a7c', angle: 90 },
  { name: 'meadow', from: '#20452a', to: '#b9c75b', angle: 45 },
  { name: 'mist', from: '#d9e2ea', to: '#9fb2c6', angle: 90 },
];

function same(a: Background | undefined, b: Background): boolean {
  if (a?.kind === 'color' && b.kind === 'color') {
    return a.color.toLowerCase() === b.color;
  }
  return a?.kind === 'gradient' && b.kind === 'gradient' && a.from === b.from && a.to === b.to;
}

/**
 * Radio groups “Background colour” and “Background gradient”, a colour of one's own, an image file.
 *
 * @fires kt-background-image-request - an image file was chosen
 * @fires kt-composition-request - a changed composition
 */
export class KtBackgroundPicker extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'composition', 'busy'];
  static override properties: PropertyDeclarations = { imageName: { state: true } };
  static override styles = [
    themeStyles,
    buttonStyles,
    fieldStyles,
    fileStyles,
    css`
      :host {
        display: grid;
        gap: 20px;
      }
      .swatches {
        display: grid;
        grid-template-columns: repeat(6, minmax(0, 1fr));
        gap: 10px;
        margin-top: 8px;
      }
      .swatch {
        position: relative;
        display: block;
        height: 44px;
        border-radius: 10px;
        box-shadow: inset 0 0 0 1px var(--_edge);
        cursor: pointer;
        /* A sample of a colour stays that colour. */
        forced-color-adjust: none;
      }
      .swatch:has(:checked),
      .swatch[data-on] {
        outline: 2px solid var(--_accent);
        outline-offset: 2px;
      }
      .swatch:has(:focus-visible) {
        outline: 3px solid var(--_focus);
        outline-offset: 2px;
      }
      .swatch input {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        margin: 0;
        opacity: 0;
        cursor: inherit;
      }
      .own {
        display: grid;
        place-items: center;
        background: conic-gradient(#d2564f, #c5a441, #58a766, #4a8fb5, #7f62b0, #d2564f);
        color: #fff;
      }
      .own::before {
        content: '';
        position: absolute;
        inset: 3px;
        border-radius: 8px;
        background: var(--_raised);
      }
      .own svg {
        position: relative;
      }
      .file {
        display: grid;
        justify-items: center;
        gap: 4px;
        margin-top: 8px;
        padding: 18px;
        text-align: center;
      }
      .file[data-on] {
        border: 2px solid var(--_accent);
      }
      .file small {
        color: var(--_muted);
        font-size: 0.8125rem;
      }
    `,
  ];

  /** Name of the last image file. */
  declare imageName: string;

  constructor() {
    super();
    this.imageName = '';
  }

  protected override render(): TemplateResult {
    const { background: words } = this.words;
    const now = this.store?.composition.background;
    const own = now?.kind === 'color' && !COLORS.some((c) => same(now, { kind: 'color', color: c.color }));
    return html`<div>
        <div class="label" id="colors">${words.color}</div>
        <div class="swatches" role="radiogroup" aria-label=${words.colors}>
          ${COLORS.map((c) => this.#swatch(c.name, c.color, { kind: 'color', color: c.color }, now))}
          <label class="swatch own" ?data-on=${own} title=${words.ownHint}
            >${icon('plus')}<input
              type="color"
              aria-label=${words.own}
              .value=${now?.kind === 'color' ? now.color.slice(0, 7) : '#10151c'}
              @change=${(e: Event) => this.#set({ kind: 'color', color: (e.target as HTMLInputElement).value })}
          /></label>
        </div>
      </div>
      <div>
        <div class="label">${words.gradient}</div>
        <div class="swatches" role="radiogroup" aria-label=${words.gradients}>
          ${GRADIENTS.map(({ name, from, to, angle }) =>
            this.#swatch(
              name,
              `linear-gradient(${angle + 90}deg, ${from}, ${to})`,
              { kind: 'gradient', from, to, angle },
              now,
            ),
          )}
        </div>
      </div>
      ${this.#image(now)}`;
  }

  #swatch(
    name: keyof Strings['colors'],
    paint: string,
    background: Background,
    now: Background | undefined,
  ): TemplateResult {
    const label = this.words.colors[name];
    return html`<label class="swatch" style="background: ${paint}" title=${label}
      ><input
        type="radio"
        name="background-${background.kind}"
        aria-label=${label}
        .checked=${same(now, background)}
        @change=${() => this.#set(background)}
    /></label>`;
  }

  #image(now: Background | undefined): TemplateResult {
    const { background: words } = this.words;
    const loading = this.store?.busy.has('kt-background-image-request') ?? false;
    const on = now?.kind === 'image';
    return html`<div>
      <div class="label">${words.picture}</div>
      <label class="file" ?data-on=${on}
        >${icon('background', 24)}<span
          >${loading ? this.words.common.readingPicture : on && this.imageName ? this.imageName : words.choose}</span
        ><small>${words.kinds}</small
        ><input type="file" accept="image/*" aria-label=${words.file} @change=${this.#file}
      /></label>
    </div>`;
  }

  #file(event: Event): void {
    const input = event.target as HTMLInputElement;
    const image = input.files?.[0];
    input.value = '';
    if (image !== undefined) {
      this.imageName = image.name;
      void this.request('kt-background-image-request', { image });
    }
  }

  #set(background: Background): void {
    const composition = this.store?.composition;
    if (composition !== undefined) {
      void this.request('kt-composition-request', { composition: { ...composition, background } });
    }
  }
}
