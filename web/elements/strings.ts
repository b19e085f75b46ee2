/**
 * Which language an element speaks, and how its figures look. Words come from tables ({@link Strings}) that a page makes
 * known; English is always there.
 */

import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { en, type Strings } from './strings/en.js';

export type { Strings };

/** The words and the locale of one element at one moment. */
export class Language {
  /** BCP 47, for `Intl`: that of the page where there is a table for it, else that of the table. */
  readonly locale: string;
  readonly words: Strings;
  readonly #numbers = new Map<number, Intl.NumberFormat>();

  constructor(locale: string, words: Strings) {
    this.locale = locale;
    this.words = words;
  }

  /** A number with just so many digits after its point. */
  number(value: number, digits = 0): string {
    let format = this.#numbers.get(digits);
    if (format === undefined) {
      const both = { minimumFractionDigits: digits, maximumFractionDigits: digits };
      format = new Intl.NumberFormat(this.locale, both);
      this.#numbers.set(digits, format);
    }
    return format.format(value);
  }

  /** `0.256` → `26 %`. */
  percent(fraction: number, digits = 0): string {
    return this.words.units.percent(this.number(fraction * 100, digits));
  }
}

/** Dates and times of plain `en` are written as in most of the world: day before month, 24 hours. */
const PLAIN: Readonly<Record<string, string>> = { en: 'en-GB' };

const tables = new Map<string, Strings>([['en', en]]);
const languages = new Map<string, Language>();
const controllers = new Set<LanguageController>();
let chosen: string | null = null;
let observer: MutationObserver | null = null;

/**
 * Makes a table known under a language (`de`, `pt-BR`); one that is there is replaced. Elements of that language are
 * drawn anew.
 * @throws {RangeError} where `locale` is no language
 */
export function addStrings(locale: string, table: Strings): void {
  tables.set(canonical(locale), table);
  languages.clear();
  redraw();
}

/**
 * The language of all elements that have none of their own, by the attribute `lang` of themselves or of what is around
 * them below `<html>`; null (the start): that of the document.
 * @throws {RangeError} where `locale` is no language
 */
export function setLanguage(locale: string | null): void {
  chosen = locale === null ? null : canonical(locale);
  redraw();
}

/** The language of an element, or of the page. */
export function languageOf(element: Element | null = null): Language {
  const locale = near(element) ?? chosen ?? (typeof document === 'undefined' ? '' : document.documentElement.lang);
  let language = languages.get(locale);
  if (language === undefined) {
    language = make(locale);
    languages.set(locale, language);
  }
  return language;
}

/** Redraws its host when the host's language changes, which is seen in the document at once, elsewhere when it is drawn. */
export class LanguageController implements ReactiveController {
  readonly #host: ReactiveControllerHost & Element;
  #now: Language;

  constructor(host: ReactiveControllerHost & Element) {
    this.#host = host;
    this.#now = languageOf();
    host.addController(this);
  }

  /** As of the last look; the host may be moved or get another `lang` meanwhile. */
  get now(): Language {
    return this.#now;
  }

  /** Of Lit's controllers. */
  hostConnected(): void {
    controllers.add(this);
    watch();
    this.look();
  }

  /** Of Lit's controllers. */
  hostDisconnected(): void {
    controllers.delete(this);
    if (controllers.size === 0) {
      observer?.disconnect();
      observer = null;
    }
  }

  /** Of Lit's controllers. */
  hostUpdate(): void {
    this.#now = languageOf(this.#host);
  }

  /** Has the host redrawn where its language is another one now. */
  look(): void {
    if (languageOf(this.#host) !== this.#now) {
      this.#host.requestUpdate();
    }
  }
}

function canonical(locale: string): string {
  return Intl.getCanonicalLocales(locale)[0] ?? 'en';
}

/** The closest `lang` around an element, through shadow roots; that of the document apart. */
function near(element: Element | null): string | null {
  for (let up = element; up !== null; ) {
    const found = up.closest('[lang]');
    if (found !== null && found !== found.ownerDocument.documentElement) {
      return found.getAttribute('lang');
    }
    const root = up.getRootNode();
    up = root instanceof ShadowRoot ? root.host : null;
  }
  return null;
}

/** The table for `de-AT-1996` is that of `de-AT-1996`, else `de-AT`, else `de`, else the English one. */
function make(locale: string): Language {
  let known = '';
  try {
    known = canonical(locale);
  } catch {
    // Not a language: English.
  }
  for (let tag = known; tag !== ''; tag = tag.slice(0, Math.max(0, tag.lastIndexOf('-')))) {
    const table = tables.get(tag);
    if (table !== undefined) {
      return new Language(PLAIN[known] ?? known, table);
    }
  }
  return new Language(PLAIN['en'] ?? 'en', tables.get('en') ?? en);
}

function redraw(): void {
  for (const controller of controllers) {
    controller.look();
  }
}

/** One observer for all elements, while there are any. */
function watch(): void {
  if (observer === null) {
    observer = new MutationObserver(redraw);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['lang'], subtree: true });
  }
}
