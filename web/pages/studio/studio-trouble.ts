/** `<studio-trouble>`: why the server cannot keep takes now, and the ways on. It goes when its cause is gone. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { Session } from 'keeptake';
import { explain, KtElement, type StoreTopic } from '../../elements/index.js';
import { icon } from '../../elements/icons.js';
import { codeOf, messageOf } from '../../elements/store.js';
import { buttonStyles, themeStyles } from '../../elements/theme.js';
import { recordings } from './server.js';

/** Failures of a start that recording in this page only gets round. */
const OF_SERVER: ReadonlySet<string> = new Set([
  'server-unreachable',
  'server-error',
  'unauthorized',
  'forbidden',
  'recording-disabled',
]);
/** While there is trouble the server is asked again by itself. */
const AGAIN_MS = 10_000;

/**
 * Set `keep` to where takes go. Events: `trouble-keep-here` (record in this page only), `trouble-session` with the
 * server's {@link Session}. {@link ask} asks the server.
 */
export class StudioTrouble extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'notices'];
  static override properties: PropertyDeclarations = {
    keep: { attribute: false },
    code: { state: true },
    asking: { state: true },
  };
  static override styles = [
    themeStyles,
    buttonStyles,
    css`
      :host {
        display: block;
      }
      .trouble {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 10px 14px;
        padding: 12px 14px;
        border: 1px solid color-mix(in srgb, var(--_pause) 50%, transparent);
        border-radius: var(--_radius);
        background: color-mix(in srgb, var(--_pause) 12%, var(--_surface));
      }
      .trouble > svg {
        color: var(--_pause);
      }
      .trouble > div:not(.choices) {
        flex: 1 1 240px;
      }
      .trouble p {
        color: color-mix(in srgb, var(--_muted) 60%, var(--_text));
        font-size: 0.8125rem;
      }
      .choices {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
    `,
  ];

  declare keep: 'server' | 'browser';
  /** Why the server cannot be used; empty: it can, as far as is known. */
  declare code: string;
  declare asking: boolean;
  #message = '';
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.keep = 'server';
    this.code = '';
    this.asking = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  /** Asks whether the server keeps takes. */
  async ask(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.keep === 'browser') {
      this.#tell('', '');
      return;
    }
    this.asking = true;
    try {
      const session = await recordings.session();
      this.dispatchEvent(new CustomEvent<Session>('trouble-session', { detail: session }));
      this.#tell(!session.limits.enabled ? 'recording-disabled' : session.role === 'viewer' ? 'forbidden' : '', '');
    } catch (error) {
      this.#tell(codeOf(error) || 'server-error', messageOf(error));
    } finally {
      this.asking = false;
    }
  }

  #tell(code: string, message: string): void {
    this.code = this.keep === 'browser' ? '' : code;
    this.#message = message;
    clearTimeout(this.#timer);
    if (this.code !== '' && this.isConnected) {
      this.#timer = setTimeout(() => void this.ask(), AGAIN_MS);
    }
  }

  /** A start that the server kept from beginning is told here, with a way on, instead of in a notice. */
  protected override storeUpdated(topic: StoreTopic): void {
    const store = this.store;
    if (topic !== 'notices' || store === null || store.state.state !== 'setup' || this.keep === 'browser') {
      return;
    }
    const notice = store.notices.find((n) => n.kind === 'error' && OF_SERVER.has(n.code));
    if (notice !== undefined) {
      store.dismiss(notice.key);
      this.#tell(notice.code, notice.message);
    }
  }

  protected override render(): TemplateResult {
    return html`<div role="alert">${this.code === '' ? nothing : this.#banner()}</div>`;
  }

  #banner(): TemplateResult {
    const state = this.store?.state.state ?? 'loading';
    const told = explain(this.code, this.#message || 'The server cannot be used.', 'setup');
    const free = state === 'setup' || state === 'loading' || state === 'failed';
    return html`<div class="trouble">
      ${icon('warning', 22)}
      <div title=${this.#message || nothing}>
        <strong>${told.what}</strong>
        <p>${told.safe} ${told.todo}</p>
      </div>
      <div class="choices">
        <button aria-disabled=${this.asking ? 'true' : nothing} @click=${() => (this.asking ? undefined : this.ask())}>
          Try again
        </button>
        ${
          free
            ? html`<button @click=${() => this.dispatchEvent(new CustomEvent('trouble-keep-here'))}>
                Record in this page only
              </button>`
            : nothing
        }
      </div>
    </div>`;
  }
}
