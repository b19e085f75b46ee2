/** `<studio-sound>`: the sound check in a dialog, and the question at Start where the take would be without the host's sound. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { createRecorder } from 'keeptake';
import {
  HearingLog,
  KtElement,
  soundTrouble,
  type KtSoundCheck,
  type RecorderStore,
  type StoreTopic,
} from '../../elements/index.js';
import { tellIfLost } from '../../elements/focus.js';
import { icon } from '../../elements/icons.js';
import { buttonStyles, dialogStyles, themeStyles } from '../../elements/theme.js';

const HOST = 'host';

/** What is wrong with the host's sound at Start. */
interface Doubt {
  what: string;
  lost: string;
  /** Unmuting is all that is needed. */
  muted: boolean;
}

/** Two dialogs: {@link show} opens the sound check; {@link mayStart} asks when there is something to ask. */
export class StudioSound extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'sources'];
  static override properties: PropertyDeclarations = {
    name: { attribute: false },
    checking: { state: true },
    doubt: { state: true },
  };
  static override styles = [
    themeStyles,
    buttonStyles,
    dialogStyles,
    css`
      dialog {
        width: min(520px, calc(100vw - 24px));
      }
      .head {
        display: flex;
        align-items: center;
        justify-content: space-between;
        margin-bottom: 14px;
      }
      @media (max-width: 480px) {
        dialog {
          padding: 18px;
        }
      }
    `,
  ];

  /** The host's name, for a microphone that is turned on here. */
  declare name: string;
  declare checking: boolean;
  declare doubt: Doubt | null;
  #off: (() => void) | null = null;
  #log: HearingLog | null = null;
  #answer: ((go: boolean) => void) | null = null;

  constructor() {
    super();
    this.name = 'Host';
    this.checking = false;
    this.doubt = null;
  }

  protected override storeChanged(store: RecorderStore | null): void {
    this.#off?.();
    this.#log = null;
    this.#off =
      store?.recorder.on('levels', (levels) => {
        const level = levels[HOST];
        if (level !== undefined) {
          const now = performance.now();
          this.#log ??= new HearingLog(now);
          this.#log.add(level, now);
        }
      }) ?? null;
  }

  protected override storeUpdated(topic: StoreTopic): void {
    const store = this.store;
    // A microphone that comes later has its own time to be heard.
    if (topic === 'sources' && !store?.sources.some((s) => s.id === HOST && s.hasAudio)) {
      this.#log = null;
    }
    if (store !== null && store.state.state !== 'setup' && this.#answer !== null) {
      this.#settle(false);
    }
  }

  /** Opens the sound check. */
  async show(): Promise<void> {
    this.checking = true;
    await this.updateComplete;
    const dialog = this.renderRoot.querySelector<HTMLDialogElement>('dialog.check');
    if (dialog !== null && !dialog.open) {
      dialog.showModal();
    }
  }

  /** True when the take may begin: the host is heard, or agrees that he is not. */
  async mayStart(): Promise<boolean> {
    const doubt = this.#doubt();
    if (doubt === null) {
      return true;
    }
    this.#settle(false);
    this.doubt = doubt;
    await this.updateComplete;
    const answered = new Promise<boolean>((resolve) => (this.#answer = resolve));
    this.renderRoot.querySelector<HTMLDialogElement>('dialog.ask')?.showModal();
    return answered;
  }

  #doubt(): Doubt | null {
    const host = this.store?.sources.find((s) => s.id === HOST);
    if (host === undefined || (!host.hasAudio && host.audioState !== 'ended')) {
      return null;
    }
    if (host.audioMuted) {
      return { what: 'You are muted', lost: 'Nothing that you say would be in the take.', muted: true };
    }
    const trouble = soundTrouble(host);
    if (trouble !== null) {
      return { what: 'You cannot be heard', lost: trouble.text, muted: false };
    }
    return this.#log?.unheard(performance.now()) && !this.#log.heard
      ? {
          what: 'We have not heard you yet',
          lost: 'Your microphone is on, but nothing louder than a hiss has come from it.',
          muted: false,
        }
      : null;
  }

  #settle(go: boolean): void {
    const answer = this.#answer;
    this.#answer = null;
    this.renderRoot.querySelector<HTMLDialogElement>('dialog.ask')?.close();
    answer?.(go);
  }

  /** The event comes a moment later, when the dialog may be open again. */
  #left = (event: Event): void => {
    if (!(event.target as HTMLDialogElement).open) {
      this.checking = false;
      tellIfLost(this);
    }
  };

  /** As {@link #left}: the next question may be open. */
  #closed = (event: Event): void => {
    if (!(event.target as HTMLDialogElement).open) {
      this.#settle(false);
      tellIfLost(this);
    }
  };

  protected override render(): TemplateResult {
    return html`<dialog class="check" aria-labelledby="title" @close=${this.#left}>
        ${this.checking ? this.#check() : nothing}
      </dialog>
      <dialog class="ask" aria-labelledby="what" aria-describedby="lost" @close=${this.#closed}>
        ${this.doubt === null ? nothing : this.#question(this.doubt)}
      </dialog>`;
  }

  #check(): TemplateResult {
    const close = (): void => {
      this.renderRoot.querySelector<KtSoundCheck>('kt-sound-check')?.stop();
      this.renderRoot.querySelector<HTMLDialogElement>('dialog.check')?.close();
    };
    return html`<div class="head">
        <h2 id="title">Sound check</h2>
        <button class="quiet icon" aria-label="Close the sound check" @click=${close}>${icon('close')}</button>
      </div>
      <kt-sound-check source-id=${HOST} .sourceName=${this.name} .createRecorder=${createRecorder}></kt-sound-check>
      <div class="actions"><button class="primary" @click=${close}>Done</button></div>`;
  }

  #question({ what, lost, muted }: Doubt): TemplateResult {
    const unmute = async (): Promise<void> => {
      this.#settle(await this.request('kt-mute-request', { id: HOST, audio: false }));
    };
    const look = (): void => {
      this.#settle(false);
      void this.show();
    };
    return html`<h2 id="what">${what}</h2>
      <p id="lost">${lost}</p>
      <div class="actions">
        ${
          muted
            ? html`<button class="primary" autofocus @click=${unmute}>${icon('mic', 18)}Unmute and record</button>`
            : html`<button class="primary" autofocus @click=${look}>${icon('mic', 18)}Check the sound</button>`
        }
        <button @click=${() => this.#settle(true)}>${muted ? 'Record muted' : 'Record all the same'}</button>
        <button class="quiet" @click=${() => this.#settle(false)}>Not yet</button>
      </div>`;
  }
}
