/** `<kt-controls>`: start, pause, resume, stop and restart a take, and how long it is. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { KtElement } from './element.js';
import { formatBytes, formatTime, speakTime } from './format.js';
import { icon, type IconName } from './icons.js';
import type { KtRequestName } from './requests.js';
import { safetyOf, savingOf, type Safety } from './safety.js';
import type { StoreTopic } from './store.js';
import { buttonStyles, dialogStyles, progressStyles, themeStyles } from './theme.js';

type PlainRequest = Extract<
  KtRequestName,
  | 'kt-cancel-request'
  | 'kt-pause-request'
  | 'kt-resume-request'
  | 'kt-stop-request'
  | 'kt-restart-request'
  | 'kt-reset-request'
>;

const SAFETY_ICONS: Record<Safety['tone'], IconName> = { good: 'shield', wait: 'clock', warn: 'warning' };

/**
 * Attributes: `countdown` (seconds before a take, default 3), `hide-badge`, `hide-safety` (the line that tells how
 * much of the take is safe), `need-source` (Start Recording waits for a source). Restart asks once.
 */
export class KtControls extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'stats', 'busy', 'sources'];
  static override properties: PropertyDeclarations = {
    countdown: { type: Number },
    hideBadge: { type: Boolean, attribute: 'hide-badge' },
    hideSafety: { type: Boolean, attribute: 'hide-safety' },
    needSource: { type: Boolean, attribute: 'need-source' },
  };
  static override styles = [
    themeStyles,
    buttonStyles,
    dialogStyles,
    progressStyles,
    css`
      :host {
        display: block;
      }
      .row {
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 10px;
      }
      /* As wide as the time, so that the buttons stand in the middle. */
      :host([hide-badge]) .row::after {
        content: '';
        width: 4.4ch;
        font-size: 1.25rem;
        font-weight: 600;
      }
      .row > button {
        min-height: 44px;
        border-radius: 22px;
        padding: 0 18px;
        white-space: nowrap;
      }
      .time {
        min-width: 4.4ch;
        color: var(--_muted);
        font-size: 1.25rem;
        font-weight: 600;
        font-variant-numeric: tabular-nums;
        letter-spacing: 0.01em;
        text-align: center;
      }
      .time.live {
        color: var(--_text);
      }
      .time.paused {
        color: var(--_pause);
      }
      button.record {
        min-height: 52px;
        border-radius: 26px;
        padding: 0 26px 0 20px;
        font-size: 0.9375rem;
        font-weight: 650;
      }
      button.stop {
        background: #fff;
        color: #14181e;
        border-color: transparent;
        font-weight: 650;
      }
      button.stop:hover:not(:disabled) {
        background: #dfe5ea;
      }
      button.resume {
        background: var(--_pause);
        color: #271800;
        border-color: transparent;
        font-weight: 650;
      }
      button.resume:hover:not(:disabled) {
        background: color-mix(in srgb, var(--_pause) 84%, white);
      }
      .safety {
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 6px;
        margin-top: 7px;
        color: var(--_muted);
        font-size: 0.8125rem;
        font-variant-numeric: tabular-nums;
        line-height: 1.3;
        text-align: center;
      }
      .safety svg {
        color: var(--_ok);
      }
      .safety.wait,
      .safety.wait svg,
      .safety.warn,
      .safety.warn svg {
        color: var(--_pause);
      }
      .saving {
        display: grid;
        gap: 7px;
        width: min(320px, 70vw);
        white-space: nowrap;
        font-variant-numeric: tabular-nums;
      }
      .saving > span {
        display: flex;
        justify-content: space-between;
        gap: 12px;
      }
      .saving .safety {
        margin: 0;
        white-space: normal;
      }
      .saving small {
        color: var(--_muted);
        font-size: 0.8125rem;
      }
      @media (max-width: 560px) {
        :host([hide-badge]) .row::after {
          display: none;
        }
        .row {
          gap: 8px;
        }
        .row > button {
          padding: 0 14px;
        }
        .row > button.record {
          padding: 0 20px 0 14px;
          font-size: 0.875rem;
        }
        .time {
          font-size: 1.0625rem;
        }
      }
      @media (max-width: 400px) {
        .row > button.compact {
          width: 44px;
          padding: 0;
        }
        .compact span {
          position: absolute;
          clip-path: inset(50%);
        }
      }
    `,
  ];

  /** Seconds counted before a take. */
  declare countdown: number;
  /** Leaves the state badge out. */
  declare hideBadge: boolean;
  /** Leaves out how much of the take is safe. */
  declare hideSafety: boolean;
  /** Start Recording is off while there is no source. */
  declare needSource: boolean;

  constructor() {
    super();
    this.countdown = 3;
    this.hideBadge = false;
    this.hideSafety = false;
    this.needSource = false;
  }

  protected override render(): TemplateResult {
    return html`<div class="row" role="group" aria-label="Take">
        ${this.hideBadge ? nothing : html`<kt-state-badge .recorder=${this.store?.recorder ?? null}></kt-state-badge>`}
        ${this.#time()}${this.#buttons()}
      </div>
      ${this.#safety()}${this.#confirm()}`;
  }

  #time(): TemplateResult {
    const elapsed = this.store?.elapsed ?? 0;
    const state = this.store?.state.state ?? 'loading';
    const tone = state === 'paused' ? 'paused' : state === 'recording' ? 'live' : '';
    return html`<span class="time ${tone}" role="timer" aria-label="Elapsed time" title=${speakTime(elapsed)}
      >${formatTime(elapsed)}</span
    >`;
  }

  /** How much of a running take is safe, in a sentence. */
  #safety(): TemplateResult | typeof nothing {
    const store = this.store;
    if (this.hideSafety || store === null || store.stats === null || !store.hasTake) {
      return nothing;
    }
    return told(safetyOf(store.stats, store.uplink));
  }

  #buttons(): TemplateResult {
    const state = this.store?.state;
    switch (state?.state) {
      case 'countdown':
        return this.#button('Cancel', 'close', 'kt-cancel-request');
      case 'recording':
        return html`${this.#button('Pause', 'pause', 'kt-pause-request')}
        ${this.#button('Stop', 'stop', 'kt-stop-request', 'stop')} ${this.#restart()}`;
      case 'paused':
        return html`${this.#button('Resume', 'record', 'kt-resume-request', 'resume')}
        ${this.#button('Stop', 'stop', 'kt-stop-request', 'stop')} ${this.#restart()}`;
      case 'stopping':
        return this.#saving(state.progress);
      case 'stopped':
      case 'failed':
        return this.#button('New take', 'plus', 'kt-reset-request', 'primary');
      default:
        return this.#start();
    }
  }

  #start(): TemplateResult {
    const store = this.store;
    const starting = store?.busy.has('kt-start-request') ?? false;
    const empty = this.needSource && (store?.sources.length ?? 0) === 0;
    const off = store?.state.state !== 'setup' || starting || empty;
    return html`<button
      class="danger record"
      part="start"
      ?disabled=${off}
      title=${empty ? 'Add somebody to the picture first' : nothing}
      @click=${() => this.request('kt-start-request', { countdown: this.countdown })}
    >
      ${icon('record')}<span>Start Recording</span>
    </button>`;
  }

  #button(label: string, name: IconName, request: PlainRequest, kind = ''): TemplateResult {
    const part = label.toLowerCase().replaceAll(' ', '-');
    return html`<button
      class=${kind}
      part=${part}
      ?disabled=${this.store?.busy.has(request) ?? true}
      @click=${() => this.request(request, {})}
    >
      ${icon(name)}<span>${label}</span>
    </button>`;
  }

  #restart(): TemplateResult {
    return html`<button
      class="compact"
      part="restart"
      ?disabled=${this.store?.busy.has('kt-restart-request') ?? true}
      @click=${() => this.#dialog?.showModal()}
    >
      ${icon('restart')}<span>Restart</span>
    </button>`;
  }

  #saving(progress: number): TemplateResult {
    const stats = this.store?.stats;
    const percent = Math.round(progress * 100);
    return html`<div class="saving">
      <span
        ><strong>Saving the take</strong>
        <small
          >${
            stats
              ? html`${formatBytes(stats.safeBytes)} of ${formatBytes(Math.max(stats.fileBytes, stats.safeBytes))}`
              : `${percent} %`
          }</small
        ></span
      >
      <progress max="100" value=${percent} aria-label="Saving the take"></progress>
      ${told(stats ? savingOf(stats) : null)}
    </div>`;
  }

  get #dialog(): HTMLDialogElement | null {
    return this.renderRoot.querySelector('dialog');
  }

  #confirm(): TemplateResult {
    const elapsed = this.store?.elapsed ?? 0;
    const close = (): void => this.#dialog?.close();
    return html`<dialog part="dialog" aria-labelledby="ask" aria-describedby="why">
      <h2 id="ask">Throw this take away?</h2>
      <p id="why">${formatTime(elapsed)} recorded so far would be lost. Everybody stays in the picture.</p>
      <div class="actions">
        <button autofocus @click=${close}>Keep recording</button>
        <button
          class="danger"
          @click=${() => {
            close();
            void this.request('kt-restart-request', {});
          }}
        >
          Discard and restart
        </button>
      </div>
    </dialog>`;
  }

  protected override storeUpdated(topic: StoreTopic): void {
    if (topic === 'state' && this.store?.hasTake === false && this.#dialog?.open) {
      this.#dialog.close();
    }
  }
}

function told(safety: Pick<Safety, 'tone' | 'text'> | null): TemplateResult | typeof nothing {
  return safety === null
    ? nothing
    : html`<div class="safety ${safety.tone}" part="safety">
        ${icon(SAFETY_ICONS[safety.tone], 16)}<span>${safety.text}</span>
      </div>`;
}
