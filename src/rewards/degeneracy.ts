/**
 * The reward `degeneracy`, 0…1: how far a picture is from being an edit at all, by its pixels alone. 1 for a copy of the
 * source or a picture without colours left, 0 for any other. With a negative weight it is a penalty.
 */

import { z } from "zod";
import type { Variant } from "../config/choice.ts";
import { positive, share } from "../config/ranges.ts";
import { distanceToSource, varianceRatio } from "./picture-figures.ts";
import type { DecodedEdit, Reward } from "./reward.ts";

const options = z.strictObject({
  leastDistance: positive
    .max(255)
    .default(0.5)
    .describe("Mean difference to the source, levels of 255, from which a picture counts as changed."),
  leastVariance: share
    .default(0.05)
    .describe("Share of the source's colour variance from which a picture counts as having colours."),
});
type Options = z.infer<typeof options>;

/** The kind `degeneracy`. */
export const DEGENERACY: Variant<unknown, Promise<Reward>, typeof options> = {
  about:
    "How far a picture is from being an edit at all: a copy of its source, or one flat colour. A penalty with a weight below 0.",
  options,
  open: (chosen) =>
    Promise.resolve({
      name: "degeneracy",
      needs: [],
      range: [0, 1],
      async score(edits, { signal }) {
        signal.throwIfAborted();
        return edits.map((edit) => {
          const subscores = degeneracy(edit, chosen);
          return { kind: "scored", score: Math.max(subscores.copied, subscores.flattened), subscores };
        });
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
};

/** 1 at no difference, falling to 0 at the least that counts; 0 where the two cannot be compared. */
function degeneracy(
  edit: DecodedEdit,
  { leastDistance, leastVariance }: Options,
): { copied: number; flattened: number } {
  return {
    copied: shortfall(distanceToSource(edit), leastDistance),
    flattened: shortfall(varianceRatio(edit), leastVariance),
  };
}

function shortfall(value: number | undefined, least: number): number {
  return value === undefined || least === 0 ? 0 : Math.max(0, 1 - value / least);
}
