/**
 * A policy's parameters and what the optimizer remembers, where the device keeps them: arrays of ours on the CPU,
 * buffers on a GPU. Trained parameters and moments are flat tensors that a step replaces, given ones are held as they were read.
 * Nothing leaves the GPU but a checkpoint.
 */

import { EngineError, ShapeError } from "../../errors.ts";
import { sizeOf } from "../../policy/parameters.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { slice } from "../../tensor/ops/shape.ts";
import type { GraphRunner } from "../../tensor/graph-runner.ts";
import type { Feed, Feeds } from "../../tensor/session.ts";
import { DeviceTensor, release } from "../../tensor/session.ts";
import type { Value } from "../../tensor/value.ts";
import type { Segment } from "../../tokens/grammar.ts";
import { headName } from "./decoder.ts";
import type { ParameterLayout } from "./flat-parameters.ts";
import { flatPieces, parameterLayout, parameterViews } from "./flat-parameters.ts";
import type { Arrays } from "../policy-engine.ts";
import { next, STATE } from "./optimizer-update.ts";
import type { ParameterSource } from "./parameter-source.ts";
import { inputsOf, policyParts, type GraphPolicy, type PolicyParts } from "./policy-parts.ts";

/** Everything the optimizer remembers: the mean gradient of every trained parameter, of those that AdamW moves its square too. */
export interface OptimizerState {
  readonly step: number;
  readonly firstMoments: Arrays;
  readonly secondMoments: Arrays;
}

/** The same, to be read. */
export interface OptimizerSource {
  readonly step: number;
  readonly firstMoments: ParameterSource;
  readonly secondMoments: ParameterSource;
}

/** Outputs of a graph that updates the state, to be kept. */
export const NEXT_STATE = Object.values(STATE).map(next);

type FlatTensor = Float32Array | DeviceTensor;

interface Moments {
  readonly firstMoment: FlatTensor;
  readonly secondMoment: FlatTensor;
}

interface StateOptions extends GraphPolicy {
  readonly segments: readonly Segment[];
}

export class PolicyState implements Disposable {
  readonly #options: StateOptions;
  readonly #runner: GraphRunner;
  readonly #parts: PolicyParts;
  readonly #layout: ParameterLayout;
  /** Of the parameters that have a mean of squares: the first part of the other. */
  readonly #squares: ParameterLayout;
  /** By name, and the head's rows of each segment if the head is among them. */
  #given: Feeds = {};
  /** The trained parameters, [N] in the layout's order. */
  #flat: FlatTensor = new Float32Array();
  /** Absent before the first step: whoever only generates does not pay for them. */
  #moments: Moments | undefined;
  /** Pieces of the trained parameters as they are now, and those of the reference policy. */
  #trained: Feeds | undefined;
  #reference: Feeds | undefined;
  #step = 0;

  constructor(options: StateOptions, runner: GraphRunner) {
    this.#options = options;
    this.#runner = runner;
    this.#parts = policyParts(options);
    this.#layout = parameterLayout(this.#parts.trained);
    this.#squares = parameterLayout(this.#parts.squared);
  }

  /** Number of trained parameters. */
  get size(): number {
    return this.#layout.size;
  }

  /** Updates made so far. */
  get step(): number {
    return this.#step;
  }

