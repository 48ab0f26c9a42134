/**
 * What a run says as it goes: one JSON object a line in events.jsonl, the single source for console, report and
 * dashboard. Everything that a second run of the same seed may say differently is marked: the fields `time`, `attempt`
 * and `id`, metrics that `isPassingMetric` names, and the kinds that `LASTING` calls passing.
 */

import { z } from "zod";

import { ArmResult, EARLIER_MEASURES, LoggedMeasure } from "./arm-result.ts";
import type { Metrics } from "./metrics.ts";

/**
 * Version of what is written. A new kind or a changed field raises it, so that an older earl can say that it is older
 * instead of calling the file damaged. 0 had no `v` and no `attempt`; 1 did not say how far
 * weights are read and benchmarks are measured.
 */
export const EVENT_VERSION = 2;

/** The stages of training, in the order in which a run goes through them. */
export const STAGES = ["sft", "grpo"] as const;
export const StageName = z.enum(STAGES);
export type Stage = z.infer<typeof StageName>;

const isRecord = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Names are checked where metrics are logged; a reader takes whatever another version logged. JSON writes a number
 * that is not finite as null: such a metric is absent.
 */
const LoggedMetrics = z.unknown().transform((logged, context): Metrics => {
  // One loop, since a run has millions of them and somebody waits for its page.
  let hasAbsent = false;
  for (const value of isRecord(logged) ? Object.values(logged) : [undefined]) {
    if (value === null) hasAbsent = true;
    else if (typeof value !== "number") {
      context.addIssue("metrics are numbers by name");
      return z.NEVER;
    }
  }
  const metrics = logged as Record<string, number | null>;
  if (!hasAbsent) return metrics as Metrics;
  return Object.fromEntries(
    Object.entries(metrics).filter((entry): entry is [string, number] => entry[1] !== null),
  );
});

/** One completion of a logged group, enough to show it. */
const LoggedCompletion = z.object({
  /** File under the run's images/, absent where nothing could be decoded. */
  image: z.string().exactOptional(),
  reward: z.number().exactOptional(),
  advantage: z.number().exactOptional(),
  isExact: z.boolean().exactOptional(),
  /** What is known of it; the last two are the judge's faults. */
  verdict: z.enum(["scored", "undecodable", "unparsable", "unreachable"]).exactOptional(),
  /** Why it was not scored. */
  problem: z.string().exactOptional(),
  thought: z.string().exactOptional(),
  /** What the judge said beside the score, each in its own range. */
  subscores: z.record(z.string(), z.number()).readonly().exactOptional(),
  reasoning: z.string().exactOptional(),
});
export type LoggedCompletion = Readonly<z.infer<typeof LoggedCompletion>>;

const LoggedGroup = z.object({
  exampleId: z.string(),
  task: z.string(),
  instruction: z.string(),
  /** Files under the run's images/. */
  source: z.string(),
  target: z.string().exactOptional(),
  completions: z.array(LoggedCompletion).readonly(),
});
export type LoggedGroup = Readonly<z.infer<typeof LoggedGroup>>;

/** A kind of event: its own fields, and those that the recorder adds to all. */
function event<const Kind extends string, Fields extends z.ZodRawShape>(kind: Kind, fields: Fields) {
  return z.object({
    kind: z.literal(kind),
    v: z.int().min(0),
    /** 0 in a run that was never resumed, one more after each resume. */
    attempt: z.int().min(0),
    ...fields,
    /** Milliseconds since 1970. */
    time: z.number(),
  });
}

/** Where in a stage something happened; at a step that is going on, that step's number, the first one being 1. */
const place = { stage: StageName, step: z.int().min(0) };

