import { describe, expect, test } from "vitest";
import { EMU3_CONFIG } from "./config.ts";
import { describePolicy } from "./policy-memory.ts";

const GB = 1e9;
const workplace = { memoryBytes: 64 * GB, tokens: 2048, loraRank: 8 };

describe("describePolicy", () => {
  test("the published Emu3: parameters, and what each task takes", () => {
    const { parameters, loraParameters, needs, architecture } = describePolicy(EMU3_CONFIG, workplace);
    expect(parameters).toBe(8_492_011_520);
    expect(loraParameters).toBe(20_971_520);
    expect(architecture.join("\n")).toContain("32 attention heads of 128, 8 key-value heads");

    const [float32, bfloat16, lora, full] = needs;
    // Keys and values: 2 · 32 layers · 8 heads · 128 · 2048 tokens · 4 bytes.
    expect(float32).toMatchObject({ weightBytes: 33_968_046_080, cacheBytes: 536_870_912, engine: "onnx" });
    expect(bfloat16).toMatchObject({ weightBytes: 16_984_023_040, cacheBytes: 268_435_456, engine: "torch" });
    expect(lora).toMatchObject({ gradientBytes: 83_886_080, momentBytes: 167_772_160 });
    expect(full).toMatchObject({
      gradientBytes: 33_968_046_080,
      momentBytes: 67_936_092_160,
      engine: "torch",
    });
  });

  test("a total is the sum of its parts", () => {
    for (const need of describePolicy(EMU3_CONFIG, workplace).needs) {
      const parts = [
        need.weightBytes,
        need.cacheBytes,
        need.gradientBytes,
        need.momentBytes,
        need.activationBytes,
      ];
      expect(need.totalBytes).toBe(parts.reduce((sum, part) => sum + part, 0));
    }
  });

  test("the engine follows the memory", () => {
    const engines = (memoryBytes: number): string[] =>
      describePolicy(EMU3_CONFIG, { ...workplace, memoryBytes }).needs.map(({ engine }) => engine);
    expect(engines(8 * GB)).toEqual(["torch", "torch", "torch", "torch"]);
    // Eight billion trained parameters are more than an array of JavaScript's holds.
    expect(engines(1000 * GB)).toEqual(["onnx", "torch", "onnx", "torch"]);
  });

  test("attention makes activations grow faster than the sequence", () => {
    const activations = (tokens: number): number =>
      describePolicy(EMU3_CONFIG, { ...workplace, tokens }).needs[3]?.activationBytes ?? NaN;
    expect(activations(4096) / activations(2048)).toBeGreaterThan(2);
  });
});
