/** Thresholds of the monitors: beyond which a step's figures are worth a warning. */

import { z } from "zod";

import { share } from "../config/ranges.ts";

const MOST_LEVELS = 255;
const MOST_NATS = 20;
const MOST_RATIO = 1e6;

export const MonitorSettings = z.strictObject({
  mostUnchanged: share.default(0.5).describe("Share of pictures that equal their source."),
  leastSourceDistance: z
    .number()
    .min(0)
    .max(MOST_LEVELS)
    .default(0.1)
    .describe("Mean difference to the source, in levels of 255."),
  leastCodeEntropy: z
    .number()
    .min(0)
    .max(MOST_NATS)
    .default(0.05)
    .describe("Entropy of the codes within a picture, in nats; 0 is one code everywhere."),
  leastColourVarianceRatio: z
    .number()
    .min(0)
    .max(MOST_RATIO)
    .default(0.1)
    .describe("Variance of a picture's colours as a share of its source's."),
  mostColourVarianceRatio: z.number().min(0).max(MOST_RATIO).default(10).describe("The same, from above."),
  mostFlatGroups: share.default(0.9).describe("Share of groups whose rewards are all equal."),
  mostRepeated: share.default(0.9).describe("Share of completions that repeat another one of their group."),
  mostDisagreement: z
    .number()
    .min(0)
    .max(2)
    .default(1)
    .describe(
      "1 − Spearman's correlation of judge and reference, where there are targets; above 1 they order edits in opposite ways.",
    ),
});
export type MonitorSettings = z.infer<typeof MonitorSettings>;
