/** `<kt-hooks-panel>`: text banners on the picture: prepare, show, hide, edit, put in order. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { HookOptions } from 'keeptake';
import { KtElement } from './element.js';
import { formatSpan } from './format.js';
import { icon } from './icons.js';
import { SortList, sortStyles } from './sort-list.js';
import type { HookEntry, StoreTopic } from './store.js';
import type { Strings } from './strings.js';
import { buttonStyles, fieldStyles, themeStyles } from './theme.js';

const STYLES: readonly { name: keyof Strings['colors']; background: string; color: string }[] = [
  { name: 'ink', background: '#10151ce6', color: '#ffffff' },
  { name: 'teal', background: '#5ed3c2', color: '#04211d' },
  { name: 'red', background: '#d92533', color: '#ffffff' },
  { name: 'paper', background: '#f6f3ec', color: '#14181e' },
];

const AUTO_SECONDS = 6;

/**
 * Form “New hook” with “Add to list” and “Show hook”, and the list “Hooks”: each entry with a handle for its place,
 * Show or Hide, Edit and Remove. While one is edited the form is “Edit hook”, with Save and Cancel; Escape cancels.
 *
 * @fires kt-hook-add-request - into the list
 * @fires kt-hook-change-request - other words or another place
 * @fires kt-hook-move-request - another place in the list
 * @fires kt-hook-show-request - onto the picture
 * @fires kt-hook-hide-request - off the picture
 * @fires kt-hook-remove-request - out of the list
 */
