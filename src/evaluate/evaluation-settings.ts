/** Settings of the evaluation that ends a run. */

import { z } from "zod";

import { InstrumentSettings } from "./instrument-settings.ts";
import { BenchmarkList } from "./open-benchmark.ts";

export const EvaluationSettings = z.strictObject({
  size: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(512)
    .describe("Edits of each benchmark that are scored when training is done; 0 scores none."),
  comparisons: z
    .int()
    .min(0)
    .max(10_000)
    .default(24)
    .describe("Of these, how many the report shows side by side."),
  instruments: InstrumentSettings.prefault({}).describe("What the benchmarks' own measures are taken with."),
  benchmarks: BenchmarkList.prefault([{ kind: "held-out" }]).describe("What policies are compared on."),
});

export type EvaluationSettings = z.infer<typeof EvaluationSettings>;
