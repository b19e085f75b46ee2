/** What lies above what: steps up and down through the layers of a picture. */

import type { CompositionSource } from 'keeptake';

export type LayerStep = 'forward' | 'backward' | 'front' | 'back';

/** Ids in the order in which they are drawn, the lowest first: by `z`, then by the list. */
export function layerOrder(sources: readonly CompositionSource[]): string[] {
  return sources
    .map((source, index) => ({ id: source.id, z: source.z ?? 0, index }))
    .sort((a, b) => a.z - b.z || a.index - b.index)
    .map(({ id }) => id);
}

/**
 * The sources with one of them a step higher or lower, or right in front or at the back. Each step has an effect:
 * layers are numbered anew from 0. Null where it is there already, or unknown.
 */
export function moveLayer(
  sources: readonly CompositionSource[],
  id: string,
  step: LayerStep,
): CompositionSource[] | null {
  const order = layerOrder(sources);
  const at = order.indexOf(id);
  const last = order.length - 1;
  const to = Math.max(0, Math.min(last, { forward: at + 1, backward: at - 1, front: last, back: 0 }[step]));
  if (at < 0 || to === at) {
    return null;
  }
  order.splice(at, 1);
  order.splice(to, 0, id);
  return sources.map((source) => ({ ...source, z: order.indexOf(source.id) }));
}
