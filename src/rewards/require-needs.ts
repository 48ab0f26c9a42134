/** Whether a dataset has what a reward needs, asked before the first rollout is paid for. */

import { ConfigError } from "../errors.ts";
import type { EditNeed, Reward } from "./reward.ts";

/** What is asked of an edit, prepared or as it was read. */
export type Offered = { readonly [Need in EditNeed]?: unknown };

const WORDS: Readonly<Record<EditNeed, string>> = { target: "target picture", mask: "mask" };

/**
 * Throws ConfigError where none of the edits has something that the reward needs: every verdict would fail. `place`
 * names the dataset.
 */
export function requireNeeds(reward: Reward, edits: readonly Offered[], place: string): void {
  if (edits.length === 0) return;
  const missing = reward.needs.find((need) => edits.every((edit) => edit[need] === undefined));
  if (missing === undefined) return;
  throw new ConfigError(
    `The reward "${reward.name}" needs a ${WORDS[missing]} for every edit, and the edits of ${place} have none.`,
    { hint: "Choose another kind of reward under rewards, or a dataset that has them." },
  );
}
