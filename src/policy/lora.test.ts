import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError, ShapeError } from "../errors.ts";
import { EMU3_CONFIG } from "./config.ts";
import {
  adaptedWeight,
  initialLora,
  loraMisfits,
  loraParameterCount,
  loraScale,
  loraShapes,
} from "./lora.ts";
import { PROJECTIONS } from "./parameters.ts";

const ALL = { rank: 8, alpha: 16, targets: PROJECTIONS, isRankStabilised: false };

describe("adaptedWeight", () => {
  test("a rank of one adds the outer product", () => {
    const pair = { a: Float32Array.of(1, 2, 3), b: Float32Array.of(10, 100) };
    expect([...adaptedWeight(new Float32Array(6).fill(1), pair, 1, 0.5)]).toEqual([6, 11, 16, 51, 101, 151]);
  });

  test("two ranks are the sum of two ranks of one, and the weight given is not touched", () => {
    const values = (length: number): fc.Arbitrary<number[]> =>
      fc.array(fc.integer({ min: -9, max: 9 }), { minLength: length, maxLength: length });
    fc.assert(
      fc.property(values(12), values(6), values(8), (weight, a, b) => {
        const start = Float32Array.from(weight);
        const pair = (k: number): { a: Float32Array; b: Float32Array } => ({
          a: Float32Array.from(a.slice(k * 3, k * 3 + 3)),
          b: Float32Array.from(b.filter((_, index) => index % 2 === k)),
        });
        const both = adaptedWeight(start, { a: Float32Array.from(a), b: Float32Array.from(b) }, 2, 2);
        expect(both).toEqual(adaptedWeight(adaptedWeight(start, pair(0), 1, 2), pair(1), 1, 2));
        expect([...start]).toEqual(weight);
      }),
    );
  });

  test("matrices of another size are refused", () => {
    const pair = { a: new Float32Array(6), b: new Float32Array(4) };
    expect(() => adaptedWeight(new Float32Array(7), pair, 2, 1)).toThrow(ShapeError);
  });
});

describe("loraScale", () => {
  test("is alpha / rank, or alpha / √rank when stabilised", () => {
    expect(loraScale({ rank: 4, alpha: 8, isRankStabilised: false })).toBe(2);
    expect(loraScale({ rank: 4, alpha: 8, isRankStabilised: true })).toBe(4);
  });
});

describe("loraShapes", () => {
  test("the published Emu3 at rank 8 on every projection learns 20,971,520 parameters", () => {
    // Per layer: q and o 8192, k and v 5120, gate, up and down 18432: 8 · (16384 + 10240 + 55296).
    expect(loraParameterCount(EMU3_CONFIG, ALL)).toBe(20_971_520);
  });

  test("are those of a part of the layers where the settings say so, in the order of the forward pass", () => {
    const only = ["model.layers.3.mlp.up_proj.weight", "model.layers.0.self_attn.k_proj.weight"];
    const shapes = loraShapes(EMU3_CONFIG, { ...ALL, only });
    expect(shapes).toEqual([
      { name: only[1], output: 1024, input: 4096 },
      { name: only[0], output: 14_336, input: 4096 },
    ]);
  });

  test.each([
    ["a negative alpha", { alpha: -16 }],
    ["an alpha of 0", { alpha: 0 }],
    ["an alpha that is no number", { alpha: NaN }],
    ["an infinite alpha", { alpha: Infinity }],
    ["an alpha that drowns the weights", { alpha: 2 ** 31 }],
    ["a rank of a half", { rank: 0.5 }],
    ["a rank beyond any matrix", { rank: 1e9, alpha: 1e9 }],
  ])("%s is refused", (_, change) => {
    expect(loraMisfits({ ...ALL, ...change })).toHaveLength(1);
    expect(() => loraShapes(EMU3_CONFIG, { ...ALL, ...change })).toThrow(ConfigError);
  });

  test("what people train with is taken", () => {
    for (const [rank, alpha, isRankStabilised] of [
      [1, 1, false],
      [8, 256, false],
      [256, 512, true],
      [64, 0.5, true],
    ] as const) {
      expect(loraMisfits({ rank, alpha, isRankStabilised })).toEqual([]);
    }
  });

  test("a rank of 0 and an empty list of targets are refused", () => {
    expect(() => loraShapes(EMU3_CONFIG, { ...ALL, rank: 0 })).toThrow(ConfigError);
    expect(() => loraShapes(EMU3_CONFIG, { ...ALL, targets: [] })).toThrow(ConfigError);
  });
});

describe("initialLora", () => {
  test("a fresh adapter changes nothing but is ready to learn", () => {
    const config = {
      ...EMU3_CONFIG,
      hiddenSize: 64,
      intermediateSize: 96,
      heads: 4,
      keyValueHeads: 2,
      headSize: 16,
      layers: 1,
    };
    for (const { a, b } of initialLora(config, ALL, 1).values()) {
      const bound = 1 / Math.sqrt(a.length / 8);
      expect(b.every((value) => value === 0)).toBe(true);
      expect(Math.max(...a)).toBeLessThanOrEqual(Math.fround(bound));
      expect(Math.max(...a)).toBeGreaterThan(bound * 0.9);
      expect(Math.min(...a)).toBeLessThan(-bound * 0.9);
    }
  });
});
