/** The picture of the test pattern: bars, a clock, and a flash at each whole second, when the tone sounds too. */

/** What to draw, and when: `now` in milliseconds since 1970. */
export interface PatternMoment {
  width: number;
  height: number;
  /** Tells several patterns apart, degrees. */
  hue: number;
  label: string;
  now: number;
}

/** Length of flash and tone, milliseconds. */
export const FLASH_MS = 100;

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Draws one moment over the whole canvas. */
export function drawPattern(context: Context, moment: PatternMoment): void {
  const { width, height, hue, now } = moment;
  const flash = now % 1000 < FLASH_MS;
  for (let i = 0; i < 8; i += 1) {
    context.fillStyle = `hsl(${hue + i * 11} 46% ${64 - i * 6}%)`;
    context.fillRect((i * width) / 8, 0, width / 8 + 1, height);
  }
  context.fillStyle = `hsl(${hue} 30% 9%)`;
  context.fillRect(0, height * 0.78, width, height * 0.22);
  dial(context, moment, flash);
  context.fillStyle = '#fff';
  context.font = `600 ${height * 0.075}px system-ui, sans-serif`;
  context.textBaseline = 'middle';
  context.textAlign = 'left';
  context.fillText(moment.label, width * 0.05, height * 0.89);
  context.textAlign = 'right';
  const stamp = new Date(now).toISOString();
  context.fillText(stamp.slice(14, 21), width * 0.95, height * 0.89);
}

function dial(context: Context, { width, height, hue, now }: PatternMoment, flash: boolean): void {
  const [x, y, r] = [width / 2, height * 0.4, height * 0.26];
  context.fillStyle = flash ? '#fff' : `hsl(${hue} 36% 12%)`;
  context.beginPath();
  context.arc(x, y, r, 0, Math.PI * 2);
  context.fill();
  const turn = (now % 1000) / 1000;
  context.strokeStyle = flash ? `hsl(${hue} 60% 40%)` : `hsl(${hue} 70% 72%)`;
  context.lineWidth = height * 0.035;
  context.lineCap = 'round';
  context.beginPath();
  context.arc(x, y, r * 0.78, -Math.PI / 2, -Math.PI / 2 + Math.PI * 2 * turn);
  context.stroke();
}
