/** `<studio-announcer>`: says what happens to those who do not see it; what a badge or banner says is not said twice. */

import { html, type PropertyDeclarations, type TemplateResult } from 'lit';
import { KtElement, type RecorderStore, type StoreTopic } from '../../elements/index.js';
import { themeStyles } from '../../elements/theme.js';

/** People of the recorder before are taken over within this time, one after another: nobody came or went. */
const MOVE_MS = 3000;
/** Several that come at once are said together. */
const TOGETHER_MS = 150;

/** Says by itself who comes and goes; {@link say} says anything else. */
export class StudioAnnouncer extends KtElement {
  static override topics: readonly StoreTopic[] = ['sources'];
  static override properties: PropertyDeclarations = { text: { state: true } };
  static override styles = [themeStyles];

  declare text: string;
  #known = new Map<string, string>();
  #movedAt = -Infinity;
  #queue: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.text = '';
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Said as soon as nothing else is being said. The same words twice are said twice. */
  say(text: string): void {
    this.#queue.push(text);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const words = this.#queue.splice(0).join(' ');
      // A live region speaks when its text changes.
      this.text = words === this.text ? `${words}\u00a0` : words;
    }, TOGETHER_MS);
  }

  protected override storeChanged(_store: RecorderStore | null): void {
    this.#movedAt = performance.now();
  }

  protected override storeUpdated(): void {
    const now = new Map((this.store?.sources ?? []).map((s) => [s.id, s.name || s.id]));
    for (const [id, name] of now) {
      if (!this.#known.has(id)) {
        this.say(`${name} is in the picture.`);
      }
    }
    const moving = performance.now() - this.#movedAt < MOVE_MS;
    for (const [id, name] of this.#known) {
      if (!now.has(id) && moving) {
        now.set(id, name);
      } else if (!now.has(id)) {
        this.say(`${name} has left the picture.`);
      }
    }
    this.#known = now;
  }

  protected override render(): TemplateResult {
    return html`<div class="sr" role="status">${this.text}</div>`;
  }
}
