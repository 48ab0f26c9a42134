import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { copyOfRecording, FIXTURES, perturb } from "../../test/perturbed-recording.ts";
import { earl, earlCommand } from "../../test/run-earl.ts";

describe("earl verify", () => {
  test("prints a line a quantity and exits 0 where all is equal", async () => {
    const { code, out, err } = await earl("verify", join(FIXTURES, "movq"));
    expect(out).toMatch(/^codes +1 +54 +equal +ok$/m);
    expect(out).toMatch(/^latents +1 +216 +\d\.\de-\d +\d\.\de-\d +1e-3 absolute +ok$/m);
    expect(err).toContain("movq, 3 comparisons");
    expect(code).toBe(0);
  });

  test("exits 2 for a folder that is no recording, with the kinds there are", async () => {
    const { code, err } = await earl("verify", join(FIXTURES, "damaged-pictures"));
    expect(err).toContain("damaged-pictures is no recording.");
    expect(err).toContain("text-tokenizer: tokenizer files");
    expect(code).toBe(2);
  });

  test("exits 2 for sequences without their tokenizer", async () => {
    const { code, err } = await earl("verify", join(FIXTURES, "sequences.json"));
    expect(err).toContain("--tokenizer DIR is missing");
    expect(code).toBe(2);
  });

  test("as a process of its own exits 1 for a recording with one wrong gradient, and says where", () => {
    const folder = copyOfRecording("emu3-lm");
    perturb(folder, "sft.grad.model.layers.1.mlp.up_proj.weight", 70, 0.01);
    const [program, words] = earlCommand("verify", folder);
    const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
    expect(stderr).toContain("1 of 137 comparisons failed");
    expect(stdout).toMatch(/^sft gradients +30 +150976 .* FAIL$/m);
    expect(stdout).toMatch(/^grpo gradients +30 .* ok$/m);
    expect(stdout).toMatch(/^FAIL sft gradients, model\.layers\.1\.mlp\.up_proj\.weight, at 70: /m);
    expect(stderr).not.toContain("    at ");
    expect(status).toBe(1);
  });
});
