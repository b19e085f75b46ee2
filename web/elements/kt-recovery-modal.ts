/** `<kt-recovery-modal>`: takes that were not finished: Salvage, Start Over, or download what is here. */

import { LitElement, html, nothing, type PropertyDeclarations, type PropertyValues, type TemplateResult } from 'lit';
import type { FinishedTake, Recovery, SalvageProgress, StartedOver, UnfinishedTake } from 'keeptake';
import { formatAgo, formatSpan, formatTime, formatWhen, speakTime } from './format.js';
import { tellIfLost } from './focus.js';
import { icon } from './icons.js';
import { shares } from './recovery-shares.js';
import { recoveryStyles } from './recovery-styles.js';
import { failure, note, stopped, tooLate, type Told } from './recovery-told.js';
import { UNDO_SECONDS, UndoList, type Undoable } from './recovery-undo.js';
import { headline, tellMissing, titleOf } from './recovery-words.js';
import { KtRecoveryRequestEvent, type KtRecoveryRequestMap } from './requests.js';
import { fileName, saveBlob } from './save.js';
import { LanguageController, type Strings } from './strings.js';

/** While the dialog is open the list is read again this often: another tab may end, or finish a take. */
const LIST_AGAIN_MS = 3000;
/** Waits before a list that could not be read is asked for again. */
const LIST_RETRIES_MS = [1000, 2000, 4000, 8000, 15_000, 30_000];
/** Start Over asks when more than this would be lost, seconds. */
const ASK_ABOVE = 60;

type Phase = SalvageProgress['phase'];

const ORDER: readonly Phase[] = ['reading', 'sending', 'completing'];

/** What is being done with one take; one at a time. */
interface Task {
  id: string;
  kind: 'salvage' | 'start-over' | 'download';
  phase: Phase;
  /** 0..1, of the phase. */
  progress: number;
  abort: AbortController;
}

/**
 * Set `recovery` (of `openRecovery`): the takes are looked up, and the dialog opens when there are any; with the
 * attribute `manual` only {@link show} opens it. Closing it decides nothing: the takes stay, and {@link takes} has
 * them. Start Over can be undone for ten seconds. Events: `kt-salvaged` (the FinishedTake), `kt-started-over` and
 * `kt-start-over-undone` (its id), `kt-recovery-change` (all takes,
 * whenever the list was read), `kt-recovery-error` (the list could not be read; nothing opens, and it is asked for again where that may help). The requests
 * `kt-salvage-request`, `kt-start-over-request` and `kt-take-download-request` can be prevented.
 *
 * @fires kt-salvaged - a take is finished; detail: the FinishedTake
 * @fires kt-started-over - a take is thrown away; detail: its id
 * @fires kt-start-over-undone - it was brought back; detail: its id
 * @fires kt-recovery-change - the list was read; detail: all takes
 * @fires kt-recovery-error - the list could not be read; detail: the error
 * @fires kt-salvage-request - finish a take
 * @fires kt-start-over-request - throw a take away, after the person has agreed
 * @fires kt-take-download-request - save what is on this machine
 * @csspart dialog - the dialog
 * @csspart take - one take of the list
 * @csspart salvage - the button Salvage
 * @csspart download - the button that saves what is here
 * @csspart start-over - the button Start Over
 */
export class KtRecoveryModal extends LitElement {
  static override properties: PropertyDeclarations = {
    recovery: { attribute: false },
    manual: { type: Boolean },
    takes: { state: true },
    task: { state: true },
    asking: { state: true },
    told: { state: true },
    said: { state: true },
  };
  static override styles = recoveryStyles;

  /** Where unfinished takes are found; it stays the page's. */
  declare recovery: Recovery | null;
  /** Opens only by {@link show}. */
  declare manual: boolean;
  /** As last read, newest first; those of other tabs too. */
  declare takes: readonly UnfinishedTake[];
  /** The take that the last `kt-salvaged` was about, as it was listed. */
  salvaged: UnfinishedTake | null = null;
  declare private task: Task | null;
  /** Id of the take that Start Over asks about. */
  declare private asking: string;
  declare private told: Readonly<Record<string, Told>>;
  /** For screen readers. */
  declare private said: string;
  readonly #language = new LanguageController(this);
  #pictures = new Map<string, { url: string; blob: Blob }>();
  #done = new Set<string>();
  readonly #undos = new UndoList(this, (undoable) => this.#pastUndo(undoable));
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Until the list is asked for again, after it could not be read so many times. */
  #again: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;
  /** Selector that gets the focus after the next drawing. */
  #focusNext = '';

