/**
 * A compiled graph on onnxruntime. Arrays go in and come out by name. onnxruntime copies every output into a fresh
 * array; an output given a place in `into` is also written there, which is how a cache grows without a copy of ours.
 */

import * as ort from "onnxruntime-node";

import { EngineError, ShapeError } from "../errors.ts";
import type { CompiledGraph } from "./compile.ts";
import { ZERO_INPUT } from "./recompute.ts";
import type { ElementType, Value } from "./value.ts";
import { describe, sizeOf } from "./value.ts";

export type TensorData = Float32Array | BigInt64Array | Int32Array | Uint8Array;
export type Feeds = Readonly<Record<string, TensorData>>;

export interface SessionOptions {
  /** Threads inside an op; 0 lets onnxruntime take every core. */
  readonly threads?: number;
}

const ZERO = new Float32Array(1);

const ARRAY_OF: Record<ElementType, new (length: number) => TensorData> = {
  float32: Float32Array,
  int64: BigInt64Array,
  int32: Int32Array,
  bool: Uint8Array,
};

export class Session implements Disposable {
  readonly graph: CompiledGraph;
  readonly #session: ort.InferenceSession;

  private constructor(graph: CompiledGraph, session: ort.InferenceSession) {
    this.graph = graph;
    this.#session = session;
  }

  /** Throws EngineError where onnxruntime refuses the graph. */
  static async open(graph: CompiledGraph, options: SessionOptions = {}): Promise<Session> {
    try {
      const session = await ort.InferenceSession.create(graph.model, {
        executionProviders: ["cpu"],
        graphOptimizationLevel: "all",
        executionMode: "sequential",
        intraOpNumThreads: options.threads ?? 0,
        logSeverityLevel: 3,
      });
      return new Session(graph, session);
    } catch (cause) {
      throw new EngineError(
        `onnxruntime could not prepare a graph of ${graph.nodes} nodes: ${String(cause)}`,
        { cause },
      );
    }
  }

  /** Runs the graph. `into` names arrays that outputs are also written to. Throws ShapeError for feeds that do not fit. */
  async run(feeds: Feeds, into: Feeds = {}): Promise<Record<string, TensorData>> {
    const inputs: Record<string, ort.Tensor> = {};
    for (const [name, value] of this.graph.inputs) {
      inputs[name] = toTensor(name, value, name === ZERO_INPUT ? ZERO : feeds[name]);
    }
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const [name, value] of this.graph.outputs) {
      fetches[name] = into[name] === undefined ? null : toTensor(name, value, into[name]);
    }
    const results = await this.#session.run(inputs, fetches);
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [name, tensor.data as TensorData]),
    );
  }

  [Symbol.dispose](): void {
    void this.#session.release();
  }
}

function toTensor(name: string, value: Value, data: TensorData | undefined): ort.Tensor {
  if (!(data instanceof ARRAY_OF[value.type]) || data.length !== sizeOf(value.shape)) {
    const got = data === undefined ? "nothing" : `${data.constructor.name} of ${data.length}`;
    throw new ShapeError(`The graph takes ${describe(value)} as ${name}, got ${got}.`);
  }
  return new ort.Tensor(value.type, data as Float32Array, [...value.shape]);
}
