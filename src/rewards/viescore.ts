/** The reward `viescore`, 0…10: a vision-language model says how well the edit was made (judge/viescore.ts). */

import { z } from "zod";
import type { Variant } from "../config/choice.ts";
import { path, times } from "../config/ranges.ts";
import { QUESTIONS, SCORINGS } from "../judge/checklist.ts";
import { judgeSettings } from "../judge/judge-settings.ts";
import { MAX_SCORE } from "../judge/prompts.ts";
import { judgedReward } from "./judged-reward.ts";
import type { RewardContext } from "./reward-part.ts";
import type { Reward } from "./reward.ts";

/** Answers to an equal question at temperature 0 are equal, so their mean says nothing new. */
export function repeatsCanDiffer({
  repeats,
  temperature,
}: {
  repeats: number;
  temperature: number;
}): boolean {
  return repeats === 1 || temperature > 0;
}
export const REPEATS_FAULT = {
  path: ["temperature"],
  message: "must be above 0 where repeats is above 1: equal answers have no mean",
};

export const vieScoreOptions = z
  .strictObject({
    ...judgeSettings,
    scoring: z
      .enum(SCORINGS)
      .default("text")
      .describe(
        "How scores are read: as written, as expected of the tokens' probabilities, or from yes-or-no questions.",
      ),
    repeats: times(1).default(1).describe("Answers to each question, whose mean is taken."),
    prompts: path
      .optional()
      .describe("Folder of the prompts that VIEScore's authors published; earl's own unless given."),
    questions: z
      .array(z.string().min(1))
      .min(1)
      .default([...QUESTIONS])
      .describe("Yes-or-no questions of scoring: checklist; yes is to be the good answer."),
  })
  .refine(repeatsCanDiffer, REPEATS_FAULT)
  .refine(({ scoring, prompts }) => scoring !== "checklist" || prompts === undefined, {
    path: ["prompts"],
    message: "has no use with scoring: checklist, which asks the questions instead",
  });

/** The kind `viescore`. */
export const VIESCORE: Variant<RewardContext, Promise<Reward>, typeof vieScoreOptions> = {
  about: "VIEScore by a vision-language model behind an OpenAI-compatible server, 0 to 10.",
  options: vieScoreOptions,
  open: async (options, { judge: context }) => {
    const { VieScoreJudge } = await import("../judge/viescore-judge.ts");
    const judge = await VieScoreJudge.open(options, context);
    const { model, scoring, prompts } = options;
    return judgedReward({
      name: "viescore",
      needs: [],
      range: [0, MAX_SCORE],
      provenance: {
        model,
        scoring,
        "prompts.sha256": judge.wordsHash,
        ...(prompts !== undefined && { prompts }),
      },
      judge: (edit, signal) => judge.score(edit, signal),
      [Symbol.asyncDispose]: () => judge[Symbol.asyncDispose](),
    });
  },
};
