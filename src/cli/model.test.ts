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
    expect(missing.err).toContain("nowhere is neither a checkpoint nor a run");
    expect([misfit.code, missing.code]).toEqual([2, 2]);
  });

  test("says whether the weights are finite, and does not fail where they are not", async () => {
    expect((await earl("model", "info", FIXTURE)).out).toContain(
      "30 tensors that fit the config, F32, 589.8 KiB, all finite",
    );
    const directory = join(folder, "not-finite");
    const { config } = await readPolicyConfig(FIXTURE);
    const parameters = initialParameters(config, { embeddingStd: 1, weightStd: 0.1, seed: 3 });
    parameters.get("model.norm.weight")?.fill(NaN, 0, 3);
    parameters.get("lm_head.weight")?.fill(-Infinity, 0, 1);
    await savePolicyDirectory(directory, config, parameters);
    const { code, out } = await earl("model", "info", directory);
    expect(code).toBe(0);
    expect(out).toContain("NOT FINITE: 3 NaN or infinite values in model.norm.weight and in 1 more tensors");
    expect(JSON.parse((await earl("model", "info", directory, "--json")).out)).toMatchObject({
      weights: {
        notFinite: [
          { name: "model.norm.weight", count: 3 },
          { name: "lm_head.weight", count: 1 },
        ],
      },
    });
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

  test("describes an adapter with its base", async () => {
    const placed = join(folder, "placed");
    cpSync(adapter, placed, { recursive: true });
    const settings = join(placed, "adapter_config.json");
    const text = readFileSync(settings, "utf8");
    writeFileSync(
      settings,
      text.replace('"base_model_name_or_path": null', `"base_model_name_or_path": "${base}"`),
    );
    const { code, out } = await earl("model", "info", placed);
    expect(code).toBe(0);
    expect(out).toContain(`LoRA adapter of rank 2, alpha 4 on 6 projections; its base is ${base}:`);
    expect(out).toContain("in a LoRA adapter of rank 2");
    expect(out).toContain("BF16");
  });

  test("keeps the type of each tensor, and both names of the type of most", async () => {
    const mixed = join(folder, "mixed");
    const parameters = initialParameters(config, { embeddingStd: 1, weightStd: 0.1, seed: 3 });
    await savePolicyDirectory(mixed, config, parameters, {
      type: (name) => (name.includes("norm") ? "F32" : "BF16"),
    });
    const out = join(folder, "mixed-merged");
    expect(await earl("model", "merge", mixed, adapter, "--out", out)).toMatchObject({ code: 0 });
    const [before, after] = [await openPolicyDirectory(mixed), await openPolicyDirectory(out)];
    for (const name of before.names) expect(after.typeOf(name), name).toBe(before.typeOf(name));
    expect(after.typeOf("model.norm.weight")).toBe("F32");
    expect(await after.read("model.norm.weight")).toEqual(parameters.get("model.norm.weight"));
    await Promise.all([before.close(), after.close()]);
    expect(JSON.parse(readFileSync(join(out, "config.json"), "utf8"))).toMatchObject({
      dtype: "bfloat16",
      torch_dtype: "bfloat16",
    });
  });

  test("takes runs, by folder or name, and the best checkpoint of each", async () => {
    const before = process.cwd();
    process.chdir(mkdtempSync(join(folder, "runs-")));
    try {
      for (const [run, from] of [
        ["trained", base],
        ["adapted", adapter],
      ] as const) {
        const checkpoints = join("runs", run, "checkpoints");
        mkdirSync(checkpoints, { recursive: true });
        cpSync(from, join(checkpoints, "sft-000001"), { recursive: true });
        const state = { stage: "sft", step: 1, loop: {}, best: { sft: "sft-000001" }, eventsBytes: 1 };
        writeFileSync(join(checkpoints, "sft-000001", "state.json"), JSON.stringify(state));
      }
      expect((await earl("model", "info", "trained")).out).toContain("3 layers of width 64");
      expect((await earl("model", "info", "runs/trained")).out).toContain("3 layers of width 64");
      const merged = await earl("model", "merge", "trained", "runs/adapted", "--out", "merged");
      expect(merged).toMatchObject({ code: 0, out: "merged\n" });
    } finally {
      process.chdir(before);
    }
  });

  test("says which of two arguments is not what it should be", async () => {
    const out = join(folder, "swapped");
    const swapped = await earl("model", "merge", adapter, base, "--out", out);
    expect(swapped).toMatchObject({
      code: 2,
      err: expect.stringContaining("is an adapter, not a base") as string,
    });
    const twice = await earl("model", "merge", base, base, "--out", out);
    expect(twice).toMatchObject({ code: 2, err: expect.stringContaining("holds whole weights") as string });
    const empty = await earl("model", "merge", base, "", "--out", out);
    expect(empty.code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });

  test("leaves nothing behind when it is interrupted, not even the folders above", async () => {
    const listeners = process.listenerCount("SIGINT");
    const merging = earl("model", "merge", base, adapter, "--out", join(folder, "above", "stopped"));
    while (process.listenerCount("SIGINT") === listeners) await new Promise(setImmediate);
    process.emit("SIGINT");
    const { code, err } = await merging;
    expect(err).toContain("Stopped. Nothing was written.");
    expect(code).toBe(130);
    expect(readdirSync(folder)).not.toContain("above");
    expect(process.listenerCount("SIGINT")).toBe(listeners);
  });

  test("leaves nothing behind where the merged weights would be infinite", async () => {
    const huge = join(folder, "huge");
    const ones = (length: number): Float32Array => new Float32Array(length).fill(3e38);
    const settings: LoraSettings = { ...LORA, targets: ["self_attn.q_proj"] };
    const pairs = new Map(
      Array.from({ length: config.layers }, (_, layer) => [
        `model.layers.${layer}.self_attn.q_proj.weight`,
        { a: ones(2 * 64), b: ones(64 * 2) },
      ]),
    );
    await saveLoraDirectory(huge, { config, settings, pairs });
    const { code, err } = await earl("model", "merge", base, huge, "--out", join(folder, "infinite"));
    expect(err).toContain("model.layers.0.self_attn.q_proj.weight is not finite");
    expect(code).toBe(2);
    expect(readdirSync(folder).filter((name) => name.startsWith("infinite"))).toEqual([]);
  });

  test("tries the place before the work", async () => {
    const file = join(base, "notes.txt");
    const under = await earl("model", "merge", base, adapter, "--out", join(file, "merged"));
    expect(under.err).toContain("notes.txt is a file, not a folder");
    expect(under.err).not.toContain("Merge");
    expect(under.code).toBe(2);
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
