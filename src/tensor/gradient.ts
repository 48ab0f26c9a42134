/** Reverse-mode differentiation of the graph: values in, values out (Griewank & Walther 2008, ch. 3). */

import { EngineError } from "../errors.ts";
import { constant } from "./ops/leaves.ts";
import { broadcastTo, sumOfGradients } from "./ops/shape.ts";
import type { Value } from "./value.ts";

const NONE: ReadonlySet<Value> = new Set();

/** Values that `roots` depend on, inputs before users; what lies behind `leaves` is left out. */
export function topologicalOrder(roots: readonly Value[], leaves: ReadonlySet<Value> = NONE): Value[] {
  const order: Value[] = [];
  const seen = new Set<Value>();
  // An explicit stack: graphs of deep models are deeper than JavaScript's.
  const stack: { readonly value: Value; next: number }[] = [];
  for (const root of roots) {
    if (!seen.has(root)) stack.push({ value: root, next: 0 });
    seen.add(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const input = leaves.has(top.value) ? undefined : top.value.inputs[top.next];
      top.next += 1;
      if (input === undefined) {
        order.push(top.value);
        stack.pop();
      } else if (!seen.has(input)) {
        seen.add(input);
        stack.push({ value: input, next: 0 });
      }
    }
  }
  return order;
}

/**
 * Gradients of a value with respect to `wanted`, in their order; zeros for those it does not depend on.
 * `seed` is what flows into the value, ones where not given (for a scalar loss: 1). Wanted values are taken as
 * independent: nothing flows through one to another.
 */
export function gradients(of: Value, wanted: readonly Value[], seed?: Value): Value[] {
  const targets = new Set(wanted);
  const order = topologicalOrder([of], targets);
  const reaches = valuesThatDependOn(targets, order);
  const flowing = new Map<Value, Value[]>([[of, [seed ?? filled(1, of)]]]);
  const finished = new Map<Value, Value>();
  for (const value of order.toReversed()) {
    const parts = flowing.get(value);
    if (parts === undefined || !reaches.has(value)) continue;
    const upstream = sumOfGradients(parts);
    finished.set(value, upstream);
    if (targets.has(value)) continue;
    for (const [input, gradient] of contributions(value, upstream, reaches)) {
      flowing.set(input, [...(flowing.get(input) ?? []), gradient]);
    }
  }
  return wanted.map((value) => finished.get(value) ?? filled(0, value));
}

function contributions(
  value: Value,
  upstream: Value,
  reaches: ReadonlySet<Value>,
): (readonly [Value, Value])[] {
  if (value.op.name === "stop-gradient" || !value.inputs.some((input) => reaches.has(input))) return [];
  if (value.op.gradient === undefined) {
    throw new EngineError(
      `The op ${value.op.name} has no gradient, but a parameter's gradient flows through it.`,
    );
  }
  return value.op.gradient(value, upstream).filter(([input]) => reaches.has(input));
}

function valuesThatDependOn(targets: ReadonlySet<Value>, order: readonly Value[]): ReadonlySet<Value> {
  const reaches = new Set<Value>();
  for (const value of order) {
    if (targets.has(value) || value.inputs.some((input) => reaches.has(input))) reaches.add(value);
  }
  return reaches;
}

function filled(number: number, like: Value): Value {
  const one = constant(
    Float32Array.of(number),
    like.shape.map(() => 1),
  );
  return broadcastTo(one, like.shape);
}
