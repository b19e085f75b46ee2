/** `<studio-link>`: a link to a recording, with what it can do and for how long. */

import { LitElement, css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { Recording } from 'keeptake';
import { explain } from '../../elements/index.js';
import { icon } from '../../elements/icons.js';
import { codeOf, messageOf } from '../../elements/store.js';
import { buttonStyles, fieldStyles, themeStyles } from '../../elements/theme.js';
import { recordings } from './server.js';

const TIMES = [
  { seconds: 3600, label: '1 hour' },
  { seconds: 86_400, label: '1 day' },
  { seconds: 604_800, label: '7 days' },
] as const;

const dates = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** Set `recording`. The event `link-close` asks to be put away. */
export class StudioLink extends LitElement {
  static override properties: PropertyDeclarations = {
    recording: { attribute: false },
    seconds: { state: true },
    link: { state: true },
    copied: { state: true },
    problem: { state: true },
    busy: { state: true },
  };
  static override styles = [
    themeStyles,
    buttonStyles,
    fieldStyles,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 10px;
        padding: 6px 8px 12px;
      }
      p {
        margin: 0;
        color: var(--_muted);
        font-size: 0.8125rem;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        align-items: end;
        gap: 8px;
      }
      label {
        flex: 0 1 130px;
      }
      input {
        font-size: 0.75rem;
      }
    `,
  ];

  declare recording: Recording | null;
  declare seconds: number;
  declare link: { url: string; until: Date } | null;
  declare copied: boolean;
  declare problem: string;
  declare busy: boolean;

  constructor() {
    super();
    this.recording = null;
    this.seconds = 604_800;
    this.link = null;
    this.copied = false;
    this.problem = '';
    this.busy = false;
  }

  protected override render(): TemplateResult {
    const title = this.recording?.title || 'Untitled take';
    return html`<p>
        Whoever has the link can watch and download this take without signing in. It cannot be taken back before it ends,
        except by deleting the recording.
      </p>
      <div class="row" role="group" aria-label="Link to ${title}">
        <label
          >Good for<select @change=${(e: Event) => this.#pick(Number((e.target as HTMLSelectElement).value))}>
            ${TIMES.map((t) => html`<option value=${t.seconds} ?selected=${t.seconds === this.seconds}>${t.label}</option>`)}
          </select></label
        >
        <button class="primary" ?disabled=${this.busy} @click=${this.#copy}>${icon('link', 18)}Copy link</button>
        <button class="quiet" @click=${() => this.dispatchEvent(new CustomEvent('link-close'))}>Done</button>
      </div>
      <div role="status">${this.#told()}</div>`;
  }

  #told(): TemplateResult | typeof nothing {
    if (this.problem !== '') {
      return html`<p>${this.problem}</p>`;
    }
    if (this.link === null) {
      return nothing;
    }
    const until = dates.format(this.link.until);
    return html`<p>
        ${this.copied ? `The link is copied. It is good until ${until}.` : `Copy it from here; it is good until ${until}.`}
      </p>
      <input type="text" readonly aria-label="Link" .value=${this.link.url} @focus=${(e: Event) => (e.target as HTMLInputElement).select()} />`;
  }

  #pick(seconds: number): void {
    this.seconds = seconds;
    // The link that is shown is of another length.
    this.link = null;
  }

  async #copy(): Promise<void> {
    const { recording } = this;
    if (recording === null || this.busy) {
      return;
    }
    this.busy = true;
    this.problem = '';
    try {
      this.link = await recordings.link(recording.id, this.seconds);
      this.copied = await navigator.clipboard.writeText(this.link.url).then(
        () => true,
        () => false,
      );
    } catch (error) {
      const told = explain(codeOf(error), messageOf(error), 'setup');
      this.problem = `${told.what} ${told.todo}`;
    } finally {
      this.busy = false;
    }
  }
}
