/** Graphs of our compiler as data that the workers run op by op (python/earl_engine/graphs.py). */

import { lower } from "../../tensor/compile.ts";
import { ELEMENT_TYPES } from "../../tensor/onnx-schema.ts";
import type { Value } from "../../tensor/value.ts";

export interface SentGraph {
  /** Shapes by name. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly outputs: readonly string[];
  readonly nodes: readonly {
    readonly op: string;
    readonly in: readonly string[];
    readonly out: string;
    readonly attributes: Readonly<Record<string, unknown>>;
  }[];
  readonly constants: Readonly<
    Record<string, { readonly type: string; readonly dims: readonly number[]; readonly values: number[] }>
  >;
}

/** As the emitter writes it, for onnx.proto3. */
interface OnnxNode {
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly {
    readonly name: string;
    readonly i?: number;
    readonly f?: number;
    readonly s?: Uint8Array;
    readonly ints?: readonly number[];
  }[];
}

interface OnnxConstant {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData: Uint8Array;
}

const CONSTANTS = [
  { type: "float32", read: (bytes: ArrayBuffer) => Array.from(new Float32Array(bytes)) },
  { type: "int32", read: (bytes: ArrayBuffer) => Array.from(new Int32Array(bytes)) },
  { type: "int64", read: (bytes: ArrayBuffer) => Array.from(new BigInt64Array(bytes), Number) },
] as const;

/** The graph that computes the named outputs, of ops that every device has. */
export function sentGraph(outputs: Readonly<Record<string, Value>>): SentGraph {
  const { emitter, inputs } = lower(outputs, { isCpu: false });
  return {
    inputs: Object.fromEntries(Array.from(inputs, ([name, { shape }]) => [name, shape])),
    outputs: Object.keys(outputs),
    nodes: (emitter.nodes as OnnxNode[]).map(({ opType, input, output, attribute }) => ({
      op: opType,
      in: input,
      out: output[0] as string,
      attributes: Object.fromEntries(
        (attribute ?? []).map(({ name, ints, s, f, i }) => [
          name,
          ints ?? (s === undefined ? (f ?? i) : new TextDecoder().decode(s)),
        ]),
      ),
    })),
    constants: Object.fromEntries(
      (emitter.initializers as OnnxConstant[]).map(({ name, dims, dataType, rawData }) => {
        const kind = CONSTANTS.find(({ type }) => ELEMENT_TYPES[type] === dataType) ?? CONSTANTS[0];
        return [name, { type: kind.type, dims, values: kind.read(rawData.slice().buffer) }];
      }),
    ),
  };
}
