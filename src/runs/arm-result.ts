/** Rows of a table of results, as the event `arms-evaluated` carries them: who was measured, on what, and how it did. */

import { z } from "zod";

const Interval = z.object({ mean: z.number(), low: z.number(), high: z.number() }).readonly();

/**
 * What an arm is to a table: the source handed back unchanged, a policy that reinforcement learning trained, or any
 * other policy.
 */
export const ArmRole = z.enum(["copy", "policy", "rl"]);
export type ArmRole = z.infer<typeof ArmRole>;

/** What readers need to know of a measure to show its figures. */
export const LoggedMeasure = z.object({
  /** Of its figure in each row. */
  name: z.string(),
  /** In words: "exact match". */
  label: z.string(),
  /** "share" for what lies between 0 and 1 and is shown in percent; else any word. */
  unit: z.string(),
  /** Least and greatest value, where there are bounds. */
  range: z.tuple([z.number(), z.number()]).readonly().exactOptional(),
});
export type LoggedMeasure = Readonly<z.infer<typeof LoggedMeasure>>;

const Row = z.object({
  /** "source copied", "SFT", "SFT → RL", … */
  arm: z.string(),
  role: ArmRole,
  benchmark: z.string(),
  /** "temperature 1", "greedy" or "—" for a copy. */
  decoding: z.string(),
  /** A kind of edit, or "all". */
  task: z.string(),
  count: z.number(),
  /** Edits that have no score. */
  failed: z.number(),
  /** By measure; one that could be taken of no edit is left out. */
  figures: z.record(z.string(), Interval).readonly(),
});

/** Before version 1 two figures were fields of their own, and an arm's name said what it was. */
const EarlierRow = Row.omit({ role: true, benchmark: true, figures: true })
  .extend({ reward: Interval, exactMatch: Interval })
  .transform(({ reward, exactMatch, ...row }): z.infer<typeof Row> => ({
    ...row,
    role: EARLIER_ROLES[row.arm] ?? "policy",
    benchmark: "held-out",
    figures: { reward, exact_match: exactMatch },
  }));

const EARLIER_ROLES: Readonly<Record<string, ArmRole>> = {
  "source copied": "copy",
  "SFT → RL": "rl",
  "start → RL": "rl",
};

/** Scores of one arm (a checkpoint, or the source copied unchanged) on one kind of edit. */
export const ArmResult = z.union([Row, EarlierRow]);
export type ArmResult = Readonly<z.infer<typeof ArmResult>>;

/** What was measured before measures were logged. */
export const EARLIER_MEASURES: readonly LoggedMeasure[] = [
  { name: "reward", label: "reward", unit: "score" },
  { name: "exact_match", label: "exact match", unit: "share" },
];
