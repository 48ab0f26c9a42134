/** Collects the ONNX nodes and constants of one graph while values are lowered. */

import type { Device } from "./device.ts";
import { ATTRIBUTE_TYPES, ELEMENT_TYPES } from "./onnx-schema.ts";

export type NodeAttribute = number | { readonly float: number } | readonly number[] | string;

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, NodeAttribute>>;
  /** Names of further outputs the node writes; most nodes have one. */
  readonly outputs?: number;
  /** "com.microsoft" for onnxruntime's contributed kernels. */
  readonly domain?: string;
}

/** A node of onnx.proto3; its inputs and outputs by name. */
export interface OnnxNode {
  readonly opType: string;
  readonly name?: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly domain?: string;
  readonly attribute?: readonly object[];
}

export type ConstantData = Float32Array | BigInt64Array | Int32Array;

function encodeAttribute(name: string, attribute: NodeAttribute): object {
  if (typeof attribute === "number") return { name, type: ATTRIBUTE_TYPES.int, i: attribute };
  if (typeof attribute === "string") {
    return { name, type: ATTRIBUTE_TYPES.string, s: new TextEncoder().encode(attribute) };
  }
  if ("float" in attribute) return { name, type: ATTRIBUTE_TYPES.float, f: attribute.float };
  return { name, type: ATTRIBUTE_TYPES.ints, ints: attribute };
}

export class Emitter {
  nodes: OnnxNode[] = [];
  readonly initializers: object[] = [];
  readonly #known = new Map<string, string>();
  readonly #constants = new Map<string, string>();
  readonly #extraOutputs = new Map<string, readonly string[]>();
  #count = 0;

  /** Whether the graph runs on the CPU provider, which has kernels that others lack. */
  readonly isCpu: boolean;

  constructor({ isCpu }: Pick<Device, "isCpu">) {
    this.isCpu = isCpu;
  }

  /** Adds a node, unless it has an equal one already, and returns the name of its first output. */
  node(opType: string, inputs: readonly string[], options: NodeOptions = {}): string {
    // No kernel that is used here draws or remembers anything: what is asked for twice is computed once.
    const recipe = JSON.stringify([opType, inputs, options]);
    const known = this.#known.get(recipe);
    if (known !== undefined) return known;
    this.#count += 1;
    const name = `${opType}_${this.#count}`;
    const outputs = Array.from({ length: options.outputs ?? 1 }, (_, index) =>
      index === 0 ? name : `${name}.${index}`,
    );
    this.nodes.push({
      opType,
      name,
      input: [...inputs],
      output: outputs,
      domain: options.domain ?? "",
      attribute: Object.entries(options.attributes ?? {}).map(([key, value]) => encodeAttribute(key, value)),
    });
    this.#extraOutputs.set(name, outputs);
    this.#known.set(recipe, name);
    return name;
  }

  /** The name of a further output of the node that made `name`. */
  outputOf(name: string, index: number): string {
    const output = this.#extraOutputs.get(name)?.[index];
    if (output === undefined) throw new Error(`Node ${name} has no output ${index}.`);
    return output;
  }

  /** Gives what nodes made the names that the graph's outputs have; what no node made, or has a name already, is copied. */
  nameOutputs(outputs: Iterable<readonly [name: string, made: string]>): void {
    const ofNodes = new Set(this.nodes.flatMap(({ output }) => output));
    const given = new Map<string, string>();
    const copies: OnnxNode[] = [];
    for (const [name, made] of outputs) {
      if (ofNodes.has(made) && !given.has(made)) given.set(made, name);
      else copies.push({ opType: "Identity", input: [made], output: [name] });
    }
    const named = (names: readonly string[]): string[] => names.map((name) => given.get(name) ?? name);
    this.nodes = [...this.nodes, ...copies].map((node) => ({
      ...node,
      input: named(node.input),
      output: named(node.output),
    }));
  }

  /** A constant; equal small ones are stored once. */
  constant(data: ConstantData, dims: readonly number[]): string {
    const type = data instanceof Float32Array ? "float32" : data instanceof Int32Array ? "int32" : "int64";
    const key = data.length <= 64 ? `${type}/${dims.join(",")}/${data.join(",")}` : undefined;
    const known = key === undefined ? undefined : this.#constants.get(key);
    if (known !== undefined) return known;

    const name = `constant_${this.initializers.length}`;
    this.initializers.push({
      name,
      dims: [...dims],
      dataType: ELEMENT_TYPES[type],
      rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    });
    if (key !== undefined) this.#constants.set(key, name);
    return name;
  }

  /** A one-dimensional int64 constant, the form in which ONNX takes axes, shapes and bounds. */
  integers(values: readonly number[]): string {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** A float32 scalar. */
  scalar(value: number): string {
    return this.constant(Float32Array.of(value), []);
  }
}
