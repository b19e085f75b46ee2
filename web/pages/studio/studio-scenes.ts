/** `<studio-scenes>`: looks of the picture under names, kept in this browser; and the look of last time. */

import { css, html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { KtElement, SortList, sortStyles, type RecorderStore, type StoreTopic } from '../../elements/index.js';
import { icon } from '../../elements/icons.js';
import { languageOf } from '../../elements/strings.js';
import { buttonStyles, fieldStyles, themeStyles } from '../../elements/theme.js';
import { bringLogo, keepLogo } from './logo-memory.js';
import {
  keepPicture,
  MOST_SCENES,
  readLast,
  readScenes,
  withPicture,
  writeLast,
  writeScenes,
  type SavedScene,
} from './scenes.js';

/** A change is written once it has stood for so long. */
const WRITE_MS = 500;
const TRANSITION_SECONDS = 0.3;
/** A composition may be changed in these states. */
const OPEN_STATES: ReadonlySet<string> = new Set(['setup', 'countdown', 'recording', 'paused']);

/**
 * Field and button “Save scene”, and the list “Scenes”. {@link apply} shows the scene of a place in the list. What the
 * picture looks like is remembered all the time, and stands there again when the page is loaded the next time.
 */
export class StudioScenes extends KtElement {
  static override topics: readonly StoreTopic[] = ['state', 'composition', 'sources', 'hooks', 'logo'];
  static override properties: PropertyDeclarations = {
    scenes: { state: true },
    renaming: { state: true },
    removed: { state: true },
    told: { state: true },
  };
  static override styles = [
    themeStyles,
    buttonStyles,
    fieldStyles,
    sortStyles,
    css`
      :host,
      form {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 12px;
      }
      .hint,
      li small {
        color: var(--_muted);
        font-size: 0.8125rem;
      }
      ol {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 8px;
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        align-items: center;
        gap: 2px 8px;
        padding: 6px 8px 4px 10px;
        border: 1px solid var(--_line);
        border-radius: var(--_radius);
        background: var(--_raised);
      }
      li.on {
        border-color: var(--_accent);
      }
      .apply {
        justify-content: flex-start;
        min-width: 0;
        border-color: transparent;
        background: none;
        text-align: start;
      }
      .apply span {
        display: -webkit-box;
        overflow: hidden;
        overflow-wrap: anywhere;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 2;
      }
      kbd {
        justify-self: end;
        margin-inline-end: 6px;
        min-width: 24px;
        padding: 1px 6px;
        border: 1px solid var(--_edge);
        border-radius: 6px;
        color: var(--_muted);
        font: inherit;
        font-size: 0.75rem;
        text-align: center;
      }
      li small {
        grid-column: 2;
        padding-inline-start: 14px;
      }
      .deeds {
        display: flex;
        justify-self: end;
      }
      li form {
        grid-column: 2 / -1;
        grid-template-columns: minmax(0, 1fr) auto auto;
        gap: 6px;
      }
      li input[type='text'] {
        margin: 0;
      }
      .told {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 8px;
      }
      .told:empty {
        display: none;
      }
    `,
  ];

  declare scenes: SavedScene[];
  /** Id of the scene whose name is being changed. */
  declare renaming: string;
  /** The scene that was removed last, and its place. */
  declare removed: { scene: SavedScene; at: number } | null;
  declare told: string;
  /** What was shown last, and the composition that it made: another one is no longer that scene. */
  #shown: { id: string; composition: unknown } | null = null;
  #asked = false;
  /** The look of last time stands; before, nothing is written over it. */
  #broughtBack = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #sort = new SortList(this, (id, to) => this.#move(id, to));

  constructor() {
    super();
    this.scenes = readScenes();
    this.renaming = '';
    this.removed = null;
    this.told = '';
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('storage', this.#onStorage);
    addEventListener('pagehide', this.#write);
  }

  override disconnectedCallback(): void {
    this.#write();
    super.disconnectedCallback();
    removeEventListener('storage', this.#onStorage);
    removeEventListener('pagehide', this.#write);
  }

  protected override storeChanged(store: RecorderStore | null): void {
    // Later recorders of the page take over what the one before them had.
    if (store !== null && !this.#asked) {
      this.#asked = true;
      void this.#bringBack(store).finally(() => (this.#broughtBack = true));
    }
  }

  protected override storeUpdated(topic: StoreTopic): void {
    if (topic === 'logo' && this.store !== null && this.#broughtBack) {
      void keepLogo(this.store);
    } else if (topic !== 'state' && this.#broughtBack) {
      this.#timer ??= setTimeout(this.#write, WRITE_MS);
    }
  }

  /** Shows the scene of a place in the list, from 0; nothing where there is none. */
  async apply(index: number): Promise<void> {
    const scene = this.scenes[index];
    const store = this.store;
    if (scene === undefined || store === null || !OPEN_STATES.has(store.state.state)) {
      return;
    }
    const look = await withPicture(scene.look, scene.pictureFile);
    const composition = { ...look.composition, transition: TRANSITION_SECONDS };
    const done = await this.request('kt-scene-request', { look: { ...look, composition } });
    this.#shown = { id: scene.id, composition: store.composition };
    const lost = scene.pictureFile !== undefined && look.picture === undefined;
    this.told = done
      ? `${scene.name} is shown${lost ? '; its background picture is not in this browser any more' : ''}`
      : '';
    this.requestUpdate();
  }

  async #bringBack(store: RecorderStore): Promise<void> {
    const look = await readLast();
    try {
      await store.recorder.ready;
    } catch {
      return;
    }
    if (this.store === store) {
      await bringLogo(store);
    }
    if (look !== null && this.store === store) {
      const hooks = look.hooks.map((hook) => ({ ...hook, visible: false }));
      // Names are remembered with the people (memory.ts).
      await store.perform('kt-scene-request', { look: { ...look, hooks, names: {} }, undo: false });
    }
  }

  #write = (): void => {
    if (this.#timer !== undefined && this.store !== null) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      void writeLast(this.store.scene());
    }
  };

  /** Another tab has changed the list. */
  #onStorage = (): void => {
    this.scenes = readScenes();
  };

  #keep(scenes: SavedScene[]): void {
    this.scenes = scenes;
    if (!writeScenes(scenes)) {
      this.told = 'This browser has no room for it: the scenes last as long as this page.';
    }
  }

  protected override render(): TemplateResult {
    const full = this.scenes.length >= MOST_SCENES;
    return html`<form aria-label="New scene" @submit=${this.#save}>
        <p class="hint">
          A scene is the layout, the background, the hooks and the names as they are now. It stays in this browser.
        </p>
        <label
          >Name<input type="text" name="name" maxlength="60" autocomplete="off" placeholder="Scene ${this.scenes.length + 1}"
        /></label>
        <button class="primary" ?disabled=${this.store === null || full}>
          ${icon('scenes')}${full ? `${MOST_SCENES} scenes are the most` : 'Save scene'}
        </button>
      </form>
      <div class="told" role="status">${this.#tell()}</div>
      ${this.#list()}${this.#sort.status()}`;
  }

  #tell(): TemplateResult | string {
    return this.removed === null
      ? this.told
      : html`<span>${this.removed.scene.name} is removed</span
          ><button @click=${this.#putBack}>${icon('restart', 18)}Put it back</button>`;
  }

  #list(): TemplateResult | typeof nothing {
    if (this.scenes.length === 0) {
      return nothing;
    }
    return html`<ol aria-label="Scenes">
      ${repeat(
        this.scenes,
        (scene) => scene.id,
        (scene, index) => this.#row(scene, index),
      )}
    </ol>`;
  }

  #row(scene: SavedScene, index: number): TemplateResult {
    const on = this.#shown?.id === scene.id && this.#shown.composition === this.store?.composition;
    return html`<li class=${on ? 'on' : ''} data-sort=${scene.id}>
      ${this.#sort.grip(scene.id, scene.name)}
      ${this.renaming === scene.id ? this.#renameForm(scene) : this.#scene(scene, index, on)}
    </li>`;
  }

  #scene(scene: SavedScene, index: number, on: boolean): TemplateResult {
    const { layout = 'grid' } = scene.look.composition;
    const hooks = scene.look.hooks.filter((hook) => hook.visible).length;
    return html`<button
        class="apply"
        aria-label="Show scene ${scene.name}"
        aria-current=${on}
        ?disabled=${!OPEN_STATES.has(this.store?.state.state ?? '')}
        @click=${() => this.apply(index)}
      >
        <span>${scene.name}</span>
      </button>
      ${index < 9 ? html`<kbd title="Shift + ${index + 1}">${index + 1}</kbd>` : html`<span></span>`}
      <small>${languageOf(this).words.layouts[layout]}${hooks === 0 ? '' : ` · ${hooks} ${hooks === 1 ? 'hook' : 'hooks'}`}</small>
      ${this.#deeds(scene)}`;
  }

  #deeds(scene: SavedScene): TemplateResult {
    const deed = (name: 'save' | 'edit' | 'close', label: string, act: () => unknown): TemplateResult =>
      html`<button class="quiet icon" aria-label="${label} ${scene.name}" title=${label} @click=${act}>
        ${icon(name, 18)}
      </button>`;
    return html`<span class="deeds"
      >${deed('save', 'Save the picture of now as', () => this.#update(scene))}
      ${deed('edit', 'Rename', () => this.#rename(scene.id))}
      ${deed('close', 'Remove', () => this.#remove(scene))}</span
    >`;
  }

  #renameForm(scene: SavedScene): TemplateResult {
    return html`<form
      aria-label="Rename ${scene.name}"
      @submit=${(e: SubmitEvent) => this.#renamed(e, scene)}
      @keydown=${(e: KeyboardEvent) => this.#onKey(e)}
    >
      <input type="text" name="rename" maxlength="60" autocomplete="off" aria-label="Name" .value=${scene.name} />
      <button class="icon" aria-label="Save name">${icon('check', 18)}</button>
      <button type="button" class="quiet icon" aria-label="Keep the old name" @click=${() => (this.renaming = '')}>
        ${icon('close', 18)}
      </button>
    </form>`;
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      event.preventDefault();
      this.renaming = '';
    }
  }

  #rename(id: string): void {
    this.renaming = id;
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLInputElement>('[name="rename"]')?.select());
  }

  #renamed(event: SubmitEvent, scene: SavedScene): void {
    event.preventDefault();
    const name = this.renderRoot.querySelector<HTMLInputElement>('[name="rename"]')?.value.trim() ?? '';
    this.renaming = '';
    this.#keep(this.scenes.map((each) => (each.id === scene.id ? { ...each, name: name || scene.name } : each)));
  }

  async #save(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const input = this.renderRoot.querySelector<HTMLInputElement>('[name="name"]');
    const look = await this.#now();
    if (look === null || this.scenes.length >= MOST_SCENES) {
      return;
    }
    const name = input?.value.trim() || `Scene ${this.scenes.length + 1}`;
    const [a = 0, b = 0] = crypto.getRandomValues(new Uint32Array(2));
    const scene = { id: `scene-${a.toString(36)}${b.toString(36)}`, name, ...look };
    this.#told(`${name} is saved`, look);
    this.#shown = { id: scene.id, composition: this.store?.composition };
    this.#keep([...this.scenes, scene]);
    if (input) {
      input.value = '';
    }
  }

  /** The look of now, its picture kept; null without a recorder. */
  async #now(): Promise<Pick<SavedScene, 'look' | 'pictureFile'> | null> {
    const look = this.store?.scene();
    if (look === undefined) {
      return null;
    }
    const pictureFile = look.picture === undefined ? undefined : await keepPicture(look.picture);
    return { look, ...(pictureFile === undefined ? {} : { pictureFile }) };
  }

  #told(what: string, { look, pictureFile }: Pick<SavedScene, 'look' | 'pictureFile'>): void {
    const lost = look.picture !== undefined && pictureFile === undefined;
    this.removed = null;
    this.told = lost ? `${what}, but this browser has no room for its background picture` : what;
  }

  async #update(scene: SavedScene): Promise<void> {
    const look = await this.#now();
    if (look !== null) {
      this.#told(`${scene.name} is saved as it is now`, look);
      this.#shown = { id: scene.id, composition: this.store?.composition };
      const { id, name } = scene;
      this.#keep(this.scenes.map((each) => (each.id === id ? { id, name, ...look } : each)));
    }
  }

  #remove(scene: SavedScene): void {
    this.removed = { scene, at: this.scenes.indexOf(scene) };
    this.#keep(this.scenes.filter((each) => each.id !== scene.id));
  }

  #putBack = (): void => {
    const back = this.removed;
    this.removed = null;
    if (back !== null) {
      this.told = `${back.scene.name} is back`;
      this.#keep([...this.scenes.slice(0, back.at), back.scene, ...this.scenes.slice(back.at)]);
    }
  };

  #move(id: string, to: number): void {
    const scene = this.scenes.find((each) => each.id === id);
    const others = this.scenes.filter((each) => each.id !== id);
    if (scene !== undefined) {
      this.#keep([...others.slice(0, to), scene, ...others.slice(to)]);
    }
  }
}
