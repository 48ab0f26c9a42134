/**
 * What a session will hold of memory, reckoned from its graph before it is opened. onnxruntime's arena grows by doubling
 * and kernels take room of their own, so it measures 1.5 to 3 times the values that live at once; a node costs some
 * kilobytes by itself (measured on training and decode graphs of 200 to 3,000 nodes).
 */

import { sizeOf, type ElementType, type Value } from "./value.ts";

const BYTES_OF: Readonly<Record<ElementType, number>> = { float32: 4, int64: 8, int32: 4, bool: 1 };
const ARENA_SHARE = 2;
const NODE_BYTES = 5000;

/** `order` is that of computation, inputs before users. */
export function sessionBytes(order: readonly Value[], outputs: readonly Value[], nodes: number): number {
  return ARENA_SHARE * mostAlive(order, outputs) + NODE_BYTES * nodes;
}

/** Most bytes of computed values that are needed at the same time. */
function mostAlive(order: readonly Value[], outputs: readonly Value[]): number {
  const lastUse = new Map<Value, number>();
  for (const [at, value] of order.entries()) for (const operand of value.inputs) lastUse.set(operand, at);
  for (const output of outputs) lastUse.set(output, Infinity);
  let [alive, most] = [0, 0];
  for (const [at, value] of order.entries()) {
    alive += ownBytes(value);
    most = Math.max(most, alive);
    for (const operand of new Set(value.inputs)) if (lastUse.get(operand) === at) alive -= ownBytes(operand);
  }
  return most;
}

/** What is fed belongs to the caller. */
function ownBytes({ shape, type, inputs }: Value): number {
  return inputs.length === 0 ? 0 : sizeOf(shape) * BYTES_OF[type];
}
