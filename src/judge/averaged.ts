/** Several verdicts on one edit as one. */

import { mean, std } from "../algorithms/statistics.ts";
import type { JudgeVerdict, ScoredVerdict } from "./verdict.ts";

/**
 * The mean of those that were scored, which is unbiased whichever failed; `disagreement` is their sample standard
 * deviation. A single verdict is itself. Throws RangeError for none.
 */
export function averaged(verdicts: readonly JudgeVerdict[]): JudgeVerdict {
  const [only] = verdicts;
  if (only === undefined) throw new RangeError("There is no mean of no verdicts.");
  const scored = verdicts.filter((verdict): verdict is ScoredVerdict => verdict.kind === "scored");
  const [first] = scored;
  if (first === undefined || verdicts.length === 1) return first ?? only;
  const names = Object.keys(first.subscores);
  const means = names.map((name) => [name, mean(scored.map(({ subscores }) => subscores[name]!))] as const);
  const scores = scored.map(({ score }) => score);
  return {
    kind: "scored",
    score: mean(scores),
    subscores: { ...Object.fromEntries(means), disagreement: std(scores, "sample") },
    ...(first.reasoning !== undefined && { reasoning: first.reasoning }),
  };
}
