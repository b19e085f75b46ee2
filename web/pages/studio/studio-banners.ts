/** `<studio-banners>`: what went wrong, what is safe, what to do. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { explain, KtElement, type Notice, type RecorderStore, type StoreTopic } from '../../elements/index.js';
import { icon } from '../../elements/icons.js';
import { buttonStyles, themeStyles } from '../../elements/theme.js';

/** Warnings go by themselves, errors stay until they are read. */
const WARNING_MS = 12_000;
const LASTING: ReadonlySet<string> = new Set([
  'source-ended',
  'sound-ended',
  'limit-reached',
  'upload-retrying',
  'unauthorized',
  'upload-ended',
  'journal-full',
  'journal-unavailable',
  'backlog',
]);
/** Over as soon as uploading goes on. */
const UNTIL_RECOVERED: ReadonlySet<string> = new Set(['upload-retrying', 'backlog', 'unauthorized']);
/** Those that a try now may end. */
const WAITING: ReadonlySet<string> = new Set(['upload-retrying', 'unauthorized']);
/** Told of a take that runs: over with it. */
const OF_A_TAKE: ReadonlySet<string> = new Set([...UNTIL_RECOVERED, 'upload-recovered', 'governor', 'limit-near']);
const GOOD: ReadonlySet<string> = new Set(['upload-recovered', 'sound-recovered', 'source-recovered']);
/** Over as soon as the sound of the same source is back. */
const UNTIL_HEARD: ReadonlySet<string> = new Set(['sound-ended', 'sound-stalled', 'sound-silent']);
/** Over as soon as its picture is back. */
const UNTIL_SEEN: ReadonlySet<string> = new Set(['source-ended', 'source-stalled']);

/** The cause of a notice has ended. */
function over(notice: Notice, store: RecorderStore, changed: StoreTopic): boolean {
  const source = store.sources.find((s) => s.id === notice.sourceId);
  const idle = store.state.state === 'setup' || store.state.state === 'stopped';
  if (changed === 'state' && idle && notice.kind === 'warning' && OF_A_TAKE.has(notice.code)) {
    return true;
  }
  // The token is why nothing is sent: once is enough.
  if (notice.code === 'upload-retrying' && store.notices.some((n) => n.code === 'unauthorized')) {
    return true;
  }
  if (notice.sourceId === undefined) {
    return false;
  }
  const told = (code: string): boolean => store.notices.some((n) => n.code === code && n.sourceId === notice.sourceId);
  const heard = told('sound-recovered');
  const seen = told('source-recovered');
  return (
    (heard && UNTIL_HEARD.has(notice.code)) ||
    (seen && UNTIL_SEEN.has(notice.code)) ||
    (changed === 'sources' && notice.code === 'source-ended' && source !== undefined && !source.ended)
  );
}

/** The recorder's notices; the default slot takes banners of the page. The attribute `filled` is set while it has any. */
export class StudioBanners extends KtElement {
  static override topics: readonly StoreTopic[] = ['notices', 'state', 'sources'];
  static override styles = [
    themeStyles,
    buttonStyles,
    css`
      :host {
        display: grid;
        gap: 8px;
      }
      .list {
        display: contents;
      }
      .banner {
        --_tone: var(--_pause);
        display: grid;
        grid-template-columns: 22px minmax(0, 1fr) auto auto;
        gap: 0 12px;
        align-items: center;
        padding: 12px 8px 12px 14px;
        border: 1px solid color-mix(in srgb, var(--_tone) 50%, transparent);
        border-radius: var(--_radius);
        background: color-mix(in srgb, var(--_tone) 13%, var(--_surface));
        box-shadow: 0 10px 30px rgb(0 0 0 / 0.35);
      }
      .banner > svg {
        color: var(--_tone);
      }
      .banner.error {
        --_tone: var(--_record);
      }
      .banner.good {
        --_tone: var(--_ok);
      }
      .banner > .quiet {
        grid-column: 4;
      }
      .banner p {
        color: color-mix(in srgb, var(--_muted) 60%, var(--_text));
        font-size: 0.8125rem;
      }
    `,
  ];
  #timers = new Map<number, ReturnType<typeof setTimeout>>();

  protected override storeChanged(_store: RecorderStore | null): void {
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
  }

  protected override storeUpdated(topic: StoreTopic): void {
    const store = this.store;
    if (store === null) {
      return;
    }
    const recovered = store.notices.some((n) => n.code === 'upload-recovered');
    for (const notice of store.notices) {
      if ((recovered && UNTIL_RECOVERED.has(notice.code)) || over(notice, store, topic)) {
        store.dismiss(notice.key);
      } else if (notice.kind === 'warning' && !LASTING.has(notice.code) && !this.#timers.has(notice.key)) {
        this.#timers.set(
          notice.key,
          setTimeout(() => store.dismiss(notice.key), WARNING_MS),
        );
      }
    }
  }

  protected override updated(): void {
    this.toggleAttribute('filled', (this.store?.notices.length ?? 0) > 0);
  }

  protected override render(): TemplateResult {
    const notices = this.store?.notices ?? [];
    const errors = notices.filter((n) => n.kind === 'error');
    const warnings = notices.filter((n) => n.kind === 'warning');
    return html`<div class="list" role="alert">${errors.map((n) => this.#banner(n))}</div>
      <div class="list" role="status">${warnings.map((n) => this.#banner(n))}</div>
      <slot></slot>`;
  }

  #banner(notice: Notice): TemplateResult {
    const state = this.store?.state.state ?? 'loading';
    const told = explain(notice.code, notice.message, state);
    const who = notice.sourceId === undefined ? '' : `${this.store?.nameOf(notice.sourceId) ?? notice.sourceId}: `;
    const good = GOOD.has(notice.code);
    const rest = [told.safe, told.todo].filter((part) => part !== '').join(' ');
    return html`<div class="banner ${good ? 'good' : notice.kind}" data-code=${notice.code}>
      ${icon(good ? 'check' : 'warning', 22)}
      <div title=${notice.message}>
        <strong>${who}${told.what}</strong>${rest === '' ? nothing : html`<p>${rest}</p>`}
      </div>
      ${
        WAITING.has(notice.code) && state !== 'stopping'
          ? html`<button class="now" @click=${() => this.request('kt-send-now-request', {})}>Try now</button>`
          : nothing
      }<button class="quiet icon" aria-label="Dismiss" @click=${() => this.store?.dismiss(notice.key)}>
        ${icon('close', 18)}
      </button>
    </div>`;
  }
}
