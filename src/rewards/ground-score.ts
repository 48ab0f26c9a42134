/** The reward `ground-score`, 0…10: a vision-language model compares the edit with its target (judge/ground-score.ts). */

import { z } from "zod";
import type { Variant } from "../config/choice.ts";
import { times } from "../config/ranges.ts";
import { averaged } from "../judge/averaged.ts";
import { judgeSettings } from "../judge/judge-settings.ts";
import { MAX_SCORE } from "../judge/prompts.ts";
import { judgedReward } from "./judged-reward.ts";
import type { RewardContext } from "./reward-part.ts";
import type { Reward } from "./reward.ts";
import { repeatsCanDiffer, REPEATS_FAULT } from "./viescore.ts";

const options = z
  .strictObject({
    ...judgeSettings,
    scoring: z
      .enum(["text", "expected"])
      .default("text")
      .describe("How scores are read: as written, or as expected of the tokens' probabilities."),
    repeats: times(1).default(1).describe("Answers to each question, whose mean is taken."),
  })
  .refine(repeatsCanDiffer, REPEATS_FAULT);

/** The kind `ground-score`. */
export const GROUND_SCORE: Variant<RewardContext, Promise<Reward>, typeof options> = {
  about: "How close a picture is to its example's target, as a vision-language model sees it, 0 to 10.",
  options,
  open: async (chosen, { judge: context }) => {
    const { openJudgeModel } = await import("../judge/open-judge.ts");
    const { groundScore, GROUND_SCORE_SHA256 } = await import("../judge/ground-score.ts");
    const model = await openJudgeModel(chosen, context);
    const { scoring, repeats } = chosen;
    return judgedReward({
      name: "ground-score",
      needs: ["target"],
      range: [0, MAX_SCORE],
      provenance: { model: chosen.model, scoring, "prompts.sha256": GROUND_SCORE_SHA256 },
      judge: async ({ target, ...edit }, signal) => {
        const once = (_: unknown, repeat: number) =>
          groundScore(model, { ...edit, target: target! }, { scoring, repeat }, signal);
        return averaged(await Promise.all(Array.from({ length: repeats }, once)));
      },
      [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
    });
  },
};
