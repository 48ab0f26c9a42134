import { describe, expect, test } from "vitest";
import { ConfigError, EngineError } from "../errors.ts";
import { EMU3_CONFIG } from "./config.ts";
import { cacheBytes, positionsNotice, requireSequence } from "./sequence-fit.ts";

describe("requireSequence", () => {
  test("counts keys and values of every layer", () => {
    // 2 × 32 layers × 8 heads × 128 × 4 bytes.
    expect(cacheBytes(EMU3_CONFIG, 1)).toBe(262_144);
    expect(() => requireSequence(EMU3_CONFIG, 1000, 262_144_000)).not.toThrow();
    expect(() => requireSequence(EMU3_CONFIG, 1001, 262_144_000)).toThrow(EngineError);
  });

  test("refuses what no machine could attend to", () => {
    const memory = Number.MAX_SAFE_INTEGER;
    expect(() => requireSequence(EMU3_CONFIG, 2 ** 20, memory)).not.toThrow();
    expect(() => requireSequence(EMU3_CONFIG, 9999 ** 2, memory)).toThrow(ConfigError);
  });
});

describe("positionsNotice", () => {
  test("is there from the first token that the policy was not made for", () => {
    expect(positionsNotice(EMU3_CONFIG, 9216)).toBeUndefined();
    expect(positionsNotice(EMU3_CONFIG, 9217)).toContain("up to 9,217 tokens are longer than the 9,216");
  });
});
