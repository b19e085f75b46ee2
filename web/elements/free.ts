/** The way from any layout to the free one. */

import type { CompositionSource, PlacedSource } from 'keeptake';

/** A row of small tiles along the lower edge, fractions of the canvas. */
const SIDE = 0.2;
const MARGIN = 0.03;

/**
 * The sources for the layout `free`: each stands where it stands now. Who was not in the picture, as beside a screen
 * shown alone, gets a small place along the lower edge, above the others, so that it can be seen and taken hold of.
 */
export function freeSources(
  sources: readonly CompositionSource[],
  placed: readonly PlacedSource[],
): CompositionSource[] {
  const places = new Map(placed.map((p) => [p.id, p]));
  const missing = sources.filter((s) => !places.has(s.id) && s.placement === undefined);
  const step = Math.min(SIDE + MARGIN, (1 - SIDE - 2 * MARGIN) / Math.max(1, missing.length - 1));
  const top = Math.max(0, ...sources.map((s) => s.z ?? 0));
  return sources.map((s) => {
    const at = places.get(s.id);
    if (at !== undefined) {
      return { ...s, placement: { x: at.x, y: at.y, width: at.width, height: at.height } };
    }
    const z = Math.min(1000, top + 1);
    if (s.placement !== undefined) {
      return { ...s, z };
    }
    const x = 1 - MARGIN - SIDE - missing.indexOf(s) * step;
    return { ...s, z, placement: { x, y: 1 - MARGIN - SIDE, width: SIDE, height: SIDE } };
  });
}
