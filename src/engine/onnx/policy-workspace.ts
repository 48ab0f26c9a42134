/**
 * A policy's weights, optimizer state and compiled graphs, in one thread. It knows arrays and shapes, not prompts or
 * grammars; the engine in front of it (onnx-engine.ts) does the packing and runs it in a worker.
 */

import type { LossSpec } from "../../algorithms/losses.ts";
import { resolve } from "node:path";

import { EngineError } from "../../errors.ts";
import { sizeOf } from "../../policy/parameters.ts";
import { compile } from "../../tensor/compile.ts";
import type { Device, DeviceName } from "../../tensor/device.ts";
import { DEVICES } from "../../tensor/device.ts";
import type { ArrayFeeds, Feed, Feeds, KeptOutputs, RunResults } from "../../tensor/session.ts";
import { release, Session } from "../../tensor/session.ts";
import type { Value } from "../../tensor/value.ts";
import { next, updateScalars } from "./adamw.ts";
import { openCheckpoint, saveEngine, type CheckpointFiles } from "./engine-checkpoint.ts";
import type { Generation, GenerationStart } from "./generation.ts";
import { decodeRun, startGeneration } from "./generation.ts";
import type { RunRequest, WrittenRun } from "./generation.ts";
import type { CompletionCache } from "./completion-cache.ts";
import { startSource, watchedSource } from "./parameter-source.ts";
import type { Arrays, OnLoad, WeightFiles } from "./parameter-source.ts";
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

/** What graphs of a policy give out. */
type Outputs = Record<string, Float32Array | BigInt64Array>;

/** Sums over the batch's counted tokens, but for `loss` and `gradNorm`. */
export interface StepSums {
  readonly loss: number;
  readonly kl: number;
  readonly entropy: number;
  readonly clipLow: number;
  readonly clipHigh: number;
  readonly gradNorm: number;
}

export class PolicyWorkspace {
  readonly options: WorkspaceOptions;
  readonly #device: Device;
  readonly #state: PolicyState;
  /** Where the weights were read that an adapter belongs to. */
  #base: string | null = null;
  readonly #onLoad: OnLoad;
  #flops = 0;
  #generation: Generation | undefined;
  /** Of the last generation: the next one is most often of the same shape. */
  #cache: CompletionCache | undefined;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(options: WorkspaceOptions, onLoad: OnLoad = () => {}) {
    this.options = options;
    this.#onLoad = onLoad;
    this.#device = DEVICES[options.device ?? "cpu"];
    this.#state = new PolicyState({ ...options, isHost: this.#device.isCpu }, (...graph) =>
      this.session(...graph),
    );
  }

  /**
   * Sets the weights, tensor by tensor where they lie on disk, and forgets the optimizer's state. Throws
   * CheckpointError or ShapeError where they do not fit the policy.
   */
  async setState(weights: Arrays | WeightFiles): Promise<void> {
    this.#base = weights instanceof Map ? null : resolve(weights.directory);
    const { trained, given } = policyParts(this.options);
    const total = [...trained, ...given].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const source = watchedSource(await startSource(this.options, weights), total, this.#onLoad);
    try {
      await this.#state.start(source);
    } finally {
      await source.close();
    }
  }

  /** The trained parameters by name, as arrays; all where nothing is trained. */
  async parameters(): Promise<Arrays> {
    return this.#state.parameters();
  }

  /** What AdamW remembers; undefined before the first step. */
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

  async freezeReference(): Promise<void> {
    await this.#state.freezeReference();
  }

  flops(): number {
    return this.#flops;
  }

  /** Log-probabilities of the batch's free tokens, in the order of its lists. */
  async logprobs(
    batch: BatchFeeds,
    under: "policy" | "reference",
    temperature: number,
  ): Promise<Float32Array> {
    const weights = under === "policy" ? await this.#state.weights() : this.#state.reference;
    const session = await this.session(["logprobs", batch.shape], () =>
      logprobGraph(this.options, batch.shape),
    );
    const { logprobs } = await this.run(session, {
      ...batch.feeds,
      ...weights,
      ...inverse(temperature),
    });
    return logprobs as Float32Array;
  }

  /** One optimizer step on a batch that may be cut into several passes. */
  async step(batches: readonly BatchFeeds[], spec: LossSpec, learningRate: number): Promise<StepSums> {
    if (this.#state.size === 0) {
      throw new EngineError("This engine was opened to generate, so there is nothing to train.", {
        hint: "Open it with the weights or an adapter as what is trained.",
      });
    }
    const scalars = updateScalars(this.#state.step + 1, learningRate, this.options.optimizer);
    const fixed = { ...inverse(spec.temperature), ...this.#state.feeds };
    const [only] = batches;
    if (batches.length === 1 && only !== undefined) {
      const session = await this.session(
        ["step", only.shape, spec],
        () => stepGraph(this.options, only.shape, spec),
        NEXT_STATE,
      );
      const { read, kept } = await this.runKeeping(session, { ...only.feeds, ...fixed, ...scalars });
      this.#state.take(kept);
      return sums([read], read);
    }
    let gradient: Feed = new Float32Array(this.#state.size);
    const passes = [];
    for (const batch of batches) {
      const session = await this.session(
        ["accumulate", batch.shape, spec],
        () => accumulateGraph(this.options, batch.shape, spec),
        [next(ACCUMULATED)],
      );
      const { read, kept } = await this.runKeeping(session, {
        ...batch.feeds,
        ...fixed,
        [ACCUMULATED]: gradient,
      });
      release([gradient]);
      gradient = kept[next(ACCUMULATED)] as Feed;
      passes.push(read);
    }
    const session = await this.session(["update"], () => updateGraph(this.options), NEXT_STATE);
    const { read, kept } = await this.runKeeping(session, {
      ...this.#state.feeds,
      ...scalars,
      [ACCUMULATED]: gradient,
    });
    release([gradient]);
    this.#state.take(kept);
    return sums(passes, read);
  }

  /** Begins a generation; the one before it is forgotten. */
  async startGeneration(start: GenerationStart): Promise<void> {
    this.#forgetGeneration();
    this.#generation = await startGeneration(this, start, this.#cache);
    this.#cache = this.#generation.cache;
  }

  /** Takes every row of the generation on by a run of tokens. */
  async decode(request: RunRequest): Promise<WrittenRun> {
    if (this.#generation === undefined) throw new EngineError("No generation was started.");
    return decodeRun(this, this.#generation, request);
  }

  async close(): Promise<void> {
    this.#forgetGeneration();
    this.#state[Symbol.dispose]();
    for (const session of this.#sessions.values()) (await session)[Symbol.dispose]();
    this.#sessions.clear();
  }

  #forgetGeneration(): void {
    release(Object.values(this.#generation?.prefix ?? {}));
    this.#generation = undefined;
  }

  /** The session of a graph, compiled when first asked for; outputs named in `kept` stay on the device. */
  session(
    key: readonly unknown[],
    build: () => Record<string, Value>,
    kept: KeptOutputs = [],
  ): Promise<Session> {
    const name = JSON.stringify(key);
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const opened = Session.open(compile(build(), this.#device), { threads: this.options.threads, kept });
    this.#sessions.set(name, opened);
    return opened;
  }

  /** Runs a session and counts its operations. */
  async run(session: Session, feeds: Feeds): Promise<Outputs> {
    return (await this.runKeeping(session, feeds)).read as Outputs;
  }

  /** `run` for a session that keeps outputs. */
  async runKeeping(session: Session, feeds: Feeds): Promise<RunResults> {
    this.#flops += session.graph.flops;
    return session.runKeeping(feeds);
  }
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
