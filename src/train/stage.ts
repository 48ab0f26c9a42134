/**
 * A training stage as an iterator of steps. What every stage does around its steps happens here, in this order: begin or
 * go on, yield a step, record it, evaluate, keep the best, save, stop. The loops in sft.ts and grpo.ts differ in what a
 * step is, and in nothing else. Whatever ends a loop, the last complete step is saved before the fault is passed on.
 */

import { z } from "zod";

import { NOTHING_SEEN, observe, stopReason, type StoppingRule } from "../algorithms/early-stopping.ts";
import { learningRateAt, type Schedule } from "../algorithms/schedule.ts";
import type { PolicyEngine } from "../engine/policy-engine.ts";
import { CheckpointError, JudgeError } from "../errors.ts";
import { loggedGroup } from "../rollout/logged-group.ts";
import type { RolloutWatch } from "../rollout/rollout-progress.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";
import type { Clock } from "../runs/clock.ts";
import type { Stage as StageName } from "../runs/event.ts";
import type { Metrics } from "../runs/metrics.ts";
import type { Recorder } from "../runs/recorder.ts";
import type { ResumePoint } from "../runs/resume.ts";
import { RolloutEvents } from "./rollout-events.ts";
import { MeteredEngine } from "./metered-engine.ts";
import { type Patiently, waitOut } from "./patience.ts";

/** What a stage needs of the run it belongs to. */
export interface StageRun {
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** Everything random in the stage comes from it. */
  readonly seed: number;
  /** When it aborts, the stage stops as soon as it can and saves its last complete step. */
  readonly signal?: AbortSignal;
  /** Go on from this checkpoint. */
  readonly resume?: ResumePoint;
  /** Figures of what went on outside since it was asked last, for the metrics of steps and evaluations. */
  readonly takeFigures?: () => Metrics;
}

export interface StagePlan {
  readonly name: StageName;
  /** Holds the start's weights, also when the stage is resumed. */
  readonly engine: PolicyEngine;
  /** The learning rate's course, and how many steps there are. */
  readonly schedule: Schedule;
  readonly evaluateEvery: number;
  readonly saveEvery: number;
  /** Its score in words, for people. */
  readonly stopping: StoppingRule & { readonly score: string };
  /** Steps between those whose groups are shown as they are judged, and how many; none unless given. */
  readonly showEvery?: number;
  readonly shownGroups?: number;
  /** Longest wait for a judge that cannot be reached; none unless given. */
  readonly maxPauseMinutes?: number;
  /** Measures the policy on validation examples; `score` decides which checkpoint is best. */
  readonly evaluate: (signal: AbortSignal) => Promise<StageEvaluation>;
}

export interface StageEvaluation {
  readonly score: number;
  readonly metrics: Metrics;
  /** What was written, to be kept with its pictures. */
  readonly shown?: readonly ScoredGroup[];
}

/** Where a stage is. Plain JSON: together with the weights it is all that a resumed stage needs. */
const StageState = z.strictObject({
  /** Steps that are complete. */
  step: z.int().min(0),
  /** Tokens trained on so far. */
  tokens: z.number(),
  /** Matrix-product operations of training so far, rollouts included, evaluations not. */
  flops: z.number(),
  stopping: z.strictObject({
    best: z.number().nullable(),
    bestStep: z.int(),
    stale: z.int(),
    plateau: z.number().optional(),
  }),
  /** The evaluation after `step` is still to be made: something stopped the run before. */
  awaitsEvaluation: z.boolean().default(false),
});
type StageState = z.infer<typeof StageState>;

export interface StageResult {
  readonly reason: "finished" | "early-stop" | "interrupted";
  readonly step: number;
  /** Step of the best evaluation; its checkpoint is the stage's best one. */
  readonly bestStep: number;
  readonly bestScore: number | null;
}

/** One step, as the loop's body sees it. */
export interface Step {
  /** Counted from 0. */
  readonly index: number;
  readonly learningRate: number;
  /** Aborts when the run is to stop. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Records how a rollout goes on that the step with this index trains on: this one, or one after it. */
  readonly watch: (index: number) => RolloutWatch;
  /** The first step of a stage, and each before a checkpoint: when what is too dear for every step is checked. */
  readonly isChecked: boolean;
  /** The last step of a stage, and each before an evaluation that may end it. */
  readonly mayBeLast: boolean;
  /** True where this step ends an interval of so many steps, or the stage. */
  isDue(interval: number): boolean;
  /** See `Stage.patiently`. */
  readonly patiently: Patiently;
  /** Does a part of the step; its wall time is added to the metric. */
  readonly timed: <Result>(part: TimedPart, work: () => Promise<Result>) => Promise<Result>;
  /** Completes the step: `tokens` counted in its loss, and its metrics are recorded. Every step must end with it. */
  report(tokens: number, metrics: Metrics): void;
}

