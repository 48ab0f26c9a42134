import { describe, expect, test } from "vitest";
import { EMU3_CONFIG, type PolicyConfig } from "./config.ts";
import { initialParameters, parameterCount, parameterShapes } from "./parameters.ts";

const SMALL: PolicyConfig = {
  ...EMU3_CONFIG,
  vocabularySize: 300,
  hiddenSize: 64,
  intermediateSize: 96,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  headSize: 16,
  bosId: 1,
  eosId: 2,
  padId: 3,
};

const values = { embeddingStd: 0.1, weightStd: 0.02, seed: 7 };

function spread(tensor: Float32Array | undefined): { mean: number; std: number } {
  const numbers = [...(tensor ?? [])];
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  return {
    mean,
    std: Math.sqrt(numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length),
  };
}

describe("parameterCount", () => {
  test("the published Emu3 has 8,492,011,520 parameters", () => {
    expect(parameterCount(EMU3_CONFIG)).toBe(8_492_011_520);
  });

  test("a tied head costs nothing", () => {
    expect(parameterCount(SMALL) - parameterCount({ ...SMALL, tieEmbeddings: true })).toBe(300 * 64);
  });
});

describe("initialParameters", () => {
  test("every parameter has its shape's size", () => {
    const parameters = initialParameters(SMALL, values);
    const sizes = parameterShapes(SMALL).map(({ name, shape }) => [name, shape.reduce((a, b) => a * b, 1)]);
    expect([...parameters].map(([name, tensor]) => [name, tensor.length])).toEqual(sizes);
  });

  test("embeddings, matrices and norms start as asked, the padding id at 0", () => {
    const parameters = initialParameters(SMALL, values);
    const embedding = parameters.get("model.embed_tokens.weight");
    expect(spread(embedding?.subarray(4 * 64)).std).toBeCloseTo(0.1, 2);
    expect(embedding?.subarray(3 * 64, 4 * 64).every((value) => value === 0)).toBe(true);
    expect(embedding?.subarray(2 * 64, 3 * 64).some((value) => value === 0)).toBe(false);
    const down = spread(parameters.get("model.layers.1.mlp.down_proj.weight"));
    expect(down.std).toBeCloseTo(0.02, 3);
    expect(Math.abs(down.mean)).toBeLessThan(0.001);
    expect(parameters.get("model.norm.weight")?.every((value) => value === 1)).toBe(true);
  });

  test("a tensor depends on the seed and its name, not on how many layers there are", () => {
    const name = "model.layers.1.self_attn.q_proj.weight";
    const first = initialParameters(SMALL, values).get(name);
    expect(initialParameters({ ...SMALL, layers: 4 }, values).get(name)).toEqual(first);
    expect(initialParameters(SMALL, { ...values, seed: 8 }).get(name)).not.toEqual(first);
    expect(initialParameters(SMALL, values).get("model.layers.0.self_attn.q_proj.weight")).not.toEqual(first);
  });
});
