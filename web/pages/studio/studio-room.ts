/** `<studio-room>`: how long the take can get, before it and in it, and a warning where that is short. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { KtElement, type StoreTopic } from '../../elements/index.js';
import { formatSpan } from '../../elements/format.js';
import { icon } from '../../elements/icons.js';
import { themeStyles } from '../../elements/theme.js';
import { roomOf, secondsLeft, shortage, type Room } from './room.js';
import type { Settings } from './settings.js';

const LOOK_MS = 10_000;
/** Longer than anybody records. */
const PLENTY = 100 * 3600;

/** Set `settings`, and `limit` to the server's longest length in seconds. `banner`: only the warning, as a banner. */
export class StudioRoom extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'stats'];
  static override properties: PropertyDeclarations = {
    settings: { attribute: false },
    limit: { attribute: false },
    banner: { type: Boolean },
    estimate: { state: true },
  };
  static override styles = [
    themeStyles,
    css`
      :host {
        display: block;
      }
      .line {
        display: inline-flex;
        gap: 6px;
        align-items: center;
        color: var(--_muted);
        font-size: 0.8125rem;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      .line.short,
      .banner svg {
        color: var(--_pause);
      }
      .banner {
        display: grid;
        grid-template-columns: 22px minmax(0, 1fr);
        gap: 12px;
        align-items: center;
        padding: 12px 14px;
        border: 1px solid color-mix(in srgb, var(--_pause) 50%, transparent);
        border-radius: var(--_radius);
        background: color-mix(in srgb, var(--_pause) 12%, var(--_surface));
      }
      .banner p {
        color: color-mix(in srgb, var(--_muted) 60%, var(--_text));
        font-size: 0.8125rem;
      }
    `,
  ];

  declare settings: Settings | null;
  declare limit: number | null;
  declare banner: boolean;
  declare estimate: StorageEstimate;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.settings = null;
    this.limit = null;
    this.banner = false;
    this.estimate = {};
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
    void this.look();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  /** Asks the browser now. */
  async look(): Promise<void> {
    this.estimate = (await navigator.storage?.estimate?.().catch(() => ({}))) ?? {};
  }

  protected override render(): TemplateResult | typeof nothing {
    const store = this.store;
    const state = store?.state.state ?? 'loading';
    const running = store?.hasTake ?? false;
    if (this.settings === null || (!running && state !== 'setup' && state !== 'countdown')) {
      return this.banner ? html`<div role="status"></div>` : nothing;
    }
    const room = roomOf(this.estimate, this.settings, this.limit, running ? (store?.stats ?? null) : null);
    const short = shortage(room, running);
    if (this.banner) {
      // The end of the allowed length stands in the line, and the recorder warns of it.
      return html`<div role="status">${short === 'here' || short === 'outage' ? warning(room, short) : nothing}</div>`;
    }
    return line(room, running, short !== '');
  }
}

/** About so long; to the second where every second counts. */
function span(seconds: number): string {
  return formatSpan(seconds < 60 ? Math.floor(seconds) : Math.floor(seconds / 60) * 60, true);
}

function line(room: Room, running: boolean, short: boolean): TemplateResult | typeof nothing {
  const left = secondsLeft(room);
  if (left === null || left > PLENTY) {
    return nothing;
  }
  return html`<span class="line ${short ? 'short' : ''}"
    >${icon(short ? 'warning' : 'clock', 16)}${running ? `${span(left)} left` : `Room for ${span(left)}`}</span
  >`;
}

function warning({ here }: Room, short: 'here' | 'outage'): TemplateResult {
  const about = span(here ?? 0);
  const [what, todo] =
    short === 'here'
      ? [`This machine has room for about ${about} more.`, 'Free some space, or choose a lower bitrate in Settings.']
      : [
          `If the network fails, this machine can keep about ${about} of the take.`,
          'Free some space before you record something that cannot be done again.',
        ];
  return html`<div class="banner">${icon('warning', 22)}
    <div><strong>${what}</strong><p>${todo}</p></div></div>`;
}
