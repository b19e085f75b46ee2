/** What stands beside the player: how the take was kept, its figures, and the way on. */

import { html, nothing, type TemplateResult } from 'lit';
import type { Recording } from 'keeptake';
import type { PlayableTake } from '../../elements/index.js';
import { formatBytes, formatTime } from '../../elements/format.js';
import { icon } from '../../elements/icons.js';
import type { Settings } from './settings.js';

const dates = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** The take on the player: the one just finished, or one of the list. */
export interface Shown {
  take: PlayableTake;
  recording: Recording | null;
  past: boolean;
  /** Its title, where it was cut off and brought back. */
  salvaged?: string;
}

/** The column beside the player; `back` leaves a past take, `again` begins a new one. */
export function facts(
  shown: Shown,
  settings: Settings,
  { back, again }: { back: () => void; again: () => void },
): TemplateResult {
  const kept = shown.take.file === undefined;
  const word = shown.salvaged !== undefined ? 'salvaged' : kept ? 'saved' : 'finished';
  const rows = figures(shown, settings);
  return html`<div class="facts">
    <div class="done">${icon('check', 22)}<strong>Take ${word}</strong></div>
    <p>
      ${
        kept
          ? 'It is stored whole and can be played anywhere.'
          : shown.salvaged !== undefined
            ? 'It is on this machine only: download it. It stays here until you start over.'
            : 'It is in this page only: download it before you leave.'
      }
    </p>
    <dl>
      ${rows.map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
    ${
      shown.past
        ? html`<studio-marks seek recording-id=${shown.recording?.id ?? ''}></studio-marks>`
        : html`<studio-marks seek></studio-marks>`
    }
    ${
      shown.past
        ? html`<button class="primary wide" @click=${back}>${icon('back')}Back to the studio</button>`
        : html`<button class="primary wide" @click=${again}>${icon('record')}New take</button>`
    }
    ${shown.past ? nothing : html`<p class="hint">Everybody who was in the picture is still there.</p>`}
  </div>`;
}

/** What is known of the take; of one just finished, its settings until the server has answered. */
function figures({ take, recording, past }: Shown, settings: Settings): [string, string][] {
  const { width, height, codec } = recording ?? (past ? {} : settings);
  const when = recording === null ? null : recording.createdAt;
  return [
    ['Length', formatTime(take.duration)],
    ['Size', formatBytes(take.bytes)],
    ...(width && height ? [['Picture', `${width} × ${height}`] as [string, string]] : []),
    ...(codec ? [['Codec', codec.toUpperCase()] as [string, string]] : []),
    ...(when ? [['Recorded', dates.format(when)] as [string, string]] : []),
  ];
}

/** The picture while it is made. */
export function picture(): TemplateResult {
  return html`<kt-preview>
    <div slot="empty" class="empty">
      <strong>Who is in the picture?</strong>
      <span>Turn on your camera, share a screen, or add a guest under People.</span>
    </div>
    <kt-stage></kt-stage>
    <kt-countdown></kt-countdown>
  </kt-preview>`;
}

/** The mark of the page. */
export const logo = html`<svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
  <path d="M8 3h16a4 4 0 0 1 4 4v22l-12-6.5L4 29V7a4 4 0 0 1 4-4z" fill="var(--_accent)" />
  <circle cx="16" cy="12.5" r="5.5" fill="var(--_bg)" />
</svg>`;
