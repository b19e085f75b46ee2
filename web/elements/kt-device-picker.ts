/** `<kt-device-picker>`: the camera and microphone of the person at the desk, and their screen. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { openScreen, type LayoutKind } from 'keeptake';
import { DeviceList } from './device-list.js';
import { KtElement } from './element.js';
import { explainMedia, type DeviceKind, type Explanation } from './explain.js';
import { icon } from './icons.js';
import {
  missingWishes,
  openOwn,
  ownSourceOf,
  streamWith,
  trackOf,
  type OwnKind,
  type OwnWishes,
} from './own-source.js';
import { codeOf, type RecorderStore, type StoreTopic } from './store.js';
import { buttonStyles, fieldStyles, themeStyles } from './theme.js';

const NONE = 'none';
/** A chosen device that is not there any more. */
const LOST = 'lost';
const SCREEN_ID = 'screen';
/** Layouts with a large first place, which a screen that is shared takes. */
const FEATURING: ReadonlySet<LayoutKind> = new Set(['picture-in-picture', 'spotlight', 'screen-only']);
/** Refusals for which one of two devices may still open. */
const ONE_MAY_OPEN: ReadonlySet<string> = new Set(['no-device', 'device-busy']);

/**
 * Adds the source `source-id` (default `host`) named `source-name` (default
 * “Host”), and the source `screen`. Devices are chosen any time, also in a take:
 * the source keeps its place. What cannot be opened is told in the element. Which
 * devices are wished for is known to {@link ownSourceOf} of the recorder's store.
 *
 * @fires kt-source-add-request - a camera, microphone or screen was opened
 * @fires kt-source-replace-request - another device for a source
 * @fires kt-source-remove-request - a source was turned off
 * @fires kt-composition-request - a changed composition
 */