type TimedPart = "time/rollout" | "time/judging" | "time/update";

/** What a stage has begun for steps to come, and cannot begin again from a checkpoint's weights. */
export interface KeptWork {
  /** Writes it into a checkpoint after so many steps. */
  save(directory: string, steps: number): Promise<void>;
  /** Takes it up again. */
  load(directory: string): Promise<void>;
}

export class Stage {
  readonly run: StageRun;
  /** The plan's engine; what is computed through this one counts as training. */
  readonly engine: MeteredEngine;
  readonly #plan: StagePlan;
  readonly #signal: AbortSignal;
  /** Of the steps that go on or come next, by their index. */
  readonly #watches = new Map<number, RolloutEvents>();
  #kept: KeptWork | undefined;
  #state: StageState = { step: 0, tokens: 0, flops: 0, stopping: NOTHING_SEEN, awaitsEvaluation: true };
  /** Step of the newest checkpoint. */
  #savedStep: number | undefined;

  constructor(plan: StagePlan, run: StageRun) {
    this.run = run;
    this.engine = new MeteredEngine(plan.engine);
    this.#plan = plan;
    this.#signal = run.signal ?? new AbortController().signal;
  }

  get name(): StageName {
    return this.#plan.name;
  }

  /** From now on checkpoints hold this too, and a resumed stage takes it up before its first step. */
  keep(work: KeptWork): void {
    this.#kept = work;
  }

