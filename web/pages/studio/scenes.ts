/** Scenes in this browser's storage, and the look that the studio had last. What is not a scene there is left out. */

import type { Background, Composition, CompositionSource, HookOptions, Rect } from 'keeptake';
import type { HookEntry, SceneLook, SceneName } from '../../elements/index.js';
import { LAYOUT_KINDS } from '../../elements/kt-layout-picker.js';
import { blobNames, deleteBlob, getBlob, putBlob } from './blobs.js';

/** A look under a name. */
export interface SavedScene {
  id: string;
  name: string;
  look: SceneLook;
  /** Name of the file of its picture. */
  pictureFile?: string;
}

export const MOST_SCENES = 30;

const SCENES = 'keeptake.studio.scenes';
const LAST = 'keeptake.studio.last';
const PICTURES = 'backdrop:';
const ID = /^[A-Za-z0-9._:-]{1,63}$/;
const COLOR = /^#[0-9a-f]{6}$/i;
const HOOK_COLOR = /^#[0-9a-f]{3,8}$/i;

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (value: unknown): value is string => typeof value === 'string' && ID.test(value);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function number<K extends string>(from: Json, key: K, low: number, high: number): Partial<Record<K, number>> {
  const value = from[key];
  return typeof value === 'number' && value >= low && value <= high
    ? ({ [key]: value } as Partial<Record<K, number>>)
    : {};
}

function text<K extends string>(from: Json, key: K, most: number, form?: RegExp): Partial<Record<K, string>> {
  const value = from[key];
  return typeof value === 'string' && value.length <= most && (form === undefined || form.test(value))
    ? ({ [key]: value } as Partial<Record<K, string>>)
    : {};
}

function word<W extends string>(from: Json, key: string, words: readonly W[]): W | undefined {
  return words.find((each) => each === from[key]);
}

function readBackground(value: unknown): Background | undefined {
  if (!isObject(value)) {
    return undefined;
  }
  const { color, from, to, image } = {
    ...text(value, 'color', 7, COLOR),
    ...text(value, 'from', 7, COLOR),
    ...text(value, 'to', 7, COLOR),
    ...text(value, 'image', 63, ID),
  };
  switch (value['kind']) {
    case 'color':
      return color === undefined ? undefined : { kind: 'color', color };
    case 'gradient':
      return from === undefined || to === undefined
        ? undefined
        : { kind: 'gradient', from, to, ...number(value, 'angle', -360, 360) };
    case 'image':
      return image === undefined ? undefined : { kind: 'image', image };
    default:
      return undefined;
  }
}

function readPlacement(value: unknown): Rect | undefined {
  if (!isObject(value)) {
    return undefined;
  }
  const { x, y, width, height } = {
    ...number(value, 'x', -2, 2),
    ...number(value, 'y', -2, 2),
    ...number(value, 'width', 1e-6, 4),
    ...number(value, 'height', 1e-6, 4),
  };
  return x === undefined || y === undefined || width === undefined || height === undefined
    ? undefined
    : { x, y, width, height };
}

function readSource(value: unknown): CompositionSource[] {
  if (!isObject(value) || !isId(value['id'])) {
    return [];
  }
  const placement = readPlacement(value['placement']);
  const shape = word(value, 'shape', ['rectangle', 'rounded', 'circle'] as const);
  const fit = word(value, 'fit', ['cover', 'contain'] as const);
  const border = isObject(value['border']) ? value['border'] : {};
  const { width } = number(border, 'width', 0, 0.05);
  return [
    {
      id: value['id'],
      ...(placement === undefined ? {} : { placement }),
      ...(Number.isInteger(value['z']) ? number(value, 'z', -1000, 1000) : {}),
      ...(shape === undefined ? {} : { shape }),
      ...number(value, 'radius', 0, 0.5),
      ...(fit === undefined ? {} : { fit }),
      ...(typeof value['mirror'] === 'boolean' ? { mirror: value['mirror'] } : {}),
      ...(width === undefined ? {} : { border: { width, ...text(border, 'color', 7, COLOR) } }),
      ...number(value, 'opacity', 0, 1),
    },
  ];
}

function unique<T extends { id: string }>(all: readonly T[]): T[] {
  return all.filter((each, i) => all.findIndex((other) => other.id === each.id) === i);
}

function readComposition(value: Json): Composition {
  const layout = word(value, 'layout', LAYOUT_KINDS);
  const background = readBackground(value['background']);
  return {
    ...(layout === undefined ? {} : { layout }),
    ...text(value, 'focus', 63, ID),
    ...number(value, 'gap', 0, 0.2),
    ...(background === undefined ? {} : { background }),
    ...number(value, 'transition', 0, 2),
    sources: unique(list(value['sources']).flatMap(readSource)).slice(0, 16),
  };
}

