/** `<studio-library>`: the recordings that the server keeps, in a dialog. */

import { LitElement, css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { Recording, UnfinishedTake } from 'keeptake';
import { explain } from '../../elements/index.js';
import { FocusKeeper, tellIfLost } from '../../elements/focus.js';
import { formatBytes, formatTime } from '../../elements/format.js';
import { icon, type IconName } from '../../elements/icons.js';
import { codeOf, messageOf } from '../../elements/store.js';
import { buttonStyles, dialogStyles, fieldStyles, themeStyles } from '../../elements/theme.js';
import { recordings } from './server.js';
import { forgetThumbnail } from './thumbnails.js';

const WORDS: Record<Recording['state'], string> = {
  created: 'Not started',
  recording: 'Unfinished',
  completing: 'Being finished',
  salvaging: 'Being salvaged',
  complete: '',
  aborted: 'Thrown away',
  failed: 'Failed',
};

const TOO_LITTLE = {
  what: 'Too little of this take has reached the server.',
  todo: 'Open the studio in the browser that recorded it: there it can be salvaged.',
};

const dates = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** A recording that the server finishes is asked about this often, and at most this many times. */
const POLL_MS = 1000;
const POLLS = 600;

/**
 * Set `unfinished` to the takes of this browser. Events: `library-open` carries a {@link Recording}, `library-delete`
 * the one that is gone, `library-rename` the recording with its new title; `library-recover` asks for the recovery dialog.
 */
export class StudioLibrary extends LitElement {
  static override properties: PropertyDeclarations = {
    recordings: { state: true },
    cursor: { state: true },
    problem: { state: true },
    loading: { state: true },
    asking: { state: true },
    deleting: { state: true },
    unfinished: { attribute: false },
  };
  static override styles = [
    themeStyles,
    buttonStyles,
    fieldStyles,
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
        padding: 16px 14px 4px 24px;
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
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 8px;
        padding: 6px 4px 6px 8px;
      }
      li:has(.open:enabled:hover) {
        background: var(--_raised);
      }
      li + li {
        border-top: 1px solid var(--_line);
      }
      .open {
        display: grid;
        flex: 1 1 220px;
        grid-template-columns: auto minmax(0, 1fr);
        justify-items: start;
        min-width: 0;
        gap: 12px;
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
      .open > span {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 2px;
        max-width: 100%;
      }
      studio-thumbnail {
        width: clamp(72px, 16vw, 112px);
      }
      studio-link {
        flex: 1 1 100%;
      }
      .rename {
        display: flex;
        flex: 1 1 100%;
        flex-wrap: wrap;
        gap: 8px;
        padding: 4px 8px 10px;
      }
      .rename input[type='text'] {
        flex: 1 1 160px;
        width: auto;
        margin: 0;
      }
      .open strong {
        max-width: 100%;
        overflow: hidden;
        font-size: 0.9375rem;
        font-weight: 600;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      small span {
        white-space: nowrap;
      }
      small {
        color: var(--_muted);
        font-size: 0.8125rem;
        font-weight: 400;
        line-height: 1.5;
      }
      .state {
        display: inline-block;
        margin-inline-start: 2px;
        padding: 2px 8px;
        border-radius: 10px;
        background: color-mix(in srgb, var(--_pause) 18%, transparent);
        color: var(--_pause);
        font-size: 0.75rem;
      }
      .deeds {
        display: flex;
        gap: 4px;
        align-items: center;
      }
      .question {
        display: flex;
        flex-wrap: wrap;
        flex: 1 1 100%;
        gap: 8px;
        padding: 4px 8px 10px;
      }
      .question p {
        flex: 1 1 100%;
        margin: 0;
        font-size: 0.8125rem;
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
  /** `delete`, `finish`, `rename` or `link`, and the id of the recording that it was pressed for and not yet confirmed. */
  declare asking: string;
  declare deleting: string;
  /** Takes of this browser that are not finished; those of other tabs too. */
  declare unfinished: readonly UnfinishedTake[];
  /** Recordings that the server is finishing and that are asked about. */
  #polls = new Set<string>();

  constructor() {
    super();
    new FocusKeeper(this);
    this.recordings = null;
    this.cursor = null;
    this.problem = null;
    this.loading = false;
    this.asking = '';
    this.deleting = '';
    this.unfinished = [];
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
      const page = await recordings.list(further && this.cursor !== null ? { cursor: this.cursor } : {});
      this.recordings = further ? [...(this.recordings ?? []), ...page.recordings] : page.recordings;
      this.cursor = page.next ?? null;
      page.recordings.filter((r) => r.state === 'salvaging').forEach((r) => void this.#follow(r.id));
    } catch (error) {
      this.problem = explain(codeOf(error), messageOf(error), 'setup');
    } finally {
      this.loading = false;
    }
  }

  async #delete(recording: Recording): Promise<void> {
    const { id } = recording;
    this.deleting = id;
    this.problem = null;
    try {
      await recordings.delete(id);
      void forgetThumbnail(id);
      this.recordings = (this.recordings ?? []).filter((r) => r.id !== id);
      this.dispatchEvent(new CustomEvent<Recording>('library-delete', { detail: recording }));
    } catch (error) {
      this.problem = explain(codeOf(error), messageOf(error), 'setup');
    } finally {
      this.deleting = '';
      this.asking = '';
    }
  }

  /** Lets the server finish a recording whose machine does not come back. */
  async #finish(id: string): Promise<void> {
    this.asking = '';
    this.problem = null;
    try {
      this.#replace(await recordings.salvage(id));
      if ((await this.#follow(id)) === 'recording') {
        this.problem = TOO_LITTLE;
      }
    } catch (error) {
      this.problem = explain(codeOf(error), messageOf(error), 'setup');
    }
  }

  /** Asks until the server is done with a recording, or the page is gone; gives the state then, if known. */
  async #follow(id: string): Promise<Recording['state'] | null> {
    if (this.#polls.has(id)) {
      return null;
    }
    this.#polls.add(id);
    try {
      for (let i = 0; i < POLLS && this.isConnected; i += 1) {
        const recording = await recordings.get(id);
        this.#replace(recording);
        if (recording.state !== 'salvaging') {
          return recording.state;
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    } catch {
      // The list shows it as it was; opening it again asks again.
    } finally {
      this.#polls.delete(id);
    }
    return null;
  }

  #replace(recording: Recording): void {
    this.recordings = (this.recordings ?? []).map((r) => (r.id === recording.id ? recording : r));
  }

  protected override render(): TemplateResult {
    return html`<dialog aria-labelledby="title" @close=${() => tellIfLost(this)}>
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
    const made = dates.format(r.createdAt);
    const details = [
      ...(done ? [formatTime(r.duration ?? 0)] : []),
      made,
      ...(r.bytes === undefined ? [] : [formatBytes(r.bytes)]),
      ...(r.salvaged ? ['Salvaged'] : []),
    ];
    const state = this.#state(r);
    return html`<li>
      <button
        class="open"
        aria-label=${`Open ${title} ${[...details, state].join(' · ')}`}
        ?disabled=${!done}
        @click=${() => {
          this.close();
          this.dispatchEvent(new CustomEvent<Recording>('library-open', { detail: r }));
        }}
      >
        <studio-thumbnail .recording=${r}></studio-thumbnail>
        <span
          ><strong>${title}</strong>
          <small
            >${details.map((each, i) => html`${i === 0 ? nothing : ' · '}<span>${each}</span>`)}
            ${state === '' ? nothing : html`<span class="state">${state}</span>`}</small
          ></span
        >
      </button>
      ${this.#deeds(r, title)}
    </li>`;
  }

  /** Somebody records it at this moment, here or on another machine. */
  #live(r: Recording): boolean {
    const here = this.unfinished.some((take) => take.recordingId === r.id && take.live);
    return r.state === 'recording' && (here || r.live === true);
  }

  /** What stands in the way of playing it, in a word; empty when nothing does. */
  #state(r: Recording): string {
    return this.#live(r) ? 'Being recorded now' : WORDS[r.state];
  }

  #deeds(r: Recording, title: string): TemplateResult {
    if (this.#live(r)) {
      return html`<span class="deeds"></span>`;
    }
    if (this.deleting === r.id) {
      return html`<small class="deeds" role="status">Deleting…</small>`;
    }
    if (this.asking === `delete ${r.id}`) {
      return html`<span class="deeds"
        ><button class="danger" aria-label=${`Delete ${title} for good`} @click=${() => this.#delete(r)}>
          Delete
        </button>
        <button class="quiet" @click=${() => (this.asking = '')}>Keep</button></span
      >`;
    }
    if (this.asking === `finish ${r.id}`) {
      return html`<div class="question" role="group" aria-label=${`Finish ${title} on the server`}>
        <p>
          The server finishes it from what has arrived; what is only on the machine that recorded it is left out. Do
          this when that machine does not come back.
        </p>
        <button class="primary" @click=${() => this.#finish(r.id)}>Finish on the server</button>
        <button class="quiet" @click=${() => (this.asking = '')}>Wait</button>
      </div>`;
    }
    return html`<span class="deeds"
        >${this.#salvageButton(r, title)}
        ${r.state === 'complete' ? this.#deed('link', `Copy link to ${title}`, 'Copy link', `link ${r.id}`) : nothing}
        ${this.#deed('edit', `Rename ${title}`, 'Rename', `rename ${r.id}`)}
        ${this.#deed('trash', `Delete ${title}`, 'Delete', `delete ${r.id}`)}</span
      >${this.#more(r, title)}`;
  }

  #deed(picture: IconName, label: string, hint: string, asks: string): TemplateResult {
    const open = this.asking === asks;
    return html`<button
      class="quiet icon"
      aria-label=${label}
      title=${hint}
      @click=${() => this.#ask(open ? '' : asks)}
    >
      ${icon(picture, 18)}
    </button>`;
  }

  #ask(asks: string): void {
    this.asking = asks;
    if (asks.startsWith('rename ')) {
      void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLInputElement>('.rename input')?.select());
    }
  }

  /** What a deed needs below its row. */
  #more(r: Recording, title: string): TemplateResult | typeof nothing {
    if (this.asking === `link ${r.id}`) {
      return html`<studio-link .recording=${r} @link-close=${() => (this.asking = '')}></studio-link>`;
    }
    return this.asking === `rename ${r.id}`
      ? html`<form
          class="rename"
          aria-label=${`Rename ${title}`}
          @submit=${(e: SubmitEvent) => this.#rename(e, r)}
          @keydown=${this.#onRenameKey}
        >
          <input type="text" maxlength="200" autocomplete="off" aria-label="Title" .value=${r.title} />
          <button class="primary">Save title</button>
          <button type="button" class="quiet" @click=${() => (this.asking = '')}>Cancel</button>
        </form>`
      : nothing;
  }

  /** Escape leaves the field, and the list open. */
  #onRenameKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      this.asking = '';
    }
  }

  async #rename(event: SubmitEvent, r: Recording): Promise<void> {
    event.preventDefault();
    const title = this.renderRoot.querySelector<HTMLInputElement>('.rename input')?.value.trim() ?? r.title;
    this.problem = null;
    try {
      const renamed = title === r.title ? r : await recordings.rename(r.id, title);
      this.#replace(renamed);
      this.asking = '';
      this.dispatchEvent(new CustomEvent<Recording>('library-rename', { detail: renamed }));
    } catch (error) {
      // What was written stays in its field.
      this.problem = explain(codeOf(error), messageOf(error), 'setup');
    }
  }

  /** A take of this browser is salvaged with all that is here, any other by the server. */
  #salvageButton(r: Recording, title: string): TemplateResult | typeof nothing {
    const here = this.unfinished.find((take) => take.recordingId === r.id);
    if (r.state !== 'recording') {
      return nothing;
    }
    const act = (): void => {
      if (here === undefined) {
        this.asking = `finish ${r.id}`;
      } else {
        this.close();
        this.dispatchEvent(new CustomEvent('library-recover'));
      }
    };
    return html`<button class="salvage" aria-label=${`Salvage ${title}`} @click=${act}>Salvage</button>`;
  }
}
