/** What became of the last attempt to deal with a take, in words and as a note. */

import { html, nothing, type TemplateResult } from 'lit';
import { icon } from './icons.js';
import { explainRecovery } from './recovery-words.js';
import { codeOf, messageOf } from './store.js';
import type { Language } from './strings.js';

/** What became of the last attempt. */
export interface Told {
  good: boolean;
  what: string;
  rest: string;
}

/** It was too late to undo. */
export function tooLate({ words: { recovery } }: Language): Told {
  return { good: false, what: recovery.tooLate, rest: recovery.tooLateMore };
}

/** The person ended it. */
export function stopped({ words: { recovery } }: Language): Told {
  return { good: false, what: recovery.stopped, rest: recovery.stoppedMore };
}

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

export function failure(error: unknown, language: Language): Told {
  const { what, safe, todo } = explainRecovery(codeOf(error), messageOf(error), language);
  return { good: false, what, rest: [safe, todo].filter((part) => part !== '').join(' ') };
}