  /**
   * The steps that are left. Throws CheckpointError where the run's checkpoint belongs to another stage, and whatever an
   * evaluation or a save throws.
   */
  async *steps(): AsyncGenerator<Step, void> {
    await this.#begin();
    let isOver = false;
    try {
      if (this.#state.awaitsEvaluation) await this.#checkUp();
      while (!this.#isOver()) {
        const { step } = this.#state;
        yield this.#nextStep();
        if (this.#state.step === step) throw new Error(`Step ${step + 1} of ${this.name} made no report.`);
        await this.#checkUp();
      }
      // What comes after the stage may read its checkpoints.
      await this.run.recorder.settled();
      isOver = true;
    } finally {
      if (!isOver) await this.#rescue();
    }
    if (this.#isInterrupted()) await this.#saveOnce();
    const { reason, step } = this.result();
    if (reason !== "interrupted")
      this.run.recorder.record({
        kind: "stage-end",
        stage: this.name,
        step,
        reason,
        ...(reason === "early-stop" && { why: stopReason(this.#state.stopping, this.#plan.stopping) }),
      });
  }

  /** How the stage stands; final when `steps` has ended. */
  result(): StageResult {
    const { step, stopping } = this.#state;
    const reason = this.#isInterrupted()
      ? "interrupted"
      : step < this.#plan.schedule.steps
        ? "early-stop"
        : "finished";
    return { reason, step, bestStep: stopping.bestStep, bestScore: stopping.best };
  }

  /** Restores weights and state, or says that the stage begins. */
  async #begin(): Promise<void> {
    const { resume, recorder } = this.run;
    if (resume === undefined) {
      recorder.record({ kind: "stage-start", stage: this.name, steps: this.#plan.schedule.steps });
      return;
    }
    const state = StageState.safeParse(resume.loop);
    if (resume.stage !== this.name || !state.success) {
      throw new CheckpointError(`${resume.checkpoint} is no checkpoint of the stage ${this.name}.`, {
        hint: "Resume the run with the config it was started with.",
      });
    }
    await this.#plan.engine.load(resume.checkpoint);
    await this.#kept?.load(resume.checkpoint);
    this.#state = state.data;
    this.#savedStep = state.data.step;
  }

  #nextStep(): Step {
    const { clock, recorder } = this.run;
    const { step: index } = this.#state;
    const learningRate = learningRateAt(this.#plan.schedule, index);
    const begun = clock.seconds();
    const times: Metrics = {};
    this.engine.beginStep(`${this.name} step ${index + 1}`);
    this.#watches.delete(index - 1);
    this.#watches.get(index)?.begin();
    return {
      index,
      learningRate,
      signal: this.#signal,
      clock,
      watch: (of) => this.#watch(of),
      isChecked: index === 0 || this.#isDue(index + 1, this.#plan.saveEvery),
      mayBeLast: this.#mayBeLast(index),
      isDue: (interval) => this.#isDue(index + 1, interval),
      patiently: this.patiently,
      timed: async (part, work) => {
        const start = clock.seconds();
        const result = await work();
        times[part] = (times[part] ?? 0) + clock.seconds() - start;
        return result;
      },
      report: (fresh, metrics) => {
        const tokens = this.#state.tokens + fresh;
        const flops = this.#state.flops + this.engine.endStep();
        const awaitsEvaluation = this.#isDue(index + 1, this.#plan.evaluateEvery);
        this.#state = { ...this.#state, step: index + 1, tokens, flops, awaitsEvaluation };
        times["time/step"] = clock.seconds() - begun;
        const outside = this.run.takeFigures?.();
        recorder.record({
          kind: "step-end",
          stage: this.name,
          step: index + 1,
          metrics: {
            ...metrics,
            learning_rate: learningRate,
            num_tokens: tokens,
            flops,
            ...outside,
            ...times,
          },
        });
      },
    };
  }

  #watch(index: number): RolloutEvents {
    const { showEvery = Infinity, shownGroups = 0 } = this.#plan;
    const known = this.#watches.get(index);
    if (known !== undefined) return known;
    const watch = new RolloutEvents(this.run, {
      stage: this.name,
      now: () => this.#state.step + 1,
      step: index + 1,
      shownGroups: this.#isDue(index + 1, showEvery) ? shownGroups : 0,
    });
    this.#watches.set(index, watch);
    return watch;
  }

  /** Evaluates and saves where that is due after the last step. */
  async #checkUp(): Promise<void> {
    const isBest = this.#state.awaitsEvaluation ? await this.#evaluate() : false;
    if (isBest || this.#hasStopped() || this.#isDue(this.#state.step, this.#plan.saveEvery))
      await this.#save(isBest);
  }

  readonly patiently: Patiently = async (ask, again) => {
    try {
      return await ask();
    } catch (cause) {
      if (!(cause instanceof JudgeError)) throw cause;
      await this.#rescue();
      this.run.recorder.record({ kind: "run-paused", stage: this.name, reason: cause.message });
      if (!cause.isOutage) throw cause;
      const seconds = 60 * (this.#plan.maxPauseMinutes ?? 0);
      const result = await waitOut(cause, again, { seconds, signal: this.#signal });
      this.run.recorder.record({ kind: "run-continued", stage: this.name });
      return result;
    }
  };

  /** True where no evaluation of the stage was better. */
  async #evaluate(): Promise<boolean> {
    const evaluate = async (): ReturnType<StagePlan["evaluate"]> => this.#plan.evaluate(this.#signal);
    const { score, metrics, shown = [] } = await this.patiently(evaluate, evaluate);
    const { step } = this.#state;
    const { state: stopping, isBest } = observe(this.#state.stopping, { step, score }, this.#plan.stopping);
    this.#state = { ...this.#state, stopping, awaitsEvaluation: false };
    const outside = this.run.takeFigures?.();
    this.run.recorder.record({
      kind: "evaluation-end",
      stage: this.name,
      step,
      metrics: { ...metrics, ...outside },
      isBest,
    });
    for (const one of shown) {
      const group = loggedGroup(this.run.recorder, one, []);
      this.run.recorder.record({ kind: "held-out-logged", stage: this.name, step, group });
    }
    return isBest;
  }

  /** Saves what was learned when something ends the loop before its time; also reached when the loop's body throws. */
  async #rescue(): Promise<void> {
    // Half a step cannot be gone on from, and before the first one there is nothing to lose.
    const isWorthIt = !this.engine.isMidStep && this.#state.step > 0;
    try {
      await (isWorthIt ? this.#saveOnce() : this.run.recorder.settled());
    } catch {
      // What ended the loop is the fault to hear about; this one is most often its consequence.
    }
  }

  async #saveOnce(): Promise<void> {
    if (this.#savedStep !== this.#state.step) await this.#save(false);
    await this.run.recorder.settled();
  }

  async #save(isBest: boolean): Promise<void> {
    const { step } = this.#state;
    await this.run.recorder.saveCheckpoint({
      stage: this.name,
      step,
      loop: this.#state,
      isBest,
      write: async (directory, goOn) => {
        await this.#kept?.save(directory, step);
        await this.#plan.engine.save(directory, goOn);
      },
    });
    this.#savedStep = step;
  }

  #isOver(): boolean {
    return this.#state.step >= this.#plan.schedule.steps || this.#hasStopped() || this.#signal.aborted;
  }

  #isInterrupted(): boolean {
    return this.#state.step < this.#plan.schedule.steps && !this.#hasStopped();
  }

  #hasStopped(): boolean {
    return this.#state.stopping.stale >= this.#plan.stopping.patience;
  }

  #mayBeLast(index: number): boolean {
    const { schedule, evaluateEvery, stopping } = this.#plan;
    const isOnProbation = this.#state.stopping.stale + 1 >= stopping.patience;
    return index + 1 === schedule.steps || (isOnProbation && this.#isDue(index + 1, evaluateEvery));
  }

  /** True at step 0, at every multiple of `interval`, and at the last step. */
  #isDue(step: number, interval: number): boolean {
    return step % interval === 0 || step === this.#plan.schedule.steps;
  }
}
