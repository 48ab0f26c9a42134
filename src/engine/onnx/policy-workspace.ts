/**
 * A policy's weights, optimizer state and compiled graphs, in one thread. It knows arrays and shapes, not prompts or
 * grammars; the engine in front of it (onnx-engine.ts) does the packing and runs it in a worker.
 */

import { resolve } from "node:path";

import type { LossSpec } from "../../algorithms/losses.ts";
import { EngineError } from "../../errors.ts";
import { sizeOf } from "../../policy/parameters.ts";
import type { DeviceName } from "../../tensor/device.ts";
import { DEVICES } from "../../tensor/device.ts";
import { GraphRunner } from "../../tensor/graph-runner.ts";
import type { ArrayFeeds, Feed, Feeds } from "../../tensor/session.ts";
import { release } from "../../tensor/session.ts";
import type { Arrays, CheckpointFiles, OnLoad, PolicyWeights } from "../policy-engine.ts";
import type { CompletionCache } from "./completion-cache.ts";
import { openCheckpoint, saveEngine } from "./engine-checkpoint.ts";
import type { GenerationStart, RunRequest, WrittenRun } from "../generation-run.ts";
import type { Generation, Sampler } from "./generation.ts";
import { decodeRun, startGeneration } from "./generation.ts";
import { next, updateScalars } from "./optimizer-update.ts";
import { startSource, watchedSource } from "./parameter-source.ts";
import { policyParts } from "./policy-parts.ts";
import { NEXT_STATE, PolicyState, type OptimizerState } from "./policy-state.ts";
import type { BatchShape, GraphContext } from "./training-graphs.ts";
import { ACCUMULATED, accumulateGraph, logprobGraph, stepGraph, updateGraph } from "./training-graphs.ts";

export interface WorkspaceOptions extends GraphContext {
  /** Threads inside an op; 0 takes every core. */
  readonly threads: number;
  /** Where tensors live; the CPU where not given. */
  readonly device?: DeviceName;
}

/** A batch without the bookkeeping that stays with the engine. */
export interface BatchFeeds {
  readonly shape: BatchShape;
  readonly feeds: ArrayFeeds;
}

/** Sums over the batch's counted tokens, but for `loss` and `gradNorm`. */
export interface StepSums {
  readonly loss: number;
  readonly kl: number;
  readonly entropy: number;
  readonly clipLow: number;
  readonly clipHigh: number;
  readonly gradNorm: number;
}

/** A result with the floating-point operations that it took. */
type Counted<Result> = Result & { readonly flops: number };

export class PolicyWorkspace implements AsyncDisposable {
  readonly options: WorkspaceOptions;
  readonly runner: GraphRunner;
  readonly #state: PolicyState;
  /** Where the weights were read that an adapter belongs to. */
  #base: string | null = null;
  readonly #onLoad: OnLoad;
  /** Those under way, by the number that they were begun with. */
  readonly #generations = new Map<number, Generation>();
  #begun = 0;
  /** Of a generation that ended: the next one is most often of the same shape. */
  #spare: CompletionCache | undefined;

  constructor(options: WorkspaceOptions, onLoad: OnLoad = () => {}) {
    this.options = options;
    this.#onLoad = onLoad;
    this.runner = new GraphRunner({ device: DEVICES[options.device ?? "cpu"], threads: options.threads });
    this.#state = new PolicyState(options, this.runner);
  }

