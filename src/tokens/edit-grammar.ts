/**
 * The grammar of an edit. A thought is text that ends where boi is drawn; then the picture, of which only the codes
 * are free: its "rows*columns", img, row ends, eof, eoi and eos follow from the grid. The picture always has the
 * prompt's grid, also where the text before it was left free and says something else (as in EARL's decoding).
 */

import type { Grammar, GrammarPart, Segment } from "./grammar.ts";
import type { Prompt } from "./prompt.ts";
import { gridTextIds } from "./sequence.ts";
import type { TextTokenizer } from "./text-tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";

export interface EditGrammarOptions {
  /** Lets the policy write "rows*columns" and img itself, as EARL's RL does; forced unless set. */
  readonly freeGridText?: boolean;
}

const IMAGE = 0;
const TEXT = 1;
const GRID_TEXT = 2;

export function editGrammar(
  vocabulary: Vocabulary,
  textTokenizer: TextTokenizer,
  { freeGridText = false }: EditGrammarOptions = {},
): Grammar {
  const { boi, img, imageTokenOffset, codebookSize } = vocabulary;
  const control: number[] = [];
  for (let id = 0; id < imageTokenOffset; id += 1) {
    // Only text has words: control tokens, spare ones and ids that nothing stands for decode to nothing.
    if (textTokenizer.decode([id]) === "") control.push(id);
  }
  const textUntil = (name: string, end: number): Segment => ({
    name,
    start: 0,
    end: imageTokenOffset,
    banned: control.filter((id) => id !== end),
  });
  const segments: Segment[] = [
    { name: "image", start: imageTokenOffset, end: imageTokenOffset + codebookSize, banned: [] },
    textUntil("text", boi),
  ];
  if (freeGridText) segments.push(textUntil("grid-text", img));

  return {
    segments,
    parts(prompt) {
      const gridText: GrammarPart = freeGridText
        ? { segment: GRID_TEXT, until: img }
        : { forced: Int32Array.from([...gridTextIds(textTokenizer, prompt.grid), img]) };
      const picture = [gridText, ...pictureParts(vocabulary, prompt)];
      return prompt.writes === "thought" ? [{ segment: TEXT, until: boi }, ...picture] : picture;
    },
  };
}

/** Rows of free codes with forced ends; after the last row eof, eoi and eos too. */
function pictureParts({ eol, eof, eoi, eos }: Vocabulary, { grid }: Prompt): GrammarPart[] {
  const rowEnd: GrammarPart = { forced: Int32Array.of(eol) };
  const pictureEnd: GrammarPart = { forced: Int32Array.of(eol, eof, eoi, eos) };
  return Array.from({ length: grid.rows }, (_, row): GrammarPart[] => [
    { segment: IMAGE, count: grid.columns },
    row + 1 < grid.rows ? rowEnd : pictureEnd,
  ]).flat();
}