  constructor() {
    super();
    this.recovery = null;
    this.manual = false;
    this.takes = [];
    this.task = null;
    this.asking = '';
    this.told = {};
    this.said = '';
  }

  /** Looks the takes up, and opens the dialog when there are any. Resolves when that is done; never rejects. */
  async show(): Promise<void> {
    await this.refresh();
    await this.updateComplete;
    const dialog = this.#dialog;
    if (this.isConnected && dialog !== null && !dialog.open && this.takes.length > 0) {
      this.told = {};
      this.asking = '';
      await this.updateComplete;
      dialog.showModal();
      this.#listLater();
      if (this.takes.some((take) => !take.live)) {
        // The page's own server may be gone by the time that the person has decided.
        void this.recovery?.prepare();
      }
    }
  }

  /** Closes the dialog; a salvage that runs is stopped, and can be repeated. */
  close(): void {
    this.#dialog?.close();
  }

  /** The dialog is open. */
  get open(): boolean {
    return this.#dialog?.open ?? false;
  }

  /** Reads the list again, without opening anything. Never rejects. */
  async refresh(): Promise<void> {
    const recovery = this.recovery;
    if (recovery === null) {
      return;
    }
    clearTimeout(this.#again ?? undefined);
    try {
      const found = await recovery.list();
      if (recovery === this.recovery) {
        this.#failures = 0;
        this.#take(found.filter((take) => !this.#done.has(take.id)));
      }
    } catch (error) {
      if (recovery === this.recovery) {
        this.#failures += 1;
        if (this.#failures === 1) {
          this.dispatchEvent(new CustomEvent('kt-recovery-error', { detail: error, bubbles: true, composed: true }));
        }
        this.#listAgain(error);
      }
    }
  }

  /** A storage that did not open in time is asked again, so that no take stays unseen; an open dialog does so anyway. */
  #listAgain(error: unknown): void {
    if (!isRetryable(error) || !this.isConnected || this.open || this.#failures > LIST_RETRIES_MS.length) {
      this.#failures = 0;
      return;
    }
    this.#again = setTimeout(
      () => void (this.manual ? this.refresh() : this.show()),
      LIST_RETRIES_MS[this.#failures - 1],
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.task?.abort.abort();
    // A dialog that is open stays so without its page, and would open nothing any more.
    this.close();
    this.#stopListing();
    clearTimeout(this.#again ?? undefined);
    this.#pictures.forEach(({ url }) => URL.revokeObjectURL(url));
    this.#pictures.clear();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('recovery')) {
      this.task?.abort.abort();
      clearTimeout(this.#again ?? undefined);
      this.#failures = 0;
      this.#done.clear();
      this.takes = [];
      if (this.recovery !== null) {
        void (this.manual ? this.refresh() : this.show());
      }
    }
  }

  protected override updated(): void {
    if (this.takes.length === 0 && this.task === null && this.told[GONE] === undefined && !this.#undos.pending) {
      this.close();
    }
    if (this.#focusNext !== '') {
      this.renderRoot.querySelector<HTMLElement>(this.#focusNext)?.focus();
      this.#focusNext = '';
    }
  }

  get #words(): Strings['recovery'] {
    return this.#language.now.words.recovery;
  }

  #title(take: UnfinishedTake): string {
    return titleOf(take, this.#language.now);
  }

  get #dialog(): HTMLDialogElement | null {
    return this.renderRoot?.querySelector('dialog') ?? null;
  }

  /** Takes over a list; pictures that did not change keep their address. */
  #take(takes: readonly UnfinishedTake[]): void {
    for (const [id, { url, blob }] of this.#pictures) {
      const next = takes.find((take) => take.id === id)?.picture;
      if (!next || next.size !== blob.size) {
        URL.revokeObjectURL(url);
        this.#pictures.delete(id);
      }
    }
    for (const { id, picture } of takes) {
      if (picture !== null && !this.#pictures.has(id)) {
        this.#pictures.set(id, { url: URL.createObjectURL(picture), blob: picture });
      }
    }
    this.takes = takes;
    this.dispatchEvent(
      new CustomEvent<readonly UnfinishedTake[]>('kt-recovery-change', {
        detail: takes,
        bubbles: true,
        composed: true,
      }),
    );
  }

