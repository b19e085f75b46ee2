/** `<kt-hooks-panel>`: text banners on the picture: write, show, hide. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { HookOptions } from '../src/types.js';
import { KtElement } from './element.js';
import { icon } from './icons.js';
import type { HookEntry, StoreTopic } from './store.js';
import { buttonStyles, fieldStyles, themeStyles } from './theme.js';

const STYLES: readonly { label: string; background: string; color: string }[] = [
  { label: 'Ink', background: '#10151ce6', color: '#ffffff' },
  { label: 'Teal', background: '#5ed3c2', color: '#04211d' },
  { label: 'Red', background: '#d92533', color: '#ffffff' },
  { label: 'Paper', background: '#f6f3ec', color: '#14181e' },
];

/** Form “New hook” and the list “Hooks”, each entry with Show or Hide, and Remove. */
export class KtHooksPanel extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'hooks', 'sources', 'busy'];
  static override properties: PropertyDeclarations = { autoHide: { state: true }, tone: { state: true } };
  static override styles = [
    themeStyles,
    buttonStyles,
    fieldStyles,
    css`
      :host,
      form {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 14px;
      }
      .tones {
        display: flex;
        gap: 10px;
        margin-top: 8px;
      }
      .tone {
        position: relative;
        display: grid;
        place-items: center;
        flex: 1;
        height: 40px;
        border-radius: 8px;
        box-shadow: inset 0 0 0 1px var(--_edge);
        font-size: 0.8125rem;
        font-weight: 620;
        cursor: pointer;
        forced-color-adjust: none;
      }
      .tone:has(:checked) {
        outline: 2px solid var(--_accent);
        outline-offset: 2px;
      }
      .tone:has(:focus-visible) {
        outline: 3px solid var(--_focus);
      }
      .tone input {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        margin: 0;
        opacity: 0;
        cursor: pointer;
      }
      .auto {
        display: grid;
        grid-template-columns: 1fr 92px;
        align-items: center;
        gap: 12px;
      }
      .auto input[type='number'] {
        margin: 0;
      }
      h2 {
        margin-top: 10px;
        font-size: 0.8125rem;
        font-weight: 600;
        color: var(--_muted);
      }
      ul {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 8px;
      }
      li {
        display: flex;
        align-items: center;
        gap: 8px;
        padding: 10px 8px 10px 12px;
        border: 1px solid var(--_line);
        border-radius: var(--_radius);
        background: var(--_raised);
      }
      li.on {
        border-color: var(--_accent);
      }
      .text {
        flex: 1;
        min-width: 0;
      }
      .text strong,
      .text small {
        display: block;
        overflow-wrap: anywhere;
      }
      .text small {
        color: var(--_muted);
        font-size: 0.8125rem;
      }
    `,
  ];

  declare autoHide: boolean;
  declare tone: number;

  constructor() {
    super();
    this.autoHide = false;
    this.tone = 0;
  }

  protected override render(): TemplateResult {
    const off = this.store === null || this.store.busy.has('kt-hook-show-request');
    return html`<form aria-label="New hook" @submit=${this.#submit}>
        <label
          >Text<input type="text" name="text" required maxlength="120" autocomplete="off" placeholder="Ada Byron"
        /></label>
        <label
          >Second line<input type="text" name="subtitle" maxlength="160" autocomplete="off" placeholder="Optional"
        /></label>
        <label
          >Where<select name="source">
            <option value="">Across the lower third</option>
            ${this.store?.sources.map((s) => html`<option value=${s.id}>On ${s.name || s.id}</option>`)}
          </select></label
        >
        <div>
          <div class="label">Style</div>
          <div class="tones" role="radiogroup" aria-label="Style">${STYLES.map((s, i) => this.#tone(s, i))}</div>
        </div>
        <div class="auto">
          <label class="switch"
            >Hide by itself<input
              type="checkbox"
              name="auto"
              .checked=${this.autoHide}
              @change=${(e: Event) => (this.autoHide = (e.target as HTMLInputElement).checked)}
          /></label>
          <input
            type="number"
            name="seconds"
            min="1"
            max="600"
            step="1"
            value="6"
            aria-label="Seconds until it hides"
            ?disabled=${!this.autoHide}
          />
        </div>
        <button class="primary" ?disabled=${off}>${icon('eye')}Show hook</button>
      </form>
      ${this.#list()}`;
  }

  #tone(style: { label: string; background: string; color: string }, index: number): TemplateResult {
    return html`<label class="tone" style="background:${style.background};color:${style.color}"
      >${style.label}<input
        type="radio"
        name="tone"
        aria-label=${style.label}
        .checked=${this.tone === index}
        @change=${() => (this.tone = index)}
    /></label>`;
  }

  #list(): TemplateResult | typeof nothing {
    const hooks = this.store?.hooks ?? [];
    if (hooks.length === 0) {
      return nothing;
    }
    return html`<h2 id="list">Hooks</h2>
      <ul aria-labelledby="list">
        ${hooks.map((hook) => this.#row(hook))}
      </ul>`;
  }

  #row(hook: HookEntry): TemplateResult {
    const where =
      hook.sourceId === undefined ? 'Lower third' : `On ${this.store?.nameOf(hook.sourceId) ?? hook.sourceId}`;
    const { visible, ...options } = hook;
    return html`<li class=${visible ? 'on' : ''}>
      <div class="text">
        <strong>${hook.text}</strong>
        <small>${visible ? 'On screen' : where}${hook.duration === undefined ? '' : ` · ${hook.duration} s`}</small>
      </div>
      ${
        visible
          ? html`<button
              aria-label="Hide ${hook.text}"
              @click=${() => this.request('kt-hook-hide-request', { id: hook.id })}
            >
              Hide
            </button>`
          : html`<button
              aria-label="Show ${hook.text}"
              @click=${() => this.request('kt-hook-show-request', { hook: options })}
            >
              Show
            </button>`
      }
      <button
        class="quiet icon"
        aria-label="Remove ${hook.text}"
        title="Remove"
        @click=${() => this.request('kt-hook-remove-request', { id: hook.id })}
      >
        ${icon('close', 18)}
      </button>
    </li>`;
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    const field = (name: string): string => String(data.get(name) ?? '').trim();
    if (field('text') === '') {
      return;
    }
    const style = STYLES[this.tone];
    const hook: HookOptions = {
      text: field('text'),
      ...(field('subtitle') ? { subtitle: field('subtitle') } : {}),
      ...(field('source') ? { sourceId: field('source') } : {}),
      ...(style ? { background: style.background, color: style.color } : {}),
      ...(this.autoHide && Number(field('seconds')) > 0 ? { duration: Number(field('seconds')) } : {}),
    };
    if (await this.request('kt-hook-show-request', { hook })) {
      form.querySelectorAll<HTMLInputElement>('input[type="text"]').forEach((input) => (input.value = ''));
    }
  }
}
