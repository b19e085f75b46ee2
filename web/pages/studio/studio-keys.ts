/** `<studio-keys>`: the keys of the studio, and the dialog that lists them. */

import { css, html, type TemplateResult } from 'lit';
import { KtElement, type RecorderStore } from '../../elements/index.js';
import { tellIfLost } from '../../elements/focus.js';
import { icon } from '../../elements/icons.js';
import { LAYOUT_KINDS } from '../../elements/kt-layout-picker.js';
import { marksOf } from './marks.js';
import { buttonStyles, dialogStyles, themeStyles } from '../../elements/theme.js';

const LIST: readonly (readonly [string, string])[] = [
  ['R', 'Start recording'],
  ['P', 'Pause and resume'],
  ['Shift + S', 'Stop'],
  ['M', 'Mute my microphone'],
  ['V', 'Hide my camera'],
  ['K', 'Mark this moment of the take'],
  ['1 – 6', 'Layout, in the order of the Layout tab'],
  ['H, then 1 – 9', 'Show or hide a hook, by its place in the list'],
  ['Shift + 1 – 9', 'Show a scene, by its place in the list'],
  ['Ctrl or ⌘ + Z', 'Undo the last change of the picture'],
  ['Escape', 'Cancel the countdown, or put back what is being dragged'],
  ['?', 'This list'],
];

/** A hook's number has to follow H within this time. */
const HOOK_MS = 2000;

/** The event comes from a field that uses letters itself, or from an open dialog. */
function typing(event: KeyboardEvent): boolean {
  return event.composedPath().some((each) => {
    if (!(each instanceof HTMLElement)) {
      return false;
    }
    const field = each.matches('textarea, select, [contenteditable], kt-player, dialog[open]');
    const text = each instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'range'].includes(each.type);
    return field || text;
  });
}

/** Listens on the page; acts on the recorder of its provider. {@link show} opens the list. */
export class StudioKeys extends KtElement {
  static override styles = [
    themeStyles,
    buttonStyles,
    dialogStyles,
    css`
      dl {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 10px 18px;
        align-items: baseline;
        margin-block: 18px;
      }
      dt {
        font-weight: 600;
        white-space: nowrap;
      }
      kbd {
        padding: 2px 8px;
        border: 1px solid var(--_edge);
        border-radius: 6px;
        font: inherit;
      }
      dd {
        color: var(--_muted);
      }
    `,
  ];
  #hookUntil = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.#onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.#onKey);
  }

  /** Opens the list of keys. */
  show(): void {
    this.#dialog?.showModal();
  }

  get #dialog(): HTMLDialogElement | null {
    return this.renderRoot.querySelector('dialog');
  }

  protected override render(): TemplateResult {
    return html`<dialog aria-labelledby="title" @close=${() => tellIfLost(this)}>
      <h2 id="title">Keys</h2>
      <dl>
        ${LIST.map(
          ([keys, what]) =>
            html`<dt><kbd>${keys}</kbd></dt>
              <dd>${what}</dd>`,
        )}
      </dl>
      <button class="wide" autofocus @click=${() => this.#dialog?.close()}>${icon('close', 18)}Close</button>
    </dialog>`;
  }

  #onKey = (event: KeyboardEvent): void => {
    const store = this.store;
    if (store === null || event.defaultPrevented || event.isComposing || event.altKey || event.repeat) {
      return;
    }
    if (typing(event)) {
      return;
    }
    const done =
      event.ctrlKey || event.metaKey
        ? event.key.toLowerCase() === 'z' && !event.shiftKey && store.undo()
        : this.#scene(event) || this.#act(event.key, store);
    if (done) {
      event.preventDefault();
    }
  };

  /** A key of the digit row that types no digit: with Shift on most keyboards, without it on French ones. */
  #scene({ code, key }: KeyboardEvent): boolean {
    if (!/^Digit[1-9]$/.test(code) || /^\d$/.test(key)) {
      return false;
    }
    return this.dispatchEvent(new CustomEvent('keys-scene', { bubbles: true, detail: Number(code.slice(5)) - 1 }));
  }

  /** True when the key means something now. */
  #act(key: string, store: RecorderStore): boolean {
    const state = store.state.state;
    const digit = /^[1-9]$/.test(key) ? Number(key) : 0;
    if (digit > 0) {
      return performance.now() < this.#hookUntil ? this.#hook(store, digit) : this.#layout(store, digit);
    }
    switch (key) {
      case '?':
        this.show();
        return true;
      case 'h':
        this.#hookUntil = performance.now() + HOOK_MS;
        return true;
      case 'm':
      case 'v':
        return this.#mute(store, key === 'm' ? 'audio' : 'video');
      case 'k':
        return marksOf(store).add() !== null;
      case 'r':
        // The controls know the countdown and what is in the way.
        return state === 'setup' && this.dispatchEvent(new CustomEvent('keys-start', { bubbles: true }));
      case 'p':
        if (store.settling || (state !== 'recording' && state !== 'paused')) {
          return false;
        }
        void (state === 'paused' ? this.request('kt-resume-request', {}) : this.request('kt-pause-request', {}));
        return true;
      case 'S':
        if (store.settling || !store.hasTake) {
          return false;
        }
        void this.request('kt-stop-request', {});
        return true;
      default:
        return false;
    }
  }

  #mute(store: RecorderStore, what: 'audio' | 'video'): boolean {
    const host = store.sources.find((s) => s.id === 'host');
    if (host === undefined || !(what === 'audio' ? host.hasAudio : host.hasVideo)) {
      return false;
    }
    const off = what === 'audio' ? host.audioMuted : host.videoMuted;
    void this.request('kt-mute-request', { id: 'host', [what]: !off });
    return true;
  }

  #layout(store: RecorderStore, digit: number): boolean {
    const layout = LAYOUT_KINDS[digit - 1];
    if (layout === undefined || store.state.state === 'stopping' || store.state.state === 'stopped') {
      return false;
    }
    void this.request('kt-composition-request', { composition: { ...store.composition, layout } });
    return true;
  }

  #hook(store: RecorderStore, digit: number): boolean {
    this.#hookUntil = 0;
    const hook = store.hooks[digit - 1];
    if (hook === undefined) {
      return false;
    }
    const { visible, ...options } = hook;
    void (visible
      ? this.request('kt-hook-hide-request', { id: hook.id })
      : this.request('kt-hook-show-request', { hook: options }));
    return true;
  }
}
