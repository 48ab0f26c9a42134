/** Rewards for tests: what they say is given, everything else is as a reward must be. */

import type { JudgeVerdict } from "../../src/judge/verdict.ts";
import type { DecodedEdit, Reward } from "../../src/rewards/reward.ts";

/** A reward that says of each edit what `say` gives: a score, or a verdict. 0…10, needs nothing. */
export function saying(say: (edit: DecodedEdit) => number | JudgeVerdict, own: Partial<Reward> = {}): Reward {
  return {
    name: "saying",
    needs: [],
    range: [0, 10],
    async score(edits, { signal }) {
      signal.throwIfAborted();
      return edits.map((edit) => {
        const said = say(edit);
        return typeof said === "number" ? { kind: "scored", score: said, subscores: {} } : said;
      });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
    ...own,
  };
}
