/** `<kt-preview>`: the composed picture, letterboxed, with room for overlays. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import { KtElement } from './element.js';
import type { RecorderStore, StoreTopic } from './store.js';
import { themeStyles } from './theme.js';

/**
 * Shows what is encoded. The default slot lies exactly over the picture
 * (stage, countdown); `empty` replaces the words shown while nobody is in it.
 * The attribute `state` mirrors the take's state, for styling.
 *
 * @slot - lies exactly over the picture
 * @slot empty - instead of the words shown while nobody is in the picture
 * @csspart frame - the letterboxed picture
 * @csspart canvas - the picture
 */
export class KtPreview extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'sources'];
  static override styles = [
    themeStyles,
    css`
      :host {
        display: grid;
        place-items: center;
        container-type: size;
        min-height: 120px;
      }
      .frame {
        position: relative;
        width: min(100cqw, 100cqh * var(--_ratio));
        aspect-ratio: var(--_ratio);
        border-radius: var(--kt-preview-radius, 10px);
        background: #05070a;
        outline: 1px solid var(--_line);
        transition: outline-color 0.2s;
      }
      :host([state='recording']) .frame {
        outline: 3px solid var(--_record);
        box-shadow: 0 0 0 7px color-mix(in srgb, var(--_record) 22%, transparent);
      }
      :host([state='paused']) .frame {
        outline: 3px dashed var(--_pause);
      }
      :host([state='stopping']) canvas {
        opacity: 0.4;
        filter: grayscale(0.8);
      }
      canvas {
        display: block;
        width: 100%;
        height: 100%;
        border-radius: inherit;
      }
      .note {
        position: absolute;
        inset: 0;
        display: grid;
        place-content: center;
        justify-items: center;
        gap: 14px;
        padding: 20px;
        border-radius: inherit;
        /* Over the picture it is always dark. */
        color-scheme: dark;
        background: radial-gradient(120% 120% at 50% 0%, #18202b, #0b0f14 70%);
        color: var(--_muted);
        text-align: center;
      }
      .note strong {
        color: var(--_text);
        font-size: 1.0625rem;
        font-weight: 620;
      }
      .bar {
        width: min(220px, 50cqw);
        height: 4px;
        border-radius: 2px;
        overflow: hidden;
        background: var(--_line);
      }
      .bar::before {
        content: '';
        display: block;
        width: 40%;
        height: 100%;
        border-radius: 2px;
        background: var(--_accent);
        animation: slide 1.1s ease-in-out infinite alternate;
      }
      @keyframes slide {
        from {
          transform: translateX(-40%);
        }
        to {
          transform: translateX(190%);
        }
      }
    `,
  ];

  #detach: (() => void) | null = null;
  /** Counts the canvases: one that a dead worker drew in cannot be used again. */
  #canvases = 0;
  #failed = false;

  protected override storeChanged(store: RecorderStore | null): void {
    this.#detach?.();
    this.#detach = null;
    this.#failed = false;
    if (store !== null) {
      void this.updateComplete.then(() => this.#attach(store));
    }
  }

  protected override storeUpdated(topic: StoreTopic): void {
    const store = this.store;
    if (topic !== 'state' || store === null) {
      return;
    }
    const { state } = store.state;
    if (this.#failed && state === 'loading') {
      this.#canvases += 1;
      this.requestUpdate();
      this.storeChanged(store);
    }
    this.#failed = state === 'failed';
  }

  protected override updated(): void {
    this.setAttribute('state', this.store?.state.state ?? 'loading');
  }

  #attach(store: RecorderStore): void {
    const canvas = this.renderRoot.querySelector('canvas');
    if (canvas !== null && this.store === store && this.#detach === null) {
      this.#detach = store.recorder.attachPreview(canvas);
    }
  }

  protected override render(): TemplateResult {
    const size = this.store?.recorder.canvasSize ?? { width: 16, height: 9 };
    const count = this.store?.sources.length ?? 0;
    return html`<div class="frame" part="frame" style="--_ratio: ${size.width / size.height}">
      ${keyed(this.#canvases, html`<canvas part="canvas" role="img" aria-label=${this.words.preview.label(count)}></canvas>`)}
      ${this.#note(count)}
      <slot></slot>
    </div>`;
  }

  #note(count: number): TemplateResult | typeof nothing {
    const { preview } = this.words;
    const state = this.store?.state.state ?? 'loading';
    if (state === 'loading') {
      return html`<div class="note" role="status">
        <strong>${preview.loading}</strong>
        <div class="bar"></div>
        <span>${preview.loadingMore}</span>
      </div>`;
    }
    if (count > 0 || (state !== 'setup' && state !== 'failed')) {
      return nothing;
    }
    return html`<div class="note">
      <slot name="empty"><strong>${preview.empty}</strong><span>${preview.emptyMore}</span></slot>
    </div>`;
  }
}
