/** Base of the elements: finds the recorder, redraws on the topics it shows, sends requests. */

import { LitElement, type PropertyDeclarations, type PropertyValues } from 'lit';
import type { Recorder, TakeControls } from 'keeptake';
import { FocusKeeper } from './focus.js';
import { KtRequestEvent, type KtRequestMap, type KtRequestName } from './requests.js';
import { LanguageController, type Language, type Strings } from './strings.js';
import { RecorderStore, storeOf, type StoreTopic, type TakeStore } from './store.js';

/** Asks the closest provider for its recorder, now and whenever it changes. */
export class KtContextEvent extends Event {
  static readonly type = 'kt-context-request';
  readonly receive: (recorder: TakeControls | null) => void;
  /** Set by the provider: ends the subscription. */
  release: (() => void) | null = null;

  constructor(receive: (recorder: TakeControls | null) => void) {
    super(KtContextEvent.type, { bubbles: true, composed: true });
    this.receive = receive;
  }
}

/** Base class of every `kt-…` element that shows or steers a take: a recorder's, or one that is recorded elsewhere. */
export class KtTakeElement extends LitElement {
  static override properties: PropertyDeclarations = { recorder: { attribute: false } };
  /** Changes of the store that redraw the element. */
  static topics: readonly StoreTopic[] = ['state'];

  /** The recorder to show; when unset, that of the closest `<kt-recorder-provider>`. */
  declare recorder: TakeControls | null;
  readonly #language = new LanguageController(this);
  #provided: TakeControls | null = null;
  #store: TakeStore | null = null;
  #unsubscribe: (() => void) | null = null;
  #releaseContext: (() => void) | null = null;

  constructor() {
    super();
    new FocusKeeper(this);
    this.recorder = null;
  }

  /** The truth to draw; null until a recorder is known. */
  get store(): TakeStore | null {
    return this.#store;
  }

  /** The language that the element speaks: of its `lang`, of what is around it, or of the page. */
  get language(): Language {
    return this.#language.now;
  }

  /** Its words. */
  protected get words(): Strings {
    return this.#language.now.words;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const event = new KtContextEvent((recorder) => {
      this.#provided = recorder;
      this.#bind();
    });
    this.dispatchEvent(event);
    this.#releaseContext = event.release;
    this.#bind();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#releaseContext?.();
    this.#releaseContext = null;
    this.#provided = null;
    this.#bind();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('recorder')) {
      this.#bind();
    }
  }

  /**
   * Sends a request; unless the page prevents it, the recorder follows. True when it was done here. `fresh`: tracks that
   * were opened for it. A page that prevents the request has them then; where it fails, or nobody is there to follow,
   * they are stopped.
   */
  protected async request<K extends KtRequestName>(
    name: K,
    detail: KtRequestMap[K],
    fresh: readonly MediaStreamTrack[] = [],
  ): Promise<boolean> {
    if (!this.dispatchEvent(new KtRequestEvent(name, detail))) {
      return false;
    }
    const done = this.#store !== null && (await this.#store.perform(name, detail));
    if (!done) {
      fresh.forEach((track) => track.stop());
    }
    return done;
  }

  /** Called when the element gets, changes or loses its recorder. */
  protected storeChanged(_store: TakeStore | null): void {}

  /** Called on each change of the element's topics, before it is redrawn. */
  protected storeUpdated(_topic: StoreTopic): void {}

  #bind(): void {
    const recorder = this.isConnected ? (this.recorder ?? this.#provided) : null;
    const store = recorder === null ? null : storeOf(recorder);
    if (store === this.#store) {
      return;
    }
    this.#unsubscribe?.();
    this.#store = store;
    const { topics } = this.constructor as typeof KtTakeElement;
    this.#unsubscribe =
      store?.subscribe((topic) => {
        if (topics.includes(topic)) {
          this.storeUpdated(topic);
          this.requestUpdate();
        }
      }) ?? null;
    this.storeChanged(this.store);
    this.requestUpdate();
  }
}

/** Base class of every `kt-…` element that needs a whole recorder: a picture with people in it. */
export class KtElement extends KtTakeElement {
  declare recorder: Recorder | null;

  /** The truth to draw; null until a recorder is known, and where a take is recorded elsewhere. */
  override get store(): RecorderStore | null {
    const store = super.store;
    return store instanceof RecorderStore ? store : null;
  }
}
