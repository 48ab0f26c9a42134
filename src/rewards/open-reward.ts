/**
 * The front door of rewards: every kind by name, and the run's one reward from the config's list. A new reward is a file
 * and a line in the table.
 */

import { z } from "zod";

import { choiceOf, openChoice } from "../config/choice.ts";
import { namedList, nameOf } from "../config/named-list.ts";
import type { JudgeCall } from "../judge/judge-call.ts";
import type { OutageListener } from "../judge/outage.ts";
import { ServerDirectory } from "../judge/server-directory.ts";
import type { Timers } from "../judge/timers.ts";
import { DEGENERACY } from "./degeneracy.ts";
import { productVariant } from "./geometric-mean.ts";
import { GROUND_SCORE } from "./ground-score.ts";
import { JSON_SCORE } from "./json-score.ts";
import { MODULE } from "./module.ts";
import { TOTAL } from "./named-scores.ts";
import { REFERENCE } from "./reference.ts";
import { openComposed, partOptions, type PartChoice, type RewardContext } from "./reward-part.ts";
import type { Reward } from "./reward.ts";
import { VIESCORE } from "./viescore.ts";
import { sumVariant, weightedSum } from "./weighted-sum.ts";

/** Rewards within rewards: the list below, named before it exists. */
const parts: z.ZodType<readonly PartChoice[]> = z.lazy(() => RewardList);

export const REWARDS = {
  reference: REFERENCE,
  degeneracy: DEGENERACY,
  viescore: VIESCORE,
  "ground-score": GROUND_SCORE,
  "json-score": JSON_SCORE,
  module: MODULE,
  sum: sumVariant(parts),
  product: productVariant(parts),
};

/** One reward of a list: its kind's options, and what every part has. */
export const RewardChoice = choiceOf(REWARDS, { common: partOptions });
export type RewardChoice = z.infer<typeof RewardChoice>;

/** The setting `rewards`. */
export const RewardList = namedList(RewardChoice);

export interface RewardSurroundings {
  /** Told about every question to a judge, with the name of the reward that asked it. */
  readonly onJudgeCall?: (reward: string, call: JudgeCall) => void;
  /** Told when a judge's servers answer nobody any more. */
  readonly onOutage?: OutageListener;
  readonly timers?: Timers;
}

/** Rewards that name the same server share it, through the directory. */
function contextFor(
  reward: string,
  surroundings: RewardSurroundings,
  directory: ServerDirectory,
): RewardContext {
  const { onJudgeCall, onOutage, timers } = surroundings;
  return {
    open: async (choice) =>
      openChoice<RewardContext, Promise<Reward>>(
        REWARDS,
        choice,
        contextFor(nameOf(choice), surroundings, directory),
      ),
    judge: {
      directory,
      ...(onOutage !== undefined && { onOutage }),
      ...(onJudgeCall !== undefined && { onCall: (call) => onJudgeCall(reward, call) }),
      ...(timers !== undefined && { timers }),
    },
  };
}

/**
 * The run's one reward: the weighted sum of the list, or the reward itself where it is alone, with weight 1 and without
 * a map. Whoever opens it closes it.
 */
export async function openRewards(
  choices: readonly RewardChoice[],
  surroundings: RewardSurroundings = {},
): Promise<Reward> {
  const [first, ...others] = choices;
  const isAlone = others.length === 0 && first?.weight === 1 && first.map.kind === "identity";
  return openComposed(choices, contextFor(TOTAL, surroundings, new ServerDirectory()), (opened) => {
    const [part] = opened;
    return isAlone && part !== undefined ? named(part.reward, part.name) : weightedSum(TOTAL, opened);
  });
}

/** The reward under the name that the config gives it. */
function named(reward: Reward, name: string): Reward {
  if (reward.name === name) return reward;
  return {
    name,
    needs: reward.needs,
    range: reward.range,
    ...(reward.asksServer !== undefined && { asksServer: reward.asksServer }),
    ...(reward.provenance !== undefined && { provenance: reward.provenance }),
    score: (edits, options) => reward.score(edits, options),
    [Symbol.asyncDispose]: () => reward[Symbol.asyncDispose](),
  };
}
