import { describe, expect, test } from "vitest";
import { learnByteLevelBpe } from "./byte-level-bpe.ts";
import { parseImage } from "./parse-completion.ts";
import { vocabularyOf } from "./special-tokens.ts";

const textTokenizer = learnByteLevelBpe([], 0, 6);
const vocabulary = vocabularyOf(textTokenizer);

/** Letters for ids: 0-5 codes, and img, eol, eof, eoi, eos by name. */
const parse = (
  written: string,
  expected?: { rows: number; columns: number },
): ReturnType<typeof parseImage> =>
  parseImage(
    vocabulary,
    written
      .split(" ")
      .map((name) =>
        /\d/.test(name)
          ? vocabulary.imageTokenOffset + Number(name)
          : vocabulary[name as "img" | "eol" | "eof" | "eoi" | "eos" | "boi"],
      ),
    expected,
  );

describe("parseImage", () => {
  test("reads rows, with or without what stands around them", () => {
    const grid = { rows: 2, columns: 2, codes: Int32Array.of(1, 2, 3, 4) };
    expect(parse("img 1 2 eol 3 4 eol eof eoi eos")).toEqual({ grid });
    expect(parse("boi img 1 2 eol 3 4 eol eof eoi", { rows: 2, columns: 2 })).toEqual({ grid });
  });

  test.each([
    ["boi 1 2 eol", "img"],
    ["img 1 2 eol 3", "ends in row 2, after 1 codes"],
    ["img", "ends in row 1, after 0 codes"],
    ["img 1 2 eol 3 eof eoi", "row 2 of the picture is not closed"],
    ["img 1 2 eol 3 eol eof eoi", "row 2 has 1 codes, row 1 has 2"],
    ["img 1 2 eol eof eos", "eoi does not follow"],
    ["img eof eoi", "row"],
    ["img eol eol eof eoi", "first row has no codes"],
    ["img 1 eos 2 eol eof eoi", "no image token"],
  ])("says what is wrong with %s", (written, problem) => {
    expect(parse(written)).toEqual({ problem: expect.stringContaining(problem) as string });
  });

  test("says where the grid is not the one that was asked for", () => {
    expect(parse("img 1 2 eol eof eoi", { rows: 2, columns: 1 })).toEqual({
      problem: "the picture is 1 × 2 codes, not 2 × 1",
    });
  });
});
