/** Figures as people read them. */

/** `4.9` → `00:04`, `3725` → `1:02:05`. Counts whole seconds; not a number counts as 0. */
export function formatTime(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds + 1e-6)) : 0;
  const two = (n: number): string => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** The same for a screen reader: `1 minute 4 seconds`. */
export function speakTime(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  const part = (n: number, unit: string): string => (n === 0 ? '' : `${n} ${unit}${n === 1 ? '' : 's'} `);
  const text =
    part(Math.floor(whole / 3600), 'hour') + part(Math.floor(whole / 60) % 60, 'minute') + part(whole % 60, 'second');
  return text.trim() || '0 seconds';
}

/** Decimal units, as file managers show them: `13400000` → `13.4 MB`. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes) || bytes < 1000) {
    return `${Math.max(0, Math.round(bytes) || 0)} B`;
  }
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 99.95 ? value.toFixed(1) : value.toFixed(0)} ${units[unit] ?? ''}`;
}

/** `0.256` → `26 %`. */
export function formatPercent(fraction: number): string {
  return `${Math.round(fraction * 100)} %`;
}

/** A length in a sentence: `44 s`, `3 min`, `11 min 50 s`, `1 h 5 min`. `rough`: whole minutes from one minute on. */
export function formatSpan(seconds: number, rough = false): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.round(seconds)) : 0;
  const both = (large: number, one: string, small: number, other: string): string =>
    small === 0 ? `${large} ${one}` : `${large} ${one} ${small} ${other}`;
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3600) {
    return rough ? `${Math.round(whole / 60)} min` : both(Math.floor(whole / 60), 'min', whole % 60, 's');
  }
  const minutes = Math.round(whole / 60);
  return both(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
}

const ago = new Intl.RelativeTimeFormat('en');
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });

/** How long ago: `just now`, `12 minutes ago`, `1 day ago`. `now` in milliseconds since 1970. */
export function formatAgo(date: Date, now: number): string {
  const seconds = (now - date.getTime()) / 1000;
  const [value, unit]: [number, Intl.RelativeTimeFormatUnit] =
    seconds < 3600 ? [seconds / 60, 'minute'] : seconds < 86_400 ? [seconds / 3600, 'hour'] : [seconds / 86_400, 'day'];
  return seconds < 60 ? 'just now' : ago.format(-Math.floor(value), unit);
}

/** When: `today, 14:32`, `yesterday, 09:05`, `20 Nov 2026, 14:32`, in this machine's time zone. */
export function formatWhen(date: Date, now: number): string {
  const name = day.format(date);
  const known: Record<string, string> = { [day.format(now - 86_400_000)]: 'yesterday', [day.format(now)]: 'today' };
  return `${known[name] ?? name}, ${clock.format(date)}`;
}
