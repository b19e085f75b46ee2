/** What became of the last attempt to deal with a take, in words and as a note. */

import { html, nothing, type TemplateResult } from 'lit';
import { icon } from './icons.js';
import { explainRecovery } from './recovery-words.js';
import { codeOf, messageOf } from './store.js';

/** What became of the last attempt. */
export interface Told {
  good: boolean;
  what: string;
  rest: string;
}

export const TOO_LATE: Told = { good: false, what: 'It was too late to undo that.', rest: 'The take is thrown away.' };

export const STOPPED: Told = {
  good: false,
  what: 'Stopped.',
  rest: 'What was sent stays in the store. Salvage the take again at any time: it goes on from there.',
};

export function note(told: Told | undefined): TemplateResult | typeof nothing {
  return told === undefined
    ? nothing
    : html`<div class="note ${told.good ? 'good' : ''}">
        ${icon(told.good ? 'check' : 'warning')}
        <div>
          <strong>${told.what}</strong>
          ${told.rest === '' ? nothing : html`<p>${told.rest}</p>`}
        </div>
      </div>`;
}

export function failure(error: unknown): Told {
  const { what, safe, todo } = explainRecovery(codeOf(error), messageOf(error));
  return { good: false, what, rest: [safe, todo].filter((part) => part !== '').join(' ') };
}
