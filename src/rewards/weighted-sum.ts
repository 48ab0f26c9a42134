/** The reward `sum`: Σ weight · reward over its parts. A weight below 0 makes a penalty, and 0 only measures. */

import { z } from "zod";

import type { Variant } from "../config/choice.ts";
import {
  composedReward,
  openComposed,
  type PartChoice,
  type RewardContext,
  type RewardPart,
} from "./reward-part.ts";
import type { Reward } from "./reward.ts";

type SumOptions = z.ZodObject<{ parts: z.ZodType<readonly PartChoice[]> }>;

/** The kind `sum`; `parts` is the schema of a list of rewards. */
export function sumVariant(
  parts: z.ZodType<readonly PartChoice[]>,
): Variant<RewardContext, Promise<Reward>, SumOptions> {
  return {
    about: "The weighted sum of other rewards.",
    options: z.strictObject({ parts: parts.describe("Rewards that are added up.") }),
    open: async (options, context) =>
      openComposed(options.parts, context, (open) => weightedSum("sum", open)),
  };
}

/** The weighted sum of open rewards; it owns them. */
export function weightedSum(name: string, parts: readonly RewardPart[]): Reward {
  const weights = parts.map(({ weight }) => weight);
  const of = (values: readonly number[]): number =>
    values.reduce((sum, value, index) => sum + scaled(value, weights[index]!), 0);
  const end = (isHigh: boolean): number =>
    of(parts.map(({ map, weight }) => map.range[weight < 0 === isHigh ? 0 : 1]));
  return composedReward(name, parts, { range: [end(false), end(true)], of });
}

/** A part without weight adds nothing, even where it has no bounds (0 · ∞ would be no number). */
function scaled(value: number, weight: number): number {
  return weight === 0 ? 0 : value * weight;
}
