/** `<kt-logo-picker>`: a logo over the picture: file, corner, size. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { Corner } from 'keeptake';
import { KtElement } from './element.js';
import { icon } from './icons.js';
import type { Logo } from './logo.js';
import type { StoreTopic } from './store.js';
import { buttonStyles, fieldStyles, fileStyles, themeStyles } from './theme.js';

const CORNERS: readonly Corner[] = ['top-left', 'top-right', 'bottom-left', 'bottom-right'];

/**
 * File button “Choose a logo”; then switch “Show the logo”, radio group “Corner”, slider “Size”, Remove.
 *
 * @fires kt-logo-request - file, corner, size, shown or not
 */
export class KtLogoPicker extends KtElement {
  static override topics: readonly StoreTopic[] = ['logo', 'busy'];
  static override properties: PropertyDeclarations = { address: { state: true } };
  static override styles = [
    themeStyles,
    buttonStyles,
    fieldStyles,
    fileStyles,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 10px;
      }
      .file {
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 8px;
        min-height: var(--_target);
        padding: 8px 12px;
      }
      .file img {
        max-width: 96px;
        max-height: 40px;
      }
      .corners {
        display: grid;
        grid-template-columns: repeat(2, minmax(0, 1fr));
        gap: 6px;
        margin-top: 6px;
      }
      .corners label {
        position: relative;
        display: grid;
        place-items: center;
        min-height: var(--_target);
        border: 1px solid var(--_line);
        border-radius: var(--_radius-small);
        background: var(--_raised);
        color: var(--_text);
        cursor: pointer;
      }
      .corners label:has(:checked) {
        border-color: var(--_accent);
        color: var(--_accent);
      }
      .corners label:has(:focus-visible) {
        outline: 2px solid var(--_focus);
        outline-offset: 2px;
      }
      .corners input {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        margin: 0;
        opacity: 0;
        cursor: pointer;
      }
    `,
  ];

  declare private address: string;
  #of: Blob | null = null;

  constructor() {
    super();
    this.address = '';
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#show(null);
  }

  protected override storeUpdated(): void {
    this.#show(this.store?.logo?.image ?? null);
  }

  protected override storeChanged(): void {
    this.#show(this.store?.logo?.image ?? null);
  }

  protected override render(): TemplateResult {
    const logo = this.store?.logo ?? null;
    const { logo: words } = this.words;
    const loading = this.store?.busy.has('kt-logo-request') ?? false;
    return html`<div class="label">${words.label}</div>
      <label class="file"
        >${this.address === '' ? icon('logo', 22) : html`<img src=${this.address} alt="" />`}<span
          >${loading ? this.words.common.readingPicture : logo === null ? words.choose : words.another}</span
        ><input type="file" accept="image/*" aria-label=${words.file} @change=${this.#file}
      /></label>
      ${logo === null ? nothing : this.#choices(logo)}`;
  }

  #choices(logo: Logo): TemplateResult {
    const { logo: words } = this.words;
    const percent = Math.round(logo.size * 100);
    return html`<label class="switch"
        >${words.show}<input
          type="checkbox"
          role="switch"
          .checked=${logo.shown}
          @change=${(e: Event) => this.request('kt-logo-request', { shown: (e.target as HTMLInputElement).checked })}
      /></label>
      <div>
        <div class="label">${words.corner}</div>
        <div class="corners" role="radiogroup" aria-label=${words.corner}>
          ${CORNERS.map(
            (corner) =>
              html`<label
                >${words[corner]}<input
                  type="radio"
                  name="corner"
                  aria-label=${words[corner]}
                  .checked=${corner === logo.corner}
                  @change=${() => this.request('kt-logo-request', { corner })}
              /></label>`,
          )}
        </div>
      </div>
      <label
        >${words.size}<input
          type="range"
          min="4"
          max="40"
          step="1"
          style="--_fill:${((percent - 4) / 36) * 100}%"
          .value=${String(percent)}
          aria-valuetext=${this.words.common.ofHeight(this.language.percent(percent / 100))}
          @change=${(e: Event) => this.request('kt-logo-request', { size: Number((e.target as HTMLInputElement).value) / 100 })}
      /></label>
      <button class="quiet" @click=${() => this.request('kt-logo-request', { image: null })}>
        ${icon('trash', 18)}${words.remove}
      </button>`;
  }

  #file(event: Event): void {
    const input = event.target as HTMLInputElement;
    const image = input.files?.[0];
    input.value = '';
    if (image !== undefined) {
      void this.request('kt-logo-request', { image, shown: true });
    }
  }

  #show(image: Blob | null): void {
    if (image !== this.#of) {
      if (this.address !== '') {
        URL.revokeObjectURL(this.address);
      }
      this.#of = image;
      this.address = image === null ? '' : URL.createObjectURL(image);
    }
  }
}
