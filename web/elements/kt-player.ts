/** `<kt-player>`: plays a finished take, and hands out the file and its scene. */

import { LitElement, html, nothing, type PropertyDeclarations, type PropertyValues, type TemplateResult } from 'lit';
import type { FinishedTake } from 'keeptake';
import { focused } from './focus.js';
import { formatBytes, formatTime, speakTime } from './format.js';
import { icon } from './icons.js';
import { save, saveBlob } from './save.js';
import { playerStyles } from './player-styles.js';
import { messageOf } from './store.js';
import { LanguageController, type Strings } from './strings.js';
import { buttonStyles, fieldStyles, themeStyles } from './theme.js';

/** What the player needs of a take; a {@link FinishedTake} has it all. */
export type PlayableTake = Pick<FinishedTake, 'duration' | 'bytes' | 'file' | 'playbackUrl' | 'scene'>;

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2] as const;
const SEEK_STEP_SECONDS = 5;

const digitsOf = (n: number): number => (Number.isInteger(n) ? 0 : Number.isInteger(n * 10) ? 1 : 2);

/**
 * Set `take`; `name` is the file's name without its ending. Keys while the focus
 * is inside: Space plays, Left and Right seek 5 s, Home and End, `<` and `>` change
 * the speed, M mutes, F fills the screen. The slot `actions` adds buttons.
 *
 * @fires kt-downloaded - the file was saved or its download has begun
 * @slot actions - more buttons for the bar
 * @csspart screen - the picture and what lies over it
 * @csspart bar - the controls
 */
export class KtPlayer extends LitElement {
  static override properties: PropertyDeclarations = {
    take: { attribute: false },
    name: { type: String },
    src: { state: true },
    problem: { state: true },
    note: { state: true },
    playing: { state: true },
    muted: { state: true },
    time: { state: true },
    length: { state: true },
    speed: { state: true },
    scene: { state: true },
    waiting: { state: true },
  };
  static override styles = [themeStyles, buttonStyles, fieldStyles, playerStyles];

  /** The take to play; null shows nothing. */
  declare take: PlayableTake | null;
  /** Name of the file that is saved, without its ending; default `take`. */
  declare name: string;
  declare private src: string;
  declare private problem: string;
  /** What went wrong beside the video, which can still be played. */
  declare private note: string;
  declare private playing: boolean;
  declare private muted: boolean;
  /** Where playing is, seconds; changes about four times a second. */
  declare time: number;
  declare private length: number;
  declare private speed: number;
  /** The scene JSON once asked for; null while it is not shown. */
  declare private scene: string | null;
  declare private waiting: boolean;
  readonly #language = new LanguageController(this);
  #objectUrl = '';
  /** Where the address was renewed last, seconds; it is again once the take has got further. */
  #renewedAt = -1;
  /** Where the person wants to be by now, while the picture of an earlier wish is being fetched. */
  #seekNext: number | null = null;
  #focusLater = false;

  constructor() {
    super();
    this.take = null;
    this.name = 'take';
    this.src = '';
    this.problem = '';
    this.note = '';
    this.playing = false;
    this.muted = false;
    this.time = 0;
    this.length = 0;
    this.speed = 1;
    this.scene = null;
    this.waiting = false;
  }

  /** Moves the focus to Play, where Space, F and M work. */
  override focus(options?: FocusOptions): void {
    const play = this.renderRoot.querySelector<HTMLButtonElement>('button.play');
    // It is disabled until the address of the take is known.
    this.#focusLater = play === null || play.disabled;
    play?.focus(options);
  }

  protected override updated(): void {
    if (this.#focusLater && this.src !== '') {
      this.#focusLater = false;
      if (focused() === null) {
        this.focus();
      }
    }
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener('keydown', this.#onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.removeEventListener('keydown', this.#onKey);
    this.#forget();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('take')) {
      this.#forget();
      this.time = 0;
      this.scene = null;
      this.#renewedAt = -1;
      this.length = this.take?.duration ?? 0;
      if (this.take !== null) {
        void this.#load(this.take);
      }
    }
  }

