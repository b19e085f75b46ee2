/** `<kt-recorder-provider>`: hands its recorder to every Keeptake element below it. */

import { LitElement, html, css, type PropertyDeclarations, type PropertyValues, type TemplateResult } from 'lit';
import type { TakeControls } from 'keeptake';
import { KtContextEvent } from './element.js';

/**
 * Set `recorder`, or what else steers a take; elements below find it, whenever they arrive. Draws nothing itself.
 *
 * @slot - everything that shows or steers the recorder
 */
export class KtRecorderProvider extends LitElement {
  static override properties: PropertyDeclarations = { recorder: { attribute: false } };
  static override styles = css`
    :host {
      display: contents;
    }
  `;

  /** The recorder of the elements below; null until there is one. */
  declare recorder: TakeControls | null;
  #receivers = new Set<(recorder: TakeControls | null) => void>();

  constructor() {
    super();
    this.recorder = null;
    this.addEventListener(KtContextEvent.type, (event) => {
      if (event instanceof KtContextEvent) {
        event.stopPropagation();
        this.#receivers.add(event.receive);
        event.release = () => this.#receivers.delete(event.receive);
        event.receive(this.recorder);
      }
    });
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('recorder')) {
      this.#receivers.forEach((receive) => receive(this.recorder));
    }
  }

  protected override render(): TemplateResult {
    return html`<slot></slot>`;
  }
}
