/** What the engine's contract is tried on: grammars, and prompts for them. */

import { learnByteLevelBpe } from "../tokens/byte-level-bpe.ts";
import { editGrammar } from "../tokens/edit-grammar.ts";
import type { Grammar } from "../tokens/grammar.ts";
import { plainGrammar } from "../tokens/plain-grammar.ts";
import type { Prompt } from "../tokens/prompt.ts";
import { promptOf } from "../tokens/sequence.ts";
import { vocabularyOf } from "../tokens/special-tokens.ts";

export interface EngineWorld {
  readonly name: string;
  readonly grammar: Grammar;
  readonly vocabularySize: number;
  readonly prompts: readonly Prompt[];
  /** More than the longest completion. */
  readonly maxTokens: number;
}

const plainPrompt = (...ids: readonly number[]): Prompt => ({
  ids: Int32Array.from(ids),
  grid: { rows: 1, columns: 1 },
  writes: "image",
});

/** One segment, completions of seven free ids; one of the prompts is a single id. */
function plainWorld(): EngineWorld {
  return {
    name: "free ids",
    grammar: plainGrammar(40, { length: 7 }),
    vocabularySize: 40,
    prompts: [plainPrompt(1, 2, 3), plainPrompt(4, 5, 6, 7, 8), plainPrompt(9)],
    maxTokens: 64,
  };
}

/**
 * Edits: forced ids between free ones, three segments, text until an id that a policy without training would hardly ever
 * draw, so that it is forced in the end; groups of different lengths.
 */
function editWorld(): EngineWorld {
  const textTokenizer = learnByteLevelBpe([], 0, 6);
  const vocabulary = vocabularyOf(textTokenizer);
  const edits = editGrammar(vocabulary, textTokenizer, { freeGridText: true });
  const promptFor = (rows: number, columns: number, writes: Prompt["writes"]): Prompt =>
    promptOf(
      { vocabulary, textTokenizer },
      {
        source: { rows: 1, columns: 2, codes: Int32Array.of(3, 1) },
        instruction: `draw ${rows} rows`,
        grid: { rows, columns },
        writes,
      },
    );
  return {
    name: "edits",
    grammar: {
      segments: edits.segments,
      parts: (prompt) => edits.parts(prompt).map((part) => ("until" in part ? { ...part, atMost: 4 } : part)),
    },
    vocabularySize: vocabulary.imageTokenOffset + vocabulary.codebookSize,
    prompts: [promptFor(2, 2, "image"), promptFor(1, 1, "image"), promptFor(3, 2, "thought")],
    maxTokens: 64,
  };
}

export const WORLDS: readonly EngineWorld[] = [plainWorld(), editWorld()];