  /**
   * Sets the weights, tensor by tensor where they lie on disk, and forgets the optimizer's state. The reference policy
   * is kept from them where `start` is asked for, else read beside them. Throws CheckpointError or ShapeError where
   * weights do not fit the policy.
   */
  async setState(weights: PolicyWeights, reference?: "start" | PolicyWeights): Promise<void> {
    this.#base = weights.kind === "arrays" ? null : resolve(weights.directory);
    const { trained, given } = policyParts(this.options);
    const total = [...trained, ...given].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const source = watchedSource(await startSource(this.options, weights), total, this.#onLoad);
    try {
      await this.#state.start(source);
    } finally {
      await source.close();
    }
    if (reference === "start") await this.#state.keepReference();
    else if (reference !== undefined) await this.#readReference(reference);
  }

  async #readReference(weights: PolicyWeights): Promise<void> {
    // Given weights are held once, so an adapter's reference can differ from it in the adapter alone.
    const hasGiven = policyParts(this.options).given.length > 0;
    if (hasGiven && (weights.kind === "arrays" || resolve(weights.directory) !== this.#base)) {
      throw new EngineError("The reference policy has another base than the adapter that is trained.", {
        hint: "Give it the same base, with the adapter it should have.",
      });
    }
    const source = await startSource(this.options, weights);
    try {
      await this.#state.readReference(source);
    } finally {
      await source.close();
    }
  }

  /** The trained parameters by name, as arrays; all where nothing is trained. */
  async parameters(): Promise<Arrays> {
    return this.#state.parameters();
  }

  /** What the optimizer remembers; undefined before the first step. */
  async optimizerState(): Promise<OptimizerState | undefined> {
    return this.#state.optimizerState();
  }

  /** Writes weights or adapter, and the optimizer's state. */
  async save(directory: string, companions?: CheckpointFiles): Promise<void> {
    const [parameters, optimizer] = [await this.parameters(), await this.optimizerState()];
    await saveEngine(
      directory,
      { policy: this.options, parameters, optimizer, base: this.#base },
      companions,
    );
  }

  /** Restores what `save` wrote; an adapter's base stays as it is. */
  async load(directory: string): Promise<void> {
    const checkpoint = await openCheckpoint(directory, this.options);
    try {
      if (this.options.trained === "none") await this.#state.start(checkpoint.parameters);
      else await this.#state.restore(checkpoint.parameters, checkpoint.optimizer);
    } finally {
      await checkpoint.close();
    }
  }

  /** The parameters by name and the head's rows of each segment, where the device keeps them. */
  async weights(): Promise<Feeds> {
    return this.#state.weights();
  }

  /** Log-probabilities of the batch's free tokens, in the order of its lists. */
  async logprobs(
    batch: BatchFeeds,
    under: "policy" | "reference",
    temperature: number,
  ): Promise<Counted<{ readonly logprobs: Float32Array }>> {
    const weights = under === "policy" ? await this.#state.weights() : this.#state.reference;
    const recipe = {
      key: ["logprobs", batch.shape],
      build: () => logprobGraph(this.options, batch.shape),
    };
    const { read, flops } = await this.runner.run(recipe, {
      ...batch.feeds,
      ...weights,
      ...inverse(temperature),
    });
    return { logprobs: read["logprobs"] as Float32Array, flops };
  }

  /** One optimizer step on a batch that may be cut into several passes. */
  async step(
    batches: readonly BatchFeeds[],
    spec: LossSpec,
    learningRate: number,
  ): Promise<Counted<StepSums>> {
    if (this.#state.size === 0) {
      throw new EngineError("This engine was opened to generate, so there is nothing to train.", {
        hint: "Open it with the weights or an adapter as what is trained.",
      });
    }
    const scalars = updateScalars(this.#state.step + 1, learningRate, this.options.optimizer);
    const fixed = { ...inverse(spec.temperature), ...this.#state.feeds };
    const [only] = batches;
    if (batches.length === 1 && only !== undefined) {
      const recipe = {
        key: ["step", only.shape, spec],
        build: () => stepGraph(this.options, only.shape, spec),
        kept: NEXT_STATE,
      };
      const { read, kept, flops } = await this.runner.run(recipe, { ...only.feeds, ...fixed, ...scalars });
      const made = sums([read], read);
      this.#adopt(kept, { ...made, weightNorm: Number(read["weightNorm"]?.[0]) });
      return { ...made, flops };
    }
    let gradient: Feed = new Float32Array(this.#state.size);
    const passes = [];
    let flops = 0;
    for (const batch of batches) {
      const recipe = {
        key: ["accumulate", batch.shape, spec],
        build: () => accumulateGraph(this.options, batch.shape, spec),
        kept: [next(ACCUMULATED)],
      };
      const pass = await this.runner.run(recipe, { ...batch.feeds, ...fixed, [ACCUMULATED]: gradient });
      release([gradient]);
      gradient = pass.kept[next(ACCUMULATED)] as Feed;
      flops += pass.flops;
      passes.push(pass.read);
    }
    const { loss } = sums(passes, {});
    if (!Number.isFinite(loss)) {
      release([gradient]);
      throw refusal({ loss });
    }
    const recipe = { key: ["update"], build: () => updateGraph(this.options), kept: NEXT_STATE };
    const update = await this.runner.run(recipe, {
      ...this.#state.feeds,
      ...scalars,
      [ACCUMULATED]: gradient,
    });
    release([gradient]);
    const made = sums(passes, update.read);
    this.#adopt(update.kept, { ...made, weightNorm: Number(update.read["weightNorm"]?.[0]) });
    return { ...made, flops: flops + update.flops };
  }

  /** Makes an update's outputs the state. Throws EngineError, and leaves the state as it is, where one is not finite. */
  #adopt(
    kept: Readonly<Record<string, Feed>>,
    { loss, gradNorm, weightNorm }: Pick<StepSums, "loss" | "gradNorm"> & { readonly weightNorm: number },
  ): void {
    if (![loss, gradNorm, weightNorm].every(Number.isFinite)) {
      release(Object.values(kept));
      throw refusal({ loss, "gradient norm": gradNorm, "norm of the updated weights": weightNorm });
    }
    this.#state.take(kept);
  }

  /** Begins a generation beside those under way. Its number is what `decode` and `endGeneration` know it by. */
  async startGeneration(start: GenerationStart): Promise<Counted<{ readonly generation: number }>> {
    const spare = this.#spare;
    this.#spare = undefined;
    const { generation, flops } = await startGeneration(await this.#sampler(), start, spare);
    this.#begun += 1;
    this.#generations.set(this.#begun, generation);
    return { generation: this.#begun, flops };
  }

  /** Takes every row of a generation on by a run of tokens. */
  async decode(number: number, request: RunRequest): Promise<Counted<WrittenRun>> {
    const generation = this.#generations.get(number);
    if (generation === undefined) throw new EngineError(`No generation ${number} is under way.`);
    return decodeRun(await this.#sampler(), generation, request);
  }

  /** Frees a generation, whether it came to its end or not. */
  endGeneration(number: number): void {
    const generation = this.#generations.get(number);
    if (generation === undefined) return;
    this.#generations.delete(number);
    release(Object.values(generation.prefix));
    this.#spare = generation.cache;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const number of this.#generations.keys()) this.endGeneration(number);
    this.#state[Symbol.dispose]();
    await this.runner[Symbol.asyncDispose]();
  }

  async #sampler(): Promise<Sampler> {
    return { runner: this.runner, context: this.options, weights: await this.#state.weights() };
  }
}

/** Why a step was not made. */
function refusal(figures: Readonly<Record<string, number>>): EngineError {
  const wrong = Object.entries(figures).filter(([, value]) => !Number.isFinite(value));
  const words = wrong.map(([name, value]) => `its ${name} is ${value}`);
  return new EngineError(`The step was not made: ${words.join(", ")}. Weights and optimizer are as before.`, {
    hint: "Lower the learning rate, raise optimizer.epsilon, or go back to a checkpoint before the figures rose.",
  });
}

function inverse(temperature: number): Feeds {
  return { inverseTemperature: Float32Array.of(1 / temperature) };
}

function sums(
  passes: readonly Record<string, ArrayLike<number | bigint>>[],
  last: Record<string, ArrayLike<number | bigint>>,
): StepSums {
  const total = (name: string): number =>
    passes.reduce((sum, results) => sum + Number(results[name]?.[0] ?? 0), 0);
  return {
    loss: total("loss"),
    kl: total("kl"),
    entropy: total("entropy"),
    clipLow: total("clipLow"),
    clipHigh: total("clipHigh"),
    gradNorm: Number(last["gradNorm"]?.[0]),
  };
}
