/** What is odd about a group: why somebody should look at it before the others. */

import type { LoggedCompletion, LoggedGroup } from "../runs/event.ts";
import type { ShownGroup } from "./messages.ts";

/** How much each kind of oddity counts; a failure outweighs a spread. */
const WEIGHTS = { failed: 3, flat: 2, contradicted: 2, repeated: 1 };

/**
 * The group with its oddities in words, and their weight: verdicts that failed, rewards that are all equal (nothing to
 * learn), an exact picture that is not the best rewarded one (judge and target disagree), pictures that repeat each
 * other, and the spread of rewards as a share of `range`, the greatest spread among the groups beside it.
 */
export function withOddness(
  group: LoggedGroup,
  { order, range }: { order: number; range: number },
): ShownGroup {
  const { completions } = group;
  const rewards = completions.flatMap(({ reward }) => reward ?? []);
  const failed = completions.filter(({ verdict }) => verdict !== undefined && verdict !== "scored");
  const oddities: string[] = [];
  let oddness = 0;
  const add = (weight: number, words: string): void => {
    oddness += weight;
    oddities.push(words);
  };
  if (failed.length > 0) {
    const kinds = [...new Set(failed.map(({ verdict }) => verdict))].join(", ");
    add((WEIGHTS.failed * failed.length) / completions.length, `${failed.length} without a score (${kinds})`);
  }
  const spread = spreadOf(rewards);
  if (rewards.length > 1 && spread === 0) add(WEIGHTS.flat, "all rewards equal: nothing to learn from");
  if (isContradicted(completions)) {
    add(WEIGHTS.contradicted, "a picture that equals the target is not the best rewarded");
  }
  const repeated = completions.length - new Set(completions.map(({ image }, at) => image ?? at)).size;
  if (repeated > 0 && completions.length > 1) {
    add((WEIGHTS.repeated * repeated) / completions.length, `${repeated} repeat another picture`);
  }
  if (spread > 0 && range > 0) {
    oddness += spread / range;
    if (spread === range && completions.length > 1) oddities.push("largest spread of rewards here");
  }
  return { ...group, order, oddness, oddities };
}

/** Greatest minus least reward; 0 for fewer than two. */
export function spreadOf(rewards: readonly number[]): number {
  return rewards.length < 2 ? 0 : Math.max(...rewards) - Math.min(...rewards);
}

/** Groups with what is odd about them, the oddest first. */
export function oddestFirst(groups: readonly LoggedGroup[]): ShownGroup[] {
  const spreads = groups.map(({ completions }) =>
    spreadOf(completions.flatMap(({ reward }) => reward ?? [])),
  );
  const range = Math.max(0, ...spreads);
  return groups
    .map((group, order) => withOddness(group, { order, range }))
    .toSorted((left, right) => right.oddness - left.oddness);
}

function isContradicted(completions: readonly LoggedCompletion[]): boolean {
  const exact = completions.flatMap(({ isExact, reward }) =>
    isExact === true && reward !== undefined ? [reward] : [],
  );
  const others = completions.flatMap(({ isExact, reward }) =>
    isExact === true || reward === undefined ? [] : [reward],
  );
  return exact.length > 0 && others.length > 0 && Math.max(...others) > Math.max(...exact);
}
