/** An engine that adds up what a training step computes through it, and says in which step it failed. */

import type { LossSpec } from "../algorithms/losses.ts";
import type {
  CompletedGroup,
  CompletionGroup,
  GenerationRequest,
  PolicyEngine,
  ScoredIds,
  StepMetrics,
  TrainingGroup,
} from "../engine/policy-engine.ts";
import { EngineError } from "../errors.ts";

export class MeteredEngine implements Pick<PolicyEngine, "agreement" | "generate" | "logprobs" | "step"> {
  readonly #engine: PolicyEngine;
  #place = "";
  #flops = 0;
  #updates = 0;

  constructor(engine: PolicyEngine) {
    this.#engine = engine;
  }

  get agreement(): PolicyEngine["agreement"] {
    return this.#engine.agreement;
  }

  /** True where optimizer steps were made that belong to no complete training step. */
  get isMidStep(): boolean {
    return this.#updates > 0;
  }

  beginStep(place: string): void {
    this.#place = place;
    this.#flops = 0;
    this.#updates = 0;
  }

  /** Floating-point operations of matrix products since `beginStep`. */
  endStep(): number {
    this.#updates = 0;
    return this.#flops;
  }

  async *generate(request: GenerationRequest): AsyncIterable<CompletedGroup> {
    for await (const group of this.#engine.generate(request)) {
      this.#flops += group.flops;
      yield group;
    }
  }

  async logprobs(
    groups: readonly CompletionGroup[],
    under: "policy" | "reference",
    temperature: number,
  ): Promise<ScoredIds> {
    const scored = await this.#engine.logprobs(groups, under, temperature);
    this.#flops += scored.flops;
    return scored;
  }

  /** Throws EngineError, naming the training step, where an update would leave something that is not finite. */
  async step(groups: readonly TrainingGroup[], loss: LossSpec, learningRate: number): Promise<StepMetrics> {
    try {
      const metrics = await this.#engine.step(groups, loss, learningRate);
      this.#updates += 1;
      this.#flops += metrics.flops;
      return metrics;
    } catch (cause) {
      if (!(cause instanceof EngineError)) throw cause;
      const hint = cause.hint === undefined ? {} : { hint: cause.hint };
      throw new EngineError(`${this.#place}: ${cause.message}`, { ...hint, cause });
    }
  }
}
