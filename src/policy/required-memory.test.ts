import { describe, expect, test } from "vitest";
import { EngineError } from "../errors.ts";
import { EMU3_CONFIG } from "./config.ts";
import type { LoraSettings } from "./lora.ts";
import { requireMemory } from "./required-memory.ts";

describe("requireMemory", () => {
  // 8,492,011,520 parameters of four bytes.
  const weights = 33_968_046_080;

  test("takes a policy whose weights just fit", () => {
    expect(() => requireMemory("emu3", EMU3_CONFIG, { memory: weights })).not.toThrow();
  });

  test("says what a larger one has, what it needs and what there is", () => {
    const attempt = (): void => requireMemory("emu3", EMU3_CONFIG, { memory: weights - 1 });
    expect(attempt).toThrow(EngineError);
    expect(attempt).toThrow(
      "emu3 has 8,492,011,520 parameters, 31.6 GiB in float32; this machine has 31.6 GiB of memory.",
    );
  });

  test("counts gradients and moments of what is learned", () => {
    const memory = 4 * weights;
    expect(() => requireMemory("emu3", EMU3_CONFIG, { learned: "all", memory })).not.toThrow();
    expect(() => requireMemory("emu3", EMU3_CONFIG, { learned: "all", memory: memory - 1 })).toThrow(
      "126.5 GiB with gradients and moments",
    );
    // A and B of q_proj in 32 layers, each of rank 8 and 4096 wide.
    const learned: LoraSettings = {
      rank: 8,
      alpha: 8,
      targets: ["self_attn.q_proj"],
      isRankStabilised: false,
    };
    const adapter = 32 * 2 * 8 * 4096 * 4;
    expect(() =>
      requireMemory("emu3", EMU3_CONFIG, { learned, memory: weights + 4 * adapter }),
    ).not.toThrow();
    expect(() => requireMemory("emu3", EMU3_CONFIG, { learned, memory: weights + 4 * adapter - 1 })).toThrow(
      "8,494,108,672 parameters",
    );
  });
});
