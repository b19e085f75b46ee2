/** `<kt-sound-check>`: is the host heard, and does the host hear? Before the first take, or between two. */

import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { SourceInfo } from 'keeptake';
import { DeviceList } from './device-list.js';
import { KtElement } from './element.js';
import { explainMedia, type Explanation } from './explain.js';
import { HearingLog, hasMicrophone, soundTrouble, type Heard } from './hearing.js';
import { icon } from './icons.js';
import { openOwn, ownSourceOf, retuned, streamWith, trackOf, type OwnSource, type SoundWishes } from './own-source.js';
import { soundCheckStyles } from './sound-check-styles.js';
import { canRoute, recordTest, routeTo, TEST_SECONDS, toneFile, type RecorderFactory } from './sound-test.js';
import { messageOf, type RecorderStore, type StoreTopic } from './store.js';
import { buttonStyles, fieldStyles, progressStyles, themeStyles } from './theme.js';

const SWITCHES: readonly (keyof SoundWishes)[] = ['echoCancellation', 'noiseSuppression', 'autoGainControl', 'stereo'];

/** What the test recording is doing. */
type Test =
  | { state: 'none' }
  | { state: 'recording'; seconds: number }
  | { state: 'done'; url: string; picture: boolean }
  | { state: 'failed'; why: string };

/**
 * Microphone, meter, what is heard in words, how the microphone is treated, five seconds recorded and played, and a
 * tone on the output. `source-id` is the host's source; without `createRecorder` (that of the package) there is no
 * test recording. `stop()` ends what runs.
 *
 * @fires kt-mute-request - the host is to be heard again
 * @fires kt-source-add-request - a microphone was opened
 * @fires kt-source-replace-request - another microphone, or the same treated otherwise
 */
