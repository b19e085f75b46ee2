/** `<kt-level>`: how loud a source is, 20 times a second, with a mark where it is too loud. */

import { css, html, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { SoundLevel } from 'keeptake';
import { KtElement } from './element.js';
import { CLIP_MS, meterFraction, speakLevel } from './hearing.js';
import type { RecorderStore, StoreTopic } from './store.js';
import { themeStyles } from './theme.js';

/** Assistive technology reads the value twice a second at most. */
const SPEAK_MS = 500;
/** The peak mark stays for a moment, then falls by this share of the meter in a second. */
const HOLD_MS = 900;
const FALL = 0.6;

/**
 * A meter of the source `source-id` as it goes into the mix (after gain, empty while muted); the clip mark tells of
 * the microphone itself. `label` is its accessible name. Nothing is redrawn with the framework while sound comes.
 *
 * @csspart meter - the bar
 * @csspart clip - the mark that stays after clipping
 * @cssprop --kt-level-height - height of the bar
 */
export class KtLevel extends KtElement {
  static override topics: readonly StoreTopic[] = ['sources'];
  static override properties: PropertyDeclarations = {
    sourceId: { attribute: 'source-id' },
    label: {},
    clipping: { state: true },
  };
  static override styles = [
    themeStyles,
    css`
      :host {
        display: flex;
        align-items: center;
        gap: 6px;
        min-width: 48px;
      }
      .meter {
        position: relative;
        flex: 1;
        height: var(--kt-level-height, 6px);
        border-radius: 3px;
        overflow: hidden;
        background: color-mix(in srgb, var(--_edge) 45%, transparent);
      }
      /* The inside is drawn from left to right. */
      .meter:dir(rtl) {
        transform: scaleX(-1);
      }
      .meter i {
        position: absolute;
        inset: 0;
        background: linear-gradient(90deg, var(--_ok) 68%, var(--_pause) 82%, var(--_record) 97%);
        clip-path: inset(0 calc(100% - var(--_at, 0%)) 0 0);
      }
      .meter b {
        position: absolute;
        inset-block: 0;
        left: calc(var(--_peak, 0%) - 2px);
        width: 2px;
        background: var(--_text);
      }
      .clip {
        flex: none;
        width: 8px;
        height: 8px;
        border-radius: 50%;
        background: color-mix(in srgb, var(--_edge) 45%, transparent);
      }
      .clip.on {
        background: var(--_record);
        box-shadow: 0 0 0 3px color-mix(in srgb, var(--_record) 30%, transparent);
      }
      @media (forced-colors: active) {
        .meter {
          height: max(var(--kt-level-height, 6px), 10px);
          border-radius: 0;
        }
        .meter b {
          background: Highlight;
          forced-color-adjust: none;
        }
        .clip {
          border: 1px solid CanvasText;
          border-radius: 0;
          forced-color-adjust: none;
          background: Canvas;
        }
        .clip.on {
          background: Highlight;
          box-shadow: none;
        }
      }
    `,
  ];

  /** Id of the source whose level is shown; default `host`. */
  declare sourceId: string;
  /** Accessible name of the meter; default: the word for a level. */
  declare label: string;
  /** The microphone was at its limit a moment ago. */
  declare private clipping: boolean;
  #off: (() => void) | null = null;
  #clipTimer: ReturnType<typeof setTimeout> | undefined;
  #peak = { fraction: 0, at: 0 };
  #drawnAt = 0;
  #spokenAt = -Infinity;

  constructor() {
    super();
    this.sourceId = 'host';
    this.label = '';
    this.clipping = false;
  }

  protected override storeChanged(store: RecorderStore | null): void {
    this.#off?.();
    this.#off = store?.recorder.on('levels', (levels) => this.#show(levels[this.sourceId])) ?? null;
    clearTimeout(this.#clipTimer);
    this.clipping = false;
  }

  protected override render(): TemplateResult {
    return html`<div
        class="meter"
        part="meter"
        role="meter"
        aria-label=${this.label || this.words.level.label}
        aria-valuemin="0"
        aria-valuemax="100"
        aria-valuenow="0"
        aria-valuetext=${this.words.level.silent}
      >
        <i></i><b></b>
      </div>
      <span class="clip ${this.clipping ? 'on' : ''}" part="clip" title=${this.words.common.tooLoud}
        ><span class="sr">${this.clipping ? this.words.common.tooLoud : ''}</span></span
      >`;
  }

  #show(level: SoundLevel = { peak: 0, input: 0, clipped: false }): void {
    const meter = this.renderRoot.querySelector<HTMLElement>('.meter');
    if (meter === null || !this.checkVisibility()) {
      return;
    }
    const now = performance.now();
    const fraction = meterFraction(level.peak);
    this.#fall(fraction, now);
    meter.style.setProperty('--_at', percent(fraction));
    meter.style.setProperty('--_peak', percent(this.#peak.fraction));
    if (now - this.#spokenAt >= SPEAK_MS) {
      this.#spokenAt = now;
      meter.setAttribute('aria-valuenow', String(Math.round(fraction * 100)));
      meter.setAttribute('aria-valuetext', speakLevel(level.peak, this.language));
    }
    if (level.clipped) {
      this.clipping = true;
      clearTimeout(this.#clipTimer);
      this.#clipTimer = setTimeout(() => (this.clipping = false), CLIP_MS);
    }
  }

  #fall(fraction: number, now: number): void {
    const { at } = this.#peak;
    const fallen =
      now - at > HOLD_MS ? this.#peak.fraction - (FALL * (now - this.#drawnAt)) / 1000 : this.#peak.fraction;
    this.#drawnAt = now;
    this.#peak = fraction >= fallen ? { fraction, at: now } : { fraction: fallen, at };
  }
}

function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(1)}%`;
}
