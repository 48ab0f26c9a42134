/** Settings of `earl benchmark`: what is measured on, how edits are drawn, and who judges them. */

import { z } from "zod";

import type { Declaration } from "../config/declaration.ts";
import { path, rows, share } from "../config/ranges.ts";
import { DataSettings } from "../data/data-settings.ts";
import { EngineSettings } from "../engine/open-engine-host.ts";
import { InstrumentSettings } from "../evaluate/instrument-settings.ts";
import { BENCHMARKS, BenchmarkChoice, BenchmarkList } from "../evaluate/open-benchmark.ts";
import { RewardList } from "../rewards/open-reward.ts";

/** What everybody can measure on, in the order of the tables. */
export const PUBLISHED_KINDS = Object.keys(BENCHMARKS).filter((kind) => kind !== "held-out");

const side = z.int().min(1).max(9999);

const DrawingSettings = z.strictObject({
  temperature: z.number().min(0).max(100).default(1).describe("0 takes the likeliest id."),
  topK: z.int().min(0).max(1e9).default(2048).describe("Keep the k likeliest ids; 0 keeps all."),
  topP: z
    .number()
    .min(1e-6)
    .max(1)
    .default(1)
    .describe("Keep the likeliest ids that reach this probability."),
  guidance: z
    .number()
    .min(0)
    .max(1000)
    .default(1)
    .describe("How much the instruction counts over none (classifier-free guidance); 1 is off."),
  maxTokens: z
    .int()
    .min(1)
    .max(2 ** 20)
    .optional()
    .describe("Longest completion; as long as the pictures need unless given."),
  samples: z
    .int()
    .min(1)
    .max(128)
    .default(1)
    .describe("Edits of each row and seed; from 2 on best-of-n is shown."),
  seeds: z
    .array(z.int().min(0).max(Number.MAX_SAFE_INTEGER))
    .min(1)
    .max(100)
    .refine((seeds) => new Set(seeds).size === seeds.length, "must differ")
    .default([0])
    .describe("Each is a draw of its own; several say how far figures differ by chance."),
});

const ReadingSettings = z.strictObject({
  area: z
    .int()
    .min(1)
    .max(8192 ** 2)
    .optional()
    .describe("Area in pixels that sources are resized to; what the policy was made for unless given."),
  grid: z
    .strictObject({ rows: side, columns: side })
    .optional()
    .describe("Codes of the pictures to write; the source's unless given."),
  thought: z
    .boolean()
    .optional()
    .describe(
      "Policies write a thought before the picture; unless given, those do that a run taught to (data.thoughts).",
    ),
  freeGridText: z
    .boolean()
    .optional()
    .describe(
      "Policies write the grid's rows*columns themselves; unless given, those do that a run taught to (policy.freeGridText).",
    ),
  tokenizer: path
    .optional()
    .describe(
      "Text tokenizer of checkpoints that have none beside their weights, a folder or a name on the hub.",
    ),
  visionTokenizer: path
    .optional()
    .describe("Vision tokenizer of checkpoints that have none beside their weights, as above."),
});

export const JUDGED_AT = ["own", "area", "source", "edited"] as const;
export type JudgedAt = (typeof JUDGED_AT)[number];

export const BenchmarkSettings = z.strictObject({
  benchmarks: BenchmarkList.default(() =>
    PUBLISHED_KINDS.map((kind) => BenchmarkChoice.parse({ kind })),
  ).describe(
    "What `all` means, and how those that are named are opened; every published benchmark at its home unless given.",
  ),
  data: DataSettings.optional().describe("The dataset of `held-out`; the checkpoint's run's unless given."),
  size: rows(1)
    .optional()
    .describe("Rows of each benchmark, from the first on; figures of fewer than all compare with nothing."),
  drawing: DrawingSettings.prefault({}),
  reading: ReadingSettings.prefault({}),
  engine: EngineSettings.prefault({}),
  instruments: InstrumentSettings.prefault({}).describe("What the benchmarks' own measures are taken with."),
  rewards: RewardList.optional().describe(
    "The judge. Without one `held-out` is scored by `reference`, and others by the measures that need none.",
  ),
  judgedAt: z
    .enum(JUDGED_AT)
    .default("own")
    .describe(
      "Size of the pictures that are judged. area: those of more than 65,536 pixels are reduced to as many, as EARL does; source: the edit is resized to the source, as GEdit-Bench does; edited: the source is resized to the edit; own: area for EARL's six, source for GEdit, edited for others.",
    ),
  maxFailed: share
    .default(0.01)
    .describe("Share of verdicts that a judge may fail to give before the command says that it failed."),
});
export type BenchmarkSettings = z.infer<typeof BenchmarkSettings>;

export const BENCHMARK_DECLARATION: Declaration<BenchmarkSettings> = {
  title: "earl benchmark settings",
  schema: BenchmarkSettings,
  crossFaults: ({ drawing }) =>
    drawing.temperature === 0 && (drawing.samples > 1 || drawing.seeds.length > 1)
      ? [
          {
            keys: ["drawing.temperature", "drawing.samples"],
            message: "must be above 0 where there are several samples or seeds: greedy edits are all alike",
          },
        ]
      : [],
  standIns: {},
};

/** EARL's six benchmarks: what its AVG is the mean of. */
export const EARL_KINDS = ["omniedit", "emuedit", "aurora", "magicbrush", "vismin", "i2ebench"];

/** How pictures of a benchmark are judged where the settings leave it to the benchmark. */
export function judgedAtOf(kind: string, setting: JudgedAt): Exclude<JudgedAt, "own"> {
  if (setting !== "own") return setting;
  if (EARL_KINDS.includes(kind)) return "area";
  return kind.startsWith("gedit") ? "source" : "edited";
}
