/** Products over many rows, which take another way through onnxruntime than small ones. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Rng } from "../../random.ts";
import { compile } from "../compile.ts";
import { Session } from "../session.ts";
import { input } from "./leaves.ts";
import { matmul } from "./matmul.ts";

describe("matmul", () => {
  test("of a transposed left operand over many rows is the sum of products of rows", async () => {
    const size = fc.integer({ min: 1, max: 9 });
    const scale = fc.constantFrom(1, 0.25);
    const property = fc.asyncProperty(size, size, scale, fc.nat(), async (height, width, factor, seed) => {
      const rows = 520;
      const rng = Rng.from(seed, "rows");
      const [left, right] = [height, width].map((columns) =>
        Float32Array.from({ length: rows * columns }, () => rng.normal()),
      ) as [Float32Array, Float32Array];
      const product = matmul(input("left", [rows, height]), input("right", [rows, width]), {
        transposeLeft: true,
        scale: factor,
      });
      await using session = await Session.open(compile({ product }), { threads: 1 });
      const { product: found } = await session.run({ left, right });
      for (let at = 0; at < height * width; at += 1) {
        const [row, column] = [Math.floor(at / width), at % width];
        let sum = 0;
        for (let index = 0; index < rows; index += 1)
          sum += left[index * height + row]! * right[index * width + column]!;
        expect(Number(found?.[at])).toBeCloseTo(factor * sum, 3);
      }
    });
    await fc.assert(property, { numRuns: 20 });
  });
});
