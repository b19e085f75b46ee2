/** `<studio-settings>`: how takes are recorded, in a dialog. */

import { LitElement, css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { tellIfLost } from '../../elements/focus.js';
import { icon } from '../../elements/icons.js';
import { buttonStyles, dialogStyles, fieldStyles, themeStyles } from '../../elements/theme.js';
import type { Settings } from './settings.js';

const SIZES: readonly { width: number; height: number; label: string }[] = [
  { width: 1920, height: 1080, label: '1080p, 1920 × 1080' },
  { width: 1280, height: 720, label: '720p, 1280 × 720' },
  { width: 854, height: 480, label: '480p, 854 × 480' },
  { width: 640, height: 360, label: '360p, 640 × 360' },
  { width: 1080, height: 1920, label: 'Tall, 1080 × 1920' },
  { width: 1080, height: 1080, label: 'Square, 1080 × 1080' },
];
const RATES = [15, 24, 25, 30, 50, 60];
const BITRATES: readonly { rate: number; label: string }[] = [
  { rate: 1_000_000, label: '1 Mbit/s, small files' },
  { rate: 2_500_000, label: '2.5 Mbit/s, good at 720p' },
  { rate: 5_000_000, label: '5 Mbit/s, good at 1080p' },
  { rate: 8_000_000, label: '8 Mbit/s, best' },
];

/** The event `settings-save` carries the new {@link Settings}. */
export class StudioSettings extends LitElement {
  static override properties: PropertyDeclarations = { settings: { attribute: false } };
  static override styles = [
    themeStyles,
    buttonStyles,
    fieldStyles,
    dialogStyles,
    css`
      dialog {
        width: min(560px, calc(100vw - 24px));
      }
      .head {
        display: flex;
        align-items: center;
        justify-content: space-between;
      }
      form {
        display: grid;
        grid-template-columns: 1fr 1fr;
        gap: 16px;
        margin-top: 18px;
      }
      .wide {
        grid-column: 1 / -1;
      }
      .note {
        margin: 6px 0 0;
        color: var(--_muted);
        font-size: 0.8125rem;
        font-weight: 400;
      }
      .actions {
        grid-column: 1 / -1;
        margin-top: 6px;
      }
      @media (max-width: 480px) {
        dialog {
          padding: 20px;
        }
        form {
          grid-template-columns: 1fr;
        }
      }
    `,
  ];

  /** The settings in force. */
  declare settings: Settings | null;

  constructor() {
    super();
    this.settings = null;
  }

  /** Opens the dialog. */
  show(): void {
    this.renderRoot.querySelector('dialog')?.showModal();
  }

  #close = (): void => this.renderRoot.querySelector('dialog')?.close();

  protected override render(): TemplateResult | typeof nothing {
    const s = this.settings;
    if (s === null) {
      return nothing;
    }
    const known = SIZES.some((size) => size.width === s.width && size.height === s.height);
    return html`<dialog aria-labelledby="title" @close=${() => tellIfLost(this)}>
      <div class="head">
        <h2 id="title">Settings</h2>
        <button class="quiet icon" aria-label="Close settings" @click=${this.#close}>${icon('close')}</button>
      </div>
      <p>For the next take. Everybody stays in the picture.</p>
      <form @submit=${this.#save}>
        <label
          >Picture<select name="size">
            ${known ? nothing : option(`${s.width}x${s.height}`, `${s.width} × ${s.height}`, true)}
            ${SIZES.map((o) => option(`${o.width}x${o.height}`, o.label, o.width === s.width && o.height === s.height))}
          </select></label
        >
        <label
          >Frame rate<select name="fps">
            ${(RATES.includes(s.fps) ? RATES : [...RATES, s.fps]).map((r) => option(r, `${r} frames/s`, r === s.fps))}
          </select></label
        >
        <label
          >Codec<select name="codec">
            ${option('vp9', 'VP9, smaller files', s.codec === 'vp9')}${option('vp8', 'VP8, lighter on the machine', s.codec === 'vp8')}
          </select></label
        >
        <label
          >Bitrate<select name="rate">
            ${BITRATES.some((b) => b.rate === s.videoBitrate) ? nothing : option(s.videoBitrate, `${s.videoBitrate / 1e6} Mbit/s`, true)}
            ${BITRATES.map((b) => option(b.rate, b.label, b.rate === s.videoBitrate))}
          </select></label
        >
        <label
          >Countdown<select name="countdown">
            ${[0, 3, 5, 10].map((n) => option(n, n === 0 ? 'None' : `${n} seconds`, n === s.countdown))}
          </select></label
        >
        <label
          >Keep takes<select name="keep">
            ${option('server', 'On the server', s.keep === 'server')}${option('browser', 'In this page only', s.keep === 'browser')}
          </select></label
        >
        <label
          >Copy on this machine<select name="copy">
            ${option('tail', 'What is not stored yet', !s.localCopy)}${option('whole', 'The whole take, until it is saved', s.localCopy)}
          </select></label
        >
        <label
          >The copy survives<select name="durability">
            ${option('relaxed', 'A crash of page or browser', s.durability === 'relaxed')}${option('strict', 'A power cut too', s.durability === 'strict')}
          </select></label
        >
        <p class="note wide">
          On the server, a take is stored while it is being recorded. In this page only, download it before the next
          one. Either way the copy on this machine survives a crash.
        </p>
        <div class="actions">
          <button type="button" @click=${this.#close}>Cancel</button>
          <button class="primary" type="submit">Save settings</button>
        </div>
      </form>
    </dialog>`;
  }

  #save(event: SubmitEvent): void {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const number = (name: string): number => Number(data.get(name));
    const [width = 1280, height = 720] = String(data.get('size')).split('x').map(Number);
    const settings: Settings = {
      ...(this.settings?.variant === undefined ? {} : { variant: this.settings.variant }),
      codec: data.get('codec') === 'vp8' ? 'vp8' : 'vp9',
      width,
      height,
      fps: number('fps'),
      videoBitrate: number('rate'),
      countdown: number('countdown'),
      keep: data.get('keep') === 'browser' ? 'browser' : 'server',
      durability: data.get('durability') === 'strict' ? 'strict' : 'relaxed',
      localCopy: data.get('copy') === 'whole',
    };
    this.#close();
    this.dispatchEvent(new CustomEvent<Settings>('settings-save', { detail: settings }));
  }
}

function option(value: string | number, label: string, selected: boolean): TemplateResult {
  return html`<option value=${value} ?selected=${selected}>${label}</option>`;
}
