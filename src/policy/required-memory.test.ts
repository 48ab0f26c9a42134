import { describe, expect, test } from "vitest";
import { EngineError } from "../errors.ts";
import { EMU3_CONFIG } from "./config.ts";
import { requireMemory } from "./required-memory.ts";

describe("requireMemory", () => {
  // 8,492,011,520 parameters of four bytes.
  const weights = 33_968_046_080;

  test("takes a policy whose weights just fit", () => {
    expect(() => requireMemory("emu3", EMU3_CONFIG, weights)).not.toThrow();
  });

  test("says what a larger one has, what it needs and what there is", () => {
    const attempt = (): void => requireMemory("emu3", EMU3_CONFIG, weights - 1);
    expect(attempt).toThrow(EngineError);
    expect(attempt).toThrow(
      "emu3 has 8,492,011,520 parameters, 31.6 GiB in float32; this machine has 31.6 GiB of memory.",
    );
  });
});
