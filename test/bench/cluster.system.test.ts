/** The measurement for a GPU, at sizes that a CPU gets through: that it works, not what it says. */

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, test } from "vitest";

import { cardOf } from "../../bench/cluster/cards.ts";
import { pythonForTests } from "../../src/engine/torch/small-torch.contract.ts";

const python = pythonForTests();

test.skipIf(python === undefined)(
  "bench/cluster.ts measures everything, and says that it was no GPU",
  async () => {
    const out = join(mkdtempSync(join(tmpdir(), "earl-bench-")), "figures.json");
    const flags =
      "--device cpu --shape tiny --rows 8 --groups 2 --pictures 2 --threads 1 --peer-python none".split(" ");
    const program = ["src/from-source.mjs", "bench/cluster.ts", ...flags, "--out", out];
    const { stdout } = await promisify(execFile)(process.execPath, program);
    expect(stdout).toContain("NO GPU WAS MEASURED");
    expect(stdout).toContain("the same to the bit as alone");
    const figures = JSON.parse(readFileSync(out, "utf8")) as {
      readonly decode: readonly { readonly stepMs: number; readonly peerMs: number | null }[];
      readonly update: { readonly seconds: number; readonly flops: number };
      readonly agreement: { readonly mean: number };
      readonly movq: { readonly seconds: number };
    };
    expect(figures.decode[0]?.stepMs).toBeGreaterThan(0);
    expect(figures.decode[0]?.peerMs).toBeNull();
    expect(figures.update.flops / figures.update.seconds).toBeGreaterThan(0);
    expect(figures.agreement.mean).toBeLessThan(0.05);
    expect(figures.movq.seconds).toBeGreaterThan(0);
  },
  120_000,
);

describe("cardOf", () => {
  test("knows cards by the name that CUDA gives", () => {
    expect(cardOf("NVIDIA H100 80GB HBM3")?.bandwidth).toBe(3.35e12);
    expect(cardOf("NVIDIA H100 PCIe")?.bandwidth).toBe(2e12);
    expect(cardOf("NVIDIA H200")?.bandwidth).toBe(4.8e12);
    expect(cardOf("NVIDIA A100-SXM4-80GB")?.flops).toBe(312e12);
    expect(cardOf("Somebody's")).toBeUndefined();
    expect(cardOf(null)).toBeUndefined();
  });
});
