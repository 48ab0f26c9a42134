/** Measures one training step and records it: time, operations, tokens, and what the step itself reports. */

import type { StepMetrics } from "../engine/policy-engine.ts";
import type { Clock } from "../runs/clock.ts";
import type { Metrics } from "../runs/metrics.ts";
import type { Stage, StageState } from "./stage.ts";

type Lap = "time/rollout" | "time/update";

/** Times a step and its parts. */
export class StepWatch {
  readonly #clock: Clock;
  readonly #start: number;
  #lapStart: number;
  #laps: Metrics = {};

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#start = clock.seconds();
    this.#lapStart = this.#start;
  }

  /** Gives the time since the last lap, or the start, to a part of the step. */
  lap(name: Lap): void {
    const now = this.#clock.seconds();
    this.#laps = { ...this.#laps, [name]: now - this.#lapStart };
    this.#lapStart = now;
  }

  times(): Metrics {
    return { ...this.#laps, "time/step": this.#clock.seconds() - this.#start };
  }
}

export interface StepReport {
  /** Tokens that counted in the loss. */
  readonly tokens: number;
  /** Operations of matrix products. */
  readonly flops: number;
  readonly metrics: Metrics;
}

/** Records `step-end` and returns the state after the step; evaluations are neither timed nor counted. */
export function endStep(stage: Stage, state: StageState, watch: StepWatch, report: StepReport): StageState {
  const flops = state.flops + report.flops;
  const next = { ...state, step: state.step + 1, tokens: state.tokens + report.tokens, flops };
  const metrics: Metrics = { ...report.metrics, num_tokens: next.tokens, flops, ...watch.times() };
  stage.run.recorder.record({ kind: "step-end", stage: stage.name, step: next.step, metrics });
  return next;
}

/** What the optimizer steps made of one batch report: tokens and operations added up, the rest averaged; empty where none was made. */
export function updateReport(updates: readonly StepMetrics[]): StepReport {
  if (updates.length === 0) return { tokens: 0, flops: 0, metrics: {} };
  const average = (of: (one: StepMetrics) => number): number =>
    updates.reduce((sum, one) => sum + of(one), 0) / updates.length;
  return {
    tokens: updates.reduce((sum, one) => sum + one.tokens, 0),
    flops: updates.reduce((sum, one) => sum + one.flops, 0),
    metrics: {
      loss: average((one) => one.loss),
      grad_norm: average((one) => one.gradNorm),
      entropy: average((one) => one.entropy),
      kl: average((one) => one.kl),
      "clip_ratio/low_mean": average((one) => one.clipLow),
      "clip_ratio/high_mean": average((one) => one.clipHigh),
    },
  };
}
