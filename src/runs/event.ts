/**
 * What a run says as it goes: one JSON object a line in events.jsonl, the single source for console, report and
 * dashboard. Wall-clock figures live only under `time` and in metrics named time/…, so that two runs of the same
 * seed differ nowhere else.
 */

import type { Metrics } from "./metrics.ts";

export type Stage = "sft" | "grpo";

/** One completion of a logged group, enough to show it. */
export interface LoggedCompletion {
  /** File under the run's images/, absent where nothing could be decoded. */
  readonly image?: string;
  readonly reward?: number;
  readonly advantage?: number;
  readonly isExact?: boolean;
  /** Why it was not scored. */
  readonly problem?: string;
  readonly thought?: string;
}

export interface LoggedGroup {
  readonly exampleId: string;
  readonly task: string;
  readonly instruction: string;
  /** Files under the run's images/. */
  readonly source: string;
  readonly target?: string;
  readonly completions: readonly LoggedCompletion[];
}

/** Scores of one arm (a checkpoint, or the source copied unchanged) on held-out edits. */
export interface ArmResult {
  /** "source copied", "SFT", "SFT → RL", … */
  readonly arm: string;
  /** "temperature 1", "greedy" or "—" for a copy. */
  readonly decoding: string;
  /** A kind of edit, or "all". */
  readonly task: string;
  readonly count: number;
  readonly reward: { readonly mean: number; readonly low: number; readonly high: number };
  readonly exactMatch: { readonly mean: number; readonly low: number; readonly high: number };
  readonly failed: number;
}

export type RunEvent =
  | { readonly kind: "run-start"; readonly name: string; readonly seed: number; readonly time: number }
  | { readonly kind: "stage-start"; readonly stage: Stage; readonly steps: number; readonly time: number }
  | {
      readonly kind: "step-end";
      readonly stage: Stage;
      readonly step: number;
      readonly metrics: Metrics;
      readonly time: number;
    }
  | {
      readonly kind: "evaluation-end";
      readonly stage: Stage;
      readonly step: number;
      readonly metrics: Metrics;
      readonly isBest: boolean;
      readonly time: number;
    }
  | {
      readonly kind: "group-logged";
      readonly stage: Stage;
      readonly step: number;
      readonly group: LoggedGroup;
      readonly time: number;
    }
  | {
      readonly kind: "checkpoint-saved";
      readonly stage: Stage;
      readonly step: number;
      readonly path: string;
      readonly time: number;
    }
  | {
      readonly kind: "stage-end";
      readonly stage: Stage;
      readonly step: number;
      readonly reason: "finished" | "early-stop";
      readonly time: number;
    }
  /** Held-out edits, the same rows for every arm: source | instruction | target | one picture an arm. */
  | {
      readonly kind: "comparison-logged";
      readonly exampleId: string;
      readonly task: string;
      readonly instruction: string;
      readonly source: string;
      readonly target: string;
      readonly arms: readonly ({ readonly arm: string } & LoggedCompletion)[];
      readonly time: number;
    }
  | { readonly kind: "arms-evaluated"; readonly results: readonly ArmResult[]; readonly time: number }
  | { readonly kind: "run-end"; readonly time: number };
