/** Which places of a completion were free: what a loss counts and which softmax each place takes. */

import type { Grammar } from "./grammar.ts";
import type { Prompt } from "./prompt.ts";

/** Marks a forced id. */
export const FORCED = -1;

/**
 * For each id of a completion −1 where the grammar forced it, else the index of its segment. [ids.length] The
 * completion may stop early. Throws DataError at an id that the grammar does not allow.
 */
export function constraintsOf(grammar: Grammar, prompt: Prompt, ids: ArrayLike<number>): Int8Array {
  const state = grammar.begin(prompt);
  const kinds = new Int8Array(ids.length);
  for (let at = 0; at < ids.length; at += 1) {
    const constraint = state.next();
    kinds[at] = constraint.kind === "free" ? constraint.segment : FORCED;
    state.advance(ids[at] as number);
  }
  return kinds;
}
