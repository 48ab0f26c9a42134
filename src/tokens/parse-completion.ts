/**
 * Reads a completion back: the code grid of its picture, the words of its thought. What a policy writes is not an
 * input fault, so a completion that cannot be read is a return value that says why.
 */

import { THOUGHT_END, THOUGHT_START, type Tokens } from "./sequence.ts";
import type { CodeGrid, GridSize } from "./vision-tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";

export interface Unreadable {
  readonly problem: string;
}

/**
 * The picture after the first img: rows of image tokens of one length, each closed by eol, then eof and eoi. The
 * "rows*columns" text before it is not judged (EARL's decoder does not look at it either); `expected` is.
 */
export function parseImage(
  vocabulary: Vocabulary,
  ids: ArrayLike<number>,
  expected?: GridSize,
): { readonly grid: CodeGrid } | Unreadable {
  const { img, eol, eof, eoi, imageTokenOffset, codebookSize } = vocabulary;
  let at = Array.prototype.indexOf.call(ids, img) + 1;
  if (at === 0) return { problem: "there is no picture: the image-start token (img) is missing" };
  const rows: number[][] = [[]];
  for (; at < ids.length && ids[at] !== eof; at += 1) {
    const row = rows.at(-1) as number[];
    const code = (ids[at] as number) - imageTokenOffset;
    if (ids[at] === eol) rows.push([]);
    else if (code >= 0 && code < codebookSize) row.push(code);
    else return { problem: `row ${rows.length} of the picture holds id ${ids[at]}, which is no image token` };
  }
  const unclosed = rows.pop() as number[];
  if (at >= ids.length) {
    return {
      problem: `the picture is unfinished: it ends in row ${rows.length + 1}, after ${unclosed.length} codes`,
    };
  }
  if (unclosed.length > 0) return { problem: `row ${rows.length + 1} of the picture is not closed by eol` };
  if (ids[at + 1] !== eoi) return { problem: "the picture is unfinished: eoi does not follow its last row" };
  return gridOfRows(rows, expected);
}

/**
 * The words before the picture, without their delimiters. Takes a completion with or without the prefill that starts
 * a thought.
 */
export function parseThought(
  { vocabulary, textTokenizer }: Tokens,
  ids: ArrayLike<number>,
): { readonly thought: string } | Unreadable {
  const all = Array.from(ids);
  const boi = all.indexOf(vocabulary.boi);
  const written = textTokenizer.decode(boi === -1 ? all : all.slice(0, boi));
  const text = written.startsWith(THOUGHT_START) ? written.slice(THOUGHT_START.length) : written;
  if (boi === -1) return { problem: "the thought is unfinished: no picture follows it" };
  if (!text.endsWith(THOUGHT_END)) return { problem: `the thought does not end with ${THOUGHT_END}` };
  return { thought: text.slice(0, -THOUGHT_END.length).trim() };
}

function gridOfRows(rows: readonly number[][], expected?: GridSize): { grid: CodeGrid } | Unreadable {
  const columns = rows[0]?.length ?? 0;
  if (columns === 0) return { problem: "the picture is empty: its first row has no codes" };
  const ragged = rows.findIndex((row) => row.length !== columns);
  if (ragged !== -1) {
    const found = rows[ragged]?.length;
    return { problem: `the picture is ragged: row ${ragged + 1} has ${found} codes, row 1 has ${columns}` };
  }
  if (expected !== undefined && (expected.rows !== rows.length || expected.columns !== columns)) {
    return {
      problem: `the picture is ${rows.length} × ${columns} codes, not ${expected.rows} × ${expected.columns}`,
    };
  }
  return { grid: { rows: rows.length, columns, codes: Int32Array.from(rows.flat()) } };
}
