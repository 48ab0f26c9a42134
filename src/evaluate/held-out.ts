/** The benchmark `held-out`: edits of the run's own dataset that it was not trained on, judged by its own reward. */

import { z } from "zod";

import type { BenchmarkVariant } from "./benchmark.ts";
import { EXACT_MATCH, rewardMeasure } from "./measures.ts";

const options = z.strictObject({
  split: z
    .enum(["train", "validation", "test"])
    .default("test")
    .describe("Part of the run's dataset; `train` was trained on, and says what was learnt by heart."),
});

/** The kind `held-out`. */
export const HELD_OUT: BenchmarkVariant<typeof options> = {
  uses: [],
  about: "Edits of the run's own dataset: the run's reward, and exact match with the target.",
  options,
  open: ({ split }, { edits, reward }) => ({
    name: "held-out",
    reward,
    measures: [rewardMeasure(reward), EXACT_MATCH],
    open: () => edits(split),
  }),
};
