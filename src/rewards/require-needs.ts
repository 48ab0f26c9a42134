/** Whether a dataset has what a reward needs, asked before the first rollout is paid for. */

import { isBroken, type EditDataset, type EditExample } from "../data/edit-dataset.ts";
import { ConfigError } from "../errors.ts";
import type { EditNeed, Reward } from "./reward.ts";

/** Rows that are looked at: datasets have targets or have none; a row without one among others is the judge's to report. */
const LOOKED_AT = 8;

/** A row, as far as rewards may need something of it; codes of a target are decoded to it. */
type Offered = { readonly [Need in EditNeed]?: unknown };

function offeredBy({ target, mask, codes }: EditExample): Offered {
  return { target: target ?? codes?.target, mask };
}

const WORDS: Readonly<Record<EditNeed, string>> = { target: "target picture", mask: "mask" };

/**
 * Throws ConfigError where the first rows of a split have nothing of a kind that the reward needs: every verdict would
 * fail.
 */
export async function requireNeeds(
  reward: Pick<Reward, "name" | "needs">,
  dataset: Pick<EditDataset, "count" | "read" | "directory" | "split">,
): Promise<void> {
  if (reward.needs.length === 0) return;
  const indices = Array.from({ length: Math.min(LOOKED_AT, dataset.count) }, (_, index) => index);
  const rows = (await dataset.read(indices)).flatMap((row) => (isBroken(row) ? [] : [offeredBy(row)]));
  const missing = reward.needs.find((need) => rows.every((row) => row[need] === undefined));
  if (rows.length === 0 || missing === undefined) return;
  throw new ConfigError(
    `The reward "${reward.name}" needs a ${WORDS[missing]} for every edit, and ${dataset.directory}, split ${dataset.split}, has none.`,
    { hint: "Choose another kind of reward under rewards, or a dataset that has them." },
  );
}