export class KtSoundCheck extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'sources'];
  static override properties: PropertyDeclarations = {
    sourceId: { attribute: 'source-id' },
    sourceName: { attribute: 'source-name' },
    createRecorder: { attribute: false },
    heard: { state: true },
    test: { state: true },
    problem: { state: true },
    busy: { state: true },
  };
  static override styles = [themeStyles, buttonStyles, fieldStyles, progressStyles, soundCheckStyles];

  /** Id of the source that is the host; default `host`. */
  declare sourceId: string;
  /** Name that the source gets when it is added. */
  declare sourceName: string;
  /** Makes the recorder of the test recording. */
  declare createRecorder: RecorderFactory | null;
  declare private heard: Heard;
  declare private test: Test;
  declare private problem: Explanation | null;
  declare private busy: boolean;
  #off: (() => void)[] = [];
  #log = new HearingLog(0);
  /** What the log is about: another track or another mute begins a new one. */
  #logged = '';
  #control: AbortController | null = null;
  #tone: HTMLAudioElement | null = null;

  readonly #devices = new DeviceList(this);

  constructor() {
    super();
    this.sourceId = 'host';
    this.sourceName = 'Host';
    this.createRecorder = null;
    this.heard = { tone: 'wait', text: '' };
    this.test = { state: 'none' };
    this.problem = null;
    this.busy = false;
  }

  /** The devices of this machine, as far as the browser tells of them. */
  get devices(): readonly MediaDeviceInfo[] {
    return this.#devices.all;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop();
  }

  /** Ends a test recording and the tone, and forgets the last recording. */
  stop(): void {
    this.#control?.abort();
    this.#control = null;
    this.#tone?.pause();
    this.#show({ state: 'none' });
  }

  protected override storeChanged(store: RecorderStore | null): void {
    this.stop();
    this.#off.forEach((each) => each());
    this.#off =
      store === null
        ? []
        : [
            store.recorder.on('levels', (levels) => this.#listen(levels[this.sourceId])),
            ownSourceOf(store).subscribe(() => this.requestUpdate()),
          ];
  }

  protected override storeUpdated(): void {
    this.#listen(undefined);
  }

  get #own(): OwnSource | null {
    return this.store === null ? null : ownSourceOf(this.store);
  }

  get #source(): SourceInfo | undefined {
    return this.store?.sources.find((s) => s.id === this.sourceId);
  }

  #listen(level: { peak: number; input: number; clipped: boolean } | undefined): void {
    const now = performance.now();
    const source = this.#source;
    const about = `${trackOf(this.store, this.sourceId, 'audioinput')?.id} ${source?.audioMuted}`;
    if (about !== this.#logged) {
      this.#logged = about;
      this.#log = new HearingLog(now);
    }
    if (level !== undefined) {
      this.#log.add(level, now);
    }
    const heard = soundTrouble(source, this.language) ?? this.#log.words(now, this.language);
    if (heard.text !== this.heard.text) {
      this.heard = heard;
    }
  }

  /** A menu that a person has touched does not follow its markup any more. */
  protected override updated(): void {
    for (const menu of this.renderRoot.querySelectorAll<HTMLSelectElement>('select[data-value]')) {
      menu.value = menu.dataset['value'] ?? '';
    }
  }

  protected override render(): TemplateResult {
    const { sound: words } = this.words;
    return html`<section aria-labelledby="mic">
        <h3 id="mic">${icon('mic', 18)}${words.mic}</h3>
        ${this.#microphone()}
        <kt-level
          .recorder=${this.store?.recorder ?? null}
          source-id=${this.sourceId}
          label=${this.words.common.yourLevel}
        ></kt-level>
        <p class="words ${this.heard.tone}" role="status">${this.#words()}</p>
        ${this.#unmute()}
        <div class="switches" role="group" aria-label=${words.treated}>${SWITCHES.map((s) => this.#switch(s))}</div>
        ${this.#stereoNote()}
      </section>
      ${this.createRecorder === null ? nothing : this.#recording()}${this.#output()}
      <div role="alert">${this.problem === null ? nothing : html`<p class="problem"><strong>${this.problem.what}</strong> ${this.problem.todo}</p>`}</div>`;
  }

  #words(): TemplateResult | typeof nothing {
    const { tone, text } = this.heard;
    return text === ''
      ? nothing
      : html`${icon(tone === 'good' ? 'check' : tone === 'bad' ? 'warning' : 'info', 18)}<span>${text}</span>`;
  }

  #unmute(): TemplateResult | typeof nothing {
    return this.#source?.audioMuted
      ? html`<button @click=${() => this.request('kt-mute-request', { id: this.sourceId, audio: false })}>
          ${icon('mic', 18)}${this.words.common.unmute}
        </button>`
      : nothing;
  }

  #microphone(): TemplateResult {
    const { common, devices, sound: words } = this.words;
    const track = trackOf(this.store, this.sourceId, 'audioinput');
    const live = track?.readyState === 'live';
    const current = live ? (track.getSettings().deviceId ?? '') : '';
    const list = this.devices.filter((d) => d.kind === 'audioinput' && d.deviceId !== '');
    if (list.length === 0 && !live) {
      return html`<button class="primary" ?disabled=${this.busy} @click=${() => this.#choose(undefined)}>
        ${icon('mic')}${words.turnOn}
      </button>`;
    }
    return html`<select
      aria-label=${common.microphone}
      data-value=${current}
      ?disabled=${this.busy}
      @change=${(e: Event) => this.#choose((e.target as HTMLSelectElement).value)}
    >
      ${live ? nothing : html`<option value="">${devices.noMicrophone}</option>`}
      ${live && !list.some((d) => d.deviceId === current) ? html`<option value=${current}>${track.label || common.microphone}</option>` : nothing}
      ${list.map((d, i) => html`<option value=${d.deviceId}>${d.label || common.numbered(common.microphone, i + 1)}</option>`)}
    </select>`;
  }

  async #choose(deviceId: string | undefined): Promise<void> {
    const { store } = this;
    if (store === null || deviceId === '') {
      return;
    }
    await this.#guarded(async () => {
      const media = await openOwn(store, { audio: deviceId ?? true }, this.devices);
      const track = media.getAudioTracks()[0];
      ownSourceOf(store).wish({
        microphone: { id: track?.getSettings().deviceId ?? deviceId ?? '', label: track?.label ?? '' },
      });
      await this.#use(store, media.getAudioTracks());
    });
    void this.#devices.read();
  }

  /** Fresh sound for the source, which is made where it is not there. */
  async #use(store: RecorderStore, fresh: MediaStreamTrack[]): Promise<void> {
    const media = streamWith(store, this.sourceId, 'audioinput', fresh);
    if (this.#source) {
      await this.request('kt-source-replace-request', { id: this.sourceId, media }, fresh);
    } else {
      const options = { id: this.sourceId, name: this.sourceName };
      await this.request('kt-source-add-request', { media, options, owned: true }, fresh);
    }
  }

  async #guarded(act: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.problem = null;
    try {
      await act();
    } catch (error) {
      this.problem = explainMedia(error, 'microphone', this.language);
    } finally {
      this.busy = false;
    }
  }

  #switch(key: keyof SoundWishes): TemplateResult {
    const { sound: words } = this.words;
    const label = words[key];
    const why = words[`${key}Why`];
    const on = this.#own?.wishes.sound[key] ?? false;
    return html`<label class="switch"
      ><span>${label}<small id="why-${key}">${why}</small></span
      ><input
        type="checkbox"
        role="switch"
        aria-label=${label}
        aria-describedby="why-${key}"
        .checked=${on}
        ?disabled=${this.busy}
        @change=${(e: Event) => this.#treat(key, (e.target as HTMLInputElement).checked)}
    /></label>`;
  }

  /** Applies a switch to the open microphone, in a take too. */
  async #treat(key: keyof SoundWishes, on: boolean): Promise<void> {
    const { store } = this;
    const own = this.#own;
    if (store === null || own === null) {
      return;
    }
    own.wish({ sound: { ...own.wishes.sound, [key]: on } });
    const track = trackOf(store, this.sourceId, 'audioinput');
    if (track?.readyState === 'live') {
      await this.#guarded(async () => {
        const fresh = await retuned(store, track);
        if (fresh !== null) {
          await this.#use(store, [fresh]);
        }
      });
    }
    this.requestUpdate();
  }

  #stereoNote(): TemplateResult | typeof nothing {
    const track = trackOf(this.store, this.sourceId, 'audioinput');
    const sound = this.#own?.wishes.sound;
    if (!sound?.stereo || track?.readyState !== 'live' || track.getSettings().channelCount !== 1) {
      return nothing;
    }
    return html`<p class="note">
      ${sound.echoCancellation ? this.words.sound.oneChannelEcho : this.words.sound.oneChannel}
    </p>`;
  }

  #recording(): TemplateResult {
    const { test } = this;
    const { sound: words } = this.words;
    const recording = test.state === 'recording';
    const state = this.store?.state.state;
    const taking = state !== 'setup' && state !== 'stopped' && state !== 'failed';
    const off = !recording && (taking || !hasMicrophone(this.#source));
    return html`<section aria-labelledby="try">
      <h3 id="try">${icon('record', 18)}${words.hear}</h3>
      <button ?disabled=${off} @click=${() => (recording ? this.stop() : this.#try())}>
        ${icon(recording ? 'close' : 'record', 18)}${recording ? this.words.common.cancel : test.state === 'done' ? words.recordAgain : words.record(TEST_SECONDS)}
      </button>
      ${recording ? html`<progress max=${TEST_SECONDS} value=${test.seconds} aria-label=${words.test}></progress>` : nothing}
      <div role="status">
        ${recording ? html`<p class="note">${words.speak}</p>` : nothing}
        ${test.state === 'failed' ? html`<p class="problem">${test.why}</p>` : nothing}
        ${test.state === 'done' ? this.#played(test) : nothing}
      </div>
    </section>`;
  }

  #played({ url, picture }: { url: string; picture: boolean }): TemplateResult {
    const ready = (e: Event): void => {
      const media = e.target as HTMLMediaElement;
      const output = this.#own?.wishes.output?.id ?? '';
      void routeTo(media, output)
        .catch(() => undefined)
        .then(() => media.play().catch(() => undefined));
    };
    return picture
      ? html`<video src=${url} controls playsinline aria-label=${this.words.sound.yourTest} @loadedmetadata=${ready}></video>`
      : html`<audio src=${url} controls aria-label=${this.words.sound.yourTest} @loadedmetadata=${ready}></audio>`;
  }

  async #try(): Promise<void> {
    const create = this.createRecorder;
    const source = this.#source;
    const tracks = (this.store?.media.get(this.sourceId)?.stream.getTracks() ?? []).filter(
      (t) => t.readyState === 'live',
    );
    if (create === null || source === undefined || tracks.length === 0) {
      return;
    }
    const control = new AbortController();
    this.#control = control;
    this.#show({ state: 'recording', seconds: 0 });
    try {
      const file = await recordTest(create, tracks, source, control.signal, (seconds) => {
        if (this.#control === control) {
          this.#show({ state: 'recording', seconds });
        }
      });
      if (this.#control === control) {
        const picture = tracks.some((t) => t.kind === 'video') && !source.videoMuted;
        this.#show({ state: 'done', url: URL.createObjectURL(file), picture });
      }
    } catch (error) {
      if (this.#control === control) {
        this.#show({ state: 'failed', why: this.words.sound.testFailed(messageOf(error)) });
      }
    }
  }

  #show(test: Test): void {
    if (this.test.state === 'done') {
      URL.revokeObjectURL(this.test.url);
    }
    this.test = test;
  }

  #output(): TemplateResult {
    const { sound: words } = this.words;
    const outputs = canRoute() ? this.devices.filter((d) => d.kind === 'audiooutput' && d.deviceId !== '') : [];
    const wish = this.#own?.wishes.output?.id ?? '';
    const now = outputs.some((d) => d.deviceId === wish) ? wish : (outputs[0]?.deviceId ?? '');
    return html`<section aria-labelledby="out">
      <h3 id="out">${icon('volume', 18)}${words.out}</h3>
      ${
        outputs.length === 0
          ? html`<p class="note">${words.system}</p>`
          : html`<select
              aria-label=${words.output}
              data-value=${now}
              @change=${(e: Event) => this.#route((e.target as HTMLSelectElement).value)}
            >
              ${outputs.map((d, i) => html`<option value=${d.deviceId}>${d.label || this.words.common.numbered(words.output, i + 1)}</option>`)}
            </select>`
      }
      <button @click=${this.#play}>${icon('play', 18)}${words.tone}</button>
      <div role="status">${this.#tone === null ? nothing : html`<p class="note">${words.toneHint}</p>`}</div>
    </section>`;
  }

  #route(id: string): void {
    const label = this.devices.find((d) => d.kind === 'audiooutput' && d.deviceId === id)?.label ?? '';
    this.#own?.wish({ output: { id, label } });
    const media = this.renderRoot.querySelector<HTMLMediaElement>('video, audio');
    if (media !== null) {
      void routeTo(media, id).catch(() => undefined);
    }
  }

  async #play(): Promise<void> {
    this.problem = null;
    const url = URL.createObjectURL(toneFile());
    this.#tone?.pause();
    const tone = new Audio(url);
    this.#tone = tone;
    tone.onended = () => URL.revokeObjectURL(url);
    this.requestUpdate();
    try {
      await routeTo(tone, this.#own?.wishes.output?.id ?? '');
      await tone.play();
    } catch (error) {
      this.problem = {
        what: this.words.sound.toneFailed,
        safe: '',
        todo: this.words.sound.toneTodo(messageOf(error)),
      };
    }
  }
}