export class KtHooksPanel extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'hooks', 'sources', 'busy'];
  static override properties: PropertyDeclarations = {
    autoHide: { state: true },
    tone: { state: true },
    editing: { state: true },
  };
  static override styles = [
    themeStyles,
    buttonStyles,
    fieldStyles,
    sortStyles,
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
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        align-items: center;
        gap: 2px 8px;
        padding: 8px 8px 6px 10px;
        border: 1px solid var(--_line);
        border-radius: var(--_radius);
        background: var(--_raised);
      }
      li.on {
        border-color: var(--_accent);
      }
      li strong,
      li small {
        overflow-wrap: anywhere;
      }
      li strong {
        display: -webkit-box;
        overflow: hidden;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 3;
      }
      li small {
        grid-column: 2;
        color: var(--_muted);
        font-size: 0.8125rem;
      }
      .deeds {
        display: flex;
        justify-self: end;
      }
      .row {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(132px, 1fr));
        gap: 8px;
      }
      .row button {
        padding: 0 8px;
        white-space: nowrap;
      }
    `,
  ];

  declare private autoHide: boolean;
  declare private tone: number;
  /** Id of the hook that the form is about; empty: a new one. */
  declare private editing: string;
  readonly #sort = new SortList(this, (id, to) => void this.request('kt-hook-move-request', { id, to }));

  constructor() {
    super();
    this.autoHide = false;
    this.tone = 0;
    this.editing = '';
  }

  protected override storeUpdated(): void {
    if (this.editing !== '' && !this.store?.hooks.some((h) => h.id === this.editing)) {
      this.#leave();
    }
  }

  protected override render(): TemplateResult {
    const { hooks: words } = this.words;
    return html`<form
        aria-label=${this.editing === '' ? words.new : words.edit}
        @submit=${this.#submit}
        @keydown=${this.#onKey}
      >
        <label
          >${words.text}<input type="text" name="text" required maxlength="200" autocomplete="off" placeholder=${words.textSample}
        /></label>
        <label
          >${words.second}<input type="text" name="subtitle" maxlength="160" autocomplete="off" placeholder=${words.optional}
        /></label>
        <label
          >${words.where}<select name="source">
            <option value="">${words.lowerThird}</option>
            ${this.store?.sources.map((s) => html`<option value=${s.id}>${words.on(s.name || s.id)}</option>`)}
            ${this.#absent()}
          </select></label
        >
        <div>
          <div class="label">${words.style}</div>
          <div class="tones" role="radiogroup" aria-label=${words.style}>${STYLES.map((s, i) => this.#tone(s, i))}</div>
        </div>
        <div class="auto">
          <label class="switch"
            >${words.hideByItself}<input
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
            aria-label=${words.secondsUntil}
            ?disabled=${!this.autoHide}
          />
        </div>
        ${this.#choices()}
      </form>
      ${this.#list()}${this.#sort.status()}`;
  }

  /** The first button is what Enter does: nothing goes on the picture by that alone. */
  #choices(): TemplateResult {
    const off = this.store === null || this.store.busy.has('kt-hook-show-request');
    if (this.editing !== '') {
      return html`<div class="row">
        <button class="primary" value="save">${icon('check')}${this.words.hooks.save}</button>
        <button type="button" @click=${this.#leave}>${this.words.common.cancel}</button>
      </div>`;
    }
    return html`<div class="row">
      <button value="add">${icon('plus')}${this.words.hooks.add}</button>
      <button class="primary" value="show" ?disabled=${off}>${icon('eye')}${this.words.hooks.showHook}</button>
    </div>`;
  }

  #tone(style: (typeof STYLES)[number], index: number): TemplateResult {
    const label = this.words.colors[style.name];
    return html`<label class="tone" style="background:${style.background};color:${style.color}"
      >${label}<input
        type="radio"
        name="tone"
        aria-label=${label}
        .checked=${this.tone === index}
        @change=${() => (this.tone = index)}
    /></label>`;
  }

  #list(): TemplateResult | typeof nothing {
    const hooks = this.store?.hooks ?? [];
    if (hooks.length === 0) {
      return nothing;
    }
    return html`<h2 id="list">${this.words.hooks.list}</h2>
      <ul aria-labelledby="list">
        ${repeat(
          hooks,
          (hook) => hook.id,
          (hook) => this.#row(hook),
        )}
      </ul>`;
  }

  #row(hook: HookEntry): TemplateResult {
    const { hooks: words } = this.words;
    const { text, visible, duration } = hook;
    return html`<li class=${visible ? 'on' : ''} data-sort=${hook.id}>
      ${this.#sort.grip(hook.id, text)}
      <strong>${text}</strong>
      ${this.#switch(hook)}
      <small>${visible ? words.onScreen : this.#where(hook)}${duration === undefined ? '' : ` · ${formatSpan(duration, false, this.language)}`}</small>
      <span class="deeds">
        <button
          class="quiet icon"
          aria-label=${words.editOf(text)}
          title=${words.editShort}
          aria-pressed=${this.editing === hook.id}
          @click=${() => (this.editing === hook.id ? this.#leave() : this.#edit(hook))}
        >
          ${icon('edit', 18)}
        </button>
        <button
          class="quiet icon"
          aria-label=${words.removeOf(text)}
          title=${this.words.common.remove}
          @click=${() => this.request('kt-hook-remove-request', { id: hook.id })}
        >
          ${icon('close', 18)}
        </button>
      </span>
    </li>`;
  }

  #switch({ visible, ...hook }: HookEntry): TemplateResult {
    const { hooks: words } = this.words;
    const name = visible ? words.hideOf(hook.text) : words.showOf(hook.text);
    const act = (): unknown =>
      visible ? this.request('kt-hook-hide-request', { id: hook.id }) : this.request('kt-hook-show-request', { hook });
    return html`<button aria-label=${name} ?disabled=${!visible && !this.#here(hook.sourceId)} @click=${act}>
      ${visible ? words.hide : words.show}
    </button>`;
  }

  #here(sourceId: string | undefined): boolean {
    return sourceId === undefined || (this.store?.sources.some((s) => s.id === sourceId) ?? false);
  }

  #where({ sourceId }: HookEntry): string {
    if (sourceId === undefined) {
      return this.words.hooks.lowerThirdShort;
    }
    return this.#here(sourceId)
      ? this.words.hooks.on(this.store?.nameOf(sourceId) ?? sourceId)
      : this.words.hooks.onAbsent(sourceId);
  }

  /** The place of the edited hook, while the person is not there. */
  #absent(): TemplateResult | typeof nothing {
    const sourceId = this.#edited?.sourceId;
    return sourceId === undefined || this.#here(sourceId)
      ? nothing
      : html`<option value=${sourceId}>${this.words.hooks.onAbsent(sourceId)}</option>`;
  }

  get #form(): HTMLFormElement | null {
    return this.renderRoot.querySelector('form');
  }

  #field(name: string): HTMLInputElement | HTMLSelectElement | null {
    return this.#form?.querySelector(`[name="${name}"]`) ?? null;
  }

  #fill(values: Record<string, string>): void {
    for (const [name, value] of Object.entries(values)) {
      const field = this.#field(name);
      if (field !== null) {
        field.value = value;
      }
    }
  }

  get #edited(): HookEntry | undefined {
    return this.store?.hooks.find((h) => h.id === this.editing);
  }

  /** Puts a hook into the form. */
  async #edit(hook: HookEntry): Promise<void> {
    this.editing = hook.id;
    // Colours of a page's own are none of these, and stay.
    this.tone = STYLES.findIndex((s) => s.background === hook.background && s.color === hook.color);
    this.autoHide = hook.duration !== undefined;
    await this.updateComplete;
    this.#fill({
      text: hook.text,
      subtitle: hook.subtitle ?? '',
      source: hook.sourceId ?? '',
      seconds: String(hook.duration ?? AUTO_SECONDS),
    });
    this.#form?.scrollIntoView({ block: 'nearest' });
    this.#field('text')?.focus();
  }

  #leave = (): void => {
    this.editing = '';
    this.tone = Math.max(0, this.tone);
    this.#fill({ text: '', subtitle: '' });
  };

  #onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape' && this.editing !== '' && !event.defaultPrevented) {
      event.preventDefault();
      this.#leave();
    }
  }

  /** The hook of the form; null while it has no text. */
  #read(): HookOptions | null {
    const field = (name: string): string => this.#field(name)?.value.trim() ?? '';
    const style = STYLES[this.tone] ?? this.#edited;
    const seconds = Number(field('seconds'));
    return field('text') === ''
      ? null
      : {
          text: field('text'),
          ...(field('subtitle') ? { subtitle: field('subtitle') } : {}),
          ...(field('source') ? { sourceId: field('source') } : {}),
          ...(style?.background === undefined ? {} : { background: style.background }),
          ...(style?.color === undefined ? {} : { color: style.color }),
          ...(this.autoHide && seconds > 0 ? { duration: seconds } : {}),
        };
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const hook = this.#read();
    if (hook === null) {
      return;
    }
    const show = event.submitter instanceof HTMLButtonElement && event.submitter.value === 'show';
    const done = await (this.editing !== ''
      ? this.request('kt-hook-change-request', { id: this.editing, hook })
      : show
        ? this.request('kt-hook-show-request', { hook })
        : this.request('kt-hook-add-request', { hook }));
    if (done) {
      this.#leave();
    }
  }
}
