/** What the server tells the page, in JSON: types that both sides share. Steps are counted in optimizer steps. */

import type { HowFar } from "../runs/how-far.ts";
import type { LoggedGroup, RunEvent, Stage } from "../runs/event.ts";

/** A run in the list. */
export interface RunCard extends HowFar {
  /** Name of its folder: what addresses it. */
  readonly id: string;
}

/** A place in a run's training at which groups were logged. */
export interface Moment {
  readonly stage: Stage;
  readonly step: number;
  readonly groups: number;
  /** Largest oddness of a group of the moment, 0 where nothing is odd. */
  readonly oddness: number;
}

export interface StageSummary {
  readonly stage: Stage;
  readonly step: number;
  /** Steps it is to make; absent where nobody said so yet. */
  readonly steps?: number;
  /** Why it ended; absent while it goes on. */
  readonly ended?: "finished" | "early-stop";
  /** What stopped it early, in words. */
  readonly why?: string;
  /** Metrics of steps, and those of evaluations, in the order in which they first appeared. */
  readonly metrics: readonly string[];
  readonly evaluations: readonly string[];
  /** The newest value of each. */
  readonly newest: Readonly<Record<string, number>>;
  readonly bestStep?: number;
}

export type Warning = Pick<
  Extract<RunEvent, { kind: "warning" }>,
  "stage" | "step" | "figure" | "value" | "limit" | "message"
>;

/** What one reward's judge did, over the whole run. */
export interface JudgeTotals {
  readonly reward: string;
  readonly calls: number;
  readonly failed: number;
  /** Mean time of a call. */
  readonly seconds: number;
}

export interface RunSummary {
  readonly id: string;
  readonly name: string;
  readonly state: HowFar["state"];
  /** Until the stage ends, at the pace of its newest steps. */
  readonly secondsLeft?: number;
  /** Events that were read so far; changes with everything the run says. */
  readonly events: number;
  /** True until all that was there when the page asked has been read. */
  readonly isReading: boolean;
  readonly attempt: number;
  readonly begun?: number;
  readonly newest?: number;
  readonly stages: readonly StageSummary[];
  /** What goes on within a step or a benchmark, in words. */
  readonly doing?: string;
  /** Why the run waits. */
  readonly paused?: string;
  readonly warnings: readonly Warning[];
  readonly judges: readonly JudgeTotals[];
  readonly moments: readonly Moment[];
  /** Rows that could not be read, the newest few. */
  readonly notices: readonly string[];
  readonly noticeCount: number;
  readonly tables: readonly Extract<RunEvent, { kind: "arms-evaluated" }>[];
  readonly comparisons: number;
  /** Steps of evaluations that kept pictures. */
  readonly heldOut: readonly Place[];
  /** Why the run cannot be read on. */
  readonly fault?: string;
}

export interface Place {
  readonly stage: Stage;
  readonly step: number;
}

/** A part of a curve: at most as many points as were asked for, extremes kept. */
export interface CurveView {
  readonly steps: readonly number[];
  readonly values: readonly number[];
  /** Points of the whole curve. */
  readonly total: number;
}

/** A group with what is odd about it. */
export interface ShownGroup extends LoggedGroup {
  /** Its place among those of its step, as they were written. */
  readonly order: number;
  readonly oddness: number;
  readonly oddities: readonly string[];
}

export type Comparison = Extract<RunEvent, { kind: "comparison-logged" }>;

/** Held-out edits as they were written at an evaluation. */
export interface HeldOutMoment extends Place {
  readonly groups: readonly LoggedGroup[];
}

/** What is pushed to a page that follows a run. */
export type Push =
  | { readonly kind: "state"; readonly run: RunSummary }
  /** New steps of a stage: `values` by metric, aligned with `steps`. */
  | { readonly kind: "steps"; readonly stage: Stage; readonly steps: readonly StepValues[] }
  /** What was told is void: the run was resumed further back. */
  | { readonly kind: "cut" };

export interface StepValues {
  readonly step: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** A checkpoint that the playground can open. */
export interface CheckpointChoice {
  readonly run: string;
  /** Name under checkpoints/. */
  readonly name: string;
  readonly isBest: boolean;
}

/** What it answers, a line of JSON each. `arm` and `completion` are places in what was asked. */
export type EditTold =
  | { readonly kind: "source"; readonly arm: number; readonly picture: string }
  | {
      readonly kind: "rows";
      readonly arm: number;
      readonly completion: number;
      readonly picture: string;
      readonly rows: number;
      readonly of: number;
    }
  | {
      readonly kind: "done";
      readonly arm: number;
      readonly completion: number;
      readonly picture: string;
      /** What the policy wrote before the picture. */
      readonly thought?: string;
    }
  | { readonly kind: "problem"; readonly arm: number; readonly completion?: number; readonly message: string }
  | { readonly kind: "end" };
