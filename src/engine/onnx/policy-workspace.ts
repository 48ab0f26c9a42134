/**
 * A policy's weights, optimizer state and compiled graphs, in one thread. It knows arrays and shapes, not prompts or
 * grammars; the engine in front of it (onnx-engine.ts) does the packing and runs it in a worker.
 */

import type { LossSpec } from "../../algorithms/losses.ts";
import { EngineError } from "../../errors.ts";
import { compile } from "../../tensor/compile.ts";
import type { Feeds } from "../../tensor/session.ts";
import { Session } from "../../tensor/session.ts";
import type { Value } from "../../tensor/value.ts";
import { next, STATE, updateScalars } from "./adamw.ts";
import type { ParameterLayout } from "./flat-parameters.ts";
import { flatten, parameterLayout, parameterViews } from "./flat-parameters.ts";
import type { Generation, GenerationStart } from "./generation.ts";
import { decodeStep, startGeneration } from "./generation.ts";
import type { DrawRequest, DrawnTokens } from "./generation.ts";
import type { BatchShape, GraphContext } from "./training-graphs.ts";
import { ACCUMULATED, accumulateGraph, logprobGraph, stepGraph, updateGraph } from "./training-graphs.ts";

export type Arrays = Map<string, Float32Array>;

export interface WorkspaceOptions extends GraphContext {
  /** Threads inside an op; 0 takes every core. */
  readonly threads: number;
}

/** A batch without the bookkeeping that stays with the engine. */
export interface BatchFeeds {
  readonly shape: BatchShape;
  readonly feeds: Feeds;
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

/** Everything AdamW remembers; moments by parameter. */
export interface OptimizerState {
  readonly step: number;
  readonly firstMoments: Arrays;
  readonly secondMoments: Arrays;
}

export class PolicyWorkspace {
  readonly options: WorkspaceOptions;
  readonly #layout: ParameterLayout;
  /** [N] each, in the layout's order. */
  #state: Readonly<Record<keyof typeof STATE, Float32Array>>;
  #views: Arrays = new Map();
  #reference: Arrays | undefined;
  #step = 0;
  #flops = 0;
  #generation: Generation | undefined;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(options: WorkspaceOptions) {
    this.options = options;
    this.#layout = parameterLayout(options.config);
    const none = new Float32Array(this.#layout.size);
    this.#state = { parameters: none, firstMoment: none, secondMoment: none };
  }

  /** Sets the weights and forgets the optimizer's state, unless one is given. */
  setState(parameters: Arrays, optimizer?: OptimizerState): void {
    const zeros = (): Float32Array => new Float32Array(this.#layout.size);
    this.#step = optimizer?.step ?? 0;
    this.#replace({
      parameters: flatten(this.#layout, parameters),
      firstMoment: optimizer === undefined ? zeros() : flatten(this.#layout, optimizer.firstMoments),
      secondMoment: optimizer === undefined ? zeros() : flatten(this.#layout, optimizer.secondMoments),
    });
  }

  /** The parameters by name, as views. */
  parameters(): Arrays {
    return this.#views;
  }

  optimizerState(): OptimizerState {
    return {
      step: this.#step,
      firstMoments: parameterViews(this.#layout, this.#state.firstMoment),
      secondMoments: parameterViews(this.#layout, this.#state.secondMoment),
    };
  }

  /** Makes the present weights the reference policy. Steps write new arrays, so nothing is copied. */
  freezeReference(): void {
    this.#reference = this.#views;
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
    const weights = under === "policy" ? this.#views : this.#reference;
    if (weights === undefined) {
      throw new EngineError("There is no reference policy yet.", { hint: "Call freezeReference() first." });
    }
    const session = await this.session(["logprobs", batch.shape], () =>
      logprobGraph(this.options, batch.shape),
    );
    const { logprobs } = await this.run(session, {
      ...batch.feeds,
      ...Object.fromEntries(weights),
      ...inverse(temperature),
    });
    return logprobs as Float32Array;
  }

  /** One optimizer step on a batch that may be cut into several passes. */
  async step(batches: readonly BatchFeeds[], spec: LossSpec, learningRate: number): Promise<StepSums> {
    const scalars = updateScalars(this.#step + 1, learningRate, this.options.optimizer);
    const fixed = { ...inverse(spec.temperature), parameters: this.#state.parameters };
    const moments = { ...scalars, ...this.#state };
    const [only] = batches;
    if (batches.length === 1 && only !== undefined) {
      const session = await this.session(["step", only.shape, spec], () =>
        stepGraph(this.options, only.shape, spec),
      );
      const results = await this.run(session, { ...only.feeds, ...fixed, ...moments });
      this.#take(results);
      return sums([results], results);
    }
    let gradient = new Float32Array(this.#layout.size);
    const passes = [];
    for (const batch of batches) {
      const session = await this.session(["accumulate", batch.shape, spec], () =>
        accumulateGraph(this.options, batch.shape, spec),
      );
      const { [next(ACCUMULATED)]: grown, ...metrics } = await this.run(session, {
        ...batch.feeds,
        ...fixed,
        [ACCUMULATED]: gradient,
      });
      gradient = grown as Float32Array<ArrayBuffer>;
      passes.push(metrics);
    }
    const session = await this.session(["update"], () => updateGraph(this.options));
    const results = await this.run(session, { ...moments, [ACCUMULATED]: gradient });
    this.#take(results);
    return sums(passes, results);
  }

  /** Begins a generation; the one before it is forgotten. */
  async startGeneration(start: GenerationStart): Promise<void> {
    this.#generation = await startGeneration(this, start);
  }

  /** Takes every row of the generation one token on. */
  async decode(request: DrawRequest): Promise<DrawnTokens> {
    if (this.#generation === undefined) throw new EngineError("No generation was started.");
    return decodeStep(this, this.#generation, request);
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) (await session)[Symbol.dispose]();
    this.#sessions.clear();
  }

  /** The session of a graph, compiled when first asked for. */
  session(key: readonly unknown[], build: () => Record<string, Value>): Promise<Session> {
    const name = JSON.stringify(key);
    const known = this.#sessions.get(name);
    if (known !== undefined) return known;
    const opened = Session.open(compile(build()), { threads: this.options.threads });
    this.#sessions.set(name, opened);
    return opened;
  }

  /** Runs a session and counts its operations. */
  async run(
    session: Session,
    feeds: Feeds,
    into: Feeds = {},
  ): Promise<Record<string, Float32Array | BigInt64Array>> {
    this.#flops += session.graph.flops;
    return (await session.run(feeds, into)) as Record<string, Float32Array | BigInt64Array>;
  }

  #take(results: Record<string, Float32Array | BigInt64Array>): void {
    this.#step += 1;
    this.#replace({
      parameters: results[next(STATE.parameters)] as Float32Array,
      firstMoment: results[next(STATE.firstMoment)] as Float32Array,
      secondMoment: results[next(STATE.secondMoment)] as Float32Array,
    });
  }

  #replace(state: Readonly<Record<keyof typeof STATE, Float32Array>>): void {
    this.#state = state;
    this.#views = parameterViews(this.#layout, state.parameters);
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
