import { describe, expect, test } from "vitest";
import { plainConvolution } from "../../../test/small/plain-convolution.ts";
import { expectFiniteDifferences } from "../../../test/small/finite-differences.ts";
import { Rng } from "../../random.ts";
import { compile } from "../../tensor/compile.ts";
import { convolution } from "../../tensor/ops/convolution.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { upsample } from "../../tensor/ops/upsample.ts";
import { Session } from "../../tensor/session.ts";
import { sizeOf, type Shape, type Value } from "../../tensor/value.ts";
import { upsampledConvolution } from "./double-size.ts";

const SHAPES = { x: [2, 3, 4, 5], w: [2, 3, 3, 3], b: [2] } as const;

describe("upsampledConvolution", () => {
  const rng = Rng.from(9, "double");
  const normal = (shape: Shape): Float32Array =>
    Float32Array.from({ length: sizeOf(shape) }, () => rng.normal());
  const feeds = { x: normal(SHAPES.x), w: normal(SHAPES.w), b: normal(SHAPES.b) };
  const [x, w, b] = [input("x", SHAPES.x), input("w", SHAPES.w), input("b", SHAPES.b)];

  test("equals repeating every element and then convolving, in plain loops", async () => {
    await using session = await Session.open(compile({ result: upsampledConvolution(x, w, b) }), {
      threads: 1,
    });
    const { result } = await session.run(feeds);
    const repeated = Float32Array.from({ length: sizeOf([2, 3, 8, 10]) }, (_, index) => {
      const [plane, row, column] = [Math.floor(index / 80), Math.floor(index / 10) % 8, index % 10];
      return feeds.x[plane * 20 + Math.floor(row / 2) * 5 + Math.floor(column / 2)] as number;
    });
    const expected = plainConvolution(
      { shape: [2, 3, 8, 10], values: repeated },
      { shape: SHAPES.w, values: feeds.w },
      { bias: feeds.b, before: [1, 1], after: [1, 1] },
    );
    expect(result).toHaveLength(expected.values.length);
    for (const [index, value] of expected.values.entries()) {
      expect(Number(result?.[index])).toBeCloseTo(value, 4);
    }
  });

  test("takes fewer than half of the operations", () => {
    const shape = [1, 32, 16, 16];
    const [operand, weight, bias] = [input("x", shape), input("w", [32, 32, 3, 3]), input("b", [32])];
    const plain = convolution(upsample(operand, [1, 1, 2, 2]), weight, bias, {
      before: [1, 1],
      after: [1, 1],
    });
    const ours = compile({ result: upsampledConvolution(operand, weight, bias) }).flops;
    expect(ours).toBeLessThan(0.5 * compile({ result: plain }).flops);
  });

  test("has gradients that agree with finite differences", () =>
    expectFiniteDifferences("upsampled convolution", [[1, 2, 2, 3], [2, 2, 3, 3], [2]], ([a, c, d]) =>
      upsampledConvolution(a as Value, c as Value, d as Value),
    ));
});
