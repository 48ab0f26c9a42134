/**
 * A grammar's reading of a completion: which places were free, and which softmax each was drawn from. It is made once,
 * where the completion is born, and kept with it. Row ends and the image's end are forced by the grid; giving them
 * gradients, as the original does, trains the policy to predict what it never decides.
 */

import type { Grammar } from "./grammar.ts";
import { GrammarFollower } from "./grammar-follower.ts";
import type { Prompt } from "./prompt.ts";

/** Marks a forced id. */
export const FORCED = -1;

/** A completion's ids and how the grammar reads them. */
export interface ReadIds {
  readonly ids: Int32Array;
  /** As `constraintsOf` says. [ids.length] */
  readonly constraints: Int8Array;
}

/**
 * For each id of a completion −1 where the grammar forced it, else the index of its segment. [ids.length] The
 * completion may stop early. Throws DataError at an id that the grammar does not allow.
 */
export function constraintsOf(grammar: Grammar, prompt: Prompt, ids: ArrayLike<number>): Int8Array {
  const follower = new GrammarFollower(grammar.segments, grammar.parts(prompt));
  const constraints = new Int8Array(ids.length);
  for (let at = 0; at < ids.length; at += 1) {
    const constraint = follower.next();
    constraints[at] = constraint.kind === "free" ? constraint.segment : FORCED;
    follower.advance(ids[at] as number);
  }
  return constraints;
}

/** 1 at the places that count in a loss, which the policy could choose, 0 at forced ones. [constraints.length] */
export function countedTokens(constraints: Int8Array): Uint8Array {
  return Uint8Array.from(constraints, (segment) => (segment === FORCED ? 0 : 1));
}
