import { describe, expect, test } from "vitest";

import { EMU3_CONFIG } from "../../policy/config.ts";
import { compile } from "../../tensor/compile.ts";
import { prefillGraph } from "./generation-graphs.ts";

describe("prefillGraph", () => {
  test("holds one causal mask, however many layers and heads read it", () => {
    const prefix = 256;
    const bytesOf = (layers: number): number => {
      const config = { ...EMU3_CONFIG, layers, hiddenSize: 64, heads: 8, keyValueHeads: 2, headSize: 8 };
      return compile(prefillGraph({ config, trained: "none" }, 1, prefix)).model.byteLength;
    };
    const mask = prefix * prefix * 4;
    // Nothing reads what the last layer attends to.
    expect(bytesOf(2) - bytesOf(1)).toBeGreaterThan(mask);
    expect(bytesOf(5) - bytesOf(2)).toBeLessThan(mask / 4);
  });
});
