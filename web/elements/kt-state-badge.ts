/** `<kt-state-badge>`: the take's state in a word and a colour. */

import { css, html, type TemplateResult } from 'lit';
import { KtTakeElement } from './element.js';
import { themeStyles } from './theme.js';

/**
 * A live region named “Take state”; its text is the word of the state, or “Saved” of a take that is stored.
 *
 * @csspart badge - the word and its colour
 */
export class KtStateBadge extends KtTakeElement {
  static override styles = [
    themeStyles,
    css`
      :host {
        display: inline-block;
      }
      .badge {
        --_tone: var(--_muted);
        display: inline-flex;
        align-items: center;
        gap: 8px;
        height: 28px;
        padding: 0 12px 0 10px;
        border-radius: 14px;
        background: color-mix(in srgb, var(--_tone) 16%, transparent);
        color: color-mix(in srgb, var(--_tone) 72%, var(--_text));
        font-size: 0.8125rem;
        font-weight: 620;
        white-space: nowrap;
      }
      .dot {
        width: 8px;
        height: 8px;
        border-radius: 50%;
        background: var(--_tone);
      }
      .recording {
        --_tone: var(--_record);
        background: var(--_record-deep);
        color: var(--_on-record);
      }
      .recording .dot {
        background: var(--_on-record);
        animation: pulse 1.4s ease-in-out infinite;
      }
      .paused {
        --_tone: var(--_pause);
        background: var(--_pause);
        color: var(--_on-pause);
      }
      .paused .dot {
        width: 8px;
        height: 9px;
        border: solid var(--_on-pause);
        border-width: 0 2.5px;
        border-radius: 0;
        background: none;
      }
      .setup,
      .countdown,
      .stopping {
        --_tone: var(--_accent);
      }
      .stopped {
        --_tone: var(--_ok);
      }
      .failed {
        --_tone: var(--_record);
      }
      @keyframes pulse {
        50% {
          opacity: 0.35;
        }
      }
    `,
  ];

  protected override render(): TemplateResult {
    const now = this.store?.state ?? { state: 'loading' as const };
    // A take that is a file of this page is stopped, but nowhere saved.
    const { states } = this.words;
    const word = now.state === 'stopped' && now.take.file === undefined ? states.saved : states[now.state];
    return html`<span class="badge ${now.state}" part="badge" role="status" aria-label=${states.label}
      ><span class="dot" aria-hidden="true"></span>${word}</span
    >`;
  }
}
