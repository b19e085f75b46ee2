/** `<kt-countdown>`: 3, 2, 1, large over the picture. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import { KtTakeElement } from './element.js';
import { themeStyles } from './theme.js';

/**
 * Fills its container while the take counts down, and is nothing otherwise. Says each number politely.
 *
 * @csspart veil - what darkens the picture
 * @csspart ring - the number
 */
export class KtCountdown extends KtTakeElement {
  static override styles = [
    themeStyles,
    css`
      :host {
        position: absolute;
        inset: 0;
        pointer-events: none;
        container-type: size;
        color-scheme: dark;
      }
      .veil {
        display: grid;
        place-items: center;
        height: 100%;
        border-radius: inherit;
        background: rgb(5 7 10 / 0.5);
      }
      .ring {
        display: grid;
        place-items: center;
        width: clamp(96px, 46cqh, 320px);
        aspect-ratio: 1;
        border-radius: 50%;
        background: rgb(5 7 10 / 0.72);
        box-shadow: inset 0 0 0 4px var(--_record);
        color: #fff;
        font-size: clamp(3.5rem, 26cqh, 11rem);
        font-weight: 650;
        font-variant-numeric: tabular-nums;
        line-height: 1;
        animation: tick 0.32s cubic-bezier(0.2, 0.9, 0.3, 1.2);
      }
      @keyframes tick {
        from {
          transform: scale(1.22);
          opacity: 0;
        }
      }
    `,
  ];

  protected override render(): TemplateResult {
    const state = this.store?.state;
    const left = state?.state === 'countdown' ? state.remaining : null;
    return html`<span class="sr" role="status">${left === null ? '' : this.words.countdown.startsIn(left)}</span> ${
      left === null
        ? nothing
        : html`<div class="veil" part="veil" aria-hidden="true">
              ${keyed(left, html`<div class="ring" part="ring">${left}</div>`)}
            </div>`
    }`;
  }
}
