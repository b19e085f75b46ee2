/** `<kt-stats>`: how recording goes, in six figures. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { KtElement } from './element.js';
import { formatBytes, formatSpan } from './format.js';
import { safetyOf } from './safety.js';
import type { StoreTopic } from './store.js';
import { themeStyles } from './theme.js';

/**
 * A definition list: frame rate, dropped frames, encode time, backlog, time until all of it is safe, memory.
 * `compact` leaves encode time and memory out.
 */
export class KtStats extends KtElement {
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
    const behind = safetyOf(stats, this.store?.uplink ?? 0).tone !== 'good';
    const local = stats.uploadState === 'idle' && stats.backlogBytes === 0;
    return html`<dl aria-label="Figures of the take">
      ${this.#figure('Frames/s', stats.fps.toFixed(0), stats.fps < stats.targetFps * 0.85 && stats.framesEncoded > 60)}
      ${this.#figure('Dropped', String(stats.framesDropped), stats.framesDropped > 0)}
      ${this.compact ? nothing : this.#figure('Encode', `${stats.encodeMs.toFixed(1)} ms`)}
      ${local ? nothing : this.#figure('To store', formatBytes(stats.backlogBytes), behind)}
      ${local ? nothing : this.#figure('Safe in', stats.safeIn === null ? 'not known' : safeIn(stats.safeIn), behind)}
      ${this.compact ? nothing : this.#figure('Memory', formatBytes(stats.memoryBytes))}
    </dl>`;
  }

  #figure(name: string, value: string, warn = false): TemplateResult {
    return html`<div>
      <dt>${name}</dt>
      <dd class=${warn ? 'warn' : ''}>${value}</dd>
    </div>`;
  }
}

function safeIn(seconds: number): string {
  return seconds === 0 ? 'now' : formatSpan(Math.max(1, seconds), true);
}
