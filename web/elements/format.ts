/** Figures as people read them, in the language of the page unless another one is given. */

import { languageOf, type Language } from './strings.js';

/** `4.9` → `00:04`, `3725` → `1:02:05`. Counts whole seconds; not a number counts as 0. The same in all languages. */
export function formatTime(seconds: number): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds + 1e-6)) : 0;
  const two = (n: number): string => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** The same for a screen reader: `1 minute 4 seconds`. */
export function speakTime(seconds: number, language = languageOf()): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.floor(seconds)) : 0;
  const units = [
    [Math.floor(whole / 3600), 'hour'],
    [Math.floor(whole / 60) % 60, 'minute'],
    [whole % 60, 'second'],
  ] as const;
  const said = units.filter(([n, unit]) => n > 0 || (whole === 0 && unit === 'second'));
  return said.map(([n, unit]) => spoken(unit, language).format(n)).join(' ');
}

/** Decimal units, as file managers show them: `13400000` → `13.4 MB`. */
export function formatBytes(bytes: number, language = languageOf()): string {
  const { units } = language.words;
  if (!Number.isFinite(bytes) || bytes < 1000) {
    return units.bytes(language.number(Math.max(0, Math.round(bytes) || 0)));
  }
  const large = [units.kilobytes, units.megabytes, units.gigabytes, units.terabytes] as const;
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < large.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return (large[unit] ?? units.terabytes)(language.number(value, value < 99.95 ? 1 : 0));
}

/** `0.256` → `26 %`. */
export function formatPercent(fraction: number, language = languageOf()): string {
  return language.percent(fraction);
}

/** A length in a sentence: `44 s`, `3 min`, `11 min 50 s`, `1 h 5 min`. `rough`: whole minutes from one minute on. */
export function formatSpan(seconds: number, rough = false, language = languageOf()): string {
  const whole = Number.isFinite(seconds) ? Math.max(0, Math.round(seconds)) : 0;
  const { units } = language.words;
  const one = (n: number, unit: (n: string) => string): string => unit(language.number(n));
  const both = (large: number, unit: (n: string) => string, small: number, other: (n: string) => string): string =>
    small === 0 ? one(large, unit) : `${one(large, unit)} ${one(small, other)}`;
  if (whole < 60) {
    return one(whole, units.seconds);
  }
  if (whole < 3600) {
    return rough
      ? one(Math.round(whole / 60), units.minutes)
      : both(Math.floor(whole / 60), units.minutes, whole % 60, units.seconds);
  }
  const minutes = Math.round(whole / 60);
  return both(Math.floor(minutes / 60), units.hours, minutes % 60, units.minutes);
}

/** How long ago: `just now`, `12 minutes ago`, `1 day ago`. `now` in milliseconds since 1970. */
export function formatAgo(date: Date, now: number, language = languageOf()): string {
  const seconds = (now - date.getTime()) / 1000;
  const [value, unit]: [number, Intl.RelativeTimeFormatUnit] =
    seconds < 3600 ? [seconds / 60, 'minute'] : seconds < 86_400 ? [seconds / 3600, 'hour'] : [seconds / 86_400, 'day'];
  return seconds < 60 ? language.words.times.justNow : formats(language).ago.format(-Math.floor(value), unit);
}

/** When: `today, 14:32`, `yesterday, 09:05`, `20 Nov 2026, 14:32`, in this machine's time zone. */
export function formatWhen(date: Date, now: number, language = languageOf()): string {
  const { day, clock } = formats(language);
  const { times } = language.words;
  const name = day.format(date);
  const known: Record<string, string> = {
    [day.format(now - 86_400_000)]: times.yesterday,
    [day.format(now)]: times.today,
  };
  return times.at(known[name] ?? name, clock.format(date));
}

interface Formats {
  ago: Intl.RelativeTimeFormat;
  clock: Intl.DateTimeFormat;
  day: Intl.DateTimeFormat;
  units: Map<string, Intl.NumberFormat>;
}

const made = new WeakMap<Language, Formats>();

function formats(language: Language): Formats {
  const { locale } = language;
  let found = made.get(language);
  if (found === undefined) {
    found = {
      ago: new Intl.RelativeTimeFormat(locale),
      clock: new Intl.DateTimeFormat(locale, { timeStyle: 'short' }),
      day: new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }),
      units: new Map(),
    };
    made.set(language, found);
  }
  return found;
}

function spoken(unit: 'hour' | 'minute' | 'second', language: Language): Intl.NumberFormat {
  const { units } = formats(language);
  let found = units.get(unit);
  if (found === undefined) {
    found = new Intl.NumberFormat(language.locale, { style: 'unit', unit, unitDisplay: 'long' });
    units.set(unit, found);
  }
  return found;
}
