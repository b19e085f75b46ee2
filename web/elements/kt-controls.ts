/** `<kt-controls>`: start, pause, resume, stop and restart a take, and how long it is. */

import { html, nothing, type PropertyDeclarations, type PropertyValues, type TemplateResult } from 'lit';
import { controlsStyles } from './controls-styles.js';
import { KtTakeElement } from './element.js';
import { tellIfLost } from './focus.js';
import { formatBytes, formatTime, speakTime } from './format.js';
import type { RecorderStats } from 'keeptake';
import { icon, type IconName } from './icons.js';
import type { KtRequestName } from './requests.js';
import { safetyOf, savingOf, type Safety } from './safety.js';
import type { StoreTopic } from './store.js';
import { buttonStyles, dialogStyles, progressStyles, themeStyles } from './theme.js';

/** What the first button is in a state. */
interface MainButton {
  part: 'start' | 'cancel' | 'pause' | 'resume' | 'new-take';
  icon: IconName;
  kind: string;
  request: 'kt-start-request' | 'kt-cancel-request' | 'kt-pause-request' | 'kt-resume-request' | 'kt-reset-request';
}

const START: MainButton = {
  part: 'start',
  icon: 'record',
  kind: 'danger record',
  request: 'kt-start-request',
};
const NEXT: MainButton = { part: 'new-take', icon: 'plus', kind: 'primary', request: 'kt-reset-request' };
const MAIN: Record<string, MainButton | undefined> = {
  countdown: { part: 'cancel', icon: 'close', kind: '', request: 'kt-cancel-request' },
  recording: { part: 'pause', icon: 'pause', kind: '', request: 'kt-pause-request' },
  paused: { part: 'resume', icon: 'record', kind: 'resume', request: 'kt-resume-request' },
  stopped: NEXT,
  failed: NEXT,
};

const SAFETY_ICONS: Record<Safety['tone'], IconName> = { good: 'shield', wait: 'clock', warn: 'warning' };

/**
 * Attributes: `countdown` (seconds before a take, default 3), `hide-badge`, `hide-safety` (the line that tells how
 * much of the take is safe), `need-source` (Start Recording waits for a source). Restart asks once.
 *
 * @fires kt-start-request - begin a take
 * @fires kt-cancel-request - end the countdown
 * @fires kt-pause-request - pause
 * @fires kt-resume-request - go on after a pause
 * @fires kt-stop-request - end the take
 * @fires kt-restart-request - throw the take away, after the person has agreed
 * @fires kt-reset-request - make ready for the next take
 * @fires kt-send-now-request - try server and store now
 * @fires kt-leave-for-later-request - do not wait for the store
 * @csspart safety - how much of the take is safe
 * @csspart dialog - the question before a restart
 * @csspart start - the button Start Recording
 * @csspart pause - the button Pause
 * @csspart resume - the button Resume
 * @csspart stop - the button Stop
 * @csspart restart - the button Restart
 * @csspart new-take - the button New take
 * @csspart cancel - the button Cancel
 */
export class KtControls extends KtTakeElement {
  static override topics: readonly StoreTopic[] = ['state', 'stats', 'busy', 'sources'];
  static override properties: PropertyDeclarations = {
    countdown: { type: Number },
    hideBadge: { type: Boolean, attribute: 'hide-badge' },
    hideSafety: { type: Boolean, attribute: 'hide-safety' },
    needSource: { type: Boolean, attribute: 'need-source' },
  };
  static override styles = [themeStyles, buttonStyles, dialogStyles, progressStyles, controlsStyles];

  /** Seconds counted before a take. */
  declare countdown: number;
  /** Leaves the state badge out. */
  declare hideBadge: boolean;
  /** Leaves out how much of the take is safe. */
  declare hideSafety: boolean;
  /** Start Recording is off while there is no source. */
  declare needSource: boolean;

  /** The store does not answer, and what is said of that to those who do not see the line. */
  #away = false;
  #link = '';

  constructor() {
    super();
    this.countdown = 3;
    this.hideBadge = false;
    this.hideSafety = false;
    this.needSource = false;
  }

  protected override render(): TemplateResult {
    return html`<div class="row" role="group" aria-label=${this.words.controls.group}>
        ${this.hideBadge ? nothing : html`<kt-state-badge .recorder=${this.store?.recorder ?? null}></kt-state-badge>`}
        ${this.#time()}${this.#buttons()}
      </div>
      ${this.#why()}${this.#safety()}${this.#confirm()}
      <span class="sr" role="status">${this.#link}</span>`;
  }

