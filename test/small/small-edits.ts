/**
 * Edits of 8 × 8 pictures made of four flat patches: small enough for the tabular policy, and made of the real pieces
 * (PNG bytes, patch codebook, byte-level tokenizer, grammar) that the loops see in a run.
 */

import { BrokenRows } from "../../src/data/broken-rows.ts";
import type { BrokenRow, EditExample } from "../../src/data/edit-dataset.ts";
import type { RowSource } from "../../src/edits/made-of-rows.ts";
import { encodePng } from "../../src/images/png.ts";
import { picture, type Picture } from "../../src/images/picture.ts";
import { prepareEdits } from "../../src/edits/prepare-edits.ts";
import type { PreparedEdits } from "../../src/edits/prepared-edit.ts";
import { learnByteLevelBpe } from "../../src/tokens/byte-level-bpe.ts";
import { editGrammar } from "../../src/tokens/edit-grammar.ts";
import type { Grammar } from "../../src/tokens/grammar.ts";
import { PatchCodebook } from "../../src/tokens/patch-codebook.ts";
import type { Tokens } from "../../src/tokens/sequence.ts";
import { vocabularyOf } from "../../src/tokens/special-tokens.ts";

const PATCH = 4;
const COLOURS = {
  black: [0, 0, 0],
  red: [220, 30, 30],
  green: [30, 200, 60],
  blue: [30, 60, 220],
} as const;
type Colour = keyof typeof COLOURS;
const NAMES = Object.keys(COLOURS) as Colour[];

/** An 8 × 8 picture of four patches, row by row. */
export function fourPatches(colours: readonly [Colour, Colour, Colour, Colour]): Picture {
  const drawn = picture(2 * PATCH, 2 * PATCH);
  for (let y = 0; y < drawn.height; y += 1) {
    for (let x = 0; x < drawn.width; x += 1) {
      const colour = colours[2 * Math.floor(y / PATCH) + Math.floor(x / PATCH)]!;
      drawn.pixels.set(COLOURS[colour], 3 * (y * drawn.width + x));
    }
  }
  return drawn;
}

/** "paint patch 2 red" on a black picture, for every place and colour but black: 12 examples. */
export function paintExamples(): EditExample[] {
  return [0, 1, 2, 3].flatMap((place) =>
    NAMES.slice(1).map((colour) => ({
      id: `${place}-${colour}`,
      task: colour === "red" ? "red" : "other",
      instruction: `paint patch ${place} ${colour}`,
      source: encodePng(fourPatches(["black", "black", "black", "black"])),
      target: encodePng(
        fourPatches(
          [0, 1, 2, 3].map((at) => (at === place ? colour : "black")) as [Colour, Colour, Colour, Colour],
        ),
      ),
    })),
  );
}

export interface SmallWorld {
  readonly tokens: Tokens;
  readonly vision: PatchCodebook;
  readonly grammar: Grammar;
}

/** A codebook of the four colours and a tokenizer of plain bytes. */
export function smallWorld(): SmallWorld {
  const entries = NAMES.flatMap((name) => Array.from({ length: PATCH * PATCH }, () => COLOURS[name]).flat());
  const textTokenizer = learnByteLevelBpe([], 0, NAMES.length);
  const tokens = { vocabulary: vocabularyOf(textTokenizer), textTokenizer };
  return {
    tokens,
    vision: new PatchCodebook(PATCH, Uint8Array.from(entries)),
    grammar: editGrammar(tokens.vocabulary, textTokenizer),
  };
}

/** The examples, prepared as a run prepares them. */
export function smallEdits(world: SmallWorld, examples: readonly EditExample[]): PreparedEdits {
  return prepareEdits(smallRows(examples), { ...world, thoughts: false });
}

/** Rows in memory, of which `maxShare` may be broken; `onNotice` hears which are. */
export function smallRows(
  rows: readonly (EditExample | BrokenRow)[],
  maxShare = 0,
  onNotice?: (notice: string) => void,
): RowSource {
  const dataset = { directory: "memory", split: "train", count: rows.length, repeated: 0 } as const;
  return {
    count: rows.length,
    read: (indices) => Promise.resolve(indices.map((index) => rows[index]!)),
    brokenRows: new BrokenRows(dataset, { maxShare, onNotice }),
  };
}
