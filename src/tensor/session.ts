/**
 * A compiled graph on onnxruntime. Arrays go in and come out by name. onnxruntime copies every output into a fresh
 * array; outputs that are kept stay in the device's memory, to be fed to the next run.
 */

import { availableParallelism } from "node:os";

import { EngineError, ShapeError } from "../errors.ts";
import type { CompiledGraph } from "./compile.ts";
import { InferenceSession, Tensor } from "./onnxruntime.ts";
import { ZERO_INPUT } from "./recompute.ts";
import type { ElementType, Value } from "./value.ts";
import { describe, sizeOf } from "./value.ts";

export type TensorData = Float32Array | BigInt64Array | Int32Array | Uint8Array;

/** A tensor in a device's memory, of the shape its graph gave it: it can be fed, not read. */
export class DeviceTensor implements Disposable {
  readonly tensor: Tensor;

  constructor(tensor: Tensor) {
    this.tensor = tensor;
  }

  [Symbol.dispose](): void {
    this.tensor.dispose();
  }
}

/** What a graph can be fed. */
export type Feed = TensorData | DeviceTensor;
export type Feeds = Readonly<Record<string, Feed>>;
export type ArrayFeeds = Readonly<Record<string, TensorData>>;

/** Frees what lies in a device's memory; arrays are the garbage collector's. */
export function release(feeds: Iterable<Feed>): void {
  for (const feed of feeds) if (feed instanceof DeviceTensor) feed[Symbol.dispose]();
}

/** Outputs that are only fed back, by name. */
export type KeptOutputs = readonly string[] | "all";

export interface SessionOptions {
  /** Threads inside an op; 0, or not given, takes every processor this process may run on. */
  readonly threads?: number;
  /** Outputs that stay where the device keeps them. */
  readonly kept?: KeptOutputs;
}

/** A run's outputs: those that were to be kept, and the others as arrays. */
export interface RunResults {
  readonly read: Record<string, TensorData>;
  readonly kept: Record<string, Feed>;
}

const ZERO = new Float32Array(1);

const ARRAY_OF: Record<ElementType, new (length: number) => TensorData> = {
  float32: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  bool: Uint8Array,
};

export class Session implements AsyncDisposable {
  readonly graph: CompiledGraph;
  readonly #session: InferenceSession;
  readonly #kept: ReadonlySet<string>;

  private constructor(graph: CompiledGraph, session: InferenceSession, kept: ReadonlySet<string>) {
    this.graph = graph;
    this.#session = session;
    this.#kept = kept;
  }

  /** Opens the graph on the device it was compiled for. Throws EngineError where onnxruntime refuses it. */
  static async open(graph: CompiledGraph, options: SessionOptions = {}): Promise<Session> {
    const kept = new Set(options.kept === "all" ? graph.outputs.keys() : options.kept);
    try {
      const session = await InferenceSession.create(graph.model, {
        ...graph.device.sessionOptions(graph.outputs.keys(), kept),
        // What is not rewritten is compiled to the kernels that it needs already: looking for better ones is two thirds of
        // the time that opening takes, and what they would run is no faster (docs/log.md).
        graphOptimizationLevel: graph.isRewritten ? "all" : "disabled",
        executionMode: "sequential",
        // With a plan of all its memory, a graph's second run would take it anew beside what the first run took piece
        // by piece: twice the memory, and touching new memory costs more than the plan saves.
        enableMemPattern: false,
        // Between runs a session's threads would go on spinning, beside JavaScript and the threads of other sessions.
        extra: { session: { force_spinning_stop: "1" } },
        // onnxruntime's own choice for 0 counts physical cores, which on a virtual machine of two can be one, and pins
        // its threads to them.
        intraOpNumThreads: options.threads || availableParallelism(),
        logSeverityLevel: 3,
      });
      return new Session(graph, session, kept);
    } catch (cause) {
      throw new EngineError(
        `onnxruntime could not prepare a graph of ${graph.nodes} nodes: ${String(cause)}`,
        { cause },
      );
    }
  }

  /** Runs the graph. Throws ShapeError for feeds that do not fit. */
  async run(feeds: Feeds): Promise<Record<string, TensorData>> {
    return (await this.runKeeping(feeds)).read;
  }

  /** `run` for a session that keeps outputs: the caller owns them, and releases them when they are used up. */
  async runKeeping(feeds: Feeds): Promise<RunResults> {
    const inputs: Record<string, Tensor> = {};
    for (const [name, value] of this.graph.inputs) {
      inputs[name] = toTensor(name, value, name === ZERO_INPUT ? ZERO : feeds[name]);
    }
    const read: Record<string, TensorData> = {};
    const kept: Record<string, Feed> = {};
    for (const [name, tensor] of Object.entries(await this.#outputs(inputs))) {
      if (tensor.location === "gpu-buffer") kept[name] = new DeviceTensor(tensor);
      else (this.#kept.has(name) ? kept : read)[name] = tensor.data as TensorData;
    }
    return { read, kept };
  }

  async #outputs(inputs: Record<string, Tensor>): Promise<Record<string, Tensor>> {
    try {
      return await this.#session.run(inputs);
    } catch (cause) {
      throw new EngineError(
        `onnxruntime could not run a graph of ${this.graph.nodes} nodes: ${String(cause)}`,
        { hint: "Most often memory is short: use smaller batches or pictures, or a larger machine.", cause },
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }
}

function toTensor(name: string, value: Value, data: Feed | undefined): Tensor {
  if (data instanceof DeviceTensor) {
    if (data.tensor.size === sizeOf(value.shape)) return data.tensor;
    throw new ShapeError(
      `The graph takes ${describe(value)} as ${name}, got ${data.tensor.size} elements on the device.`,
    );
  }
  if (!(data instanceof ARRAY_OF[value.type]) || data.length !== sizeOf(value.shape)) {
    const got = data === undefined ? "nothing" : `${data.constructor.name} of ${data.length}`;
    throw new ShapeError(`The graph takes ${describe(value)} as ${name}, got ${got}.`);
  }
  return new Tensor(value.type, data as Float32Array, [...value.shape]);
}