export const RunEvent = z.discriminatedUnion("kind", [
  /** `id` tells this run's checkpoints from those of others that lie in its folder. */
  event("run-start", { name: z.string(), seed: z.number(), id: z.string().exactOptional() }),
  /** The run goes on after `step` of `stage`, or from its beginning where both are absent. */
  event("run-resumed", { stage: StageName.exactOptional(), step: z.int().min(0).exactOptional() }),
  /** Something outside has to be put right before the run can go on, a judge for example. */
  event("run-paused", { stage: StageName, reason: z.string() }),
  /** What the pause waited for is back. */
  event("run-continued", { stage: StageName }),
  event("run-end", {}),

  event("stage-start", { stage: StageName, steps: z.int().min(0) }),
  /** `why` says in words what stopped it early. */
  event("stage-end", {
    ...place,
    reason: z.enum(["finished", "early-stop"]),
    why: z.string().exactOptional(),
  }),

  /** How far the weights that a stage begins with are read, in parameters. */
  event("weights-progress", { read: z.number(), total: z.number() }),
  /** How far the rollout of a step is. */
  event("rollout-progress", {
    ...place,
    /** Written so far. */
    tokens: z.number(),
    /** Groups that are written, and those that are scored, of all. */
    written: z.int(),
    scored: z.int(),
    groups: z.int(),
    /** True where it is the rollout of the step after it, which is written ahead. */
    ahead: z.literal(true).optional(),
  }),
  /** What judges were asked in a step. */
  event("judge-calls", {
    ...place,
    reward: z.string(),
    calls: z.int(),
    failed: z.int(),
    /** Summed over calls, which overlap. */
    seconds: z.number(),
  }),
  event("step-end", { ...place, metrics: LoggedMetrics }),
  event("evaluation-end", { ...place, metrics: LoggedMetrics, isBest: z.boolean() }),
  event("group-logged", { ...place, group: LoggedGroup }),
  /** A group of the step that is going on, as soon as it is judged; `group-logged` says later what was made of it. */
  event("group-judged", { ...place, group: LoggedGroup }),
  /** A held-out edit as an evaluation wrote it: the same ones at every evaluation of a stage. */
  event("held-out-logged", { ...place, group: LoggedGroup }),
  /** `path` is relative to the run's folder. */
  event("checkpoint-saved", { ...place, path: z.string() }),
  /** A sign that rewards are won without editing: `figure` of the rollout lies beyond `limit`. */
  event("warning", {
    ...place,
    figure: z.string(),
    value: z.number(),
    limit: z.number(),
    message: z.string(),
  }),
  /** A row that could not be read and is left out. */
  event("data-notice", { split: z.string(), row: z.string(), reason: z.string() }),

  /** How far a benchmark is: its edits made ready first, then every arm scored in each way of decoding. */
  event("benchmark-progress", {
    benchmark: z.string(),
    part: z.enum(["edits", "arms"]),
    done: z.int().min(0),
    total: z.int().min(0),
  }),
  /** Held-out edits, the same rows for every arm: source | instruction | target | one picture an arm. */
  event("comparison-logged", {
    benchmark: z.string().default("held-out"),
    exampleId: z.string(),
    task: z.string(),
    instruction: z.string(),
    source: z.string(),
    target: z.string().exactOptional(),
    arms: z.array(LoggedCompletion.extend({ arm: z.string() })).readonly(),
  }),
  /** A benchmark's table; `measures` say what the figures of its rows are. */
  event("arms-evaluated", {
    measures: z.array(LoggedMeasure).readonly().default(EARLIER_MEASURES),
    results: z.array(ArmResult).readonly(),
  }),
]);
export type RunEvent = z.infer<typeof RunEvent>;

type Untimed<Event> = Event extends unknown ? Omit<Event, "time" | "v" | "attempt"> : never;

/** An event as it is reported; the recorder adds time, version and attempt. */
export type UntimedEvent = Untimed<RunEvent>;

/**
 * Whether a kind is part of what a run computes, the same in every run of its seed, or passing: said at moments that
 * depend on speed, on interruptions, or on the state of other machines.
 */
export const LASTING: Readonly<Record<RunEvent["kind"], "lasting" | "passing">> = {
  "run-start": "lasting",
  "run-resumed": "passing",
  "run-paused": "passing",
  "run-continued": "passing",
  "run-end": "lasting",
  "stage-start": "lasting",
  "stage-end": "lasting",
  "weights-progress": "passing",
  "benchmark-progress": "passing",
  "rollout-progress": "passing",
  "judge-calls": "passing",
  "step-end": "lasting",
  "evaluation-end": "lasting",
  "group-logged": "lasting",
  "group-judged": "passing",
  "held-out-logged": "lasting",
  "checkpoint-saved": "lasting",
  warning: "lasting",
  "data-notice": "passing",
  "comparison-logged": "lasting",
  "arms-evaluated": "lasting",
};
