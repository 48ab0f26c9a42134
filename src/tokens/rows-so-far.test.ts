import { expect, test } from "vitest";

import { rowsSoFar } from "./rows-so-far.ts";
import type { Vocabulary } from "./vocabulary.ts";

const vocabulary = { img: 1, eol: 2, eof: 3, eoi: 4, imageTokenOffset: 10, codebookSize: 90 } as Vocabulary;
const grid = { rows: 3, columns: 2 };
const written = [7, 8, 1, 11, 12, 2, 13, 14, 2, 15, 16, 2, 3, 4];

test("rows are shown once they are whole, the last one repeated below", () => {
  const rowsAt = written.map((_, length) => rowsSoFar(vocabulary, written.slice(0, length), grid)?.rows ?? 0);
  expect(rowsAt).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
  const part = rowsSoFar(vocabulary, written.slice(0, 9), grid);
  expect(part?.padded).toEqual({ rows: 3, columns: 2, codes: Int32Array.from([1, 2, 3, 4, 3, 4]) });
});

test("what follows the picture, or is none, adds nothing", () => {
  expect(rowsSoFar(vocabulary, [...written, 1, 11, 12], grid)?.rows).toBe(3);
  expect(rowsSoFar(vocabulary, [1, 11, 5, 12], grid)).toBeUndefined();
  expect(rowsSoFar(vocabulary, [11, 12, 13], grid)).toBeUndefined();
});