  #listLater(): void {
    this.#stopListing();
    this.#timer = setTimeout(async () => {
      if (this.task === null) {
        await this.refresh();
      }
      if (this.isConnected && this.open) {
        this.#listLater();
      }
    }, LIST_AGAIN_MS);
  }

  #stopListing(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }

  protected override render(): TemplateResult {
    const dead = this.takes.filter((take) => !take.live).length;
    // What can be done something about comes first.
    const sorted = [...this.takes].sort((a, b) => Number(a.live) - Number(b.live));
    const locked = this.task?.kind === 'salvage' && !this.task.abort.signal.aborted;
    const {
      common: { close },
      recovery: words,
    } = this.#language.now.words;
    const [title, text] = headline(dead, this.takes.length, this.#language.now);
    return html`<dialog
      part="dialog"
      aria-labelledby="title"
      aria-describedby="text"
      @keydown=${this.#onKey}
      @cancel=${this.#onCancel}
      @close=${this.#onClose}
    >
      <div class="head">
        <div class="mark" aria-hidden="true">${icon(dead > 0 ? 'rescue' : 'record', 26)}</div>
        <div>
          <h2 id="title">${title}</h2>
          <p id="text">${text}</p>
        </div>
        <button class="quiet icon" aria-label=${close} title=${close} ?disabled=${locked} @click=${this.close}>
          ${icon('close')}
        </button>
      </div>
      <div class="takes">
        ${this.#undos.render((undoable) => void this.#undo(undoable))}${note(this.told[GONE])}
        <ul aria-label=${words.list} ?hidden=${this.takes.length === 0}>
          ${sorted.map((take, i) => this.#card(take, i))}
        </ul>
      </div>
      <div class="foot">
        <p>${dead === 0 ? '' : words.stays(dead)}</p>
        <button class="quiet later" ?disabled=${locked} @click=${this.close}>
          ${dead === 0 ? words.goOn : words.decideLater}
        </button>
      </div>
      <div class="sr" role="status">${this.said}</div>
    </dialog>`;
  }

  #card(take: UnfinishedTake, index: number): TemplateResult {
    const now = Date.now();
    const url = this.#pictures.get(take.id)?.url;
    const title = this.#title(take);
    const language = this.#language.now;
    const { recovery: words } = language.words;
    return html`<li class="take" part="take" data-id=${take.id}>
      <div class="shot">
        ${url === undefined ? icon('camera', 36) : html`<img src=${url} alt=${words.pictureOf(title)} />`}
        ${take.live ? html`<span class="live">${words.liveBadge}</span>` : nothing}
        <span title=${speakTime(take.duration, language)}>${formatTime(take.duration)}</span>
      </div>
      <div class="about">
        <h3 id="take-${index}" title=${title}>${title}</h3>
        <p>
          <time datetime=${take.startedAt.toISOString()}
            >${formatAgo(take.startedAt, now, language)} · ${formatWhen(take.startedAt, now, language)}</time
          >
        </p>
        ${shares(take, language)}
      </div>
      ${take.live ? this.#elsewhere(take) : this.#deed(take, index)}
    </li>`;
  }

  /** A take that lives in another tab. */
  #elsewhere(take: UnfinishedTake): TemplateResult {
    const page = take.page.title.trim() || take.page.url;
    return html`<div class="note info">
      ${icon('info')}
      <div>
        <strong>${this.#words.elsewhere(page)}</strong>
        <p>${this.#words.elsewhereMore}</p>
      </div>
    </div>`;
  }

  /** What can be done with a take, is being done, or was. */
  #deed(take: UnfinishedTake, index: number): TemplateResult {
    if (this.task?.id === take.id && this.task.kind === 'salvage') {
      return this.#work(this.task);
    }
    const told = this.told[take.id];
    return html`${note(told)}
    ${this.asking === take.id ? this.#question(take, index) : this.#buttons(take, index, told)}`;
  }

  #buttons(take: UnfinishedTake, index: number, told: Told | undefined): TemplateResult {
    const words = this.#words;
    const busy = this.task !== null;
    const mine = this.task?.id === take.id ? this.task.kind : '';
    const again = told !== undefined && !told.good;
    const first = this.takes.find((each) => !each.live)?.id === take.id;
    return html`<div class="row" role="group" aria-labelledby="take-${index}">
      <button
        class="primary salvage"
        part="salvage"
        ?autofocus=${first}
        ?disabled=${busy}
        @click=${() => this.#salvage(take)}
      >
        ${icon('rescue')}${again ? words.salvageAgain : words.salvage}
      </button>
      <button class="download" part="download" ?disabled=${busy} @click=${() => this.#download(take)}>
        ${icon('download', 18)}${mine === 'download' ? words.downloading : words.download}
      </button>
      <span class="gap"></span>
      <button class="quiet over" part="start-over" ?disabled=${busy} @click=${() => this.#startOver(take, false)}>
        ${icon('trash', 18)}${mine === 'start-over' ? words.startingOver : words.startOver}
      </button>
    </div>`;
  }

  #question(take: UnfinishedTake, index: number): TemplateResult {
    const words = this.#words;
    return html`<div class="ask" role="group" aria-labelledby="ask-${index}" aria-describedby="why-${index}">
      <strong id="ask-${index}">${words.ask}</strong>
      <p id="why-${index}">
        ${words.askWhy(formatSpan(take.duration, false, this.#language.now), UNDO_SECONDS)}
      </p>
      <div class="row">
        <button class="keep" @click=${() => this.#keep(take)}>${words.keep}</button>
        <button class="danger" @click=${() => this.#startOver(take, true)}>${words.discard}</button>
      </div>
    </div>`;
  }

  #work(task: Task): TemplateResult {
    const step = ORDER.indexOf(task.phase) + 1;
    const percent = Math.round(task.progress * 100);
    const stopping = task.abort.signal.aborted;
    const words = this.#words;
    return html`<div class="work">
      <div class="step">
        <strong>${stopping ? words.stopping : words[task.phase]}</strong>
        <span>${words.step(step, ORDER.length, this.#language.now.percent(task.progress))}</span>
      </div>
      <progress max="100" value=${percent} aria-label=${words[task.phase]}></progress>
      <button class="cancel" ?disabled=${stopping} @click=${() => this.#abort(task)}>${this.#language.now.words.common.cancel}</button>
    </div>`;
  }

  /** The browser lets a page prevent the first cancel only: a second Escape would close the dialog all the same. */
  #onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      this.#onCancel(event);
    }
  }

  #onCancel(event: Event): void {
    // Escape does not stop a salvage; Cancel does.
    if (this.task !== null && !this.task.abort.signal.aborted) {
      event.preventDefault();
    }
  }

  #onClose(): void {
    this.#stopListing();
    tellIfLost(this);
    if (this.task?.kind === 'salvage') {
      this.task.abort.abort();
    }
  }

  #abort(task: Task): void {
    task.abort.abort();
    this.requestUpdate();
  }

  /** Begins a deed unless one runs or the page takes it over. */
  #begin(name: keyof KtRecoveryRequestMap, kind: Task['kind'], id: string): Task | null {
    if (this.task !== null || !this.dispatchEvent(new KtRecoveryRequestEvent(name, { id }))) {
      return null;
    }
    const { [id]: _old, [GONE]: _gone, ...others } = this.told;
    this.told = others;
    this.asking = '';
    this.task = { id, kind, phase: 'reading', progress: 0, abort: new AbortController() };
    return this.task;
  }

  async #salvage(take: UnfinishedTake): Promise<void> {
    const recovery = this.recovery;
    const task = recovery === null ? null : this.#begin('kt-salvage-request', 'salvage', take.id);
    if (recovery === null || task === null) {
      return;
    }
    this.said = `${this.#words.reading}.`;
    this.#focusNext = '.cancel';
    let finished: FinishedTake;
    try {
      finished = await recovery.salvage(take.id, {
        signal: task.abort.signal,
        onProgress: ({ phase, progress }) => this.#progress(task.id, phase, progress),
      });
    } catch (error) {
      const ended = task.abort.signal.aborted;
      await this.#end(take, ended ? stopped(this.#language.now) : failure(error, this.#language.now), '.salvage');
      return;
    }
    this.task = null;
    this.said = this.#words.salvaged(this.#title(take));
    this.salvaged = take;
    this.close();
    if (finished.file === undefined) {
      this.#forget(take);
    }
    this.dispatchEvent(
      new CustomEvent<FinishedTake>('kt-salvaged', { detail: finished, bubbles: true, composed: true }),
    );
  }

  #progress(id: string, phase: Phase, progress: number): void {
    if (this.task?.id === id) {
      if (this.task.phase !== phase) {
        this.said = `${this.#words[phase]}.`;
      }
      this.task = { ...this.task, phase, progress };
    }
  }

  #keep(take: UnfinishedTake): void {
    this.asking = '';
    this.#focusNext = `[data-id="${CSS.escape(take.id)}"] .over`;
  }

  async #startOver(take: UnfinishedTake, sure: boolean): Promise<void> {
    if (!sure && take.duration > ASK_ABOVE) {
      this.asking = take.id;
      this.#focusNext = `[data-id="${CSS.escape(take.id)}"] .keep`;
      return;
    }
    const recovery = this.recovery;
    if (recovery === null || this.#begin('kt-start-over-request', 'start-over', take.id) === null) {
      return;
    }
    let started: StartedOver;
    try {
      started = await recovery.startOver(take.id, { undoSeconds: UNDO_SECONDS });
    } catch (error) {
      await this.#end(take, failure(error, this.#language.now), '.over');
      return;
    }
    this.task = null;
    this.#undos.add(take, started);
    this.said = this.#words.thrownAway(this.#title(take), UNDO_SECONDS);
    this.#focusNext = `[data-undo="${CSS.escape(take.id)}"]`;
    this.#forget(take);
    this.dispatchEvent(new CustomEvent<string>('kt-started-over', { detail: take.id, bubbles: true, composed: true }));
  }

  /** Brings a take back that was thrown away a moment ago. */
  async #undo(undoable: Undoable): Promise<void> {
    const { take, started } = undoable;
    this.#undos.hold(undoable);
    this.#focusNext = '.later';
    let told: Told | null = tooLate(this.#language.now);
    try {
      told = (await started.undo()) ? null : told;
    } catch (error) {
      told = failure(error, this.#language.now);
    }
    this.#done.delete(take.id);
    await this.refresh();
    this.#undos.remove(undoable);
    if (told !== null) {
      this.told = { ...this.told, [GONE]: told };
      this.said = `${told.what} ${told.rest}`;
      return;
    }
    this.said = this.#words.back(this.#title(take));
    this.#focusNext = `[data-id="${CSS.escape(take.id)}"] .salvage`;
    this.dispatchEvent(
      new CustomEvent<string>('kt-start-over-undone', { detail: take.id, bubbles: true, composed: true }),
    );
  }

  /** The time to undo is over: whoever stands on its button goes where work goes on. */
  #pastUndo({ take }: Undoable): void {
    this.said = this.#words.gone(this.#title(take));
    if (this.renderRoot.querySelector('[data-undo]:focus')?.getAttribute('data-undo') === take.id) {
      this.#focusNext = this.takes.some((each) => !each.live) ? '.salvage' : '.later';
    }
  }

  async #download(take: UnfinishedTake): Promise<void> {
    const recovery = this.recovery;
    if (recovery === null || this.#begin('kt-take-download-request', 'download', take.id) === null) {
      return;
    }
    let told: Told;
    try {
      const { file, duration, complete, missing } = await recovery.download(take.id);
      saveBlob(file, `${fileName(this.#title(take))}.webm`);
      told = {
        good: true,
        what: this.#words.downloaded(formatSpan(duration, false, this.#language.now), complete),
        rest: complete ? this.#words.downloadedMore : this.#words.missing(tellMissing(missing, this.#language.now)),
      };
    } catch (error) {
      told = failure(error, this.#language.now);
    }
    await this.#end(take, told, '.download');
  }

  /** Takes a take out of the list for good, even where its row outlives it for a moment. */
  #forget(take: UnfinishedTake): void {
    this.#done.add(take.id);
    this.#take(this.takes.filter((each) => each.id !== take.id));
  }

  /** Ends a deed that leaves its take in the list. */
  async #end(take: UnfinishedTake, told: Told, focus: string): Promise<void> {
    await this.refresh();
    const gone = !this.takes.some((each) => each.id === take.id);
    this.task = null;
    this.told = { ...this.told, [gone ? GONE : take.id]: told };
    this.said = `${told.what} ${told.rest}`;
    this.#focusNext = gone ? '.later' : `[data-id="${CSS.escape(take.id)}"] ${focus}`;
  }
}

function isRetryable(error: unknown): boolean {
  return (error as { retryable?: unknown } | null)?.retryable === true;
}

/** Key of what is told of a take that is not in the list any more. */
const GONE = '';
