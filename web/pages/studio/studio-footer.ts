/** The bar at the bottom: one's own switches, the controls, and the figures of the take. */

import { html, nothing, type TemplateResult } from 'lit';
import type { RecorderStore } from '../../elements/index.js';
import { icon } from '../../elements/icons.js';
import type { Settings } from './settings.js';

/** `limit`: the longest take that the server allows, seconds; null: not known. */
export function footer(store: RecorderStore | null, settings: Settings, limit: number | null): TemplateResult {
  const { width, height, fps, codec, countdown } = settings;
  return html`<footer>
    <div class="mine">${mine(store, 'audio')}${mine(store, 'video')}<studio-mark></studio-mark></div>
    <kt-controls hide-badge need-source countdown=${countdown}></kt-controls>
    <div class="figures">
      ${
        store?.hasTake
          ? html`<kt-stats compact></kt-stats>`
          : html`<span class="quality">${width} × ${height} · ${fps} fps · ${codec.toUpperCase()}</span>`
      }
      <studio-room .settings=${settings} .limit=${limit}></studio-room>
    </div>
  </footer>`;
}

/** The switch of one's own microphone or camera, where the hand expects it; the microphone's level beside it. */
function mine(store: RecorderStore | null, what: 'audio' | 'video'): TemplateResult | typeof nothing {
  const host = store?.sources.find((s) => s.id === 'host');
  if (host === undefined || !(what === 'audio' ? host.hasAudio : host.hasVideo)) {
    return nothing;
  }
  const off = what === 'audio' ? host.audioMuted : host.videoMuted;
  const name = what === 'audio' ? 'mic' : 'camera';
  const label = what === 'audio' ? 'Mute my microphone' : 'Hide my camera';
  return html`<button
      class="icon round ${off ? 'off' : ''}"
      aria-label=${label}
      title=${label}
      aria-pressed=${off}
      @click=${() => store?.perform('kt-mute-request', { id: 'host', [what]: !off })}
    >
      ${icon(off ? `${name}-off` : name, 22)}
    </button>
    ${what === 'audio' ? html`<kt-level source-id="host" label="My level"></kt-level>` : nothing}`;
}