  get #words(): Strings['player'] {
    return this.#language.now.words.player;
  }

  get #video(): HTMLVideoElement | null {
    return this.renderRoot.querySelector('video');
  }

  #forget(): void {
    if (this.#objectUrl !== '') {
      URL.revokeObjectURL(this.#objectUrl);
      this.#objectUrl = '';
    }
    this.src = '';
    this.#seekNext = null;
    this.playing = false;
  }

  async #load(take: PlayableTake): Promise<void> {
    this.problem = '';
    // A new video element, even when the address is the same one again.
    this.src = '';
    this.#seekNext = null;
    await this.updateComplete;
    try {
      let src: string;
      if (take.file !== undefined) {
        src = this.#objectUrl = URL.createObjectURL(take.file);
      } else {
        src = await take.playbackUrl();
      }
      if (this.take === take) {
        this.src = src;
      }
    } catch (error) {
      this.problem = messageOf(error);
    }
  }

  protected override render(): TemplateResult | typeof nothing {
    if (this.take === null) {
      return nothing;
    }
    return html`<div class="screen" part="screen">
        ${
          this.src === ''
            ? nothing
            : html`<video
                src=${this.src}
                crossorigin="anonymous"
                preload="auto"
                playsinline
                aria-label=${this.#words.take}
                @click=${() => this.toggle()}
                @play=${() => (this.playing = true)}
                @pause=${() => (this.playing = false)}
                @timeupdate=${this.#onTime}
                @seeking=${this.#onTime}
                @durationchange=${this.#onLength}
                @loadeddata=${() => (this.waiting = false)}
                @waiting=${() => (this.waiting = true)}
                @playing=${() => (this.waiting = false)}
                @seeked=${this.#onSeeked}
                @volumechange=${(e: Event) => (this.muted = (e.target as HTMLVideoElement).muted)}
                @error=${this.#onError}
              ></video>`
        }
        ${this.#over()}
      </div>
      ${this.#bar(this.take)} ${this.#sceneView()}`;
  }

  #over(): TemplateResult | typeof nothing {
    if (this.problem !== '') {
      return html`<div class="over" role="alert">
        <strong>${this.#words.failed}</strong><span>${this.#words.stillStored(this.problem)}</span>
        <button @click=${() => this.take && this.#goOn(this.take, false)}>${this.#language.now.words.common.tryAgain}</button>
      </div>`;
    }
    if (this.src === '' || this.waiting) {
      return html`<div class="over" role="status">
        <div class="spinner"></div>
        <span class="sr">${this.#words.loading}</span>
      </div>`;
    }
    return this.playing
      ? nothing
      : html`<div class="over" aria-hidden="true"><div class="big">${icon('play', 38)}</div></div>`;
  }

  #bar(take: PlayableTake): TemplateResult {
    const language = this.#language.now;
    const { common, player: words, times } = language.words;
    const done = this.length > 0 ? Math.min(100, (this.time / this.length) * 100) : 0;
    return html`${
      this.note === '' ? nothing : html`<div class="note" role="alert">${this.note}</div>`
    }<div class="bar" part="bar" role="group" aria-label=${words.bar}>
      <input
        type="range"
        min="0"
        max=${this.length || 1}
        step="any"
        style="--_fill:${done}%"
        .value=${String(this.time)}
        ?disabled=${this.src === ''}
        aria-label=${words.seek}
        aria-valuetext=${times.ofTime(speakTime(this.time, language), speakTime(this.length, language))}
        @input=${(e: Event) => this.seek(Number((e.target as HTMLInputElement).value))}
      />
      <div class="row">
        <button
          class="icon play"
          ?disabled=${this.src === ''}
          aria-label=${this.playing ? common.pause : words.play}
          @click=${() => this.toggle()}
        >
          ${icon(this.playing ? 'pause' : 'play', 22)}
        </button>
        <button class="quiet icon" aria-label=${common.mute} aria-pressed=${this.muted} @click=${this.#mute}>
          ${icon(this.muted ? 'volume-off' : 'volume')}
        </button>
        <span class="time"><b>${formatTime(this.time)}</b> / ${formatTime(this.length)}</span>
        <span class="gap"></span>
        <select
          aria-label=${words.speed}
          @change=${(e: Event) => this.#setSpeed(Number((e.target as HTMLSelectElement).value))}
        >
          ${SPEEDS.map((s) => html`<option value=${s} ?selected=${s === this.speed} .selected=${s === this.speed}>${language.number(s, digitsOf(s))}×</option>`)}
        </select>
        <button class="quiet icon" aria-label=${words.fullScreen} title=${words.fullScreen} @click=${this.#fill}>
          ${icon('expand')}
        </button>
        <button class="quiet" aria-label=${words.sceneJson} aria-expanded=${this.scene !== null} @click=${this.#toggleScene}>
          ${icon('code')}<span class="wideonly">${words.sceneJson}</span>
        </button>
        <button @click=${() => this.#download(take)} title=${formatBytes(take.bytes, language)} aria-label=${words.download}>
          ${icon('download')}<span class="wideonly">${words.download}</span>
        </button>
        <slot name="actions"></slot>
      </div>
    </div>`;
  }

  #sceneView(): TemplateResult | typeof nothing {
    if (this.scene === null) {
      return nothing;
    }
    return html`<section class="scene" aria-label=${this.#words.scene}>
      <header>
        <strong>${this.#words.scene}</strong>
        <button ?disabled=${this.scene === ''} @click=${this.#saveScene}>${icon('download', 18)}${this.#words.saveScene}</button>
      </header>
      <pre tabindex="0" role="region" aria-label=${this.#words.sceneText}>${this.scene === '' ? this.#words.sceneLoading : this.scene}</pre>
    </section>`;
  }

  /** Plays or pauses. */
  toggle(): void {
    const video = this.#video;
    if (video?.paused) {
      void video.play().catch(() => undefined);
    } else {
      video?.pause();
    }
  }

  /** Jumps to a time, seconds, kept inside the take. */
  seek(seconds: number): void {
    const video = this.#video;
    if (video !== null) {
      this.time = Math.min(Math.max(0, seconds), this.length);
      // A seek that ends the one before shows no picture: while a slider is dragged, each is let come to its own.
      if (video.seeking) {
        this.#seekNext = this.time;
      } else {
        video.currentTime = this.time;
      }
    }
  }

  #onSeeked(): void {
    this.waiting = false;
    const video = this.#video;
    const next = this.#seekNext;
    this.#seekNext = null;
    if (video !== null && next !== null) {
      video.currentTime = next;
    }
  }

  #onTime(): void {
    this.time = this.#seekNext ?? this.#video?.currentTime ?? 0;
  }

  #onLength(): void {
    const length = this.#video?.duration ?? NaN;
    this.length = Number.isFinite(length) ? length : (this.take?.duration ?? 0);
    const video = this.#video;
    if (video !== null) {
      video.playbackRate = this.speed;
    }
  }

  /**
   * A signed address may have run out: a new one is asked for, and it goes on at the same second. Where that does not
   * get any further, the trouble is told.
   */
  #onError(): void {
    const take = this.take;
    if (take === null) {
      return;
    }
    // `timeupdate` comes four times a second: what was played since counts too.
    this.time = Math.max(this.time, this.#video?.currentTime ?? 0);
    if (this.time <= this.#renewedAt) {
      this.#renewedAt = -1;
      this.problem = this.#words.unreadable;
      return;
    }
    this.#renewedAt = this.time;
    void this.#goOn(take, this.playing);
  }

  /** Loads the take anew and goes on where it was. */
  async #goOn(take: PlayableTake, play: boolean): Promise<void> {
    const { time, muted } = this;
    await this.#load(take);
    await this.updateComplete;
    const video = this.#video;
    video?.addEventListener(
      'loadedmetadata',
      () => {
        video.muted = muted;
        this.seek(time);
        if (play) {
          void video.play().catch(() => undefined);
        }
      },
      { once: true },
    );
  }

  #mute(): void {
    const video = this.#video;
    if (video !== null) {
      video.muted = !video.muted;
    }
  }

  #setSpeed(speed: number): void {
    this.speed = speed;
    const video = this.#video;
    if (video !== null) {
      video.playbackRate = speed;
    }
  }

  #fill(): void {
    if (document.fullscreenElement !== null) {
      void document.exitFullscreen();
    } else {
      void this.renderRoot
        .querySelector('.screen')
        ?.requestFullscreen()
        .catch(() => undefined);
    }
  }

  async #download(take: PlayableTake): Promise<void> {
    try {
      this.note = '';
      save(this.#objectUrl || (await take.playbackUrl({ download: true })), `${this.name}.webm`);
      this.dispatchEvent(new CustomEvent('kt-downloaded', { bubbles: true, composed: true }));
    } catch (error) {
      this.note = this.#words.downloadFailed(messageOf(error));
    }
  }

  async #toggleScene(): Promise<void> {
    const take = this.take;
    if (this.scene !== null || take === null) {
      this.scene = null;
      return;
    }
    this.scene = '';
    try {
      const scene = JSON.stringify(await take.scene(), null, 2);
      this.scene = this.scene === null ? null : scene;
    } catch (error) {
      this.scene = this.#words.sceneFailed(messageOf(error));
    }
  }

  #saveScene(): void {
    saveBlob(new Blob([this.scene ?? ''], { type: 'application/json' }), `${this.name}.scene.json`);
  }

  #onKey = (event: KeyboardEvent): void => {
    const from = event.composedPath()[0];
    const inButton = from instanceof HTMLButtonElement;
    // What a page put into a slot keeps all keys that it knows; of the player's own, the sliders are steered here.
    const own = from instanceof Node && this.renderRoot.contains(from);
    const typed = from instanceof HTMLElement && (from.isContentEditable || from.matches('input, textarea'));
    const inField = from instanceof HTMLSelectElement || from instanceof HTMLPreElement || (typed && !own);
    if (inField || event.ctrlKey || event.metaKey || event.altKey || (inButton && event.key === ' ')) {
      return;
    }
    const act = this.#keys[event.key];
    if (act !== undefined) {
      event.preventDefault();
      act();
    }
  };

  #keys: Record<string, () => void> = {
    ' ': () => this.toggle(),
    ArrowLeft: () => this.seek(this.time - SEEK_STEP_SECONDS),
    ArrowRight: () => this.seek(this.time + SEEK_STEP_SECONDS),
    Home: () => this.seek(0),
    End: () => this.seek(this.length),
    '<': () => this.#stepSpeed(-1),
    '>': () => this.#stepSpeed(1),
    m: () => this.#mute(),
    f: () => this.#fill(),
  };

  #stepSpeed(step: number): void {
    const at = (SPEEDS as readonly number[]).indexOf(this.speed) + step;
    this.#setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at))] ?? 1);
  }
}
