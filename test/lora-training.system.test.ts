/** LoRA as a person uses it: a base, an adapter trained beside it, an edit with the adapter, and the two made one. */

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { picture } from "../src/images/picture.ts";
import { encodePng } from "../src/images/png.ts";
import { readAdapterDirectory } from "../src/policy/adapter-directory.ts";
import { readPolicyConfig } from "../src/policy/config-file.ts";
import { saveLoraDirectory } from "../src/policy/lora-files.ts";
import { initialLora } from "../src/policy/lora.ts";
import { earl } from "./run-earl.ts";

const BASE = `
name: base
algorithm: sft
data: { directory: data }
policy: { hiddenSize: 16, layers: 2, heads: 2, keyValueHeads: 1, intermediateSize: 16 }
tokenizer: { textMerges: 0 }
engine: { threads: 1 }
sft: { steps: 1, batchSize: 2, evaluateEvery: 1, validationSize: 2, saveEvery: 1 }
evaluation: { size: 0 }
`;
const ADAPTER = `
name: adapter
algorithm: sft-grpo
data: { directory: data }
policy: { checkpoint: runs/base/checkpoints/sft-000001, lora: { rank: 2, alpha: 4, targets: [q_proj, down_proj] } }
engine: { threads: 1 }
sft: { steps: 2, batchSize: 2, learningRate: 1e-2, evaluateEvery: 1, validationSize: 2, saveEvery: 1 }
grpo: { steps: 1, prompts: 2, groupSize: 2, evaluateEvery: 1, validationSize: 2, saveEvery: 1, maxTokens: 64 }
evaluation: { size: 0 }
`;

const before = process.cwd();
beforeAll(async () => {
  process.chdir(mkdtempSync(join(tmpdir(), "earl-lora-")));
  await writeScenes({ directory: "data", seed: 1, counts: { train: 12, validation: 4, test: 4 } });
  writeFileSync("base.yaml", BASE);
  writeFileSync("adapter.yaml", ADAPTER);
  await earl("train", "base.yaml");
}, 120_000);
afterAll(() => process.chdir(before));

describe("an adapter", () => {
  test("is trained by both stages beside its base, saved in PEFT's layout, and merged", async () => {
    expect(await earl("train", "adapter.yaml")).toMatchObject({ code: 0 });
    const checkpoints = readdirSync("runs/adapter/checkpoints").filter((name) => /-\d+$/.test(name));
    expect(checkpoints).toContain("sft-000002");
    expect(checkpoints).toContain("grpo-000001");
    const directory = "runs/adapter/checkpoints/grpo-000001";
    const config = JSON.parse(readFileSync(join(directory, "adapter_config.json"), "utf8")) as object;
    expect(config).toMatchObject({
      base_model_name_or_path: resolve("runs/base/checkpoints/sft-000001"),
      r: 2,
      target_modules: ["q_proj", "down_proj"],
    });
    expect(existsSync(join(directory, "model.safetensors"))).toBe(false);
    const merging = ["model", "merge", "runs/base/checkpoints/sft-000001", directory, "--out", "merged"];
    expect(await earl(...merging)).toMatchObject({ code: 0, out: "merged\n" });
    expect(existsSync("merged/model.safetensors")).toBe(true);
  }, 120_000);

  test("is what evaluate and edit take for the policy, with the base it names", async () => {
    const words = ["--data", "data", "--size", "2", "--max-tokens", "64"];
    const { code, out, err } = await earl("evaluate", "runs/adapter/checkpoints/sft-000002", ...words);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(out).toContain("greedy");

    writeFileSync("black.png", encodePng(picture(32, 32)));
    const flags = ["--checkpoint", "runs/adapter/checkpoints/sft-000002", "-n", "1", "--out", "edited"];
    expect(await earl("edit", "black.png", "make it red", ...flags)).toMatchObject({ code: 0 });
    expect(readdirSync("edited").some((name) => name.endsWith(".png"))).toBe(true);
  }, 120_000);

  test("on one layer, as PEFT makes it, is what edit, evaluate and train take, and what they go on with", async () => {
    const part = "part";
    cpSync("runs/adapter/checkpoints/sft-000002", part, { recursive: true });
    for (const file of ["state.json", "optimizer.json", "optimizer.safetensors"])
      rmSync(join(part, file), { force: true });
    const { config } = await readPolicyConfig("runs/base/checkpoints/sft-000001");
    const only = ["model.layers.1.self_attn.q_proj.weight"];
    const settings = {
      rank: 2,
      alpha: 4,
      targets: ["self_attn.q_proj"],
      isRankStabilised: true,
      only,
    } as const;
    const pairs = initialLora(config, settings, 3);
    for (const { b } of pairs.values()) b.fill(0.1);
    await saveLoraDirectory(part, { config, settings, pairs }, resolve("runs/base/checkpoints/sft-000001"));

    const flags = ["--checkpoint", part, "-n", "1", "--out", "part-edit"];
    expect(await earl("edit", "black.png", "make it red", ...flags)).toMatchObject({ code: 0 });
    const words = ["--data", "data", "--size", "2", "--max-tokens", "64"];
    expect(await earl("evaluate", part, ...words)).toMatchObject({ code: 0 });

    const on = ["name=part", `policy.checkpoint=${part}`, "policy.lora.targets=[q_proj]", "algorithm=sft"];
    const train = await earl("train", "adapter.yaml", ...on.flatMap((one) => ["--set", one]));
    expect(train).toMatchObject({ code: 0 });
    const trained = await readAdapterDirectory("runs/part/checkpoints/sft-000002");
    expect(trained?.settings).toMatchObject({ rank: 2, alpha: 4, isRankStabilised: true, only });
  }, 120_000);

  test("is not trained as if it were whole weights, and needs a base", async () => {
    const words = ["--set", "policy.checkpoint=runs/adapter/checkpoints/sft-000002", "--set", "name=other"];
    const whole = await earl("train", "base.yaml", ...words);
    expect(whole).toMatchObject({ code: 2, err: expect.stringContaining("no policy.lora") as string });
    const fresh = await earl("config", "check", "base.yaml", "--set", "policy.lora.rank=4");
    expect(fresh).toMatchObject({ code: 2, err: expect.stringContaining("weights on disk") as string });
  });
});
