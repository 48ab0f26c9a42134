import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { earl } from "../../test/run-earl.ts";
import { readPolicyConfig } from "../policy/config-file.ts";
import type { PolicyConfig } from "../policy/config.ts";
import { saveLoraDirectory } from "../policy/lora-files.ts";
import type { LoraSettings } from "../policy/lora.ts";
import { initialParameters } from "../policy/parameters.ts";
import { openPolicyDirectory } from "../policy/policy-directory.ts";
import { savePolicyDirectory } from "../policy/save-policy.ts";

const FIXTURE = fileURLToPath(new URL("../../test/fixtures/emu3-lm", import.meta.url));
/** As on the hub, with the keys that the maths does not need left out. */
const PUBLISHED = {
  architectures: ["Emu3ForCausalLM"],
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
  bos_token_id: 151_849,
  eos_token_id: 151_850,
  pad_token_id: 151_643,
};
const LORA: LoraSettings = {
  rank: 2,
  alpha: 4,
  targets: ["self_attn.q_proj", "mlp.down_proj"],
  isRankStabilised: false,
};

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-model-"));
});

describe("earl model info", () => {
  test("counts the published Emu3 from config.json alone", async () => {
    const directory = join(folder, "emu3");
    mkdirSync(directory);
    writeFileSync(join(directory, "config.json"), JSON.stringify(PUBLISHED));
    const { code, out } = await earl("model", "info", directory);
    expect(code).toBe(0);
    expect(out).toContain("parameters  8,492,011,520,");
    expect(out).toContain("32 layers of width 4096");
    expect(out).toContain("not here, config.json alone");
    expect(out).toMatch(/full training +float32 +31\.6 GiB/);
  });

  test("prints the same as JSON, in bytes", async () => {
    const { code, out } = await earl("model", "info", FIXTURE, "--json", "--tokens", "100");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      modelType: "emu3_text_model",
      parameters: 150_976,
      weights: { tensors: 30, types: ["F32"], bytes: 150_976 * 4 },
      workplace: { tokens: 100 },
      needs: [
        { task: "inference", type: "float32", weightBytes: 150_976 * 4, engine: "onnx" },
        { task: "inference", type: "bfloat16", engine: "torch" },
        { task: "lora" },
        { task: "full training", momentBytes: 150_976 * 8, engine: "onnx" },
      ],
    });
  });

  test("names what does not fit", async () => {
    const directory = join(folder, "misfit");
    mkdirSync(directory);
    cpSync(join(FIXTURE, "model.safetensors"), join(directory, "model.safetensors"));
    const config = JSON.parse(readFileSync(join(FIXTURE, "config.json"), "utf8")) as object;
    writeFileSync(join(directory, "config.json"), JSON.stringify({ ...config, vocab_size: 385 }));
    const misfit = await earl("model", "info", directory);
    expect(misfit.err).toContain("lm_head.weight");
    const missing = await earl("model", "info", join(folder, "nowhere"));
    expect(missing.err).toContain("nowhere/config.json");
    expect([misfit.code, missing.code]).toEqual([2, 2]);
  });
});

describe("earl model merge", () => {
  let config: PolicyConfig;
  let base: string;
  let adapter: string;

  beforeAll(async () => {
    ({ config } = await readPolicyConfig(FIXTURE));
    base = join(folder, "base");
    adapter = join(folder, "adapter");
    const parameters = initialParameters(config, { embeddingStd: 1, weightStd: 0.1, seed: 3 });
    await savePolicyDirectory(base, config, parameters, {
      type: "BF16",
      generationConfig: { temperature: 0.5 },
      tokenizerFiles: new Map([["tokenizer.json", Buffer.from("{}")]]),
    });
    writeFileSync(join(base, "notes.txt"), "not a tokenizer's");
    const ones = (length: number): Float32Array => new Float32Array(length).fill(1);
    const pairs = new Map(
      Array.from({ length: config.layers }, (_, layer) => [
        [`model.layers.${layer}.self_attn.q_proj.weight`, { a: ones(2 * 64), b: ones(64 * 2) }] as const,
        [`model.layers.${layer}.mlp.down_proj.weight`, { a: ones(2 * 112), b: ones(64 * 2) }] as const,
      ]).flat(),
    );
    await saveLoraDirectory(adapter, { config, settings: LORA, pairs });
  });

  test("adds the adapter, keeps the type, and brings the tokenizer along", async () => {
    const out = join(folder, "deep", "merged");
    const { code, out: printed, err } = await earl("model", "merge", base, adapter, "--out", out);
    expect([code, printed]).toEqual([0, `${out}\n`]);
    expect(err).toContain("6 of 30 tensors adapted");
    expect(readdirSync(out).toSorted()).toEqual([
      "config.json",
      "generation_config.json",
      "model.safetensors",
      "tokenizer.json",
    ]);
    expect(readFileSync(join(out, "generation_config.json"), "utf8")).toContain('"temperature": 0.5');
    expect(readFileSync(join(out, "config.json"), "utf8")).toContain('"dtype": "bfloat16"');
    const [before, after] = [await openPolicyDirectory(base), await openPolicyDirectory(out)];
    for (const name of before.names) {
      const [old, merged] = [await before.read(name), await after.read(name)];
      // scale 4 / 2, and B·A is 2 everywhere.
      const added = /q_proj|down_proj/.test(name) ? 4 : 0;
      const furthest = old.reduce(
        (most, value, index) => Math.max(most, Math.abs((merged[index] as number) - value - added)),
        0,
      );
      // bfloat16 keeps 8 bits: at a size of 4 it rounds by at most 1/64. What is not adapted stays to the bit.
      expect(furthest, name).toBeLessThanOrEqual(added === 0 ? 0 : 1 / 64);
    }
    await Promise.all([before.close(), after.close()]);
  });

  test("writes float32 where that is asked for, which keeps what bfloat16 would round away", async () => {
    const out = join(folder, "wide");
    const { code } = await earl("model", "merge", base, adapter, "--out", out, "--type", "float32");
    expect(code).toBe(0);
    const name = "model.layers.0.self_attn.q_proj.weight";
    const [before, after] = [await openPolicyDirectory(base), await openPolicyDirectory(out)];
    const [old, merged] = [await before.read(name), await after.read(name)];
    expect(merged).toEqual(old.map((value) => value + 4));
    await Promise.all([before.close(), after.close()]);
    expect(readFileSync(join(out, "config.json"), "utf8")).toContain('"dtype": "float32"');
  });

  test("refuses a folder that holds something, and a missing --out", async () => {
    const taken = await earl("model", "merge", base, adapter, "--out", base);
    expect(taken.err).toContain("exists already");
    const missing = await earl("model", "merge", base, adapter);
    expect(missing.err).toContain("--out DIR is missing.");
    expect([taken.code, missing.code]).toEqual([2, 2]);
  });

  test("leaves nothing behind where the adapter is for another policy", async () => {
    const other = join(folder, "other");
    cpSync(adapter, other, { recursive: true });
    const settings = join(other, "adapter_config.json");
    writeFileSync(settings, readFileSync(settings, "utf8").replace('"r": 2', '"r": 3'));
    const { code, err } = await earl("model", "merge", base, other, "--out", join(folder, "none"));
    expect(err).toContain("lora_A");
    expect(code).toBe(2);
    expect(existsSync(join(folder, "none"))).toBe(false);
    rmSync(other, { recursive: true });
  });
});
