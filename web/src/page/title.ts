/** Titles as a server keeps them. */

/** Characters as people count them: an emoji with its skin tone is one. */
export const TITLE_CHARACTERS = 200;

/** The title, cut where it is longer; never within what a person sees as one character. */
export function fitTitle(title: string): { title: string; cut: boolean } {
  let characters = 0;
  let end = 0;
  for (const character of characterLengths(title)) {
    if (characters === TITLE_CHARACTERS) return { title: title.slice(0, end).trimEnd(), cut: true };
    characters += 1;
    end += character;
  }
  return { title, cut: false };
}

/** Lengths of the characters in code units, one after the other. */
function* characterLengths(text: string): Generator<number> {
  const { Segmenter } = Intl as Partial<Pick<typeof Intl, 'Segmenter'>>;
  if (!Segmenter) {
    for (const point of text) yield point.length;
    return;
  }
  for (const { segment } of new Segmenter(undefined, { granularity: 'grapheme' }).segment(text)) yield segment.length;
}
