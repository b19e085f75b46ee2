/** What the stand-in recorder shows: coloured figures where a layout puts them, and banners. */

import type { Composition, HookOptions, PlacedSource, Rect, SourceInfo } from '../../web/src/base/types.js';

const HUES = [168, 268, 24, 212, 330, 92];

export interface Picture {
  canvasSize: { width: number; height: number };
  composition: Composition;
  sources: readonly SourceInfo[];
  hooks: ReadonlyMap<string, HookOptions>;
}

/** Where a layout puts `count` sources. */
export function placeAll(
  layout: Composition['layout'],
  ids: readonly string[],
  focus: string | undefined,
): PlacedSource[] {
  const first = focus !== undefined && ids.includes(focus) ? focus : ids[0];
  const rest = ids.filter((id) => id !== first);
  const at = (id: string, r: Rect): PlacedSource => ({ id, ...r });
  if (first === undefined) {
    return [];
  }
  if (layout === 'screen-only') {
    return [at(first, { x: 0, y: 0, width: 1, height: 1 })];
  }
  if (layout === 'picture-in-picture') {
    return [
      at(first, { x: 0, y: 0, width: 1, height: 1 }),
      ...rest.map((id, i) => at(id, { x: 0.76 - i * 0.24, y: 0.72, width: 0.22, height: 0.24 })),
    ];
  }
  if (layout === 'spotlight') {
    return [
      at(first, { x: 0.02, y: 0.03, width: 0.72, height: 0.94 }),
      ...rest.map((id, i) => at(id, { x: 0.76, y: 0.03 + i * 0.32, width: 0.22, height: 0.3 })),
    ];
  }
  const columns = layout === 'side-by-side' ? ids.length : Math.ceil(Math.sqrt(ids.length));
  const rows = Math.ceil(ids.length / columns);
  return ids.map((id, i) =>
    at(id, {
      x: (i % columns) / columns + 0.012,
      y: Math.floor(i / columns) / rows + 0.02,
      width: 1 / columns - 0.024,
      height: 1 / rows - 0.04,
    }),
  );
}

/** The placed sources and the hooks, as figures and banners. */
export function drawPicture(
  context: CanvasRenderingContext2D,
  picture: Picture,
  placed: readonly PlacedSource[],
): void {
  const { width, height } = picture.canvasSize;
  const background = picture.composition.background;
  const paint = context.createLinearGradient(0, 0, width, height);
  paint.addColorStop(
    0,
    background?.kind === 'gradient' ? background.from : background?.kind === 'color' ? background.color : '#223',
  );
  paint.addColorStop(
    1,
    background?.kind === 'gradient' ? background.to : background?.kind === 'color' ? background.color : '#557',
  );
  context.fillStyle = paint;
  context.fillRect(0, 0, width, height);
  for (const place of placed) {
    const index = picture.sources.findIndex((s) => s.id === place.id);
    if (index >= 0) {
      figure(context, picture, place, HUES[index % HUES.length] ?? 0);
    }
  }
  for (const hook of picture.hooks.values()) banner(context, picture, hook);
}

function figure(
  context: CanvasRenderingContext2D,
  { canvasSize, composition }: Picture,
  place: PlacedSource,
  hue: number,
): void {
  const { width, height } = canvasSize;
  const [x, y, w, h] = [place.x * width, place.y * height, place.width * width, place.height * height];
  const look = composition.sources.find((s) => s.id === place.id);
  const small = Math.min(w, h);
  context.save();
  context.beginPath();
  if (look?.shape === 'circle') {
    context.arc(x + w / 2, y + h / 2, small / 2, 0, Math.PI * 2);
  } else {
    context.roundRect(x, y, w, h, look?.shape === 'rounded' ? small * 0.08 : 0);
  }
  context.clip();
  const wall = context.createLinearGradient(x, y, x, y + h);
  wall.addColorStop(0, `hsl(${hue} 28% 62%)`);
  wall.addColorStop(1, `hsl(${hue} 34% 30%)`);
  context.fillStyle = wall;
  context.fillRect(x, y, w, h);
  const sway = Math.sin(performance.now() / 900 + hue) * small * 0.012;
  context.fillStyle = `hsl(${(hue + 190) % 360} 30% 26%)`;
  context.beginPath();
  context.ellipse(x + w / 2 + sway, y + h * 1.06, small * 0.46, small * 0.42, 0, 0, Math.PI * 2);
  context.fill();
  context.fillStyle = '#c99a7c';
  context.beginPath();
  context.ellipse(x + w / 2 + sway * 1.6, y + h * 0.44, small * 0.16, small * 0.2, 0, 0, Math.PI * 2);
  context.fill();
  context.fillStyle = `hsl(${(hue + 20) % 360} 24% 16%)`;
  context.beginPath();
  context.ellipse(x + w / 2 + sway * 1.6, y + h * 0.44 - small * 0.1, small * 0.175, small * 0.13, 0, Math.PI, 0);
  context.fill();
  context.restore();
}

function banner(context: CanvasRenderingContext2D, { canvasSize }: Picture, hook: HookOptions): void {
  const { width, height } = canvasSize;
  const size = height * 0.045;
  context.font = `600 ${size}px sans-serif`;
  const wide = context.measureText(hook.text).width + size * 1.4;
  context.fillStyle = hook.background ?? '#10151ce6';
  context.beginPath();
  context.roundRect(width * 0.04, height * 0.82, wide, size * 2, size * 0.3);
  context.fill();
  context.fillStyle = hook.color ?? '#fff';
  context.fillText(hook.text, width * 0.04 + size * 0.7, height * 0.82 + size * 1.33);
}
