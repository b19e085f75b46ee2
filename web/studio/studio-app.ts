/** `<keeptake-studio>`: the host page: one recorder, its elements around the picture, and what follows a take. */

import { LitElement, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { createRecorder, openRecovery, type FinishedTake, type Recorder, type Recovery, type UnfinishedTake } from 'keeptake';
import { explain, storeOf, type KtRecoveryModal, type PlayableTake, type RecorderStore } from '../elements/index.js';
import { formatBytes, formatTime } from '../elements/format.js';
import { icon, type IconName } from '../elements/icons.js';
import { STATE_WORDS } from '../elements/kt-state-badge.js';
import { fileName } from '../elements/save.js';
import { codeOf, messageOf } from '../elements/store.js';
import { getRecording, getSession, playable, renameRecording, type Recording } from './server.js';
import { readSettings, recorderOptions, rememberSettings, type Settings } from './settings.js';
import { studioStyles } from './studio-styles.js';
import type { StudioLibrary } from './studio-library.js';
import type { StudioSettings } from './studio-settings.js';

const TABS = [
  { id: 'people', label: 'People', icon: 'people' },
  { id: 'layout', label: 'Layout', icon: 'layout' },
  { id: 'background', label: 'Background', icon: 'background' },
  { id: 'hooks', label: 'Hooks', icon: 'hook' },
] as const satisfies readonly { id: string; label: string; icon: IconName }[];

const dates = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

type Tab = (typeof TABS)[number]['id'];

/** The take on the player: the one just finished, or one of the list. */
interface Shown {
  take: PlayableTake;
  recording: Recording | null;
  past: boolean;
  /** Its title, where it was cut off and brought back. */
  salvaged?: string;
}

/** States in which nothing may come between the host and the take. */
const BUSY: ReadonlySet<string> = new Set(['countdown', 'recording', 'paused', 'stopping']);

/** See the file's first line. */
export class StudioApp extends LitElement {
  static override properties: PropertyDeclarations = {
    recorder: { state: true },
    settings: { state: true },
    tab: { state: true },
    takeTitle: { state: true },
    shown: { state: true },
    trouble: { state: true },
    recovery: { state: true },
    unfinished: { state: true },
  };
  static override styles = studioStyles;

  declare recorder: Recorder | null;
  declare settings: Settings;
  declare tab: Tab;
  declare takeTitle: string;
  declare shown: Shown | null;
  /** Why the server cannot be used: a code, or empty. */
  declare trouble: string;
  declare recovery: Recovery | null;
  /** Takes of this browser that were cut off, and those of other tabs. */
  declare unfinished: readonly UnfinishedTake[];
  #store: RecorderStore | null = null;
  /** The recovery dialog opens by itself when there is something to show. */
  #askRecovery = true;
  #lastState = '';
  #unsubscribe: (() => void) | null = null;

  constructor() {
    super();
    this.recorder = null;
    this.settings = readSettings();
    this.tab = 'people';
    this.takeTitle = '';
    this.shown = null;
    this.trouble = '';
    this.recovery = null;
    this.unfinished = [];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('beforeunload', this.#onLeave);
    void this.#open();
    void this.#greet();
    try {
      // Takes that were cut off keep their recording, so the server is asked whatever the settings are now.
      this.recovery = openRecovery({ server: { url: location.origin } });
    } catch (error) {
      this.#noRecovery(error);
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('beforeunload', this.#onLeave);
    this.#unsubscribe?.();
    void this.recorder?.close();
    void this.recovery?.close();
    this.recovery = null;
  }

  /** Makes a recorder with the settings; what an earlier one held moves over. */
  async #open(): Promise<void> {
    const old = this.#store;
    this.#unsubscribe?.();
    const recorder = createRecorder(recorderOptions(this.settings, this.takeTitle || 'Untitled take'));
    const store = storeOf(recorder);
    this.recorder = recorder;
    this.#store = store;
    this.#unsubscribe = store.subscribe((topic) => {
      if (topic !== 'stats' || store.state.state === 'recording') {
        this.#onChange(topic === 'state');
      }
    });
    this.#onChange(true);
    try {
      await old?.recorder.close();
      await recorder.ready;
      if (old !== null) {
        await store.adopt(old);
      }
    } catch (error) {
      store.report(error);
    }
  }

  /** Asks whether there is a server to keep takes. */
  async #greet(): Promise<void> {
    if (this.settings.keep === 'browser') {
      this.trouble = '';
      return;
    }
    try {
      const session = await getSession();
      this.trouble = !session.limits.enabled ? 'recording-disabled' : session.role === 'viewer' ? 'forbidden' : '';
    } catch (error) {
      this.trouble = codeOf(error) || 'server-error';
    }
  }

  #onChange(stateChanged: boolean): void {
    const store = this.#store;
    if (store === null) {
      return;
    }
    const { state } = store;
    if (stateChanged) {
      this.#lookAgain(state.state);
      if (state.state === 'stopped') {
        this.shown = { take: state.take, recording: null, past: false };
        void this.#named(state.take.recordingId);
      } else if (!this.shown?.past) {
        this.shown = null;
      }
    }
    const live = state.state === 'recording' || state.state === 'paused';
    const word = state.state === 'setup' || state.state === 'loading' ? '' : `${STATE_WORDS[state.state]} `;
    document.title = live
      ? `${state.state === 'recording' ? '●' : '‖'} ${formatTime(store.elapsed)} · Keeptake`
      : `${word}Keeptake`;
    this.requestUpdate();
  }

  /** After a take that failed, what is left of it is offered; after any other change the list is only read again. */
  #lookAgain(state: string): void {
    if (state === 'setup' && this.#lastState !== 'loading') {
      this.#askRecovery ||= this.#lastState === 'failed';
      void this.#recoveryModal?.refresh();
    }
    this.#lastState = state;
  }

  #onUnfinished(event: CustomEvent<readonly UnfinishedTake[]>): void {
    this.unfinished = event.detail;
    const busy = BUSY.has(this.#store?.state.state ?? '');
    if (this.#askRecovery && this.unfinished.length > 0 && !busy) {
      this.#askRecovery = false;
      void this.#recoveryModal?.show();
    }
  }

  /** What cannot be looked up is told once; the page works all the same. */
  #noRecovery(error: unknown): void {
    this.#store?.report(Object.assign(new Error(messageOf(error), { cause: error }), { code: 'recovery-unavailable' }));
  }

  /** Plays a take that was brought back. */
  async #onSalvaged(event: CustomEvent<FinishedTake>): Promise<void> {
    const take = event.detail;
    this.shown = { take, recording: null, past: true, salvaged: this.#recoveryModal?.salvaged?.title ?? '' };
    if (take.file !== undefined) {
      return;
    }
    try {
      const recording = await getRecording(take.recordingId);
      if (this.shown.take === take) {
        this.shown = { ...this.shown, recording };
      }
    } catch (error) {
      this.#store?.report(error);
    }
  }

  get #recoveryModal(): KtRecoveryModal | null {
    return this.#dialog<KtRecoveryModal>('kt-recovery-modal');
  }

  /** Gives the finished take its title, and fetches what the server knows of it. */
  async #named(id: string): Promise<void> {
    if (this.settings.keep === 'browser') {
      return;
    }
    try {
      const recording = await (this.takeTitle.trim() === ''
        ? getRecording(id)
        : renameRecording(id, this.takeTitle.trim()));
      if (this.shown?.past === false) {
        this.shown = { ...this.shown, recording };
      }
    } catch (error) {
      this.#store?.report(error);
    }
  }

  #onLeave = (event: BeforeUnloadEvent): void => {
    const state = this.#store?.state.state;
    const unsaved = state === 'stopped' && this.settings.keep === 'browser';
    if (state === 'recording' || state === 'paused' || state === 'stopping' || unsaved) {
      event.preventDefault();
    }
  };

  protected override render(): TemplateResult {
    const state = this.#store?.state.state ?? 'loading';
    return html`<kt-recorder-provider .recorder=${this.recorder} @kt-start-request=${this.#onStart}>
      <div class="studio ${state} ${this.shown ? 'playback' : 'live'}">
        ${this.#header(state)}
        <main class="stage" aria-label=${this.shown ? 'Player' : 'Picture'}>
          <studio-banners>${this.#trouble()}</studio-banners>
          ${this.shown ? this.#player(this.shown) : this.#picture()}
        </main>
        <aside aria-label=${this.shown ? 'About the take' : 'Set up the picture'}>
          ${this.shown ? this.#facts(this.shown) : this.#panel()}
        </aside>
        ${this.shown ? nothing : this.#footer(state)}
      </div>
      <kt-paused-modal></kt-paused-modal>
      <kt-recovery-modal
        manual
        .recovery=${this.recovery}
        @kt-recovery-change=${this.#onUnfinished}
        @kt-recovery-error=${(event: CustomEvent<unknown>) => this.#noRecovery(event.detail)}
        @kt-salvaged=${this.#onSalvaged}
      ></kt-recovery-modal>
      <studio-settings .settings=${this.settings} @settings-save=${this.#onSettings}></studio-settings>
      <studio-library
        .unfinished=${this.unfinished}
        @library-open=${this.#onOpen}
        @library-delete=${this.#onDelete}
        @library-recover=${() => this.#recoveryModal?.show()}
      ></studio-library>
    </kt-recorder-provider>`;
  }

  #header(state: string): TemplateResult {
    const busy = BUSY.has(state);
    const past = this.shown?.past === true;
    const title = past ? (this.shown?.recording?.title ?? this.shown?.salvaged ?? '') : this.takeTitle;
    return html`<header>
      <h1>${logo}<span>Keeptake</span></h1>
      <input
        class="title"
        type="text"
        maxlength="200"
        aria-label="Take title"
        placeholder="Untitled take"
        autocomplete="off"
        .value=${title}
        @change=${this.#onTitle}
      />
      ${past ? html`<span class="gap"></span>` : html`<kt-state-badge></kt-state-badge>`}
      ${busy ? nothing : this.#unfinishedButton()}
      <button class="quiet" ?disabled=${busy} @click=${() => this.#dialog<StudioLibrary>('studio-library')?.show()}>
        ${icon('library')}<span>Recordings</span>
      </button>
      <button
        class="quiet icon"
        aria-label="Settings"
        title="Settings"
        ?disabled=${busy}
        @click=${() => this.#dialog<StudioSettings>('studio-settings')?.show()}
      >
        ${icon('settings')}
      </button>
    </header>`;
  }

  /** The way back to takes that wait for a decision. */
  #unfinishedButton(): TemplateResult | typeof nothing {
    const count = this.unfinished.filter((take) => !take.live).length;
    return count === 0
      ? nothing
      : html`<button
          class="quiet unfinished"
          title="Takes that were not finished"
          @click=${() => this.#recoveryModal?.show()}
        >
          ${icon('rescue')}<b>${count}</b><span> unfinished ${count === 1 ? 'take' : 'takes'}</span>
        </button>`;
  }

  #picture(): TemplateResult {
    return html`<kt-preview>
      <div slot="empty" class="empty">
        <strong>Who is in the picture?</strong>
        <span>Turn on your camera, share a screen, or add a guest under People.</span>
      </div>
      <kt-stage></kt-stage>
      <kt-countdown></kt-countdown>
    </kt-preview>`;
  }

  #player(shown: Shown): TemplateResult {
    const name = fileName(shown.recording?.title || (shown.past ? (shown.salvaged ?? '') : this.takeTitle));
    return html`<kt-player .take=${shown.take} name=${name}></kt-player>`;
  }

  #panel(): TemplateResult {
    return html`<div class="tabs" role="tablist" aria-label="Panel" @keydown=${this.#onTabKey}>
        ${TABS.map(
          (t) =>
            html`<button
              role="tab"
              id="tab-${t.id}"
              aria-controls="panel"
              aria-selected=${t.id === this.tab}
              tabindex=${t.id === this.tab ? 0 : -1}
              @click=${() => (this.tab = t.id)}
            >
              ${icon(t.icon)}<span>${t.label}</span>
            </button>`,
        )}
      </div>
      <div class="panel" id="panel" role="tabpanel" aria-labelledby="tab-${this.tab}" tabindex="-1">
        <div ?hidden=${this.tab !== 'people'}>${this.#people()}</div>
        <kt-layout-picker ?hidden=${this.tab !== 'layout'}></kt-layout-picker>
        <kt-background-picker ?hidden=${this.tab !== 'background'}></kt-background-picker>
        <kt-hooks-panel ?hidden=${this.tab !== 'hooks'}></kt-hooks-panel>
      </div>`;
  }

  #people(): TemplateResult {
    return html`<section>
        <h2>You</h2>
        <kt-device-picker></kt-device-picker>
      </section>
      <section>
        <h2>Add a guest</h2>
        <studio-guests></studio-guests>
      </section>
      <section>
        <h2>In the picture</h2>
        <kt-sources-panel></kt-sources-panel>
      </section>`;
  }

  #footer(state: string): TemplateResult {
    return html`<footer>
      <div class="mine">${this.#mine('audio')}${this.#mine('video')}</div>
      <kt-controls hide-badge need-source countdown=${this.settings.countdown}></kt-controls>
      <div class="figures">
        ${
          state === 'recording' || state === 'paused'
            ? html`<kt-stats compact></kt-stats>`
            : html`<span class="quality"
                >${this.settings.width} × ${this.settings.height} · ${this.settings.fps} fps ·
                ${this.settings.codec.toUpperCase()}</span
              >`
        }
      </div>
    </footer>`;
  }

  /** The switch of one's own microphone or camera, where the hand expects it. */
  #mine(what: 'audio' | 'video'): TemplateResult | typeof nothing {
    const host = this.#store?.sources.find((s) => s.id === 'host');
    if (host === undefined || !(what === 'audio' ? host.hasAudio : host.hasVideo)) {
      return nothing;
    }
    const off = what === 'audio' ? host.audioMuted : host.videoMuted;
    const name = what === 'audio' ? 'mic' : 'camera';
    const label = what === 'audio' ? 'Mute my microphone' : 'Hide my camera';
    return html`<button
      class="icon round ${off ? 'off' : ''}"
      aria-label=${label}
      title=${label}
      aria-pressed=${off}
      @click=${() => this.#store?.perform('kt-mute-request', { id: 'host', [what]: !off })}
    >
      ${icon(off ? `${name}-off` : name, 22)}
    </button>`;
  }

  #facts(shown: Shown): TemplateResult {
    const kept = shown.take.file === undefined;
    const word = shown.salvaged !== undefined ? 'salvaged' : kept ? 'saved' : 'finished';
    const rows = this.#figures(shown);
    return html`<div class="facts">
      <div class="done">${icon('check', 22)}<strong>Take ${word}</strong></div>
      <p>
        ${
          kept
            ? 'It is stored whole and can be played anywhere.'
            : shown.salvaged !== undefined
              ? 'It is on this machine only: download it. It stays here until you start over.'
              : 'It is in this page only: download it before you leave.'
        }
      </p>
      <dl>
        ${rows.map(
          ([name, value]) =>
            html`<div>
              <dt>${name}</dt>
              <dd>${value}</dd>
            </div>`,
        )}
      </dl>
      ${
        shown.past
          ? html`<button class="primary wide" @click=${this.#back}>${icon('back')}Back to the studio</button>`
          : html`<button class="primary wide" @click=${this.#again}>${icon('record')}New take</button>`
      }
      ${shown.past ? nothing : html`<p class="hint">Everybody who was in the picture is still there.</p>`}
    </div>`;
  }

  /** What is known of the take; of one just finished, its settings until the server has answered. */
  #figures({ take, recording, past }: Shown): [string, string][] {
    const { width, height, codec } = recording ?? (past ? {} : this.settings);
    const when = recording === null ? null : new Date(recording.created_at);
    return [
      ['Length', formatTime(take.duration)],
      ['Size', formatBytes(take.bytes)],
      ...(width && height ? [['Picture', `${width} × ${height}`] as [string, string]] : []),
      ...(codec ? [['Codec', codec.toUpperCase()] as [string, string]] : []),
      ...(when ? [['Recorded', dates.format(when)] as [string, string]] : []),
    ];
  }

  #trouble(): TemplateResult | typeof nothing {
    const state = this.#store?.state.state ?? 'loading';
    if (this.trouble === '' || this.shown !== null) {
      return nothing;
    }
    const told = explain(this.trouble, 'The server cannot be used.', 'setup');
    return html`<div class="trouble" role="alert">
      ${icon('warning', 22)}
      <div>
        <strong>${told.what}</strong>
        <p>${told.safe} ${told.todo}</p>
      </div>
      <div class="choices">
        <button @click=${this.#greet}>Try again</button>
        ${
          state === 'setup' || state === 'loading' || state === 'failed'
            ? html`<button @click=${this.#keepHere}>Record in this page only</button>`
            : nothing
        }
      </div>
    </div>`;
  }

  #dialog<T extends Element>(tag: string): T | null {
    return this.renderRoot.querySelector<T>(tag);
  }

  #keepHere(): void {
    this.settings = { ...this.settings, keep: 'browser' };
    this.trouble = '';
    void this.#open();
  }

  /** A take begins under the title that stands above it now, so that it is known by it whatever happens. */
  #onStart(event: CustomEvent<{ countdown?: number; title?: string }>): void {
    if (event.detail.title === undefined && this.takeTitle.trim() !== '') {
      event.preventDefault();
      void this.#store?.perform('kt-start-request', { ...event.detail, title: this.takeTitle.trim() });
    }
  }

  #onSettings(event: CustomEvent<Settings>): void {
    const changed = JSON.stringify(event.detail) !== JSON.stringify(this.settings);
    this.settings = event.detail;
    rememberSettings(event.detail);
    if (changed) {
      this.shown = null;
      void this.#open();
      void this.#greet();
    }
  }

  async #onTitle(event: Event): Promise<void> {
    const title = (event.target as HTMLInputElement).value.trim();
    const recording = this.shown?.recording ?? null;
    if (this.shown?.past !== true) {
      this.takeTitle = title;
    }
    if (recording === null || title === recording.title) {
      return;
    }
    try {
      const renamed = await renameRecording(recording.id, title);
      if (this.shown?.recording?.id === recording.id) {
        this.shown = { ...this.shown, recording: renamed };
      }
    } catch (error) {
      this.#store?.report(error instanceof Error ? error : new Error(messageOf(error)));
    }
  }

  #onOpen(event: CustomEvent<Recording>): void {
    this.shown = { take: playable(event.detail), recording: event.detail, past: true };
  }

  #onDelete(event: CustomEvent<string>): void {
    if (this.shown?.recording?.id === event.detail) {
      void (this.shown.past ? this.#back() : this.#again());
    }
  }

  #back(): void {
    this.shown = null;
    this.#onChange(true);
  }

  async #again(): Promise<void> {
    this.takeTitle = '';
    await this.#store?.perform('kt-reset-request', {});
  }

  #onTabKey(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) {
      const at = TABS.findIndex((t) => t.id === this.tab);
      this.tab = TABS[(at + step + TABS.length) % TABS.length]?.id ?? 'people';
      void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${this.tab}`)?.focus());
    }
  }
}

const logo = html`<svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
  <path d="M8 3h16a4 4 0 0 1 4 4v22l-12-6.5L4 29V7a4 4 0 0 1 4-4z" fill="var(--_accent)" />
  <circle cx="16" cy="12.5" r="5.5" fill="var(--_bg)" />
</svg>`;
