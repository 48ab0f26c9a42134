/** What scores are called in metrics: a reward's score under its own name, its subscores below it. */

import type { ScoredVerdict } from "../judge/verdict.ts";

/** Name of the weighted sum of a run's rewards. Its parts are named as if each were alone. */
export const TOTAL = "total";

/**
 * Every score of a verdict by name.
 *
 * @example
 * namedScores("viescore", { kind: "scored", score: 6, subscores: { sc: 9 } }); // => [["viescore", 6], ["viescore/sc", 9]]
 */
export function namedScores(
  reward: string,
  { score, subscores }: ScoredVerdict,
): [name: string, score: number][] {
  const parts = Object.entries(subscores);
  if (reward === TOTAL) return parts;
  return [[reward, score], ...parts.map(([part, own]): [string, number] => [`${reward}/${part}`, own])];
}
