/** From values to an ONNX model: names, order, and a readable dump. */

import { EngineError } from "../errors.ts";
import type { Device } from "./device.ts";
import { CPU } from "./device.ts";
import { Emitter } from "./emitter.ts";
import { topologicalOrder } from "./topological-order.ts";
import { ELEMENT_TYPES, ModelProto } from "./onnx-schema.ts";
import { inputName } from "./ops/leaves.ts";
import { sessionBytes } from "./session-bytes.ts";
import type { Value } from "./value.ts";
import { describe } from "./value.ts";

/** A graph ready to run: the encoded model and what is known of it without running. */
export interface CompiledGraph {
  readonly model: Uint8Array;
  /** Where it can run. */
  readonly device: Device;
  /** Fed values by name. */
  readonly inputs: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Value>;
  /** Floating-point operations of its matrix products. */
  readonly flops: number;
  readonly nodes: number;
  /** Whether onnxruntime may choose other layouts and kernels: convolutions gain by it. */
  readonly isRewritten: boolean;
  /** About what a session of it holds of memory when it has run; what it is fed and what comes out are not in it. */
  readonly bytes: number;
}

function valueInfo(name: string, value: Value): object {
  const dim = value.shape.map((dimValue) => ({ dimValue }));
  return { name, type: { tensorType: { elemType: ELEMENT_TYPES[value.type], shape: { dim } } } };
}

/** A graph as nodes and constants, before it is written as a model. */
export interface LoweredGraph {
  readonly emitter: Emitter;
  /** Its values, each after those it is made from. */
  readonly order: readonly Value[];
  readonly inputs: ReadonlyMap<string, Value>;
}

/** The nodes that compute the named outputs; a device that is not the CPU has only kernels that every one has. */
export function lower(outputs: Readonly<Record<string, Value>>, device: Pick<Device, "isCpu">): LoweredGraph {
  const emitter = new Emitter(device);
  const order = topologicalOrder(Object.values(outputs));
  const names = new Map<Value, string>();
  const inputs = new Map<string, Value>();
  for (const value of order) {
    const name = inputName(value);
    if (name === undefined) {
      const operands = value.inputs.map((operand) => names.get(operand) as string);
      names.set(value, value.op.lower(emitter, operands, value));
      continue;
    }
    if (inputs.has(name)) throw new EngineError(`Two different inputs of a graph are named ${name}.`);
    inputs.set(name, value);
    names.set(value, name);
  }
  emitter.nameOutputs(
    Object.entries(outputs).map(([name, value]) => [name, names.get(value) as string] as const),
  );
  return { emitter, order, inputs };
}

/** Compiles the graph that computes the named outputs, with the kernels that the device has. */
export function compile(outputs: Readonly<Record<string, Value>>, device: Device = CPU): CompiledGraph {
  const { emitter, order, inputs } = lower(outputs, device);
  const model = ModelProto.encode(
    ModelProto.create({
      irVersion: 10,
      producerName: "earl",
      opsetImport: [
        { domain: "", version: 21 },
        { domain: "com.microsoft", version: 1 },
      ],
      graph: {
        name: "earl",
        node: emitter.nodes,
        initializer: emitter.initializers,
        input: [...inputs].map(([name, value]) => valueInfo(name, value)),
        output: Object.entries(outputs).map(([name, value]) => valueInfo(name, value)),
      },
    }),
  ).finish();
  const flops = order.reduce((total, value) => total + (value.op.flops?.(value) ?? 0), 0);
  return {
    model,
    device,
    inputs,
    outputs: new Map(Object.entries(outputs)),
    flops,
    nodes: emitter.nodes.length,
    isRewritten: !device.isCpu || order.some(({ op }) => op.name.startsWith("convolution")),
    bytes: sessionBytes(order, Object.values(outputs), emitter.nodes.length),
  };
}

/** The graph as text, a value a line: `%7 = matmul(%3, embed) [64, 96] float32`. */
export function dump(outputs: Readonly<Record<string, Value>>): string {
  const names = new Map<Value, string>();
  const lines: string[] = [];
  for (const value of topologicalOrder(Object.values(outputs))) {
    const name = inputName(value) ?? `%${names.size}`;
    names.set(value, name);
    const operands = value.inputs.map((operand) => names.get(operand)).join(", ");
    const settings = Object.entries(value.attributes)
      .filter(([key, setting]) => !["name", "shape", "type"].includes(key) && !ArrayBuffer.isView(setting))
      .map(([key, setting]) => `${key}=${String(setting)}`);
    lines.push(
      `${name} = ${value.op.name}(${[operands, ...settings].filter(Boolean).join("; ")}) ${describe(value)}`,
    );
  }
  for (const [name, value] of Object.entries(outputs)) lines.push(`return ${name} = ${names.get(value)}`);
  return lines.join("\n");
}
