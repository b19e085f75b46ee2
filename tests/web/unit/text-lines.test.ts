import { describe, expect, it } from 'vitest';
import { isRightToLeft, textLines } from '../../../web/src/worker/text-lines.js';

/** Each character is one wide, a family emoji too. */
const measure = (text: string): number =>
  [...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)].length;
const lines = (text: string, room: number, most = 3): string[] => textLines(text, { measure, room, most }).lines;

describe('textLines', () => {
  it('keeps what fits on one line, and says how wide it is', () => {
    expect(textLines('  Ada Byron ', { measure, room: 20, most: 3 })).toEqual({ lines: ['Ada Byron'], width: 9 });
    expect(textLines(' \n ', { measure, room: 20, most: 3 })).toEqual({ lines: [], width: 0 });
  });

  it('breaks at words into lines of about the same width', () => {
    expect(lines('one two three four five', 19)).toEqual(['one two three', 'four five']);
    expect(lines('aaaa bbbb cccc dddd', 15)).toEqual(['aaaa bbbb', 'cccc dddd']);
    for (const line of lines('the quick brown fox jumps over the lazy dog', 17))
      expect(line.length).toBeLessThanOrEqual(17);
  });

  it('keeps the breaks of the text, and spaces that must not break', () => {
    expect(lines('Tonight:\r\nthe tides\n\n', 30)).toEqual(['Tonight:', 'the tides']);
    expect(lines('about 20\u00a0km/h here', 8)).toEqual(['about', '20\u00a0km/h', 'here']);
  });

  it('ends in an ellipsis at the bound, within the width', () => {
    const cut = lines('alpha beta gamma delta epsilon zeta', 11, 2);
    expect(cut).toEqual(['alpha beta', 'gamma delt…']);
    expect(lines('alpha beta gamma', 6, 1)).toEqual(['alpha…']);
    expect(lines('alpha beta', 0.5, 1)).toEqual(['…']);
  });

  it('breaks a word that is too wide between characters, and no character in two', () => {
    expect(lines('Donaudampfschifffahrt', 8)).toEqual(['Donaudam', 'pfschiff', 'fahrt']);
    const family = '👨‍👩‍👧‍👦';
    expect(lines(family.repeat(5), 2)).toEqual([family.repeat(2), family.repeat(2), family]);
    expect(lines(`e\u0301`.repeat(3), 2, 1)).toEqual(['é…'.normalize('NFD')]);
  });

  it('breaks scripts without spaces, and no punctuation to the next line', () => {
    const japanese = lines('今日は潮の満ち引きについて、話します。', 8);
    expect(japanese.join('')).toBe('今日は潮の満ち引きについて、話します。');
    expect(japanese.length).toBeGreaterThan(1);
    for (const line of japanese) expect(line).not.toMatch(/^[、。]/);
    expect(lines('สวัสดีชาวโลกทุกคน', 8).length).toBeGreaterThan(1);
  });

  it('is quick for any length', () => {
    const long = lines('tide '.repeat(100_000), 30, 3);
    expect(long.length).toBe(3);
    expect(long[2]).toMatch(/…$/);
  });
});

describe('isRightToLeft', () => {
  it('goes by the first letter', () => {
    expect(['شكرا', '12 שלום', 'Ada', '潮', '… !', 'Ada شكرا'].map(isRightToLeft)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
