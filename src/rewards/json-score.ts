/** The reward `json-score`: a reward model that somebody serves, asked in plain JSON (judge/json-scorer.ts). */

import { z } from "zod";
import type { Variant } from "../config/choice.ts";
import { value } from "../config/ranges.ts";
import { CacheSettings, serverSettings } from "../judge/judge-settings.ts";
import { isScoreName } from "../runs/metrics.ts";
import { judgedReward } from "./judged-reward.ts";
import type { RewardContext } from "./reward-part.ts";
import type { Reward } from "./reward.ts";

const options = z.strictObject({
  ...serverSettings,
  range: z
    .tuple([value, value])
    .refine(([least, greatest]) => least < greatest, "must be the least score and a greater one")
    .default([0, 10])
    .describe("Least and greatest score; one beyond is not believed."),
  version: z
    .string()
    .min(1)
    .optional()
    .describe("Name of the model behind the address; answers are kept only where it is given."),
  cache: CacheSettings.prefault({}).describe("Where answers are kept."),
});

/** The kind `json-score`. */
export const JSON_SCORE: Variant<RewardContext, Promise<Reward>, typeof options> = {
  about: "A trained reward model behind a server that takes and gives JSON.",
  options,
  open: async ({ range, version, cache, ...settings }, { judge: context }) => {
    const { JsonScorer } = await import("../judge/json-scorer.ts");
    const { judgeSurroundings, openMemory } = await import("../judge/open-judge.ts");
    const memory = await openMemory({ ...cache, isUsed: cache.isUsed && version !== undefined }, context);
    const scorer = new JsonScorer(settings, { range, version }, memory, judgeSurroundings(context));
    return judgedReward({
      name: "json-score",
      needs: [],
      range,
      ...(version !== undefined && { provenance: { version } }),
      judge: async (edit, signal) => {
        const asked = await scorer.score(edit, signal);
        if (asked.kind !== "answered") return { kind: asked.kind, reason: asked.reason };
        const { score, parts, reasoning } = asked.answer;
        const subscores = Object.fromEntries(Object.entries(parts).filter(([name]) => isScoreName(name)));
        return { kind: "scored", score, subscores, ...(reasoning !== undefined && { reasoning }) };
      },
      [Symbol.asyncDispose]: () => scorer[Symbol.asyncDispose](),
    });
  },
};
