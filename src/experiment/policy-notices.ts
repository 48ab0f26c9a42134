/** What a reader of the log should know of a policy before it is used: no fault, and better said than found out. */

import type { PreparedEdit } from "../edits/prepared-edit.ts";
import { positionsNotice, requireSequence } from "../policy/sequence-fit.ts";
import type { OpenPolicy } from "./open-policy.ts";

/**
 * Sentences about a policy and the edits it will meet, where something is out of the ordinary. `maxTokens` is the
 * longest completion that is sampled; 0 where none is. Throws where a sequence is more than the machine can hold.
 */
export function policyNotices(
  { config, tokens }: Pick<OpenPolicy, "config" | "tokens">,
  edits: readonly PreparedEdit[],
  maxTokens: number,
): string[] {
  const longest = Math.max(0, ...edits.map((edit) => sequenceLength(edit, maxTokens)));
  requireSequence(config, longest);
  return [tokens.textTokenizer.notice, positionsNotice(config, longest)].filter(
    (notice) => notice !== undefined,
  );
}

function sequenceLength({ prompt, demonstration }: PreparedEdit, maxTokens: number): number {
  const shown = demonstration === undefined ? 0 : demonstration.prompt.ids.length + demonstration.ids.length;
  return Math.max(shown, prompt.ids.length + maxTokens);
}