export class KtDevicePicker extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'sources', 'composition'];
  static override properties: PropertyDeclarations = {
    sourceId: { attribute: 'source-id' },
    sourceName: { attribute: 'source-name' },
    problem: { state: true },
    asking: { state: true },
  };
  static override styles = [
    themeStyles,
    buttonStyles,
    fieldStyles,
    css`
      :host,
      .card {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 12px;
      }
      .wide {
        padding-block: 6px;
      }
      .pair {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(100%, 136px), 1fr));
        gap: 8px;
      }
      .pair button {
        gap: 6px;
        padding: 0 6px;
        font-size: 0.8125rem;
        white-space: nowrap;
      }
      .pick {
        display: grid;
        grid-template-columns: 20px minmax(0, 1fr);
        align-items: center;
        gap: 10px;
        color: var(--_muted);
      }
      .pick select {
        margin: 0;
      }
      .problem {
        display: grid;
        grid-template-columns: 20px 1fr;
        gap: 2px 10px;
        padding: 12px;
        border-radius: var(--_radius);
        background: color-mix(in srgb, var(--_pause) 12%, var(--_surface));
        box-shadow: inset 0 0 0 1px color-mix(in srgb, var(--_pause) 45%, transparent);
      }
      .problem svg {
        grid-row: span 3;
        color: var(--_pause);
      }
      .problem span {
        color: var(--_muted);
        font-size: 0.8125rem;
      }
      .intro {
        color: var(--_muted);
      }
      .offer {
        color: var(--_muted);
        font-size: 0.8125rem;
        overflow-wrap: anywhere;
      }
      button.on {
        border-color: var(--_accent);
        color: var(--_accent);
      }
      kt-level {
        grid-column: 2;
      }
    `,
  ];

  /** Id of the source that is the host; default `host`. */
  declare sourceId: string;
  /** Name that the source gets when it is added. */
  declare sourceName: string;
  declare private problem: Explanation | null;
  declare private asking: boolean;
  #leaving = false;

  readonly #devices = new DeviceList(this);

  constructor() {
    super();
    this.sourceId = 'host';
    this.sourceName = 'Host';
    this.problem = null;
    this.asking = false;
  }

  /** The devices of this machine, as far as the browser tells of them. */
  get devices(): readonly MediaDeviceInfo[] {
    return this.#devices.all;
  }

  #offWishes: (() => void) | null = null;

  protected override storeChanged(store: RecorderStore | null): void {
    this.#offWishes?.();
    this.#offWishes = store === null ? null : ownSourceOf(store).subscribe(() => this.requestUpdate());
  }

  /** A share that was ended in the browser's own bar leaves the picture. */
  protected override storeUpdated(): void {
    const ended = this.store?.sources.some((s) => s.id === SCREEN_ID && s.ended) ?? false;
    if (ended && !this.#leaving) {
      this.#leaving = true;
      void this.request('kt-source-remove-request', { id: SCREEN_ID }).finally(() => (this.#leaving = false));
    }
  }

  /** A menu that a person has touched does not follow its markup any more. */
  protected override updated(): void {
    for (const menu of this.renderRoot.querySelectorAll<HTMLSelectElement>('select[data-value]')) {
      menu.value = menu.dataset['value'] ?? NONE;
    }
  }

  #has(id: string): boolean {
    return this.store?.sources.some((s) => s.id === id) ?? false;
  }

  protected override render(): TemplateResult {
    const { devices: words } = this.words;
    const state = this.store?.state.state ?? 'loading';
    const off = this.asking || state === 'loading' || state === 'stopping';
    const lost = this.store?.sources.find((s) => s.id === this.sourceId)?.ended ?? false;
    return html`<div class="card">
        ${this.#has(this.sourceId) ? this.#pickers(off) : this.#intro(off)} ${this.#screen(off)}
      </div>
      ${this.#told(
        this.problem ??
          (lost
            ? {
                what: words.unplugged,
                safe: words.unpluggedSafe,
                todo: words.unpluggedTodo,
              }
            : null),
      )}`;
  }

  /** The devices of the last time, before they are opened: by name, or that they are not there. */
  #offer(): TemplateResult | typeof nothing {
    const own = this.store === null ? null : ownSourceOf(this.store);
    if (own === null) {
      return nothing;
    }
    const missing = missingWishes(own, this.devices);
    const here = [own.wishes.camera, own.wishes.microphone].flatMap((w) =>
      w === null || w.label === '' || missing.includes(w.label) ? [] : [w.label],
    );
    return html`${here.length === 0 ? nothing : html`<div class="offer">${this.words.devices.asLastTime(here.join(', '))}</div>`}
    ${missing.map((name) => html`<div class="offer">${this.words.devices.notConnected(name)}</div>`)}`;
  }

  #intro(off: boolean): TemplateResult {
    const { devices: words } = this.words;
    return html`<button class="primary wide" ?disabled=${off} @click=${() => this.#turnOn(true, true)}>
        ${icon('camera')}${words.turnOn}
      </button>
      ${this.#offer()}
      <div class="pair">
        <button ?disabled=${off} @click=${() => this.#turnOn(true, false)}>${icon('camera', 18)}${words.cameraOnly}</button>
        <button ?disabled=${off} @click=${() => this.#turnOn(false, true)}>${icon('mic', 18)}${words.microphoneOnly}</button>
      </div>`;
  }

  #pickers(off: boolean): TemplateResult {
    return html`${this.#select('videoinput', off)}${this.#select('audioinput', off)}`;
  }

  #select(kind: OwnKind, off: boolean): TemplateResult {
    const { common, devices: words } = this.words;
    const label = kind === 'videoinput' ? common.camera : common.microphone;
    const now = trackOf(this.store, this.sourceId, kind);
    const current = now?.getSettings().deviceId ?? NONE;
    const list = this.devices.filter((d) => d.kind === kind && d.deviceId !== '');
    // Under a value of its own, so that choosing the same device again is a change.
    const lost = now?.readyState === 'ended';
    const unknown = now !== null && !lost && !list.some((d) => d.deviceId === current);
    return html`<div class="pick">
      ${icon(kind === 'videoinput' ? 'camera' : 'mic')}
      <select
        aria-label=${label}
        data-value=${lost ? LOST : current}
        ?disabled=${off}
        @change=${(e: Event) => this.#choose(kind, (e.target as HTMLSelectElement).value)}
      >
        <option value=${NONE} ?selected=${now === null}>${kind === 'videoinput' ? words.noCamera : words.noMicrophone}</option>
        ${unknown ? html`<option value=${current} selected>${now.label || label}</option>` : nothing}
        ${lost ? html`<option value=${LOST} selected>${words.lost(now.label || label)}</option>` : nothing}
        ${list.map(
          (d, i) =>
            html`<option value=${d.deviceId} ?selected=${now !== null && !lost && d.deviceId === current}>
              ${d.label || common.numbered(label, i + 1)}
            </option>`,
        )}
      </select>
      ${
        kind === 'audioinput' && now !== null
          ? html`<kt-level
              .recorder=${this.store?.recorder ?? null}
              source-id=${this.sourceId}
              label=${common.yourLevel}
            ></kt-level>`
          : nothing
      }
    </div>`;
  }

  #screen(off: boolean): TemplateResult {
    const sharing = this.#has(SCREEN_ID);
    return html`<button class="wide ${sharing ? 'on' : ''}" ?disabled=${off} @click=${() => this.#share(sharing)}>
      ${icon('screen')}${sharing ? this.words.devices.stopSharing : this.words.devices.share}
      </button>
      ${
        sharing && this.store?.composition.focus !== SCREEN_ID
          ? html`<button class="wide" ?disabled=${off} @click=${() => this.#feature('spotlight')}>
              ${this.words.devices.feature}
            </button>`
          : nothing
      }`;
  }

  #told(problem: Explanation | null): TemplateResult {
    return html`<div role="alert">
      ${
        problem === null
          ? nothing
          : html`<div class="problem">
              ${icon('warning')}<strong>${problem.what}</strong><span>${problem.safe}</span><span>${problem.todo}</span>
            </div>`
      }
    </div>`;
  }

  async #open(device: DeviceKind, open: () => Promise<MediaStream>): Promise<MediaStream | null> {
    this.asking = true;
    this.problem = null;
    try {
      return await open();
    } catch (error) {
      this.problem = explainMedia(error, device, this.language);
      return device === 'camera and microphone' && ONE_MAY_OPEN.has(codeOf(error)) ? await this.#openOne() : null;
    } finally {
      this.asking = false;
      void this.#devices.read();
    }
  }

  /** Of camera and microphone the one that opens; the problem then names the other. */
  async #openOne(): Promise<MediaStream | null> {
    const each = [{ video: true }, { audio: true }];
    const tries = await Promise.allSettled(each.map((choice) => openOwn(this.store, choice, this.devices)));
    const opened = tries.flatMap((t) => (t.status === 'fulfilled' ? t.value.getTracks() : []));
    const failed = tries.findIndex((t) => t.status === 'rejected');
    const reason = tries[failed];
    if (opened.length === 0) {
      return null;
    }
    this.problem = null;
    if (reason?.status === 'rejected') {
      const missing = failed === 0 ? 'camera' : 'microphone';
      const { devices: words } = this.words;
      const { what } = explainMedia(reason.reason, missing, this.language);
      this.problem = {
        what,
        safe: missing === 'camera' ? words.microphoneIsOn : words.cameraIsOn,
        todo: missing === 'camera' ? words.chooseCamera : words.chooseMicrophone,
      };
    }
    return new MediaStream(opened);
  }

  async #turnOn(video: boolean, audio: boolean): Promise<void> {
    const device = video && audio ? 'camera and microphone' : video ? 'camera' : 'microphone';
    const media = await this.#open(device, () => openOwn(this.store, { video, audio }, this.devices));
    if (media !== null) {
      this.#compareWithWishes(media);
      const options = { id: this.sourceId, name: this.sourceName } as const;
      await this.request('kt-source-add-request', { media, options, owned: true }, media.getTracks());
    }
  }

  /** The first devices that open are remembered; others than those remembered are told of. */
  #compareWithWishes(media: MediaStream): void {
    const own = this.store === null ? null : ownSourceOf(this.store);
    for (const track of own === null ? [] : media.getTracks()) {
      const kind: OwnKind = track.kind === 'video' ? 'videoinput' : 'audioinput';
      const wish = own?.wishOf(kind) ?? null;
      const id = track.getSettings().deviceId ?? '';
      if (wish === null && id !== '') {
        own?.wish(wishPatch(kind, { id, label: track.label }));
      } else if (wish !== null && wish.id !== id) {
        const { devices: words } = this.words;
        this.problem ??= {
          what: words.notConnected(wish.label || words.lastTime),
          safe: words.another(track.label || words.anotherDevice),
          todo: words.anotherTodo,
        };
      }
    }
  }

  async #choose(kind: OwnKind, deviceId: string): Promise<void> {
    if (deviceId === LOST) {
      return;
    }
    if (deviceId === NONE) {
      const rest = streamWith(this.store, this.sourceId, kind, []);
      if (rest.getTracks().length === 0) {
        await this.request('kt-source-remove-request', { id: this.sourceId });
      } else {
        await this.#replace(rest, []);
      }
      return;
    }
    const media =
      kind === 'videoinput'
        ? await this.#open('camera', () => openOwn(this.store, { video: deviceId }))
        : await this.#open('microphone', () => openOwn(this.store, { audio: deviceId }));
    if (media === null) {
      this.requestUpdate();
      return;
    }
    const fresh = media.getTracks();
    if (this.store !== null) {
      ownSourceOf(this.store).wish(wishPatch(kind, { id: deviceId, label: fresh[0]?.label ?? '' }));
    }
    await this.#replace(streamWith(this.store, this.sourceId, kind, fresh), fresh);
  }

  async #replace(media: MediaStream, fresh: MediaStreamTrack[]): Promise<void> {
    await this.request('kt-source-replace-request', { id: this.sourceId, media }, fresh);
    this.requestUpdate();
  }

  async #share(sharing: boolean): Promise<void> {
    if (sharing) {
      await this.request('kt-source-remove-request', { id: SCREEN_ID });
      return;
    }
    const media = await this.#open('screen', () => openScreen());
    if (media !== null) {
      const options = { id: SCREEN_ID, name: this.words.devices.screenName, kind: 'screen' } as const;
      const added = await this.request('kt-source-add-request', { media, options, owned: true }, media.getTracks());
      const layout = this.store?.composition.layout ?? 'grid';
      if (added && FEATURING.has(layout)) {
        await this.#feature(layout);
      }
    }
  }

  /** Makes the screen the first of a layout that has a first. */
  async #feature(layout: LayoutKind): Promise<void> {
    const store = this.store;
    if (store !== null) {
      const composition = { ...store.composition, layout, focus: SCREEN_ID, transition: 0.3 };
      await this.request('kt-composition-request', { composition });
    }
  }
}

function wishPatch(kind: OwnKind, wish: { id: string; label: string }): Partial<OwnWishes> {
  return kind === 'videoinput' ? { camera: wish } : { microphone: wish };
}
