import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { learnByteLevelBpe } from "./byte-level-bpe.ts";
import { longestCompletion } from "./completion-length.ts";
import { editGrammar } from "./edit-grammar.ts";
import { promptOf, trainingPair } from "./sequence.ts";
import { vocabularyOf } from "./special-tokens.ts";

const textTokenizer = learnByteLevelBpe(["move the cat left"], 4, 6);
const vocabulary = vocabularyOf(textTokenizer);
const tokens = { vocabulary, textTokenizer };
const grammar = editGrammar(vocabulary, textTokenizer);
const small = { rows: 2, columns: 3, codes: new Int32Array(6) };

describe("longestCompletion", () => {
  test("is what a picture of the prompt's grid takes, whatever the grid", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), (rows, columns) => {
        const target = { rows, columns, codes: new Int32Array(rows * columns) };
        const parts = { source: small, instruction: "move the cat", target };
        const { completion } = trainingPair(tokens, parts);
        const prompt = promptOf(tokens, { ...parts, writes: "image", grid: target });
        expect(longestCompletion(grammar, [prompt])).toBe(completion.length);
      }),
    );
  });

  test("is that of the longest of several, with room for what the policy writes itself", () => {
    const source = { rows: 4, columns: 4, codes: new Int32Array(16) };
    const prompt = promptOf(tokens, { source, instruction: "move the cat", writes: "image" });
    const thought = promptOf(tokens, { source, instruction: "move the cat", writes: "thought" });
    const picture = longestCompletion(grammar, [prompt]);
    expect(longestCompletion(grammar, [prompt, thought, prompt])).toBe(picture + 1025);
    const free = editGrammar(vocabulary, textTokenizer, { freeGridText: true });
    expect(longestCompletion(free, [prompt])).toBeGreaterThan(picture + 16);
  });
});
