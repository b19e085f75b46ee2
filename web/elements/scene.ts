/** A scene: all that makes the look of a picture, to be kept and brought back. */

import type { Composition, CompositionSource } from 'keeptake';
import type { HookEntry } from './hook-list.js';

/** Name of a person and whether it is drawn. */
export interface SceneName {
  name: string;
  show: boolean;
}

/** Layout, looks and background, hooks, names. Plain data but for the picture. */
export interface SceneLook {
  composition: Composition;
  hooks: HookEntry[];
  /** By id of the source; those of people who were expected, too. */
  names: Record<string, SceneName>;
  /** The picture behind everybody, where the background is one that the page gave. */
  picture?: Blob;
}

/** Of a composition; the engine refuses more. */
const MOST_SOURCES = 16;

/**
 * A composition for the people who are here now: those of `wanted` in its order and look, then those whom it does not
 * know. `absent` gets the looks of those who are not here; without it nothing refers to them afterwards.
 */
export function forPeople(
  wanted: Composition,
  now: readonly CompositionSource[],
  absent?: Map<string, CompositionSource>,
): Composition {
  const here = new Set(now.map((s) => s.id));
  const known = new Set(wanted.sources.map((s) => s.id));
  for (const source of wanted.sources) {
    if (!here.has(source.id)) {
      absent?.set(source.id, source);
    }
  }
  const { focus, ...rest } = wanted;
  return {
    ...rest,
    ...(focus === undefined || (absent === undefined && !here.has(focus)) ? {} : { focus }),
    sources: [...wanted.sources.filter((s) => here.has(s.id)), ...now.filter((s) => !known.has(s.id))].slice(
      0,
      MOST_SOURCES,
    ),
  };
}

/** A composition with the looks of people who are not here at its end, as a scene keeps it. */
export function withAbsent(composition: Composition, absent: ReadonlyMap<string, CompositionSource>): Composition {
  const here = new Set(composition.sources.map((s) => s.id));
  const others = [...absent.values()].filter((s) => !here.has(s.id));
  return { ...composition, sources: [...composition.sources, ...others].slice(0, MOST_SOURCES) };
}
