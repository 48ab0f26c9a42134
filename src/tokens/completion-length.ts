/** How long a completion can be, so that nobody has to guess `maxTokens`. */

import type { Grammar, GrammarPart } from "./grammar.ts";
import type { Prompt } from "./prompt.ts";

/** Ids that a text is given whose end the policy decides, by its segment; the id that ends it is one of them. */
const TEXT_ROOM: Readonly<Record<string, number>> = { text: 1025, "grid-text": 32 };

/**
 * Ids of the longest completion of any of the prompts: what their grids need, and room for texts without a fixed end
 * (a thought of 1,024 ids).
 */
export function longestCompletion(grammar: Grammar, prompts: Iterable<Prompt>): number {
  let longest = 0;
  for (const prompt of prompts) {
    const lengths = grammar.parts(prompt).map((part) => lengthOf(part, grammar));
    longest = Math.max(
      longest,
      lengths.reduce((sum, length) => sum + length, 0),
    );
  }
  return longest;
}

function lengthOf(part: GrammarPart, { segments }: Grammar): number {
  if ("forced" in part) return part.forced.length;
  if ("count" in part) return part.count;
  return part.atMost ?? TEXT_ROOM[segments[part.segment]?.name ?? "text"] ?? 0;
}
