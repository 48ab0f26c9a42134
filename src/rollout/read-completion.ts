/** Reads what a policy wrote: the codes of its picture and its thought, or why there is none. */

import type { Completion } from "../engine/policy-engine.ts";
import { parseImage, parseThought } from "../tokens/parse-completion.ts";
import type { Prompt } from "../tokens/prompt.ts";
import type { Tokens } from "../tokens/sequence.ts";
import type { CodeGrid } from "../tokens/vision-tokenizer.ts";

export type ReadResult =
  | { readonly kind: "picture"; readonly codes: CodeGrid; readonly thought?: string }
  | { readonly kind: "unreadable"; readonly problem: string };

/** The picture must have the prompt's grid. A thought that cannot be read does not spoil its picture. */
export function readCompletion(
  tokens: Tokens,
  prompt: Prompt,
  { ids, isFinished }: Pick<Completion, "ids" | "isFinished">,
): ReadResult {
  if (!isFinished) return { kind: "unreadable", problem: `cut off after ${ids.length} tokens` };
  const image = parseImage(tokens.vocabulary, ids, prompt.grid);
  if ("problem" in image) return { kind: "unreadable", problem: image.problem };
  const thought = prompt.writes === "thought" ? parseThought(tokens, ids) : undefined;
  return {
    kind: "picture",
    codes: image.grid,
    ...(thought !== undefined && "thought" in thought ? { thought: thought.thought } : {}),
  };
}
