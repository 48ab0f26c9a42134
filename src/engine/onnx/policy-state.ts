/**
 * A policy's parameters and what AdamW remembers, as three flat tensors that stay where the device keeps them: arrays
 * of ours on the CPU, buffers on a GPU. Nothing leaves the GPU but a checkpoint.
 */

import { EngineError } from "../../errors.ts";
import type { PolicyConfig } from "../../policy/config.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { slice } from "../../tensor/ops/shape.ts";
import type { Feed, Feeds, KeptOutputs, Session } from "../../tensor/session.ts";
import { DeviceTensor, release } from "../../tensor/session.ts";
import type { Value } from "../../tensor/value.ts";
import type { Segment } from "../../tokens/grammar.ts";
import { next, STATE } from "./adamw.ts";
import { headName, headWeight } from "./decoder.ts";
import type { ParameterLayout } from "./flat-parameters.ts";
import { flatten, flatWeights, parameterLayout, parameterViews } from "./flat-parameters.ts";

export type Arrays = Map<string, Float32Array>;

/** Everything AdamW remembers; moments by parameter. */
export interface OptimizerState {
  readonly step: number;
  readonly firstMoments: Arrays;
  readonly secondMoments: Arrays;
}

/** Outputs of a graph that updates the state, to be kept. */
export const NEXT_STATE = Object.values(STATE).map(next);

/** Opens a graph, compiled when first asked for. */
type OpenGraph = (
  key: readonly unknown[],
  build: () => Record<string, Value>,
  kept?: KeptOutputs,
) => Promise<Session>;

type StatePart = keyof typeof STATE;

interface StateOptions {
  readonly config: PolicyConfig;
  readonly segments: readonly Segment[];
  /** Whether the device's memory is ours, so that a piece of an array can be fed as it lies. */
  readonly isHost: boolean;
}

export class PolicyState implements Disposable {
  readonly #options: StateOptions;
  readonly #open: OpenGraph;
  readonly #layout: ParameterLayout;
  /** [N] each, in the layout's order. */
  #flat: Readonly<Record<StatePart, Float32Array | DeviceTensor>>;
  #weights: Feeds | undefined;
  #reference: Feeds | undefined;
  #step = 0;

  constructor(options: StateOptions, open: OpenGraph) {
    this.#options = options;
    this.#open = open;
    this.#layout = parameterLayout(options.config);
    const none = new Float32Array(this.#layout.size);
    this.#flat = { parameters: none, firstMoment: none, secondMoment: none };
  }

  /** Number of parameters. */
  get size(): number {
    return this.#layout.size;
  }

  /** Updates made so far. */
  get step(): number {
    return this.#step;
  }

  /** The three flat tensors, as a graph that updates them takes them. */
  get feeds(): Feeds {
    return this.#flat;
  }

  /** Sets the parameters and forgets AdamW's memory, unless one is given. */
  set(parameters: Arrays, optimizer?: OptimizerState): void {
    const zeros = (): Float32Array => new Float32Array(this.#layout.size);
    this.#replace({
      parameters: flatten(this.#layout, parameters),
      firstMoment: optimizer === undefined ? zeros() : flatten(this.#layout, optimizer.firstMoments),
      secondMoment: optimizer === undefined ? zeros() : flatten(this.#layout, optimizer.secondMoments),
    });
    this.#step = optimizer?.step ?? 0;
  }

  /** Takes over what a graph kept of NEXT_STATE. */
  take(kept: Readonly<Record<string, Feed>>): void {
    const part = (name: StatePart): Float32Array => kept[next(STATE[name])] as Float32Array;
    this.#replace({
      parameters: part("parameters"),
      firstMoment: part("firstMoment"),
      secondMoment: part("secondMoment"),
    });
    this.#step += 1;
  }

  /** Each parameter by name, and the head's rows of segment k as `head.k`, ready to be fed. */
  async weights(): Promise<Feeds> {
    this.#weights ??= this.#options.isHost ? this.#views() : await this.#pieces();
    return this.#weights;
  }

  /** The weights that were frozen as the reference policy. Throws EngineError where none were. */
  get reference(): Feeds {
    if (this.#reference !== undefined) return this.#reference;
    throw new EngineError("There is no reference policy yet.", { hint: "Call freezeReference() first." });
  }

  /** Makes the present weights the reference policy. Steps write new tensors, so nothing is copied. */
  async freezeReference(): Promise<void> {
    const weights = await this.weights();
    release(Object.values(this.#reference ?? {}));
    this.#reference = weights;
    this.#weights = undefined;
  }

  [Symbol.dispose](): void {
    for (const feeds of [this.#flat, this.#weights, this.#reference]) release(Object.values(feeds ?? {}));
  }

  /** The parameters by name, as arrays. */
  async parameters(): Promise<Arrays> {
    return parameterViews(this.#layout, await this.#read("parameters"));
  }

  async optimizerState(): Promise<OptimizerState> {
    return {
      step: this.#step,
      firstMoments: parameterViews(this.#layout, await this.#read("firstMoment")),
      secondMoments: parameterViews(this.#layout, await this.#read("secondMoment")),
    };
  }

  #replace(flat: Readonly<Record<StatePart, Float32Array | DeviceTensor>>): void {
    release([...Object.values(this.#flat), ...Object.values(this.#weights ?? {})]);
    this.#flat = flat;
    this.#weights = undefined;
  }

  #views(): Feeds {
    const { config, segments } = this.#options;
    const views = parameterViews(this.#layout, this.#flat.parameters as Float32Array);
    const head = views.get(headName(config)) as Float32Array;
    const rowsOf = ({ start, end }: Segment): Float32Array =>
      head.subarray(start * config.hiddenSize, end * config.hiddenSize);
    return {
      ...Object.fromEntries(views),
      ...Object.fromEntries(segments.map((segment, index) => [`head.${index}`, rowsOf(segment)])),
    };
  }

  async #pieces(): Promise<Feeds> {
    const { config, segments } = this.#options;
    const build = (): Record<string, Value> => {
      const { weights } = flatWeights(this.#layout);
      const head = headWeight(config, weights);
      return {
        ...Object.fromEntries(weights),
        ...Object.fromEntries(
          segments.map(({ start, end }, index) => [`head.${index}`, slice(head, 0, start, end)]),
        ),
      };
    };
    const session = await this.#open(["weights"], build, "all");
    return (await session.runKeeping({ parameters: this.#flat.parameters })).kept;
  }

  async #read(part: StatePart): Promise<Float32Array> {
    const flat = this.#flat[part];
    if (flat instanceof Float32Array) return flat;
    const session = await this.#open(["read"], () => ({ values: input("flat", [this.#layout.size]) }));
    return (await session.run({ flat }))["values"] as Float32Array;
  }
}
