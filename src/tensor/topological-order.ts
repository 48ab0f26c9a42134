/** The order in which a graph is computed, and the reverse of the one in which gradients flow. */

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
