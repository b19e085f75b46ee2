/** Parts of the studio that only show what they are given. */

import { html, nothing, type TemplateResult } from 'lit';
import type { UnfinishedTake } from 'keeptake';
import { icon } from '../../elements/icons.js';

/** The way back to takes that wait for a decision; nothing while there are none. */
export function waiting(unfinished: readonly UnfinishedTake[], show: () => void): TemplateResult | typeof nothing {
  const count = unfinished.filter((take) => !take.live).length;
  return count === 0
    ? nothing
    : html`<button class="quiet unfinished" title="Takes that were not finished" @click=${show}>
        ${icon('rescue')}<b>${count}</b><span> unfinished ${count === 1 ? 'take' : 'takes'}</span>
      </button>`;
}

/** The tab People: oneself, guests, everybody, and the files among them. */
export function people(name: string, files: HTMLElement, checkSound: () => void): TemplateResult {
  return html`<section>
      <h2>You</h2>
      <kt-device-picker source-name=${name}></kt-device-picker>
      <button class="wide check" @click=${checkSound}>${icon('volume')}Sound check</button>
    </section>
    <section>
      <h2>Add a guest</h2>
      <studio-guests></studio-guests>
    </section>
    <section>
      <h2>In the picture</h2>
      <kt-sources-panel></kt-sources-panel>
    </section>
    <section>${files}</section>`;
}
