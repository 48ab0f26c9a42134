/**
 * What every training stage does around its steps: begin or go on, evaluate, keep the best, save, and stop. The loops
 * in sft.ts and grpo.ts differ in what a step is, and in nothing here.
 */

import { z } from "zod";

import { NOTHING_SEEN, observe, type StoppingRule } from "../algorithms/early-stopping.ts";
import type { PolicyEngine } from "../engine/policy-engine.ts";
import { CheckpointError } from "../errors.ts";
import type { Clock } from "../runs/clock.ts";
import type { Stage as StageName } from "../runs/event.ts";
import type { Metrics } from "../runs/metrics.ts";
import type { Recorder } from "../runs/recorder.ts";
import type { ResumePoint } from "../runs/resume.ts";

/** What a stage needs of the run it belongs to. */
export interface StageRun {
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** Everything random in the stage comes from it. */
  readonly seed: number;
  /** When it aborts, the stage finishes its step, saves and returns. */
  readonly signal?: AbortSignal;
  /** Go on from this checkpoint. */
  readonly resume?: ResumePoint;
}

export interface Stage {
  readonly name: StageName;
  readonly engine: PolicyEngine;
  readonly run: StageRun;
  readonly steps: number;
  readonly evaluateEvery: number;
  readonly saveEvery: number;
  readonly stopping: StoppingRule;
  /** Measures the policy on validation examples; `score` decides which checkpoint is best. */
  readonly evaluate: () => Promise<{ readonly score: number; readonly metrics: Metrics }>;
}

/** Where a stage is. Plain JSON: together with the weights it is all that a resumed stage needs. */
export const StageState = z.strictObject({
  /** Steps that are complete. */
  step: z.int().min(0),
  /** Tokens trained on so far. */
  tokens: z.number(),
  /** Matrix-product operations of training so far, rollouts included, evaluations not. */
  flops: z.number(),
  stopping: z.strictObject({ best: z.number().nullable(), bestStep: z.int(), stale: z.int() }),
});
export type StageState = z.infer<typeof StageState>;

export interface StageResult {
  readonly reason: "finished" | "early-stop" | "interrupted";
  readonly step: number;
  /** Step of the best evaluation; its checkpoint is the stage's best one. */
  readonly bestStep: number;
  readonly bestScore: number | null;
}

/**
 * Starts the stage with an evaluation and a checkpoint of its first weights, or restores weights and state.
 * Throws CheckpointError where the checkpoint belongs to another stage.
 */
export async function beginStage(stage: Stage): Promise<StageState> {
  const { resume, recorder } = stage.run;
  if (resume === undefined) {
    recorder.record({ kind: "stage-start", stage: stage.name, steps: stage.steps });
    return checkUp(stage, { step: 0, tokens: 0, flops: 0, stopping: NOTHING_SEEN });
  }
  const state = StageState.safeParse(resume.loop);
  if (resume.stage !== stage.name || !state.success) {
    throw new CheckpointError(`${resume.checkpoint} is no checkpoint of the stage ${stage.name}.`, {
      hint: "Resume the run with the config it was started with.",
    });
  }
  await stage.engine.load(resume.checkpoint);
  return state.data;
}

/** True where no further step is to be made. */
export function isOver(stage: Stage, state: StageState): boolean {
  return state.step >= stage.steps || hasStopped(stage, state) || stage.run.signal?.aborted === true;
}

/** Evaluates and saves where that is due after the state's last step. Returns the state to go on with. */
export async function checkUp(stage: Stage, state: StageState): Promise<StageState> {
  const isEvaluated = isDue(stage, state.step, stage.evaluateEvery);
  const { next, isBest } = isEvaluated ? await evaluate(stage, state) : { next: state, isBest: false };
  const isLast = hasStopped(stage, next);
  if (isBest || isLast || isDue(stage, state.step, stage.saveEvery)) await save(stage, next, isBest);
  return next;
}

/** Says how the stage ended; an interrupted one is saved first. */
export async function finishStage(stage: Stage, state: StageState): Promise<StageResult> {
  const { step, stopping } = state;
  const result = { step, bestStep: stopping.bestStep, bestScore: stopping.best };
  const isEarly = hasStopped(stage, state) && step < stage.steps;
  if (step < stage.steps && !isEarly) {
    await save(stage, state, false);
    return { reason: "interrupted", ...result };
  }
  const reason = isEarly ? "early-stop" : "finished";
  stage.run.recorder.record({ kind: "stage-end", stage: stage.name, step, reason });
  return { reason, ...result };
}

/** Saves a checkpoint that the stage can go on from. */
export async function save(stage: Stage, state: StageState, isBest: boolean): Promise<void> {
  await stage.run.recorder.saveCheckpoint({
    stage: stage.name,
    step: state.step,
    loop: state,
    isBest,
    write: (directory) => stage.engine.save(directory),
  });
}

/** True at step 0, at every multiple of `interval`, and at the last step. */
export function isDue(stage: Stage, step: number, interval: number): boolean {
  return step % interval === 0 || step === stage.steps;
}

async function evaluate(stage: Stage, state: StageState): Promise<{ next: StageState; isBest: boolean }> {
  const { score, metrics } = await stage.evaluate();
  const seen = observe(state.stopping, { step: state.step, score }, stage.stopping);
  stage.run.recorder.record({
    kind: "evaluation-end",
    stage: stage.name,
    step: state.step,
    metrics,
    isBest: seen.isBest,
  });
  return { next: { ...state, stopping: seen.state }, isBest: seen.isBest };
}

function hasStopped(stage: Stage, state: StageState): boolean {
  return state.stopping.stale >= stage.stopping.patience;
}
