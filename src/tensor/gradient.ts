/** Reverse-mode differentiation of the graph: values in, values out (Griewank & Walther 2008, ch. 3). */

import { EngineError } from "../errors.ts";
import { broadcastTo } from "./ops/broadcast.ts";
import { add } from "./ops/elementwise.ts";
import { constant } from "./ops/leaves.ts";
import { concat, place, placement } from "./ops/shape.ts";
import { topologicalOrder } from "./topological-order.ts";
import type { Value } from "./value.ts";

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
  if (!value.inputs.some((input) => reaches.has(input))) return [];
  if (value.op.gradient === undefined) {
    throw new EngineError(
      `The op ${value.op.name} has no gradient, but a parameter's gradient flows through it.`,
    );
  }
  return value.op.gradient(value, upstream).filter(([input]) => reaches.has(input));
}

/**
 * The sum of gradients that flow to one value. Those of its slices, where they do not overlap, are laid side by
 * side instead of being padded and added: half the memory traffic of splitting a tensor in two.
 */
function sumOfGradients(parts: readonly Value[]): Value {
  const placed = parts.filter((part) => placement(part) !== undefined);
  const others = parts.filter((part) => placement(part) === undefined);
  const sums = [...sideBySide(placed), ...others];
  return sums.reduce((total, part) => add(total, part));
}

function sideBySide(placed: readonly Value[]): readonly Value[] {
  const ranges = placed
    .flatMap((part) => placement(part) ?? [])
    .map((range) => ({ ...range, end: range.start + (range.operand.shape[range.axis] as number) }))
    .toSorted((left, right) => left.start - right.start);
  const isCover = ranges.every(
    ({ axis, start }, index) => axis === ranges[0]?.axis && start === (ranges[index - 1]?.end ?? 0),
  );
  const last = ranges.at(-1);
  if (!isCover || last === undefined || placed.length < 2) return placed;
  const total = (placed[0] as Value).shape[last.axis] as number;
  const joined = concat(
    ranges.map(({ operand }) => operand),
    last.axis,
  );
  return [place(joined, last.axis, 0, total)];
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
