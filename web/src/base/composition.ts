/** What stands where in the picture: the types of a composition. Lengths are fractions of the canvas. */

/** A rectangle in fractions of the canvas, origin top left. */
export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** How the sources share the picture. */
export type LayoutKind = 'grid' | 'side-by-side' | 'picture-in-picture' | 'spotlight' | 'screen-only' | 'free';

/** What lies behind everything. */
export type Background =
  | { kind: 'color'; color: string }
  | { kind: 'gradient'; from: string; to: string; angle?: number }
  /** `image` is an id given to {@link Recorder.setImage}. */
  | { kind: 'image'; image: string };

/** How one source is drawn. Every field but `id` has a default. */
export interface CompositionSource {
  id: string;
  /** Used by the `free` layout. */
  placement?: Rect;
  /** Layer, -1000..1000; higher covers lower. Default 0. */
  z?: number;
  shape?: 'rectangle' | 'rounded' | 'circle';
  /** Corner radius as a fraction of the shorter side, 0..0.5. Default 0.08. */
  radius?: number;
  /**
   * `'cover'` fills its place and crops what is too much, `'contain'` shows all of the picture. Default: `'contain'`
   * for sources of kind `'screen'`, else `'cover'`.
   */
  fit?: 'cover' | 'contain';
  mirror?: boolean;
  /** `width` is a fraction of the canvas height, 0..0.05. */
  border?: { width: number; color?: string };
  opacity?: number;
}

/** What stands where in the picture; the same JSON as in timeline and scene. */
export interface Composition {
  layout?: LayoutKind;
  /** Source that the layout puts first. */
  focus?: string;
  /** Between and around tiles, fraction of the canvas height, 0..0.2. */
  gap?: number;
  background?: Background;
  /** Length of the move to this composition, seconds, 0..2. Default 0.25. */
  transition?: number;
  sources: CompositionSource[];
}

/** A source where it stands now, in drawing order (lowest first). */
export interface PlacedSource extends Rect {
  id: string;
}
