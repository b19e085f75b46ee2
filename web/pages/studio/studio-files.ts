/** `<studio-files>`: the files among the sources: play, pause, seek, loop, hear. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { KtElement, type StoreTopic } from '../../elements/index.js';
import { formatTime, speakTime } from '../../elements/format.js';
import { icon, type IconName } from '../../elements/icons.js';
import { buttonStyles, fieldStyles, themeStyles } from '../../elements/theme.js';
import { playerOf, type FilePlayer } from './file-player.js';

/**
 * One list item for each file. Files follow the take: those that are told to begin with it, those that play pause with
 * it and go on with it, and all are still once it is over.
 */
export class StudioFiles extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'sources'];
  static override styles = [
    themeStyles,
    buttonStyles,
    fieldStyles,
    css`
      :host {
        display: block;
      }
      h2 {
        margin-bottom: 10px;
        color: var(--_muted);
        font-size: 0.8125rem;
        font-weight: 600;
      }
      ul {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 8px;
      }
      li {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 6px;
        padding: 10px 12px;
        border: 1px solid var(--_line);
        border-radius: var(--_radius);
        background: var(--_raised);
      }
      .row {
        display: flex;
        align-items: center;
        gap: 6px;
      }
      strong {
        flex: 1;
        min-width: 0;
        overflow: hidden;
        font-weight: 600;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .time {
        color: var(--_muted);
        font-size: 0.75rem;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      .row input[type='range'] {
        flex: 1;
        width: auto;
        min-width: 0;
      }
      button.on {
        border-color: var(--_accent);
        color: var(--_accent);
      }
      .hint {
        margin-top: 8px;
        color: var(--_muted);
        font-size: 0.75rem;
      }
      .problem {
        color: var(--_pause);
        font-size: 0.8125rem;
      }
    `,
  ];

  #watched = new Map<FilePlayer, () => void>();
  #state = '';
  /** Paused with the take, to go on with it. */
  #held = new Set<FilePlayer>();

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#watched.forEach((off) => off());
    this.#watched.clear();
  }

  protected override storeUpdated(topic: StoreTopic): void {
    if (topic === 'state') {
      this.#follow(this.store?.state.state ?? '');
    }
  }

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    super.willUpdate(changed);
    const now = new Set(this.#players().map(({ player }) => player));
    for (const [player, off] of this.#watched) {
      if (!now.has(player)) {
        off();
        this.#watched.delete(player);
        this.#held.delete(player);
      }
    }
    for (const player of now) {
      if (!this.#watched.has(player)) {
        this.#watched.set(
          player,
          player.subscribe(() => this.requestUpdate()),
        );
      }
    }
  }

  #players(): { id: string; name: string; player: FilePlayer }[] {
    const { store } = this;
    return (store?.sources ?? []).flatMap((source) => {
      const player = playerOf(store?.media.get(source.id)?.stream);
      return player === undefined ? [] : [{ id: source.id, name: source.name || source.id, player }];
    });
  }

  #follow(state: string): void {
    const before = this.#state;
    this.#state = state;
    if (state === before) {
      return;
    }
    for (const { player } of this.#players()) {
      if (state === 'recording' && before === 'paused') {
        if (this.#held.delete(player)) {
          void player.play();
        }
      } else if (state === 'recording' && player.withTake) {
        player.seek(0);
        void player.play();
      } else if (state === 'paused' && player.playing) {
        player.pause();
        this.#held.add(player);
      } else if (state === 'stopped' || state === 'failed') {
        player.pause();
        this.#held.delete(player);
      }
    }
  }

  protected override render(): TemplateResult | typeof nothing {
    const all = this.#players();
    if (all.length === 0) {
      return nothing;
    }
    return html`<h2 id="files">Files</h2>
      <ul aria-labelledby="files">
        ${repeat(
          all,
          (each) => each.id,
          ({ name, player }) => this.#item(name, player),
        )}
      </ul>
      <p class="hint">The take has a file’s sound whether you hear it or not. With loudspeakers your microphone hears it too.</p>`;
  }

  #item(name: string, player: FilePlayer): TemplateResult {
    const { playing, time, duration } = player;
    return html`<li aria-label=${name}>
      <div class="row">
        <strong>${name}</strong><span class="time">${formatTime(time)} / ${formatTime(duration)}</span>
      </div>
      <div class="row">
        <button class="icon" aria-label="${playing ? 'Pause' : 'Play'} ${name}" title=${playing ? 'Pause' : 'Play'}
          @click=${() => this.#act(player, () => (playing ? player.pause() : player.play()))}>
          ${icon(playing ? 'pause' : 'play', 18)}
        </button>
        <input
          type="range"
          min="0"
          max=${duration}
          step="0.1"
          style="--_fill:${duration > 0 ? (100 * time) / duration : 0}%"
          .value=${String(time)}
          aria-label="Position of ${name}"
          aria-valuetext="${speakTime(time)} of ${speakTime(duration)}"
          @input=${(e: Event) => this.#act(player, () => player.seek(Number((e.target as HTMLInputElement).value)))}
        />
        ${this.#toggle('loop', `Loop ${name}`, player.loop, () => (player.loop = !player.loop))}
        ${this.#toggle(player.heard ? 'volume' : 'volume-off', `Hear ${name}`, player.heard, () => (player.heard = !player.heard))}
      </div>
      <label class="switch"
        >Start with the take<input
          type="checkbox"
          role="switch"
          .checked=${player.withTake}
          @change=${(e: Event) => (player.withTake = (e.target as HTMLInputElement).checked)}
      /></label>
      ${player.problem === '' ? nothing : html`<p class="problem" role="alert">${player.problem}</p>`}
    </li>`;
  }

  #toggle(picture: IconName, label: string, on: boolean, act: () => unknown): TemplateResult {
    return html`<button class="quiet icon ${on ? 'on' : ''}" aria-label=${label} title=${label} aria-pressed=${on} @click=${act}>
      ${icon(picture, 18)}
    </button>`;
  }

  /** What the host does while the take is paused counts more than what it did before. */
  #act(player: FilePlayer, act: () => unknown): void {
    this.#held.delete(player);
    void act();
  }
}