  #time(): TemplateResult {
    const elapsed = this.store?.elapsed ?? 0;
    const state = this.store?.state.state ?? 'loading';
    const tone = state === 'paused' ? 'paused' : state === 'recording' ? 'live' : '';
    return html`<span class="time ${tone}" role="timer" aria-label=${this.words.controls.elapsed} title=${speakTime(elapsed, this.language)}
      >${formatTime(elapsed)}</span
    >`;
  }

  #why(): TemplateResult | typeof nothing {
    const why = this.#hindrance();
    return why === '' ? nothing : html`<div class="why" id="why-not">${why}</div>`;
  }

  /** How much of a running take is safe, in a sentence. */
  #safety(): TemplateResult | typeof nothing {
    const store = this.store;
    if (this.hideSafety || store === null || store.stats === null || !store.hasTake) {
      return nothing;
    }
    return told(safetyOf(store.stats, store.uplink, this.language));
  }

  /** The same three buttons in every state: what is pressed stays under the finger, and keeps the focus. */
  #buttons(): TemplateResult {
    const state = this.store?.state;
    if (state?.state === 'stopping') {
      return this.#saving(state.progress);
    }
    const main = MAIN[state?.state ?? 'loading'] ?? START;
    return html`${this.#main(main)}${
      this.store?.hasTake
        ? html`${this.#button('stop', this.words.common.stop, 'stop', 'stop', () => this.request('kt-stop-request', {}), 'kt-stop-request')}
          ${this.#button('restart', this.words.controls.restart, 'restart', 'compact', () => this.#dialog?.showModal(), 'kt-restart-request')}`
        : nothing
    }`;
  }

  #main(main: MainButton): TemplateResult {
    const store = this.store;
    const start = main.request === 'kt-start-request';
    const why = start ? this.#hindrance() : '';
    const off = (start && store?.state.state !== 'setup') || why !== '';
    const act = (): unknown =>
      main.request === 'kt-start-request'
        ? this.request(main.request, { countdown: this.countdown })
        : this.request(main.request, {});
    return html`${this.#button(main.part, this.#labelOf(main.part), main.icon, main.kind, act, main.request, off, why)}`;
  }

  #labelOf(part: MainButton['part']): string {
    const { common, controls } = this.words;
    const labels = {
      start: controls.start,
      'new-take': controls.newTake,
      cancel: common.cancel,
      pause: common.pause,
      resume: common.resume,
    };
    return labels[part];
  }

  /** Why a take cannot begin yet, for the person; empty when nothing is in the way. */
  #hindrance(): string {
    const empty = this.needSource && (this.store?.isEmpty ?? true);
    return empty && this.store?.state.state === 'setup' ? this.words.controls.nobody : '';
  }

  /**
   * A button that cannot be pressed is `aria-disabled`, so that it keeps the focus. Shortly after a change of state a
   * person's click is the second half of a double click and does nothing; one of a script is meant.
   */
  #button(
    part: string,
    label: string,
    name: IconName,
    kind: string,
    act: () => unknown,
    request: KtRequestName,
    off = false,
    why = '',
  ): TemplateResult {
    const busy = off || (this.store?.busy.has(request) ?? true);
    const settling = !busy && (this.store?.settling ?? false);
    return html`<button
      class="${kind} ${settling ? 'settling' : ''}"
      part=${part}
      aria-disabled=${busy || settling ? 'true' : nothing}
      aria-describedby=${why === '' ? nothing : 'why-not'}
      @click=${(event: MouseEvent) => (busy || (settling && event.isTrusted) ? undefined : act())}
    >
      ${icon(name)}<span>${label}</span>
    </button>`;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.#onEscape);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.#onEscape);
  }

  /** Escape ends a countdown, wherever the focus is. */
  #onEscape = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && !event.defaultPrevented && this.store?.state.state === 'countdown') {
      event.preventDefault();
      void this.request('kt-cancel-request', {});
    }
  };

  /** Moves the focus to the button that starts, pauses or resumes. */
  override focus(options?: FocusOptions): void {
    this.renderRoot.querySelector<HTMLElement>('.row button, .saving')?.focus(options);
  }

  #saving(progress: number): TemplateResult {
    const stats = this.store?.stats;
    const percent = Math.round(progress * 100);
    return html`<div class="saving" tabindex="-1">
      <span
        ><strong>${this.words.controls.saving}</strong>
        <small
          >${
            stats
              ? this.words.controls.partOf(
                  formatBytes(stats.safeBytes, this.language),
                  formatBytes(Math.max(stats.fileBytes, stats.safeBytes), this.language),
                )
              : this.language.percent(progress)
          }</small
        ></span
      >
      <progress max="100" value=${percent} aria-label=${this.words.controls.saving}></progress>
      ${told(stats ? savingOf(stats, this.language) : null)}${stats?.uploadState === 'waiting' ? this.#waysOn(stats) : nothing}
    </div>`;
  }

  /** While the store does not answer: nobody has to wait for it. */
  #waysOn({ journalState }: RecorderStats): TemplateResult {
    return html`<div class="ways" role="group" aria-label=${this.words.controls.ways}>
      ${this.#button('try-now', this.words.controls.tryNow, 'restart', '', () => this.request('kt-send-now-request', {}), 'kt-send-now-request')}
      ${
        journalState === 'on'
          ? this.#button(
              'download-or-finish-later',
              this.words.controls.later,
              'download',
              '',
              () => this.request('kt-leave-for-later-request', {}),
              'kt-leave-for-later-request',
            )
          : nothing
      }
    </div>`;
  }

  get #dialog(): HTMLDialogElement | null {
    return this.renderRoot.querySelector('dialog');
  }

  #confirm(): TemplateResult {
    const elapsed = this.store?.elapsed ?? 0;
    const { controls: words } = this.words;
    const close = (): void => this.#dialog?.close();
    return html`<dialog part="dialog" aria-labelledby="ask" aria-describedby="why" @close=${() => tellIfLost(this)}>
      <h2 id="ask">${words.ask}</h2>
      <p id="why">${words.askWhy(formatTime(elapsed))}</p>
      <div class="actions">
        <button autofocus @click=${close}>${words.keep}</button>
        <button
          class="danger"
          @click=${() => {
            close();
            void this.request('kt-restart-request', {});
          }}
        >
          ${words.discard}
        </button>
      </div>
    </dialog>`;
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    const stats = this.store?.hasTake ? this.store.stats : null;
    const away = stats?.uploadState === 'waiting';
    if (away !== this.#away) {
      this.#away = away;
      this.#link = away ? this.words.controls.offline : stats === null ? '' : this.words.controls.online;
    }
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
