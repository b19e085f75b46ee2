/** `<studio-library>`: the recordings that the server keeps, in a dialog. */

import { LitElement, css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { explain } from '../elements/index.js';
import { formatBytes, formatTime } from '../elements/format.js';
import { icon } from '../elements/icons.js';
import { codeOf, messageOf } from '../elements/store.js';
import { buttonStyles, dialogStyles, themeStyles } from '../elements/theme.js';
import { deleteRecording, listRecordings, type Recording } from './server.js';

const WORDS: Record<Recording['state'], string> = {
  created: 'Not started',
  recording: 'Unfinished',
  completing: 'Being finished',
  complete: '',
  aborted: 'Thrown away',
  failed: 'Failed',
};

const dates = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** The event `library-open` carries a {@link Recording}. */
export class StudioLibrary extends LitElement {
  static override properties: PropertyDeclarations = {
    recordings: { state: true },
    cursor: { state: true },
    problem: { state: true },
    loading: { state: true },
    asking: { state: true },
    deleting: { state: true },
  };
  static override styles = [
    themeStyles,
    buttonStyles,
    dialogStyles,
    css`
      dialog {
        width: min(720px, calc(100vw - 24px));
        min-height: 300px;
        max-height: min(680px, calc(100dvh - 32px));
        padding: 0;
      }
      dialog[open] {
        display: flex;
        flex-direction: column;
      }
      .head {
        display: flex;
        align-items: center;
        justify-content: space-between;
        padding: 20px 16px 14px 24px;
      }
      .progress {
        flex: none;
        height: 4px;
        overflow: hidden;
      }
      .progress i {
        display: block;
        width: 35%;
        height: 3px;
        border-radius: 2px;
        background: var(--_accent);
        animation: slide 1s ease-in-out infinite alternate;
      }
      @keyframes slide {
        to {
          transform: translateX(186%);
        }
      }
      .body {
        min-height: 0;
        overflow-y: auto;
        padding: 4px 16px 20px;
      }
      li {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto auto;
        align-items: center;
        gap: 6px;
        padding: 6px 4px 6px 8px;
        border-radius: var(--_radius);
      }
      li:hover {
        background: var(--_raised);
      }
      li + li {
        border-top: 1px solid var(--_line);
      }
      .open {
        display: grid;
        justify-content: start;
        justify-items: start;
        gap: 2px;
        padding: 8px;
        border: 0;
        background: none;
        text-align: left;
      }
      .open:hover:not(:disabled) {
        background: none;
        color: var(--_accent);
      }
      .open:disabled {
        opacity: 1;
      }
      .open strong {
        max-width: 100%;
        overflow: hidden;
        font-size: 0.9375rem;
        font-weight: 600;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      small {
        color: var(--_muted);
        font-size: 0.8125rem;
        font-weight: 400;
      }
      .state {
        padding: 2px 8px;
        border-radius: 10px;
        background: color-mix(in srgb, var(--_pause) 18%, transparent);
        color: var(--_pause);
        font-size: 0.75rem;
      }
      .empty {
        display: grid;
        place-items: center;
        gap: 8px;
        padding: 60px 20px;
        color: var(--_muted);
        text-align: center;
      }
      .empty strong {
        color: var(--_text);
        font-size: 1rem;
      }
      .more {
        width: 100%;
        margin-top: 12px;
      }
    `,
  ];

  declare recordings: Recording[] | null;
  declare cursor: string | null;
  declare problem: { what: string; todo: string } | null;
  declare loading: boolean;
  /** Id that Delete was pressed for and not yet confirmed. */
  declare asking: string;
  declare deleting: string;

  constructor() {
    super();
    this.recordings = null;
    this.cursor = null;
    this.problem = null;
    this.loading = false;
    this.asking = '';
    this.deleting = '';
  }

  /** Opens the dialog and asks the server. */
  show(): void {
    this.renderRoot.querySelector('dialog')?.showModal();
    void this.#load(false);
  }

  /** Closes the dialog. */
  close = (): void => this.renderRoot.querySelector('dialog')?.close();

  async #load(further: boolean): Promise<void> {
    this.loading = true;
    this.problem = null;
    try {
      const page = await listRecordings(further ? (this.cursor ?? undefined) : undefined);
      this.recordings = further ? [...(this.recordings ?? []), ...page.recordings] : page.recordings;
      this.cursor = page.next_cursor ?? null;
    } catch (error) {
      this.problem = explain(codeOf(error), messageOf(error), 'setup');
    } finally {
      this.loading = false;
    }
  }

  async #delete(id: string): Promise<void> {
    this.deleting = id;
    this.problem = null;
    try {
      await deleteRecording(id);
      this.recordings = (this.recordings ?? []).filter((r) => r.id !== id);
      this.dispatchEvent(new CustomEvent<string>('library-delete', { detail: id }));
    } catch (error) {
      this.problem = explain(codeOf(error), messageOf(error), 'setup');
    } finally {
      this.deleting = '';
      this.asking = '';
    }
  }

  protected override render(): TemplateResult {
    return html`<dialog aria-labelledby="title">
      <div class="head">
        <h2 id="title">Recordings</h2>
        <button class="quiet icon" aria-label="Close recordings" @click=${this.close}>${icon('close')}</button>
      </div>
      <div class="progress" role="status">
        ${this.loading ? html`<i></i><span class="sr">Asking the server</span>` : nothing}
      </div>
      <div class="body">${this.#told()}${this.#list()}</div>
    </dialog>`;
  }

  #told(): TemplateResult {
    return html`<div role="alert">
      ${
        this.problem === null
          ? nothing
          : html`<div class="empty">
              <strong>${this.problem.what}</strong><span>${this.problem.todo}</span>
              <button @click=${() => this.#load(false)}>Try again</button>
            </div>`
      }
    </div>`;
  }

  #list(): TemplateResult | typeof nothing {
    const list = this.recordings;
    if (list === null || (list.length === 0 && this.problem !== null)) {
      return nothing;
    }
    if (list.length === 0) {
      return html`<div class="empty">
        ${icon('library', 32)}<strong>No recordings yet</strong><span>Every take that you finish is listed here.</span>
      </div>`;
    }
    return html`<ul aria-label="Recordings">
        ${list.map((r) => this.#row(r))}
      </ul>
      ${
        this.cursor === null
          ? nothing
          : html`<button class="more" ?disabled=${this.loading} @click=${() => this.#load(true)}>Show more</button>`
      }`;
  }

  #row(r: Recording): TemplateResult {
    const title = r.title || 'Untitled take';
    const done = r.state === 'complete';
    const made = dates.format(new Date(r.created_at));
    const details = [...(done ? [formatTime(r.duration ?? 0)] : []), made, ...(r.bytes === undefined ? [] : [formatBytes(r.bytes)])];
    return html`<li>
      <button
        class="open"
        aria-label=${`Open ${title} ${details.join(' · ')}`}
        ?disabled=${!done}
        @click=${() => {
          this.close();
          this.dispatchEvent(new CustomEvent<Recording>('library-open', { detail: r }));
        }}
      >
        <strong>${title}</strong>
        <small>${details.join(' · ')}</small>
      </button>
      ${done ? html`<span></span>` : html`<span class="state">${WORDS[r.state]}</span>`}
      ${this.#deleteButtons(r, title)}
    </li>`;
  }

  #deleteButtons(r: Recording, title: string): TemplateResult {
    if (this.deleting === r.id) {
      return html`<small role="status">Deleting…</small>`;
    }
    if (this.asking === r.id) {
      return html`<span
        ><button class="danger" aria-label=${`Delete ${title} for good`} @click=${() => this.#delete(r.id)}>
          Delete
        </button>
        <button class="quiet" @click=${() => (this.asking = '')}>Keep</button></span
      >`;
    }
    return html`<button
      class="quiet icon"
      aria-label=${`Delete ${title}`}
      title="Delete"
      @click=${() => (this.asking = r.id)}
    >
      ${icon('trash', 18)}
    </button>`;
  }
}
