/** How much of a take is where, as a sentence, a bar and two figures. */

import { html, nothing, type TemplateResult } from 'lit';
import type { UnfinishedTake } from 'keeptake';
import { formatBytes } from './format.js';
import { sharesOf, tellShares } from './recovery-words.js';
import type { Language } from './strings.js';

export function shares(take: UnfinishedTake, language: Language): TemplateResult {
  const { safe, here, fraction } = sharesOf(take);
  const { recovery: words } = language.words;
  const told = tellShares(take, language);
  return html`<div class="shares">
    ${take.live ? nothing : html`<p class="told">${told}</p>`}
    <div class="bar" role="img" aria-label=${told}>
      ${safe > 0 ? html`<i style="flex:${fraction}"></i>` : nothing}
      ${here > 0 ? html`<i class="here" style="flex:${1 - fraction}"></i>` : nothing}
    </div>
    <dl>
      <div>
        <dt>${words.safe}</dt>
        <dd>${formatBytes(safe, language)}</dd>
      </div>
      <div class="here">
        <dt>${words.onlyHere}</dt>
        <dd>${formatBytes(here, language)}</dd>
      </div>
    </dl>
  </div>`;
}
