/** Breaks a text into lines of a width, at words where it can, and ends in an ellipsis what does not fit. */

export interface TextLines {
  lines: string[];
  /** Of the widest line, in the unit of `measure`. */
  width: number;
}

export interface LineOptions {
  measure: (text: string) => number;
  /** Greatest width of a line. */
  room: number;
  /** At most so many lines; at least 1. */
  most: number;
}

/** Nobody reads more on a banner, and measuring stays quick. */
const MOST_CHARACTERS = 400;
/** Scripts that write words without spaces. */
const UNSPACED =
  /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Thai}|\p{Script=Lao}|\p{Script=Khmer}|\p{Script=Myanmar}/u;
/** Halvings of the width when lines are evened out. */
const EVEN_STEPS = 7;

const graphemes = segmenter('grapheme');
const words = segmenter('word');

/**
 * The lines of a text; the text's own line breaks are kept. Lines are about equally wide, so that no single word
 * stands alone. A word wider than `room` is broken between characters. An empty text has no lines.
 */
export function textLines(text: string, { measure, room, most }: LineOptions): TextLines {
  const cut = characters(text.slice(0, 8 * MOST_CHARACTERS))
    .slice(0, MOST_CHARACTERS)
    .join('');
  const isCut = cut.length < text.length;
  const paragraphs = cut
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((each) => each.trim())
    .filter((each) => each !== '');
  if (paragraphs.length === 0) return { lines: [], width: 0 };
  let all = fill(paragraphs, measure, room);
  if (all.length > most || isCut) {
    const kept = all.slice(0, most);
    kept[kept.length - 1] = ellipsis(kept.at(-1) ?? '', measure, room);
    all = kept;
  } else {
    all = even(paragraphs, all, measure, room);
  }
  return { lines: all, width: Math.max(...all.map(measure)) };
}

/** True where the first letter that has a direction is of a script written from right to left. */
export function isRightToLeft(text: string): boolean {
  const first = /\p{L}/u.exec(text)?.[0] ?? '';
  return /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u.test(
    first,
  );
}

function segmenter(granularity: 'grapheme' | 'word'): Intl.Segmenter | null {
  return typeof Intl.Segmenter === 'function' ? new Intl.Segmenter(undefined, { granularity }) : null;
}

/** What a person sees as characters: an emoji of several code points is one. */
function characters(text: string): string[] {
  return graphemes === null ? [...text] : Array.from(graphemes.segment(text), ({ segment }) => segment);
}

interface Word {
  text: string;
  /** What stands between it and the one before, where both are on one line. */
  before: string;
}

function wordsOf(paragraph: string): Word[] {
  return paragraph.split(/[^\S\u00a0\u202f]+/).flatMap((word, i) => {
    const parts = words !== null && UNSPACED.test(word) ? unspaced(word, words) : [word];
    return parts.map((text, k): Word => ({ text, before: k === 0 && i > 0 ? ' ' : '' }));
  });
}

/** Punctuation stays with the word that it follows. */
function unspaced(word: string, cutter: Intl.Segmenter): string[] {
  const parts: string[] = [];
  for (const { segment, isWordLike } of cutter.segment(word)) {
    if (isWordLike === true || parts.length === 0) parts.push(segment);
    else parts[parts.length - 1] += segment;
  }
  return parts;
}

function fill(paragraphs: readonly string[], measure: (text: string) => number, room: number): string[] {
  return paragraphs.flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const { text, before } of wordsOf(paragraph)) {
      if (line !== '' && measure(line + before + text) <= room) {
        line += before + text;
        continue;
      }
      if (line !== '') lines.push(line);
      const broken = broke(text, measure, room);
      lines.push(...broken.slice(0, -1));
      line = broken.at(-1) ?? '';
    }
    return [...lines, line];
  });
}

/** A word in pieces of at most `room`. */
function broke(word: string, measure: (text: string) => number, room: number): string[] {
  if (measure(word) <= room) return [word];
  const pieces: string[] = [];
  let piece = '';
  for (const character of characters(word)) {
    if (piece !== '' && measure(piece + character) > room) {
      pieces.push(piece);
      piece = '';
    }
    piece += character;
  }
  return [...pieces, piece];
}

/** The same number of lines in the least width that gives it and breaks no word. */
function even(
  paragraphs: readonly string[],
  lines: string[],
  measure: (text: string) => number,
  room: number,
): string[] {
  if (lines.length === paragraphs.length) return lines;
  const widest = Math.max(...paragraphs.flatMap((each) => wordsOf(each).map(({ text }) => measure(text))));
  if (widest >= room) return lines;
  let [low, high, best] = [Math.max(room / 2, widest), room, lines];
  for (let i = 0; i < EVEN_STEPS; i += 1) {
    const width = (low + high) / 2;
    const tried = fill(paragraphs, measure, width);
    const fits = tried.length === lines.length && tried.every((line) => measure(line) <= width);
    if (fits) [high, best] = [width, tried];
    else low = width;
  }
  return best;
}

function ellipsis(line: string, measure: (text: string) => number, room: number): string {
  let kept = characters(line);
  while (kept.length > 0 && measure(`${kept.join('').trimEnd()}…`) > room) kept = kept.slice(0, -1);
  return `${kept.join('').trimEnd()}…`;
}
