/**
 * The reward `product`: the weighted geometric mean of its parts, (Π rewardʷ)^(1/Σw). Like a plain product it rewards
 * only what is good in every part, and a part of 0 makes it 0; unlike one it stays in the range of its parts, however
 * many there are. VIEScore's overall √(SC · PQ) is the one of two equal weights (Ku et al. 2024, section 3.1).
 */

import { z } from "zod";

import type { Variant } from "../config/choice.ts";
import { ConfigError } from "../errors.ts";
import {
  composedReward,
  openComposed,
  type PartChoice,
  type RewardContext,
  type RewardPart,
} from "./reward-part.ts";
import type { Reward } from "./reward.ts";

type ProductOptions = z.ZodObject<{ parts: z.ZodType<readonly PartChoice[]> }>;

/** The kind `product`; `parts` is the schema of a list of rewards. */
export function productVariant(
  parts: z.ZodType<readonly PartChoice[]>,
): Variant<RewardContext, Promise<Reward>, ProductOptions> {
  return {
    about: "The weighted geometric mean of other rewards: high only where all of them are, 0 where one is.",
    options: z.strictObject({
      parts: parts.describe("Rewards that are multiplied; weights above 0, rewards from 0 up."),
    }),
    open: async (options, context) =>
      openComposed(options.parts, context, (open) => geometricMean("product", open)),
  };
}

/**
 * The weighted geometric mean of open rewards; it owns them. Throws ConfigError for a part whose weight is not above 0
 * or that can be negative: roots of it would have no meaning.
 */
export function geometricMean(name: string, parts: readonly RewardPart[]): Reward {
  for (const part of parts) requireFactor(part);
  // Measured against the largest, so that no sum of them is too large for a number.
  const largest = Math.max(...parts.map(({ weight }) => weight));
  const weights = parts.map(({ weight }) => weight / largest);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (values: readonly number[]): number => {
    const product = values.reduce((so, value, index) => so * value ** (weights[index]! / total), 1);
    // A mean lies between its values; rounding of the roots must not carry it beyond them.
    return within(product, Math.min(...values), Math.max(...values));
  };
  const low = mean(parts.map(({ map }) => map.range[0]));
  const high = mean(parts.map(({ map }) => map.range[1]));
  return composedReward(name, parts, {
    range: [low, high],
    of: (values) => within(mean(values), low, high),
  });
}

function within(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

function requireFactor({ name, weight, map }: RewardPart): void {
  if (!(weight > 0)) {
    throw new ConfigError(`The part "${name}" of a product has the weight ${weight}.`, {
      hint: "Weights of a product are above 0; leave the part out, or use a sum.",
    });
  }
  if (map.range[0] < 0) {
    throw new ConfigError(`The part "${name}" of a product can be as low as ${map.range[0]}.`, {
      hint: "Give it a map that starts at 0, for example map: { kind: linear, to: [0, 1] }, or use a sum.",
    });
  }
}
