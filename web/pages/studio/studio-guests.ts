/** `<studio-guests>`: people who are not there: a test pattern, a video file, a second camera. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { openCamera } from 'keeptake';
import { explainMedia, KtElement, type Explanation } from '../../elements/index.js';
import { icon } from '../../elements/icons.js';
import { codeOf, messageOf } from '../../elements/store.js';
import { buttonStyles, themeStyles } from '../../elements/theme.js';
import { openFile, openPattern, type Guest } from './guests.js';

/** Buttons “Test pattern”, “Video file”, “Second camera”. */
export class StudioGuests extends KtElement {
  static override properties: PropertyDeclarations = { problem: { state: true }, busy: { state: true } };
  static override styles = [
    themeStyles,
    buttonStyles,
    css`
      :host {
        display: grid;
        gap: 8px;
      }
      .row {
        display: grid;
        grid-template-columns: repeat(3, minmax(0, 1fr));
        gap: 8px;
      }
      .tile {
        position: relative;
        display: grid;
        justify-items: center;
        align-content: center;
        gap: 6px;
        min-height: 72px;
        padding: 8px 4px;
        border: 1px solid var(--_line);
        border-radius: var(--_radius);
        background: var(--_raised);
        color: var(--_text);
        font: 550 0.8125rem/1.2 var(--_font);
        text-align: center;
        cursor: pointer;
      }
      .tile svg {
        color: var(--_accent);
      }
      .tile:hover {
        background: var(--_hover);
      }
      .tile:has(:focus-visible) {
        outline: 2px solid var(--_focus);
        outline-offset: 2px;
      }
      .tile.off {
        opacity: 0.42;
      }
      input {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        opacity: 0;
        cursor: pointer;
      }
      .problem {
        padding: 10px 12px;
        border-radius: 8px;
        background: color-mix(in srgb, var(--_pause) 12%, var(--_surface));
        font-size: 0.8125rem;
      }
    `,
  ];

  declare problem: Explanation | null;
  declare busy: boolean;
  #counts = new Map<string, number>();

  constructor() {
    super();
    this.problem = null;
    this.busy = false;
  }

  protected override render(): TemplateResult {
    const state = this.store?.state.state ?? 'loading';
    const off = this.busy || state === 'loading' || state === 'stopping';
    return html`<div class="row" role="group" aria-label="Add a guest">
        <button class="tile" ?disabled=${off} @click=${this.#pattern}>${icon('pattern', 22)}Test pattern</button>
        <label class="tile ${off ? 'off' : ''}"
          >${icon('file', 22)}Video file<input
            type="file"
            accept="video/*,audio/*"
            aria-label="Video file"
            ?disabled=${off}
            @change=${this.#file}
        /></label>
        <button class="tile" ?disabled=${off} @click=${this.#camera}>${icon('camera', 22)}Second camera</button>
      </div>
      <div role="alert">
        ${
          this.problem === null
            ? nothing
            : html`<div class="problem"><strong>${this.problem.what}</strong> ${this.problem.todo}</div>`
        }
      </div>`;
  }

  /** The next free id and name of a kind: `pattern-2`, “Test pattern 2”. */
  #next(kind: string, title: string): { id: string; name: string; number: number } {
    let number = this.#counts.get(kind) ?? 0;
    do {
      number += 1;
    } while (this.store?.sources.some((s) => s.id === `${kind}-${number}`));
    this.#counts.set(kind, this.store?.sources.some((s) => s.id.startsWith(`${kind}-`)) ? number : 0);
    return { id: `${kind}-${number}`, name: number === 1 ? title : `${title} ${number}`, number };
  }

  async #add(id: string, name: string, open: () => Promise<Guest>): Promise<void> {
    this.busy = true;
    this.problem = null;
    try {
      const { media, dispose } = await open();
      await this.request(
        'kt-source-add-request',
        { media, options: { id, name }, owned: true, dispose },
        media.getTracks(),
      );
    } catch (error) {
      this.problem =
        codeOf(error) !== ''
          ? explainMedia(error, 'camera')
          : { what: messageOf(error), safe: '', todo: 'Try another one.' };
    } finally {
      this.busy = false;
    }
  }

  #pattern(): void {
    const { id, name, number } = this.#next('pattern', 'Test pattern');
    void this.#add(id, name, () => openPattern(name, number));
  }

  #file(event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    input.value = '';
    if (file !== undefined) {
      const { id } = this.#next('file', 'Video');
      void this.#add(id, file.name.replace(/\.[^.]*$/, '').slice(0, 60) || 'Video', () => openFile(file));
    }
  }

  /** A camera that nobody here uses, else the browser's choice. */
  #camera(): void {
    const { id, name } = this.#next('camera', 'Second camera');
    void this.#add(id, name, async () => {
      const used = new Set<string | undefined>();
      this.store?.media.forEach((m) => m.stream.getVideoTracks().forEach((t) => used.add(t.getSettings().deviceId)));
      const devices = await navigator.mediaDevices.enumerateDevices();
      const free = devices.find((d) => d.kind === 'videoinput' && d.deviceId !== '' && !used.has(d.deviceId));
      const media = await openCamera({ ...(free ? { videoDeviceId: free.deviceId } : {}), audioDeviceId: false });
      return { media, dispose: () => undefined };
    });
  }
}
