/** The part of a picture that a policy has written so far. */

import type { CodeGrid, GridSize } from "./vision-tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";

export interface RowsSoFar {
  /** Rows that are whole. */
  readonly rows: number;
  /** The whole rows in a grid of the full size; the places below hold the last row's codes, so that it can be decoded. */
  readonly padded: CodeGrid;
}

/**
 * The whole rows of the picture after the first img among `ids`; undefined where there is none yet, or where what is
 * written is no picture of `grid`.
 */
export function rowsSoFar(
  { img, eol, imageTokenOffset, codebookSize }: Vocabulary,
  ids: readonly number[],
  { rows, columns }: GridSize,
): RowsSoFar | undefined {
  const start = ids.indexOf(img) + 1;
  if (start === 0) return undefined;
  const codes: number[] = [];
  for (const id of ids.slice(start)) {
    const code = id - imageTokenOffset;
    if (code >= 0 && code < codebookSize) codes.push(code);
    else if (id !== eol) break;
  }
  const whole = Math.min(rows, Math.floor(codes.length / columns));
  if (whole === 0) return undefined;
  const padded = Int32Array.from({ length: rows * columns }, (_, place) => {
    const row = Math.min(Math.floor(place / columns), whole - 1);
    return codes[row * columns + (place % columns)]!;
  });
  return { rows: whole, padded: { rows, columns, codes: padded } };
}
