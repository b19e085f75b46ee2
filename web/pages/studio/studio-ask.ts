/** `<studio-ask>`: one question in a dialog, with the harmless answer in front. */

import { LitElement, html, type PropertyDeclarations, type TemplateResult } from 'lit';
import { tellIfLost } from '../../elements/focus.js';
import { buttonStyles, dialogStyles, themeStyles } from '../../elements/theme.js';

/** What is asked: what would happen, what is lost, and the words of the two buttons. */
export interface Question {
  what: string;
  lost: string;
  keep: string;
  go: string;
}

/** See {@link ask}. */
export class StudioAsk extends LitElement {
  static override properties: PropertyDeclarations = { question: { state: true } };
  static override styles = [themeStyles, buttonStyles, dialogStyles];

  declare question: Question;
  #answer: ((go: boolean) => void) | null = null;

  constructor() {
    super();
    this.question = { what: '', lost: '', keep: 'Keep it', go: 'Go on' };
  }

  /** Asks; true when the person agrees. Escape, and a second question before the answer, are a no. */
  async ask(question: Question): Promise<boolean> {
    this.#settle(false);
    this.question = question;
    await this.updateComplete;
    const answered = new Promise<boolean>((resolve) => (this.#answer = resolve));
    this.renderRoot.querySelector('dialog')?.showModal();
    return answered;
  }

  #settle(go: boolean): void {
    const answer = this.#answer;
    this.#answer = null;
    this.renderRoot.querySelector('dialog')?.close();
    answer?.(go);
  }

  /** The event comes a moment later, when the next question may be open. */
  #closed = (event: Event): void => {
    if (!(event.target as HTMLDialogElement).open) {
      this.#settle(false);
      tellIfLost(this);
    }
  };

  protected override render(): TemplateResult {
    const { what, lost, keep, go } = this.question;
    return html`<dialog aria-labelledby="what" aria-describedby="lost" @close=${this.#closed}>
      <h2 id="what">${what}</h2>
      <p id="lost">${lost}</p>
      <div class="actions">
        <button autofocus @click=${() => this.#settle(false)}>${keep}</button>
        <button class="danger" @click=${() => this.#settle(true)}>${go}</button>
      </div>
    </dialog>`;
  }
}