function readHook(value: unknown): HookEntry[] {
  if (!isObject(value) || !isId(value['id'])) {
    return [];
  }
  const words = text(value, 'text', 400).text?.trim() ?? '';
  const hook: Partial<HookOptions> = {
    ...text(value, 'subtitle', 400),
    ...text(value, 'sourceId', 63, ID),
    ...text(value, 'color', 9, HOOK_COLOR),
    ...text(value, 'background', 9, HOOK_COLOR),
    ...number(value, 'duration', 0.1, 3600),
  };
  return words === '' ? [] : [{ ...hook, id: value['id'], text: words, visible: value['visible'] === true }];
}

function readNames(value: unknown): Record<string, SceneName> {
  const entries = isObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(
    entries
      .flatMap(([id, each]): [string, SceneName][] =>
        isId(id) && isObject(each) && typeof each['name'] === 'string'
          ? [[id, { name: each['name'].slice(0, 200), show: each['show'] === true }]]
          : [],
      )
      .slice(0, 64),
  );
}

/** A look, of anything; null where there is nothing of one. */
export function readLook(value: unknown): SceneLook | null {
  if (!isObject(value) || !isObject(value['composition'])) {
    return null;
  }
  return {
    composition: readComposition(value['composition']),
    hooks: unique(list(value['hooks']).flatMap(readHook)).slice(0, 60),
    names: readNames(value['names']),
  };
}

function readScene(value: unknown): SavedScene[] {
  const look = isObject(value) ? readLook(value['look']) : null;
  if (look === null || !isObject(value) || !isId(value['id'])) {
    return [];
  }
  const name = typeof value['name'] === 'string' ? value['name'].trim().slice(0, 60) : '';
  return [{ id: value['id'], name: name || 'Scene', look, ...text(value, 'pictureFile', 100) }];
}

function stored(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null') as unknown;
  } catch {
    return null;
  }
}

function keep(key: string, value: unknown): boolean {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** The scenes of this browser, in their order, without their pictures: see {@link withPicture}. */
export function readScenes(): SavedScene[] {
  const value = stored(SCENES);
  return unique(list(isObject(value) ? value['scenes'] : null).flatMap(readScene)).slice(0, MOST_SCENES);
}

/** Keeps scenes, in this order; false where the browser has no room. */
export function writeScenes(scenes: readonly SavedScene[]): boolean {
  const plain = scenes.map(({ look: { picture: _file, ...look }, ...scene }) => ({ ...scene, look }));
  const done = keep(SCENES, { version: 1, scenes: plain });
  void clearPictures();
  return done;
}

const names = new WeakMap<Blob, string>();
const loaded = new Map<string, Promise<Blob | null>>();
/** Kept since the page was loaded: what refers to them may not be written yet. */
const fresh = new Set<string>();

/** Keeps a picture; gives the name of its file, `undefined` where it could not be kept. */
export async function keepPicture(picture: Blob): Promise<string | undefined> {
  const known = names.get(picture);
  if (known !== undefined) {
    return known;
  }
  const [a = 0, b = 0] = crypto.getRandomValues(new Uint32Array(2));
  const name = `${PICTURES}${a.toString(36)}${b.toString(36)}`;
  names.set(picture, name);
  fresh.add(name);
  loaded.set(name, Promise.resolve(picture));
  if (await putBlob(name, picture)) {
    return name;
  }
  names.delete(picture);
  loaded.delete(name);
  return undefined;
}

/** The look of a scene with its picture; the same object of a picture each time. */
export async function withPicture(look: SceneLook, pictureFile: string | undefined): Promise<SceneLook> {
  if (pictureFile === undefined) {
    return look;
  }
  const loading = loaded.get(pictureFile) ?? getBlob(pictureFile);
  loaded.set(pictureFile, loading);
  const picture = await loading;
  if (picture === null) {
    loaded.delete(pictureFile);
    return look;
  }
  names.set(picture, pictureFile);
  return { ...look, picture };
}

/** The look that the studio had when it was last open. */
export async function readLast(): Promise<SceneLook | null> {
  const value = stored(LAST);
  const look = isObject(value) ? readLook(value['look']) : null;
  return look === null || !isObject(value) ? look : withPicture(look, text(value, 'pictureFile', 100).pictureFile);
}

export async function writeLast({ picture, ...look }: SceneLook): Promise<void> {
  const pictureFile = picture === undefined ? undefined : await keepPicture(picture);
  keep(LAST, { version: 1, look, ...(pictureFile === undefined ? {} : { pictureFile }) });
}

/** Removes the pictures that nothing refers to any more. */
async function clearPictures(): Promise<void> {
  const last = stored(LAST);
  const used = new Set([
    ...readScenes().map((scene) => scene.pictureFile),
    isObject(last) ? text(last, 'pictureFile', 100).pictureFile : undefined,
  ]);
  for (const name of await blobNames(PICTURES)) {
    if (!used.has(name) && !fresh.has(name)) {
      loaded.delete(name);
      await deleteBlob(name);
    }
  }
}
