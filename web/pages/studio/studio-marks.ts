/** `<studio-mark>`: marks the moment. `<studio-marks>`: the list of the marks of a take. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { KtElement, type RecorderStore, type StoreTopic } from '../../elements/index.js';
import { formatTime, speakTime } from '../../elements/format.js';
import { icon } from '../../elements/icons.js';
import { buttonStyles, fieldStyles, themeStyles } from '../../elements/theme.js';
import { keptMarks, marksOf, type Mark } from './marks.js';

/** Redraws when the marks of its recorder's take change. */
class MarksElement extends KtElement {
  static override topics: readonly StoreTopic[] = ['state'];
  #off: (() => void) | null = null;

  protected get marks(): readonly Mark[] {
    return this.store === null ? [] : marksOf(this.store).all;
  }

  protected override storeChanged(store: RecorderStore | null): void {
    this.#off?.();
    this.#off = store === null ? null : marksOf(store).subscribe(() => this.requestUpdate());
  }
}

/** The round button of the bar, while a take runs. */
export class StudioMark extends MarksElement {
  static override styles = [
    themeStyles,
    buttonStyles,
    css`
      :host {
        position: relative;
        display: block;
      }
      button.icon {
        width: 48px;
        height: 48px;
        border-radius: 50%;
      }
      b {
        position: absolute;
        inset: -4px -4px auto auto;
        min-width: 20px;
        padding: 1px 5px;
        border-radius: 10px;
        background: var(--_accent);
        color: var(--_on-accent);
        font-size: 0.6875rem;
        pointer-events: none;
      }
      @media (max-width: 860px) {
        button.icon {
          width: 44px;
          height: 44px;
        }
      }
    `,
  ];

  protected override render(): TemplateResult | typeof nothing {
    const count = this.marks.length;
    if (this.store?.hasTake !== true) {
      return nothing;
    }
    const last = this.marks.at(-1);
    return html`<button
        class="icon"
        aria-label="Mark this moment"
        title="Mark this moment (K)"
        ?disabled=${this.store.state.state !== 'recording'}
        @click=${() => this.store && marksOf(this.store).add()}
      >
        ${icon('flag', 22)}
      </button>
      ${count === 0 ? nothing : html`<b aria-hidden="true">${count}</b>`}
      <span class="sr" role="status">${last ? `Mark ${count} at ${speakTime(last.time)}` : ''}</span>`;
  }
}

/**
 * Without `recording-id` the marks of the take that runs or has just ended, whose names can be written; with it those
 * that are kept of a recording. With `seek` a mark sends `mark-seek` with its seconds.
 */
export class StudioMarks extends MarksElement {
  static override properties: PropertyDeclarations = {
    recordingId: { attribute: 'recording-id' },
    seek: { type: Boolean },
  };
  static override styles = [
    themeStyles,
    buttonStyles,
    fieldStyles,
    css`
      :host {
        display: block;
      }
      h2 {
        margin-bottom: 8px;
        color: var(--_muted);
        font-size: 0.8125rem;
        font-weight: 600;
      }
      ol {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 4px;
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        align-items: center;
        gap: 8px;
      }
      .time {
        min-width: 52px;
        padding: 0 6px;
        color: var(--_text);
        font-variant-numeric: tabular-nums;
      }
      span {
        overflow-wrap: anywhere;
      }
      input[type='text'] {
        margin: 0;
      }
    `,
  ];

  declare recordingId: string | undefined;
  declare seek: boolean;

  constructor() {
    super();
    this.recordingId = undefined;
    this.seek = false;
  }

  protected override render(): TemplateResult | typeof nothing {
    const own = this.recordingId === undefined;
    const marks = this.recordingId === undefined ? this.marks : keptMarks(this.recordingId);
    return marks.length === 0
      ? nothing
      : html`<h2 id="marks">Marks</h2>
          <ol aria-labelledby="marks">
            ${marks.map((mark, i) => this.#row(mark, i, own))}
          </ol>`;
  }

  #row(mark: Mark, index: number, own: boolean): TemplateResult {
    const name = `Mark ${index + 1}`;
    const marks = this.store === null ? null : marksOf(this.store);
    const field = html`<input
      type="text"
      maxlength="120"
      autocomplete="off"
      placeholder=${name}
      aria-label="Name of mark ${index + 1}"
      .value=${mark.label}
      @change=${(e: Event) => marks?.rename(mark, (e.target as HTMLInputElement).value)}
    />`;
    return html`<li>
      ${this.#time(mark, name)} ${own ? field : html`<span>${mark.label || name}</span>`}
      ${
        own
          ? html`<button class="quiet icon" aria-label="Remove mark ${index + 1}" title="Remove" @click=${() => marks?.remove(mark)}>
              ${icon('close', 18)}
            </button>`
          : nothing
      }
    </li>`;
  }

  #time({ time, label }: Mark, name: string): TemplateResult {
    const go = (): unknown =>
      this.dispatchEvent(new CustomEvent('mark-seek', { detail: time, bubbles: true, composed: true }));
    return this.seek
      ? html`<button class="time" aria-label="${formatTime(time)}, go to ${label || name}" @click=${go}>${formatTime(time)}</button>`
      : html`<span class="time">${formatTime(time)}</span>`;
  }
}
