/**
 * The rollouts of a stage's steps. Each is written in one go between two updates, so all of it comes from the weights
 * that the policy has then: those of its own step or, ahead of it, of an earlier one. Judging goes on meanwhile.
 */

import type { Completion, PolicyEngine, Sampling } from "../engine/policy-engine.ts";
import { CheckpointError } from "../errors.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import { Rng } from "../random.ts";
import {
  beginRollout,
  judgeWritten,
  type RolloutParts,
  type RolloutUnderWay,
  type WrittenGroup,
} from "../rollout/rollout.ts";
import { loadRollout, saveRollout, type KeptRollout } from "./rollout-file.ts";
import type { KeptWork, Step } from "./stage.ts";

export interface RolloutPlan {
  readonly world: RolloutParts & { readonly engine: Pick<PolicyEngine, "logprobs"> };
  /** The edits that a step starts with. */
  readonly batchAt: (step: number) => Promise<PreparedEdit[]>;
  readonly sampling: Sampling;
  /** Steps between the one that a rollout is written in and the one that trains on it. */
  readonly lookAhead: number;
  /** True where the loss compares with what the trainer says of the completions, not the sampler. */
  readonly needsTrainer: boolean;
  readonly seed: number;
}

export interface StepRollout extends RolloutUnderWay {
  /** Index of the step that trains on it. */
  readonly step: number;
  /** Index of the step whose weights wrote it; undefined where that was before the run was resumed. */
  readonly writtenIn: number | undefined;
  /** Of the written completions, by the weights that wrote them; undefined where the plan does not need them. */
  readonly trainerLogprobs: Float32Array[][] | undefined;
}

export class StepRollouts implements KeptWork, AsyncDisposable {
  readonly plan: RolloutPlan;
  readonly #begun = new Map<number, StepRollout>();
  #kept: KeptRollout | undefined;

  constructor(plan: RolloutPlan) {
    this.plan = plan;
  }

  /** The rollout of a step and, after it, those that are written ahead: all that the step needs to begin with. */
  async of(step: Step): Promise<StepRollout> {
    for (const index of this.#begun.keys()) if (index < step.index) this.#begun.delete(index);
    const last = step.mayBeLast ? step.index : step.index + this.plan.lookAhead;
    for (let index = step.index; index <= last; index += 1) {
      if (!this.#begun.has(index)) this.#begun.set(index, await this.#begin(index, step));
    }
    return this.#begun.get(step.index)!;
  }

  /** What the weights of a step wrote for later ones. */
  aheadIn({ index }: Pick<Step, "index">): WrittenGroup[] {
    return [...this.#begun.values()]
      .filter(({ step, writtenIn }) => writtenIn === index && step > index)
      .flatMap(({ written }) => written);
  }

  /** Writes completions of edits with the weights as they are, for a step's rollout or a round that replaces groups of it. */
  async write(
    edits: readonly PreparedEdit[],
    place: { readonly step: number; readonly round: number },
    { index, signal, watch }: Pick<Step, "index" | "signal" | "watch">,
  ): Promise<StepRollout> {
    const { world, sampling, seed, needsTrainer } = this.plan;
    const own = Rng.from(seed, "grpo/rollout", place.step, place.round).word();
    const request = { edits, sampling, seed: own, signal, watch: watch(place.step) };
    const begun = await beginRollout(world, request);
    try {
      const trainerLogprobs = needsTrainer ? await this.#trainerLogprobs(begun.written) : undefined;
      return { ...begun, step: place.step, writtenIn: index, trainerLogprobs };
    } catch (cause) {
      await begun[Symbol.asyncDispose]();
      throw cause;
    }
  }

  async save(directory: string, step: number): Promise<void> {
    const begun = this.#begun.get(step);
    // What the weights of the checkpoint wrote, or will write, is written again from them.
    if (begun === undefined || begun.writtenIn === step) return;
    const groups = begun.written.map(({ edit, completions }, group) => ({
      example: edit.id,
      completions: completions.map((one, index) => ({
        ...one,
        ...trainerPart(begun.trainerLogprobs?.[group]?.[index]),
      })),
    }));
    await saveRollout(directory, { step, groups });
  }

  async load(directory: string): Promise<void> {
    // A stage that does not look ahead has a loss for completions of its own weights.
    if (this.plan.lookAhead > 0) this.#kept = await loadRollout(directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#begun.values(), (one) => one[Symbol.asyncDispose]()));
    this.#begun.clear();
  }

  async #begin(index: number, step: Step): Promise<StepRollout> {
    const edits = await this.plan.batchAt(index);
    if (this.#kept?.step !== index) return this.write(edits, { step: index, round: 0 }, step);
    const { groups } = this.#kept;
    this.#kept = undefined;
    requireSameEdits(groups, edits);
    const written = groups.map(({ completions }, group) => ({
      edit: edits[group]!,
      completions: completions.map(({ trainerLogprobs: _trainer, ...one }): Completion => one),
    }));
    const { signal, watch } = step;
    return {
      ...judgeWritten(this.plan.world, written, { signal, watch: watch(index) }),
      step: index,
      writtenIn: undefined,
      trainerLogprobs: keptTrainer(groups),
    };
  }

  async #trainerLogprobs(written: readonly WrittenGroup[]): Promise<Float32Array[][]> {
    const { world, sampling } = this.plan;
    const groups = written.map(({ edit, completions }) => ({ prompt: edit.prompt, completions }));
    const { logprobs } = await world.engine.logprobs(groups, "policy", sampling.temperature);
    return logprobs;
  }
}

/** What the trainer said of all of it; undefined where the engine that wrote it needed none. */
function keptTrainer(groups: KeptRollout["groups"]): Float32Array[][] | undefined {
  const kept = groups.map(({ completions }) =>
    completions.flatMap(({ trainerLogprobs }) => trainerLogprobs ?? []),
  );
  const isWhole = kept.every((group, index) => group.length === groups[index]!.completions.length);
  return isWhole ? kept : undefined;
}

function trainerPart(logprobs: Float32Array | undefined): { readonly trainerLogprobs?: Float32Array } {
  return logprobs === undefined ? {} : { trainerLogprobs: logprobs };
}

/** Throws CheckpointError where a rollout that was kept is of other edits than the step has now. */
function requireSameEdits(groups: KeptRollout["groups"], edits: readonly PreparedEdit[]): void {
  if (groups.length === edits.length && groups.every(({ example }, index) => example === edits[index]?.id))
    return;
  throw new CheckpointError(
    "The checkpoint holds completions of other edits than its next step has: the dataset is not what it was.",
    { hint: "Bring back the data that the run began with, or start a run of another `name`." },
  );
}
