/** `<studio-thumbnail>`: the picture of a recording. `<studio-last-picture>`: takes it at the end of a take. */

import { LitElement, css, html, type PropertyDeclarations, type PropertyValues, type TemplateResult } from 'lit';
import type { Recording } from 'keeptake';
import { KtElement, type KtPreview, type StoreTopic } from '../../elements/index.js';
import { icon } from '../../elements/icons.js';
import { themeStyles } from '../../elements/theme.js';
import { recordings } from './server.js';
import { drawThumbnail, keepThumbnail, keptThumbnail, shrink } from './thumbnails.js';

/** Only to read one picture. */
const LINK_SECONDS = 300;

/** Set `recording`. What is not kept is drawn from the file once the element can be seen. */
export class StudioThumbnail extends LitElement {
  static override properties: PropertyDeclarations = { recording: { attribute: false }, address: { state: true } };
  static override styles = [
    themeStyles,
    css`
      :host {
        display: grid;
        place-items: center;
        aspect-ratio: 16 / 9;
        overflow: hidden;
        border-radius: 6px;
        background: var(--_bg);
        color: var(--_muted);
      }
      img {
        width: 100%;
        height: 100%;
        object-fit: cover;
      }
    `,
  ];

  declare recording: Recording | null;
  declare address: string;
  #watch = new IntersectionObserver((entries) => this.#seen(entries));
  #of = '';

  constructor() {
    super();
    this.recording = null;
    this.address = '';
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#watch.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#watch.disconnect();
    this.#of = '';
    this.#show(null);
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('recording') && this.recording?.id !== this.#of) {
      this.#show(null);
      this.#watch.unobserve(this);
      this.#watch.observe(this);
    }
  }

  protected override render(): TemplateResult {
    return this.address === '' ? icon('library', 22) : html`<img src=${this.address} alt="" />`;
  }

  #seen(entries: readonly IntersectionObserverEntry[]): void {
    const { recording } = this;
    if (recording !== null && recording.id !== this.#of && entries.some((each) => each.isIntersecting)) {
      this.#of = recording.id;
      void this.#load(recording);
    }
  }

  async #load(recording: Recording): Promise<void> {
    const wanted = (): boolean => this.isConnected && this.#of === recording.id;
    let picture = await keptThumbnail(recording.id);
    if (picture === null && recording.state === 'complete' && wanted()) {
      picture = await drawThumbnail(
        () => recordings.open(recording).playbackUrl({ expiresSeconds: LINK_SECONDS }),
        wanted,
      );
      if (picture !== null) {
        void keepThumbnail(recording.id, picture);
      }
    }
    if (wanted()) {
      this.#show(picture);
    }
  }

  #show(picture: Blob | null): void {
    if (this.address !== '') {
      URL.revokeObjectURL(this.address);
    }
    this.address = picture === null ? '' : URL.createObjectURL(picture);
  }
}

/** Stands beside the `<kt-preview>` of its page, or above it. Shows nothing. */
export class StudioLastPicture extends KtElement {
  static override topics: readonly StoreTopic[] = ['state'];
  #picture: Promise<Blob | null> | null = null;

  protected override storeUpdated(): void {
    const state = this.store?.state;
    if (state?.state === 'stopping') {
      this.#picture ??= this.#take();
      return;
    }
    const picture = this.#picture;
    this.#picture = null;
    if (state?.state === 'stopped' && state.take.file === undefined && picture !== null) {
      const id = state.take.recordingId;
      void picture.then((blob) => (blob === null ? undefined : keepThumbnail(id, blob)));
    }
  }

  async #take(): Promise<Blob | null> {
    const page = this.getRootNode() as Document | ShadowRoot;
    const canvas = page.querySelector<KtPreview>('kt-preview')?.shadowRoot?.querySelector('canvas');
    try {
      return canvas ? await shrink(canvas, canvas.width, canvas.height) : null;
    } catch {
      return null;
    }
  }
}
