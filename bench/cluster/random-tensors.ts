/** Weights for measurements of speed and memory. */

import { sizeOf } from "../../src/policy/parameters.ts";
import { Rng } from "../../src/random.ts";

/**
 * Any values do; one row of random ones is repeated, since drawing them all takes longer than what is measured. One
 * tensor is in memory at a time, since a process counts what its parent held when it was started.
 */
export function* randomTensors(
  shapes: Iterable<readonly [name: string, shape: readonly number[]]>,
): Generator<readonly [string, Float32Array]> {
  const rng = Rng.from(0, "weights");
  const row = Float32Array.from({ length: 4093 }, () => 0.02 * rng.normal());
  for (const [name, shape] of shapes) {
    const tensor = new Float32Array(sizeOf(shape));
    if (shape.length === 1) tensor.fill(1);
    else
      for (let start = 0; start < tensor.length; start += row.length)
        tensor.set(row.subarray(0, Math.min(row.length, tensor.length - start)), start);
    yield [name, tensor];
  }
}
