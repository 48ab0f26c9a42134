import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { earl } from "../../test/run-earl.ts";

const FIXTURE = fileURLToPath(new URL("../../test/fixtures/emu3-lm", import.meta.url));
/** Sizes of the published Emu3. */
const PUBLISHED = {
  model_type: "Emu3",
  hidden_size: 4096,
  intermediate_size: 14_336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  vocab_size: 184_622,
  rms_norm_eps: 1e-5,
  rope_theta: 1_000_000,
  max_position_embeddings: 9216,
};

describe("earl model info --workers", () => {
  test("plans what each GPU of a cluster holds, and says what to change where it does not fit", async () => {
    const directory = mkdtempSync(join(tmpdir(), "earl-plan-"));
    writeFileSync(join(directory, "config.json"), JSON.stringify(PUBLISHED));
    const { code, out } = await earl("model", "info", directory, "--workers", "2,4", "--gpu-memory", "80");
    expect(code).toBe(0);
    expect(out).toContain("arithmetic and not measured");
    expect(out).toMatch(/all weights, KL +4 +8\.5 +17\.0 +8\.5 +4\.2 +17\.0 +9\.2 +4\.5 +64\.4 .* yes/);
    expect(out).toMatch(/all weights, KL +2 .* no\n/);
    expect(out).toContain(
      "all weights, KL, 2 GPUs: 4 workers; engine.offload: optimizer; an adapter (policy.lora)",
    );
    const json = await earl("model", "info", directory, "--gpu-memory", "24", "--no-recompute", "--json");
    expect(JSON.parse(json.out)).toMatchObject({
      plan: {
        gpuBytes: 24e9,
        step: { isRecomputed: false, prompts: 16, groupSize: 8 },
        tasks: expect.arrayContaining([
          expect.objectContaining({ trained: "none", workers: 8, fits: true, advice: [] }),
          expect.objectContaining({ trained: "lora", workers: 8, fits: false }),
        ]) as unknown,
      },
    });
  });

  test("refuses numbers of workers that are none, and plans nothing unasked", async () => {
    for (const workers of ["0", "4,", "four", "2000"]) {
      const refused = await earl("model", "info", FIXTURE, "--workers", workers);
      expect(refused).toMatchObject({ code: 2, err: expect.stringContaining("whole number") as string });
    }
    const unasked = await earl("model", "info", FIXTURE, "--json");
    expect(JSON.parse(unasked.out)).not.toHaveProperty("plan");
  });
});