  /** What a graph that trains takes: the given parameters, and the flat tensors that it updates. */
  get feeds(): Feeds {
    const zeros = ({ size }: ParameterLayout): Float32Array => new Float32Array(roomFor(size));
    this.#moments ??= { firstMoment: zeros(this.#layout), secondMoment: zeros(this.#squares) };
    return { ...this.#given, parameters: this.#flat, ...this.#moments };
  }

  /** Reads every parameter, tensor by tensor into its place. Throws ShapeError for a missing or misshapen one. */
  async start(source: ParameterSource): Promise<void> {
    release(Object.values(this.#given));
    this.#given = {};
    const given: Arrays = new Map();
    for (const { name, shape } of this.#parts.given) given.set(name, await readShaped(source, name, shape));
    this.#given = await this.#placed(given);
    await this.restore(source);
  }

  /** Reads the trained parameters, and what the optimizer remembered of them unless it should begin anew. */
  async restore(source: ParameterSource, optimizer?: OptimizerSource): Promise<void> {
    this.#replace(new Float32Array(), undefined);
    const moments =
      optimizer === undefined
        ? undefined
        : {
            firstMoment: await this.#readFlat(optimizer.firstMoments, this.#layout),
            secondMoment: await this.#readFlat(optimizer.secondMoments, this.#squares),
          };
    this.#replace(await this.#readFlat(source, this.#layout), moments);
    this.#step = optimizer?.step ?? 0;
  }

  /** Takes over what a graph kept of NEXT_STATE. */
  take(kept: Readonly<Record<string, Feed>>): void {
    const part = (name: keyof typeof STATE): FlatTensor => kept[next(STATE[name])] as FlatTensor;
    this.#replace(part("parameters"), {
      firstMoment: part("firstMoment"),
      secondMoment: part("secondMoment"),
    });
    this.#step += 1;
  }

  /** Each parameter by name, and the head's rows of segment k as `head.k`, ready to be fed. */
  async weights(): Promise<Feeds> {
    this.#trained ??= await this.#pieces(this.#flat);
    return { ...this.#given, ...this.#trained };
  }

  /** The weights of the reference policy. Throws EngineError where there is none. */
  get reference(): Feeds {
    if (this.#reference !== undefined) return { ...this.#given, ...this.#reference };
    throw new EngineError("This engine was opened without a reference policy.", {
      hint: "Open it with one where a loss has a KL term.",
    });
  }

  /**
   * Makes the present weights the reference policy. Steps write new tensors, so nothing is copied; given weights are
   * the reference's too.
   */
  async keepReference(): Promise<void> {
    this.#trained ??= await this.#pieces(this.#flat);
    release(Object.values(this.#reference ?? {}));
    this.#reference = this.#trained;
    this.#trained = undefined;
  }

  /** Reads the trained parameters of the reference policy; given weights are the reference's too. */
  async readReference(source: ParameterSource): Promise<void> {
    release(Object.values(this.#reference ?? {}));
    this.#reference = undefined;
    this.#reference = await this.#pieces(await this.#readFlat(source, this.#layout));
  }

  [Symbol.dispose](): void {
    this.#replace(new Float32Array(), undefined);
    for (const feeds of [this.#given, this.#reference]) release(Object.values(feeds ?? {}));
  }

  /** The trained parameters by name, as arrays; the given ones where nothing is trained. */
  async parameters(): Promise<Arrays> {
    if (this.#layout.size > 0) return parameterViews(this.#layout, await this.#read(this.#flat));
    const given: Arrays = new Map();
    for (const { name, shape } of this.#parts.given)
      given.set(name, await this.#read(this.#given[name] as FlatTensor, shape));
    return given;
  }

  /** What the optimizer remembers; undefined before the first step. */
  async optimizerState(): Promise<OptimizerState | undefined> {
    if (this.#moments === undefined || this.#step === 0) return undefined;
    return {
      step: this.#step,
      firstMoments: parameterViews(this.#layout, await this.#read(this.#moments.firstMoment)),
      secondMoments: parameterViews(
        this.#squares,
        await this.#read(this.#moments.secondMoment, [roomFor(this.#squares.size)]),
      ),
    };
  }

  async #readFlat(source: ParameterSource, { places, size }: ParameterLayout): Promise<Float32Array> {
    const flat = new Float32Array(roomFor(size));
    for (const { name, shape, start, end } of places)
      await readShaped(source, name, shape, flat.subarray(start, end));
    return flat;
  }

  /** On the CPU the device's memory is ours, and a piece of an array can be fed as it lies. */
  get #isHost(): boolean {
    return this.#runner.device.isCpu;
  }

  #replace(flat: FlatTensor, moments: Moments | undefined): void {
    release([this.#flat, ...Object.values(this.#moments ?? {}), ...Object.values(this.#trained ?? {})]);
    this.#flat = flat;
    this.#moments = moments;
    this.#trained = undefined;
  }

  /** Arrays as the device keeps them, with the head's rows where the head is among them. */
  async #placed(arrays: Arrays): Promise<Feeds> {
    if (arrays.size === 0) return {};
    if (this.#isHost) return this.#withHeadRows(arrays, rowsOfArray);
    const build = (): Record<string, Value> => this.#withHeadRows(inputsOf(this.#parts.given), rowsOfValue);
    const recipe = { key: ["given"], build, kept: "all" } as const;
    return (await this.#runner.run(recipe, Object.fromEntries(arrays))).kept;
  }

  async #pieces(flat: FlatTensor): Promise<Feeds> {
    if (this.#layout.size === 0) return {};
    if (this.#isHost) {
      return this.#withHeadRows(parameterViews(this.#layout, flat as Float32Array), rowsOfArray);
    }
    const build = (): Record<string, Value> =>
      this.#withHeadRows(flatPieces(this.#layout).pieces, rowsOfValue);
    const recipe = { key: ["trained"], build, kept: "all" } as const;
    return (await this.#runner.run(recipe, { parameters: flat })).kept;
  }

  #withHeadRows<Tensor>(
    tensors: ReadonlyMap<string, Tensor>,
    rows: (head: Tensor, segment: Segment, width: number) => Tensor,
  ): Record<string, Tensor> {
    const { config, segments } = this.#options;
    const head = tensors.get(headName(config));
    const cut =
      head === undefined
        ? []
        : segments.map((segment, k) => [`head.${k}`, rows(head, segment, config.hiddenSize)] as const);
    return { ...Object.fromEntries(tensors), ...Object.fromEntries(cut) };
  }

  async #read(tensor: FlatTensor, shape: readonly number[] = [this.#layout.size]): Promise<Float32Array> {
    if (tensor instanceof Float32Array) return tensor;
    const recipe = { key: ["read", shape], build: () => ({ values: input("flat", shape) }) };
    return (await this.#runner.run(recipe, { flat: tensor })).read["values"] as Float32Array;
  }
}

/** No graph takes an array of nothing. */
const roomFor = (size: number): number => Math.max(1, size);

const rowsOfArray = (head: Float32Array, { start, end }: Segment, width: number): Float32Array =>
  head.subarray(start * width, end * width);
const rowsOfValue = (head: Value, { start, end }: Segment): Value => slice(head, 0, start, end);

async function readShaped(
  source: ParameterSource,
  name: string,
  shape: readonly number[],
  into?: Float32Array<ArrayBuffer>,
): Promise<Float32Array> {
  const values = await source.read(name, into);
  if (values?.length === sizeOf(shape)) return values;
  throw new ShapeError(
    `The parameter ${name} has shape [${shape.join(", ")}], got ${values?.length ?? 0} values.`,
  );
}
