/** `<kt-sources-panel>`: everybody in the picture: sound, look, name, leave. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { CompositionSource, SourceInfo } from 'keeptake';
import { KtElement } from './element.js';
import { icon, type IconName } from './icons.js';
import { moveLayer, type LayerStep } from './layers.js';
import { SortList, sortStyles } from './sort-list.js';
import type { StoreTopic } from './store.js';
import { buttonStyles, fieldStyles, themeStyles } from './theme.js';

const SHAPES: readonly { shape: NonNullable<CompositionSource['shape']>; icon: IconName }[] = [
  { shape: 'rectangle', icon: 'rectangle' },
  { shape: 'rounded', icon: 'rounded' },
  { shape: 'circle', icon: 'circle' },
];

/**
 * One list item for each source, in the order of the picture, which its handle changes; “More for NAME” opens its look,
 * name tag, layer and gain.
 *
 * @fires kt-composition-request - a changed composition
 * @fires kt-mute-request - sound or picture of a source on or off
 * @fires kt-gain-request - volume of a source
 * @fires kt-name-request - name of a source, and whether it is drawn
 * @fires kt-source-remove-request - take a source out
 */
export class KtSourcesPanel extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'sources', 'composition', 'stats'];
  static override properties: PropertyDeclarations = { open: { state: true } };
  static override styles = [
    themeStyles,
    buttonStyles,
    fieldStyles,
    sortStyles,
    css`
      :host {
        display: block;
      }
      ul {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 8px;
      }
      li {
        min-width: 0;
        border: 1px solid var(--_line);
        border-radius: var(--_radius);
        background: var(--_raised);
      }
      li.ended {
        border-color: color-mix(in srgb, var(--_pause) 60%, transparent);
      }
      .row {
        display: flex;
        align-items: center;
        gap: 2px;
        padding: 6px 6px 6px 12px;
      }
      .who {
        flex: 1;
        min-width: 0;
        margin-inline-end: 8px;
      }
      .who strong {
        display: block;
        overflow: hidden;
        font-weight: 600;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .who small {
        color: var(--_muted);
        font-size: 0.75rem;
      }
      li.ended small {
        color: var(--_pause);
      }
      kt-level {
        margin-top: 3px;
      }
      button.off {
        color: color-mix(in srgb, var(--_record) 72%, var(--_text));
        background: color-mix(in srgb, var(--_record) 14%, transparent);
      }
      .more {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 14px;
        padding: 12px;
        border-top: 1px solid var(--_line);
      }
      .shapes {
        display: grid;
        grid-template-columns: repeat(3, minmax(0, auto));
        gap: 6px;
        margin-top: 6px;
      }
      .layers {
        display: grid;
        grid-template-columns: repeat(2, minmax(0, 1fr));
        gap: 6px;
      }
      .layers button,
      .shapes button {
        gap: 5px;
        min-width: 0;
        padding: 0 4px;
        font-size: 0.8125rem;
        background: var(--_surface);
      }
      .shapes button[aria-checked='true'] {
        border-color: var(--_accent);
        color: var(--_accent);
      }
      .empty {
        padding: 14px;
        border: 1px dashed var(--_line);
        border-radius: var(--_radius);
        color: var(--_muted);
        text-align: center;
      }
      .switches {
        display: grid;
      }
      .gain {
        display: flex;
        justify-content: space-between;
      }
      button.leave {
        color: color-mix(in srgb, var(--_record) 72%, var(--_text));
      }
    `,
  ];

  /** Id of the source whose details are open. */
  declare open: string;
  readonly #sort = new SortList(this, (id, to) => this.#move(id, to));

  constructor() {
    super();
    this.open = '';
  }

  protected override render(): TemplateResult {
    const sources = this.#people();
    if (sources.length === 0) {
      return html`<p class="empty">${this.words.people.nobody}</p>`;
    }
    return html`<ul aria-label=${this.words.people.label}>
        ${repeat(
          sources,
          (s) => s.id,
          (s) => this.#item(s, sources.length),
        )}
      </ul>
      ${this.#sort.status()}`;
  }

  /** As they stand in the picture; who is not in it comes last. */
  #people(): SourceInfo[] {
    const places = new Map(this.store?.composition.sources.map((s, i) => [s.id, i]));
    const place = (s: SourceInfo): number => places.get(s.id) ?? places.size;
    return [...(this.store?.sources ?? [])].sort((a, b) => place(a) - place(b));
  }

  #move(id: string, to: number): void {
    const store = this.store;
    if (store === null) {
      return;
    }
    const ids = this.#people()
      .map((s) => s.id)
      .filter((each) => each !== id);
    ids.splice(to, 0, id);
    const sources = ids.map((each) => store.look(each));
    void this.request('kt-composition-request', { composition: { ...store.composition, sources } });
  }

  #layer(id: string, step: LayerStep): void {
    const store = this.store;
    const sources = store === null ? null : moveLayer(store.composition.sources, id, step);
    if (store !== null && sources !== null) {
      void this.request('kt-composition-request', { composition: { ...store.composition, sources } });
    }
  }

  #item(source: SourceInfo, count: number): TemplateResult {
    const name = source.name || source.id;
    const open = this.open === source.id;
    return html`<li class=${source.ended ? 'ended' : ''} aria-label=${name} data-sort=${source.id}>
      <div class="row">
        ${count > 1 ? this.#sort.grip(source.id, name) : nothing}
        <div class="who"><strong>${name}</strong>${this.#level(source)}</div>
        ${source.hasAudio ? this.#mute(source, name, 'audio') : nothing}
        ${source.hasVideo ? this.#mute(source, name, 'video') : nothing}
        <button
          class="quiet icon"
          aria-label=${this.words.people.more(name)}
          title=${this.words.people.moreHint}
          aria-expanded=${open}
          @click=${() => (this.open = open ? '' : source.id)}
        >
          ${icon('sliders')}
        </button>
      </div>
      ${open ? this.#more(source, name) : nothing}
    </li>`;
  }

  #level(source: SourceInfo): TemplateResult {
    const { people: words } = this.words;
    const stalled = this.store?.stats?.stalledSources.includes(source.id) ?? false;
    if (source.ended || stalled) {
      return html`<small
        >${source.ended ? words.ended : words.stalled}</small
      >`;
    }
    if (!source.hasAudio) {
      return html`<small>${source.kind === 'screen' ? words.screenSilent : words.silent}</small>`;
    }
    return html`<kt-level
      .recorder=${this.store?.recorder ?? null}
      source-id=${source.id}
      label=${this.words.common.levelOf(source.name || source.id)}
    ></kt-level>`;
  }

  #mute(source: SourceInfo, name: string, what: 'audio' | 'video'): TemplateResult {
    const { common, people } = this.words;
    const muted = what === 'audio' ? source.audioMuted : source.videoMuted;
    const on: IconName = what === 'audio' ? 'mic' : 'camera';
    const label = what === 'audio' ? people.mute(name) : people.hide(name);
    return html`<button
      class="quiet icon ${muted ? 'off' : ''}"
      aria-label=${label}
      title=${what === 'audio' ? (muted ? common.unmute : common.mute) : muted ? people.showPicture : people.hidePicture}
      aria-pressed=${muted}
      @click=${() => this.request('kt-mute-request', { id: source.id, [what]: !muted })}
    >
      ${icon(muted ? `${on}-off` : on)}
    </button>`;
  }

  #more(source: SourceInfo, name: string): TemplateResult {
    const store = this.store;
    const { people: words } = this.words;
    const look = store?.look(source.id) ?? { id: source.id };
    const shown = store?.shownNames.has(source.id) ?? false;
    const rename = (e: Event): void =>
      void this.request('kt-name-request', {
        id: source.id,
        name: (e.target as HTMLInputElement).value.trim(),
        show: shown,
      });
    return html`<div class="more">
      <label>${words.name}<input type="text" maxlength="60" .value=${source.name} @change=${rename} /></label>
      <div>
        <div class="label">${words.shape}</div>
        <div class="shapes" role="radiogroup" aria-label=${words.shapeOf(name)}>
          ${SHAPES.map((s) => this.#shape(source.id, look, s))}
        </div>
      </div>
      <div class="layers" role="group" aria-label=${words.layerOf(name)}>
        <button @click=${() => this.#layer(source.id, 'back')}>${icon('behind', 18)}${words.toBack}</button>
        <button @click=${() => this.#layer(source.id, 'front')}>${icon('front', 18)}${words.toFront}</button>
      </div>
      <div class="switches">
        ${this.#switch(words.nameTag, shown, (show) => this.request('kt-name-request', { id: source.id, name: source.name, show }))}
        ${this.#switch(words.mirror, look.mirror ?? false, (mirror) => this.#restyle(source.id, { mirror }))}
        ${this.#switch(words.showAll, look.fit === 'contain', (all) =>
          this.#restyle(source.id, { fit: all ? 'contain' : 'cover' }),
        )}
      </div>
      ${source.hasAudio ? this.#gain(source, name) : nothing}
      <button class="quiet leave" @click=${() => this.request('kt-source-remove-request', { id: source.id })}>
        ${icon('trash', 18)}${words.remove(name)}
      </button>
    </div>`;
  }

  #shape(id: string, look: CompositionSource, option: (typeof SHAPES)[number]): TemplateResult {
    const on = (look.shape ?? 'rectangle') === option.shape;
    return html`<button
      role="radio"
      aria-checked=${on}
      tabindex=${on ? 0 : -1}
      @click=${() => this.#restyle(id, { shape: option.shape })}
      @keydown=${this.#radioKey}
    >
      ${icon(option.icon, 18)}${this.words.people[option.shape]}
    </button>`;
  }

  /** Arrow keys go round the radio buttons, as in a native group. */
  #radioKey(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const self = event.currentTarget as HTMLElement;
    const all = [...(self.parentElement?.children ?? [])].filter((e) => e instanceof HTMLElement);
    if (step !== undefined) {
      event.preventDefault();
      const next = all[(all.indexOf(self) + step + all.length) % all.length];
      next?.focus();
      next?.click();
    }
  }

  #switch(label: string, on: boolean, act: (on: boolean) => unknown): TemplateResult {
    return html`<label class="switch"
      >${label}<input
        type="checkbox"
        role="switch"
        .checked=${on}
        @change=${(e: Event) => act((e.target as HTMLInputElement).checked)}
    /></label>`;
  }

  #gain(source: SourceInfo, name: string): TemplateResult {
    const percent = Math.round(source.gain * 100);
    const said = this.language.percent(source.gain);
    return html`<label
      ><span class="gain"><span>${this.words.people.volume}</span><span>${said}</span></span
      ><input
        type="range"
        min="0"
        max="200"
        step="5"
        style="--_fill:${Math.min(100, percent / 2)}%"
        .value=${String(percent)}
        aria-label=${this.words.people.volumeOf(name)}
        aria-valuetext=${said}
        @input=${(e: Event) =>
          this.request('kt-gain-request', { id: source.id, gain: Number((e.target as HTMLInputElement).value) / 100 })}
    /></label>`;
  }

  #restyle(id: string, patch: Partial<CompositionSource>): void {
    const store = this.store;
    if (store !== null) {
      const sources = store.composition.sources.map((s) => (s.id === id ? { ...s, ...patch } : s));
      void this.request('kt-composition-request', { composition: { ...store.composition, sources } });
    }
  }
}
