/** The check every op's gradient must pass: central differences of its own forward pass, on onnxruntime. */

import { expect } from "vitest";
import { Rng } from "../../src/random.ts";
import { compile } from "../../src/tensor/compile.ts";
import { gradients } from "../../src/tensor/gradient.ts";
import { multiply } from "../../src/tensor/ops/elementwise.ts";
import { constant, input } from "../../src/tensor/ops/leaves.ts";
import { sum } from "../../src/tensor/ops/broadcast.ts";
import { Session } from "../../src/tensor/session.ts";
import { sizeOf, type Shape, type Value } from "../../src/tensor/value.ts";

/** Wide, because a float32 forward pass leaves about three digits; the formula is exact up to the fifth power. */
const STEP = 1e-2;

/** Compares every element of every operand's gradient; operands and the loss's weights are normal, seeded by name. */
export async function expectFiniteDifferences(
  name: string,
  shapes: readonly Shape[],
  build: (operands: readonly Value[]) => Value,
): Promise<void> {
  const rng = Rng.from(7, name);
  const normal = (shape: Shape): Float32Array =>
    Float32Array.from({ length: sizeOf(shape) }, () => rng.normal());
  const operands = shapes.map((shape, index) => input(`x${index}`, shape));
  const result = build(operands);
  const loss = sum(multiply(result, constant(normal(result.shape), result.shape)));
  const slopes = gradients(loss, operands);
  const feeds = Object.fromEntries(shapes.map((shape, index) => [`x${index}`, normal(shape)]));
  await using backward = await Session.open(
    compile(Object.fromEntries(slopes.map((slope, index) => [`x${index}.slope`, slope]))),
    { threads: 1 },
  );
  const exact = await backward.run(feeds);
  await using forward = await Session.open(compile({ loss }), { threads: 1 });
  for (const [operand, array] of Object.entries(feeds)) {
    for (const [index, middle] of array.entries()) {
      const lossAt = async (offset: number): Promise<number> => {
        array[index] = middle + offset;
        return Number((await forward.run(feeds))["loss"]?.[0]);
      };
      const near = (await lossAt(STEP)) - (await lossAt(-STEP));
      const far = (await lossAt(2 * STEP)) - (await lossAt(-2 * STEP));
      array[index] = middle;
      expect(exact[`${operand}.slope`]?.[index]).toBeCloseTo((8 * near - far) / (12 * STEP), 2);
    }
  }
}
