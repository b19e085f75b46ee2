/** `<kt-paused-modal>`: a paused take cannot be overlooked: Resume or Stop. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { KtTakeElement } from './element.js';
import { tellIfLost } from './focus.js';
import { formatTime } from './format.js';
import { icon } from './icons.js';
import type { StoreTopic } from './store.js';
import { buttonStyles, dialogStyles, themeStyles } from './theme.js';

/**
 * Opens by itself when the take is paused. Escape and “Adjust the picture”
 * only close it: the take stays paused, and the controls stay at hand.
 *
 * @fires kt-resume-request - go on
 * @fires kt-stop-request - end the take
 * @csspart dialog - the dialog
 */
export class KtPausedModal extends KtTakeElement {
  static override topics: readonly StoreTopic[] = ['state', 'stats', 'busy'];
  static override styles = [
    themeStyles,
    buttonStyles,
    dialogStyles,
    css`
      dialog {
        width: min(400px, calc(100vw - 32px));
        border-top: 4px solid var(--_pause);
        text-align: center;
      }
      .mark {
        display: grid;
        place-items: center;
        width: 56px;
        height: 56px;
        margin: 0 auto 14px;
        border-radius: 50%;
        background: var(--_pause);
        color: var(--_on-pause);
      }
      .time {
        color: var(--_pause);
        font-size: 2rem;
        font-weight: 650;
        font-variant-numeric: tabular-nums;
        line-height: 1.3;
      }
      button.resume {
        border-color: transparent;
        background: var(--_pause);
        color: var(--_on-pause);
        font-weight: 650;
      }
      button.resume:hover:not(:disabled) {
        background: color-mix(in srgb, var(--_pause) 84%, var(--_text));
      }
      .later {
        width: 100%;
        margin-top: 8px;
        min-height: 44px;
      }
    `,
  ];
  #wasPaused = false;

  protected override updated(): void {
    const paused = this.store?.state.state === 'paused';
    const dialog = this.renderRoot.querySelector('dialog');
    if (paused && !this.#wasPaused) {
      dialog?.showModal();
    } else if (!paused) {
      dialog?.close();
    }
    this.#wasPaused = paused;
  }

  protected override render(): TemplateResult {
    const busy = this.store?.busy;
    const { common, paused } = this.words;
    return html`<dialog part="dialog" aria-labelledby="title" aria-describedby="text" @close=${() => tellIfLost(this)}>
      <div class="mark" aria-hidden="true">${icon('pause', 28)}</div>
      <h2 id="title">${paused.title}</h2>
      <div class="time" aria-hidden="true">${formatTime(this.store?.elapsed ?? 0)}</div>
      <p id="text">${paused.text}</p>
      <div class="actions">
        <button
          class="resume"
          autofocus
          aria-disabled=${this.store?.settling ? 'true' : nothing}
          ?disabled=${busy?.has('kt-resume-request') ?? true}
          @click=${(event: MouseEvent) =>
            event.isTrusted && this.store?.settling ? undefined : this.request('kt-resume-request', {})}
        >
          ${icon('record')}${common.resume}
        </button>
        <button ?disabled=${busy?.has('kt-stop-request') ?? true} @click=${() => this.request('kt-stop-request', {})}>
          ${icon('stop')}${common.stop}
        </button>
      </div>
      <button class="quiet later" @click=${() => this.renderRoot.querySelector('dialog')?.close()}>
        ${paused.adjust}
      </button>
    </dialog>`;
  }
}
