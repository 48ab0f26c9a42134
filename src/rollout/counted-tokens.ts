/**
 * Which tokens of a completion count in a loss: those the policy could choose. Row ends and the image's end are forced
 * by the grid; giving them gradients, as the original does, trains the policy to predict what it never decides.
 */

import { constraintsOf, FORCED } from "../tokens/constraints.ts";
import type { Grammar } from "../tokens/grammar.ts";
import type { Prompt } from "../tokens/prompt.ts";

/** 1 at free positions, 0 at forced ones. [ids.length]. Throws DataError for an id that the grammar does not allow. */
export function countedTokens(grammar: Grammar, prompt: Prompt, ids: Int32Array): Uint8Array {
  return Uint8Array.from(constraintsOf(grammar, prompt, ids), (kind) => (kind === FORCED ? 0 : 1));
}
