import { describe, expect, test } from "vitest";

import { Rng } from "../../random.ts";
import { compile } from "../compile.ts";
import { Session } from "../session.ts";
import { input } from "./leaves.ts";
import { sumOfSquares } from "./reduce.ts";

describe("a sum of squares", () => {
  test.each([
    [[3, 5]],
    [[512]],
    [[513]],
    [[64 * 2359]],
    [[1024, 1024]],
    // A prime, and one whose rows are many.
    [[1_000_003]],
    [[64 * 15_013]],
  ])("over [%s] is right to the last digits of float32", async (shape) => {
    await using session = await Session.open(compile({ out: sumOfSquares(input("x", shape)) }));
    const rng = Rng.from(1);
    const x = new Float32Array(shape.reduce((size, side) => size * side, 1)).map(() => rng.uniform() - 0.3);
    const want = x.reduce((total, value) => total + value * value, 0);
    const { out } = await session.run({ x });
    expect(out).toHaveLength(1);
    expect(Math.abs(Number(out![0]) / want - 1)).toBeLessThan(1e-6);
  });
});
