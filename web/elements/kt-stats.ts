/** `<kt-stats>`: how recording goes, in six figures. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { KtTakeElement } from './element.js';
import { formatBytes, formatSpan } from './format.js';
import { safetyOf } from './safety.js';
import type { StoreTopic } from './store.js';
import type { Language } from './strings.js';
import { themeStyles } from './theme.js';

/**
 * A definition list: frame rate, dropped frames, encode time, backlog, time until all of it is safe, memory.
 * `compact` leaves encode time and memory out.
 */
export class KtStats extends KtTakeElement {
  static override topics: readonly StoreTopic[] = ['state', 'stats'];
  static override properties: PropertyDeclarations = { compact: { type: Boolean } };
  static override styles = [
    themeStyles,
    css`
      :host {
        display: block;
      }
      dl {
        display: flex;
        flex-wrap: wrap;
        gap: 6px 20px;
      }
      div {
        display: grid;
      }
      dt {
        color: var(--_muted);
        font-size: 0.75rem;
      }
      dd {
        font-size: 0.875rem;
        font-weight: 600;
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      dd.warn {
        color: var(--_pause);
      }
    `,
  ];

  /** Four figures instead of six. */
  declare compact: boolean;

  constructor() {
    super();
    this.compact = false;
  }

  protected override render(): TemplateResult | typeof nothing {
    const stats = this.store?.stats;
    if (!stats) {
      return nothing;
    }
    const { language } = this;
    const { stats: words } = language.words;
    const behind = safetyOf(stats, this.store?.uplink ?? 0, language).tone !== 'good';
    const local = stats.uploadState === 'idle' && stats.backlogBytes === 0;
    return html`<dl aria-label=${words.label}>
      ${this.#figure(words.fps, language.number(stats.fps), stats.fps < stats.targetFps * 0.85 && stats.framesEncoded > 60)}
      ${this.#figure(words.dropped, language.number(stats.framesDropped), stats.framesDropped > 0)}
      ${this.compact ? nothing : this.#figure(words.encode, language.words.units.milliseconds(language.number(stats.encodeMs, 1)))}
      ${local ? nothing : this.#figure(words.toStore, formatBytes(stats.backlogBytes, language), behind)}
      ${local ? nothing : this.#figure(words.safeIn, stats.safeIn === null ? words.notKnown : safeIn(stats.safeIn, language), behind)}
      ${this.compact ? nothing : this.#figure(words.memory, formatBytes(stats.memoryBytes, language))}
    </dl>`;
  }

  #figure(name: string, value: string, warn = false): TemplateResult {
    return html`<div>
      <dt>${name}</dt>
      <dd class=${warn ? 'warn' : ''}>${value}</dd>
    </div>`;
  }
}

function safeIn(seconds: number, language: Language): string {
  return seconds === 0 ? language.words.stats.now : formatSpan(Math.max(1, seconds), true, language);
}
