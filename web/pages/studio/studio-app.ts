/** `<keeptake-studio>`: the host page: one recorder, its elements around the picture, and what follows a take. */

import { LitElement, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import {
  createRecorder,
  openRecovery,
  type FinishedTake,
  type Recorder,
  type Recording,
  type Recovery,
  type Session,
  type UnfinishedTake,
} from 'keeptake';
import { storeOf, type KtPlayer, type KtRecoveryModal, type RecorderStore } from '../../elements/index.js';
import { formatTime } from '../../elements/format.js';
import { FocusKeeper, focused } from '../../elements/focus.js';
import { icon } from '../../elements/icons.js';
import { languageOf } from '../../elements/strings.js';
import { fileName } from '../../elements/save.js';
import { messageOf } from '../../elements/store.js';
import { firstComposition, Keeper, readMemory } from './memory.js';
import { recordings } from './server.js';
import { readSettings, recorderOptions, rememberSettings, type Settings } from './settings.js';
import { guardDoubleClicks } from './double-click.js';
import type { StudioAnnouncer } from './studio-announcer.js';
import { footer } from './studio-footer.js';
import { facts, logo, picture, type Shown } from './studio-facts.js';
import { people, waiting } from './studio-parts.js';
import { studioStyles } from './studio-styles.js';
import { TABS, type Tab } from './tabs.js';
import type { StudioAsk } from './studio-ask.js';
import type { StudioKeys } from './studio-keys.js';
import type { StudioLibrary } from './studio-library.js';
import type { StudioScenes } from './studio-scenes.js';
import type { StudioSettings } from './studio-settings.js';
import type { StudioSound } from './studio-sound.js';
import type { StudioTrouble } from './studio-trouble.js';
import { WakeLock } from './wake.js';

/** The recorder's own start goes first. */
const PREPARE_MS = 3000;

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
    recovery: { state: true },
    unfinished: { state: true },
    limit: { state: true },
  };
  static override styles = studioStyles;

  declare recorder: Recorder | null;
  declare settings: Settings;
  declare tab: Tab;
  declare takeTitle: string;
  declare shown: Shown | null;
  declare recovery: Recovery | null;
  /** Takes of this browser that were cut off, and those of other tabs. */
  declare unfinished: readonly UnfinishedTake[];
  /** The longest take that the server allows, seconds; null: not known. */
  declare limit: number | null;
  #store: RecorderStore | null = null;
  /** Counts the recorders that were asked for: the newest one adopts what the last one in use held. */
  #turn = 0;
  #toAdopt: RecorderStore | null = null;
  #adopting: Promise<void> = Promise.resolve();
  /** The recovery dialog opens by itself when there is something to show. */
  #askRecovery = true;
  #preparing: ReturnType<typeof setTimeout> | undefined;
  #lastState = '';
  #wake = new WakeLock();
  #memory = readMemory();
  #keeper: Keeper | null = null;
  /** The player is drawn, not the picture. */
  #playing = false;
  /** The take that is in this page only was saved as a file. */
  #downloaded = false;
  #unsubscribe: (() => void) | null = null;
  /** Outlives the panel, which gives way to the player: its key works and it remembers all the time. */
  readonly #scenes = document.createElement('studio-scenes') as StudioScenes;
  readonly #files = document.createElement('studio-files');

  constructor() {
    super();
    new FocusKeeper(this, () => (this.shown !== null) !== this.#playing);
    guardDoubleClicks(this, () => this.#store?.state.state ?? 'loading');
    this.recorder = null;
    this.settings = readSettings();
    this.tab = 'people';
    this.takeTitle = '';
    this.shown = null;
    this.recovery = null;
    this.unfinished = [];
    this.limit = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('beforeunload', this.#onLeave);
    void this.#open();
    void this.updateComplete.then(() => this.#dialog<StudioTrouble>('studio-trouble')?.ask());
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
    this.#wake.set(false);
    clearTimeout(this.#preparing);
    this.#unsubscribe?.();
    this.#keeper?.close();
    void this.recorder?.close();
    void this.recovery?.close();
    this.recovery = null;
  }

  /** Makes a recorder with the settings; what an earlier one held moves over. */
  async #open(): Promise<void> {
    const turn = ++this.#turn;
    // A recorder that is being filled must not be emptied meanwhile.
    await this.#adopting;
    if (turn !== this.#turn || !this.isConnected) {
      return;
    }
    const before = this.#store;
    this.#toAdopt ??= before;
    const store = this.#makeStore();
    try {
      await before?.recorder.close();
      await store.recorder.ready;
      const old = turn === this.#turn ? this.#toAdopt : null;
      if (old !== null) {
        this.#toAdopt = null;
        this.#adopting = store.adopt(old).catch((error: unknown) => store.report(error));
        await this.#adopting;
      }
    } catch (error) {
      store.report(error);
      if (turn === this.#turn) {
        // Nobody shows them any more: no camera stays on.
        this.#toAdopt?.release();
        this.#toAdopt = null;
      }
    }
  }

  #makeStore(): RecorderStore {
    this.#unsubscribe?.();
    const recorder = createRecorder({
      ...recorderOptions(this.settings, this.takeTitle || 'Untitled take'),
      composition: firstComposition(this.#memory),
    });
    const store = storeOf(recorder);
    this.#keeper?.close();
    this.#keeper = new Keeper(store, this.#memory);
    this.recorder = recorder;
    this.#store = store;
    this.#unsubscribe = store.subscribe((topic) => {
      if (topic !== 'stats' || store.state.state === 'recording') {
        this.#onChange(topic === 'state');
      }
    });
    this.#onChange(true);
    return store;
  }

  #onChange(stateChanged: boolean): void {
    const store = this.#store;
    if (store === null) {
      return;
    }
    const { state } = store;
    this.#wake.set(BUSY.has(state.state));
    this.#getReadyToDownload(store);
    if (stateChanged) {
      this.#downloaded = false;
      this.#lookAgain(state.state);
      this.#letGo(store);
      if (state.state === 'stopped') {
        this.shown = { take: state.take, recording: null, past: false };
        void this.#named(state.take.recordingId);
        this.#say(state.take.file === undefined ? 'Take saved.' : 'Take finished; it is in this page only.');
      } else if (!this.shown?.past) {
        this.shown = null;
      }
    }
    const live = state.state === 'recording' || state.state === 'paused';
    const word =
      state.state === 'setup' || state.state === 'loading' ? '' : `${languageOf(this).words.states[state.state]} `;
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

  /**
   * Once somebody is in the picture: what a take is brought back with is loaded while the server is there, so that
   * “Download what is here” does not need it when it is gone.
   */
  #getReadyToDownload(store: RecorderStore): void {
    if (this.#preparing === undefined && this.settings.keep === 'server' && store.sources.length > 0) {
      this.#preparing = setTimeout(() => void this.recovery?.prepare(), PREPARE_MS);
    }
  }

  /** A take that is left for later makes way for the next one at once; the list of unfinished takes then opens. */
  #letGo(store: RecorderStore): void {
    if (store.state.state === 'failed' && store.state.error.code === 'left-for-later') {
      this.takeTitle = '';
      // Left on purpose: the list itself tells where it is.
      store.notices.filter((n) => n.code === 'left-for-later').forEach((n) => store.dismiss(n.key));
      void store.perform('kt-reset-request', {});
    }
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
      const recording = await recordings.get(take.recordingId);
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
        ? recordings.get(id)
        : recordings.rename(id, this.takeTitle.trim()));
      if (this.shown?.past === false) {
        this.shown = { ...this.shown, recording };
      }
    } catch (error) {
      this.#store?.report(error);
    }
  }

  #onLeave = (event: BeforeUnloadEvent): void => {
    const state = this.#store?.state.state;
    if (state === 'recording' || state === 'paused' || state === 'stopping' || this.#pageOnly) {
      event.preventDefault();
    }
  };

  /** The finished take is nowhere but in this page. */
  get #pageOnly(): boolean {
    const state = this.#store?.state;
    return state?.state === 'stopped' && state.take.file !== undefined && !this.#downloaded;
  }

  /** Asks before a take that is in this page only is thrown away; true when there is none, or it may go. */
  async #mayDiscard(): Promise<boolean> {
    const length = formatTime(this.#store?.elapsed ?? 0);
    const may =
      !this.#pageOnly ||
      ((await this.#dialog<StudioAsk>('studio-ask')?.ask({
        what: 'This take has not been downloaded',
        lost: `${length} is in this page only. Going on throws it away for good.`,
        keep: 'Keep it',
        go: 'Throw it away',
      })) ??
        false);
    const state = this.#store?.state;
    if (may && state?.state === 'stopped') {
      // Otherwise what is kept of it for a page that dies would be found as an unfinished take.
      state.take.forget().catch((error: unknown) => this.#store?.report(error));
    }
    return may;
  }

  /** What had the focus is gone with all that was around it: on with the tab it stood in, else with the take. */
  #onFocusLost(event: Event): void {
    const panel = event.composedPath().some((each) => each instanceof HTMLElement && each.id === 'panel');
    const next = panel ? `#tab-${this.tab}` : this.shown === null ? 'kt-controls' : 'kt-player';
    this.#dialog<HTMLElement>(next)?.focus();
  }

  /** Where the focus goes when what had it is gone with a change between studio and player. */
  protected override updated(): void {
    if ((this.shown !== null) !== this.#playing) {
      this.#playing = this.shown !== null;
      const next = this.shown === null ? 'kt-controls' : 'kt-player';
      void this.#dialog<LitElement>(next)?.updateComplete.then(() => {
        const now = focused();
        if (now === null || now === this) {
          this.#dialog<HTMLElement>(next)?.focus();
        }
      });
    }
  }

  protected override render(): TemplateResult {
    const state = this.#store?.state.state ?? 'loading';
    return html`<kt-recorder-provider
      .recorder=${this.recorder}
      @kt-start-request=${this.#onStart}
      @kt-focus-lost=${this.#onFocusLost}
    >
      <div class="studio ${state} ${this.shown ? 'playback' : 'live'}">
        ${this.#header(state)}
        <main class="stage" aria-label=${this.shown ? 'Player' : 'Picture'}>
          <studio-banners
            ><studio-trouble
              ?hidden=${this.shown !== null}
              .keep=${this.settings.keep}
              @trouble-keep-here=${this.#keepHere}
              @trouble-session=${(event: CustomEvent<Session>) => (this.limit = event.detail.limits.maxLength)}
            ></studio-trouble
            ><studio-room banner .settings=${this.settings} .limit=${this.limit}></studio-room
          ></studio-banners>
          ${this.shown ? this.#player(this.shown) : picture()}
        </main>
        <aside
          @mark-seek=${(event: CustomEvent<number>) => this.#dialog<KtPlayer>('kt-player')?.seek(event.detail)}
          aria-label=${this.shown ? 'About the take' : 'Set up the picture'}>
          ${this.shown ? facts(this.shown, this.settings, { back: () => this.#back(), again: () => void this.#again() }) : this.#panel()}
        </aside>
        ${this.shown ? nothing : footer(this.#store, this.settings, this.limit)}
      </div>
      <studio-ask></studio-ask>
      <studio-last-picture></studio-last-picture>
      <studio-sound .name=${this.#memory.name}></studio-sound>
      <studio-keys
        @keys-start=${this.#onStartKey}
        @keys-scene=${(event: CustomEvent<number>) => this.#scenes.apply(event.detail)}
      ></studio-keys>
      <studio-announcer></studio-announcer>
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
        @library-rename=${(event: CustomEvent<Recording>) => this.#onRenamed(event.detail)}
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
      ${busy ? nothing : waiting(this.unfinished, () => void this.#recoveryModal?.show())}
      <button class="quiet" ?disabled=${busy} @click=${() => this.#dialog<StudioLibrary>('studio-library')?.show()}>
        ${icon('library')}<span>Recordings</span>
      </button>
      <button
        class="quiet icon keys"
        aria-label="Keys"
        title="Keys (?)"
        @click=${() => this.#dialog<StudioKeys>('studio-keys')?.show()}
      >
        ${icon('keys')}
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

  #player(shown: Shown): TemplateResult {
    const name = fileName(shown.recording?.title || (shown.past ? (shown.salvaged ?? '') : this.takeTitle));
    return html`<kt-player
      .take=${shown.take}
      name=${name}
      @kt-downloaded=${() => (this.#downloaded = true)}
    ></kt-player>`;
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
              @click=${() => this.#onTab(t.id)}
            >
              ${icon(t.icon)}<span>${t.label}</span>
            </button>`,
        )}
      </div>
      <div class="panel" id="panel" role="tabpanel" aria-labelledby="tab-${this.tab}" tabindex="-1">
        <div ?hidden=${this.tab !== 'people'}>${people(this.#memory.name, this.#files, () => this.#dialog<StudioSound>('studio-sound')?.show())}</div>
        <kt-layout-picker ?hidden=${this.tab !== 'layout'}></kt-layout-picker>
        <div ?hidden=${this.tab !== 'background'}>
          <section><kt-background-picker></kt-background-picker></section>
          <section><kt-logo-picker></kt-logo-picker></section>
        </div>
        <kt-hooks-panel ?hidden=${this.tab !== 'hooks'}></kt-hooks-panel>
        <div ?hidden=${this.tab !== 'scenes'}>${this.#scenes}</div>
        <studio-marks></studio-marks>
      </div>`;
  }

  #dialog<T extends Element>(tag: string): T | null {
    return this.renderRoot.querySelector<T>(tag);
  }

  #keepHere(): void {
    this.settings = { ...this.settings, keep: 'browser' };
    void this.#open();
    void this.updateComplete.then(() => this.#dialog<StudioTrouble>('studio-trouble')?.ask());
  }

  /**
   * A take begins under the title that stands above it now, so that it is known by it whatever happens, and after a
   * question where the host is not heard.
   */
  async #onStart(event: CustomEvent<{ countdown?: number; title?: string }>): Promise<void> {
    event.preventDefault();
    if ((await this.#dialog<StudioSound>('studio-sound')?.mayStart()) !== false) {
      const title = event.detail.title ?? this.takeTitle.trim();
      await this.#store?.perform('kt-start-request', { ...event.detail, ...(title === '' ? {} : { title }) });
    }
  }

  async #onSettings(event: CustomEvent<Settings>): Promise<void> {
    const changed = JSON.stringify(event.detail) !== JSON.stringify(this.settings);
    if (changed && !(await this.#mayDiscard())) {
      return;
    }
    this.settings = event.detail;
    rememberSettings(event.detail);
    if (changed) {
      this.shown = null;
      void this.#open();
      void this.updateComplete.then(() => this.#dialog<StudioTrouble>('studio-trouble')?.ask());
    }
  }

  async #onTitle(event: Event): Promise<void> {
    const title = (event.target as HTMLInputElement).value.trim();
    const recording = this.shown?.recording ?? null;
    if (this.shown?.past !== true) {
      this.takeTitle = title;
      if (title !== '' && BUSY.has(this.#store?.state.state ?? '')) {
        void this.recorder?.setTitle(title).catch((error: unknown) => this.#store?.report(error));
      }
    }
    if (recording === null || title === recording.title) {
      return;
    }
    try {
      const renamed = await recordings.rename(recording.id, title);
      if (this.shown?.recording?.id === recording.id) {
        this.shown = { ...this.shown, recording: renamed };
      }
    } catch (error) {
      this.#store?.report(error instanceof Error ? error : new Error(messageOf(error)));
    }
  }

  #onOpen(event: CustomEvent<Recording>): void {
    this.shown = { take: recordings.open(event.detail), recording: event.detail, past: true };
  }

  #say(text: string): void {
    this.#dialog<StudioAnnouncer>('studio-announcer')?.say(text);
  }

  #onDelete({ detail: { id, title } }: CustomEvent<Recording>): void {
    this.#say(`${title.trim() || 'Untitled take'} is deleted.`);
    if (this.shown?.recording?.id === id) {
      void (this.shown.past ? this.#back() : this.#again());
    }
  }

  #onRenamed(recording: Recording): void {
    if (this.shown?.recording?.id === recording.id) {
      this.shown = { ...this.shown, recording };
      this.takeTitle = this.shown.past ? this.takeTitle : recording.title;
    }
  }

  #back(): void {
    this.shown = null;
    this.#onChange(true);
  }

  async #again(): Promise<void> {
    if (!(await this.#mayDiscard())) {
      return;
    }
    this.takeTitle = '';
    await this.#store?.perform('kt-reset-request', {});
  }

  #onTab(tab: Tab): void {
    this.tab = tab;
    this.renderRoot.querySelector('.panel')?.scrollTo(0, 0);
  }

  /** Starts as the button does, with its countdown and its conditions. */
  #onStartKey(): void {
    const button = this.#dialog('kt-controls')?.shadowRoot?.querySelector<HTMLElement>('[part="start"]');
    button?.click();
  }

  #onTabKey(event: KeyboardEvent): void {
    const at = TABS.findIndex((t) => t.id === this.tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      this.tab = TABS[(to + TABS.length) % TABS.length]?.id ?? 'people';
      this.renderRoot.querySelector('.panel')?.scrollTo(0, 0);
      void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${this.tab}`)?.focus());
    }
  }
}
