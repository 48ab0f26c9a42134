/** Checkpoints that are whole as files and wrong as policies: every command that computes with one refuses it. */

import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { encodePng } from "../src/images/png.ts";
import { picture } from "../src/images/picture.ts";
import type { PolicyConfig } from "../src/policy/config.ts";
import { saveLoraDirectory } from "../src/policy/lora-files.ts";
import { initialLora, type LoraSettings } from "../src/policy/lora.ts";
import { earl, type EarlResult } from "./run-earl.ts";
import { writeTinyCheckpoint } from "./small/tiny-checkpoint.ts";

const TRAIN = `
name: trial
algorithm: sft
data: { directory: data }
engine: { threads: 1 }
sft: { steps: 1, batchSize: 2, warmupSteps: 1, evaluateEvery: 1, validationSize: 2, saveEvery: 1 }
evaluation: { size: 0 }
`;
const LORA: LoraSettings = { rank: 2, alpha: 4, targets: ["self_attn.q_proj"], isRankStabilised: false };

const before = process.cwd();
let config: PolicyConfig;
beforeAll(async () => {
  process.chdir(mkdtempSync(join(tmpdir(), "earl-damaged-")));
  await writeScenes({ directory: "data", seed: 1, counts: { train: 8, validation: 2, test: 2 } });
  writeFileSync("train.yaml", TRAIN);
  writeFileSync("source.png", encodePng(picture(32, 32)));
  config = await writeTinyCheckpoint("sound");
});
afterAll(() => process.chdir(before));

const edit = (checkpoint: string): Promise<EarlResult> =>
  earl("edit", "source.png", "Make it red", "--checkpoint", checkpoint, "--out", "edits", "-n", "1");
const evaluate = (checkpoint: string): Promise<EarlResult> =>
  earl("evaluate", checkpoint, "--data", "data", "--size", "1", "--max-tokens", "32");
const train = (checkpoint: string, ...more: string[]): Promise<EarlResult> =>
  earl("train", "train.yaml", "--set", `policy.checkpoint=${checkpoint}`, ...more);

async function saveAdapter(directory: string, base: string, value: number): Promise<void> {
  const pairs = initialLora(config, LORA, 1);
  for (const { b } of pairs.values()) b[0] = value;
  await saveLoraDirectory(directory, { config, settings: LORA, pairs }, join(process.cwd(), base));
}

function expectRefused({ code, err }: EarlResult, message: string): void {
  expect(err).toContain(message);
  expect(err).not.toContain("defect");
  expect(code).toBe(2);
}

describe("weights that are not finite", () => {
  const message =
    "not-finite/model.safetensors: model.norm.weight is not finite: 1 of its 16 values are NaN or infinite.";
  beforeAll(() =>
    writeTinyCheckpoint("not-finite", (parameters) => parameters.get("model.norm.weight")?.fill(NaN, 2, 3)),
  );

  test("the same checkpoint without them is taken", async () => {
    expect(await edit("sound")).toMatchObject({ code: 0 });
    expect(await evaluate("sound")).toMatchObject({ code: 0 });
  });

  test("are refused by edit, evaluate, train and merge", async () => {
    expectRefused(await edit("not-finite"), message);
    expectRefused(await evaluate("not-finite"), message);
    expectRefused(await train("not-finite"), message);
    await saveAdapter("adapter", "not-finite", 1);
    expectRefused(await earl("model", "merge", "not-finite", "adapter", "--out", "merged"), message);
  });

  test("are refused in an adapter, too", async () => {
    await saveAdapter("bad-adapter", "sound", Infinity);
    const name = "self_attn.q_proj.lora_B.weight is not finite";
    expectRefused(await edit("bad-adapter"), name);
    expectRefused(await evaluate("bad-adapter"), name);
    expectRefused(await earl("model", "merge", "sound", "bad-adapter", "--out", "merged"), name);
  });
});

describe("numbers too large to mean anything", () => {
  test("in a config.json are refused before anything is laid out", async () => {
    await writeTinyCheckpoint("endless");
    const text = readFileSync("endless/config.json", "utf8");
    writeFileSync("endless/config.json", text.replace('"num_hidden_layers": 2', '"num_hidden_layers": 1e9'));
    const message = "num_hidden_layers: more than 1,000, the most that earl takes";
    expectRefused(await edit("endless"), message);
    expectRefused(await evaluate("endless"), message);
    expectRefused(await train("endless"), message);
    expectRefused(await earl("model", "info", "endless"), message);
  });

  test("are refused as settings of a fresh policy", async () => {
    for (const setting of ["policy.hiddenSize=1e9", "policy.layers=1e9", "policy.intermediateSize=1e9"]) {
      expectRefused(await earl("train", "train.yaml", "--set", setting), setting.split("=")[0] ?? "");
    }
  });

  test("that each are possible and together more than this machine holds are refused, too", async () => {
    const sizes = ["hiddenSize=131072", "heads=1024", "keyValueHeads=2", "layers=1000"];
    const flags = sizes.flatMap((size) => ["--set", `policy.${size}`]);
    expectRefused(await earl("train", "train.yaml", ...flags), "of memory");
  });
});

describe("a tokenizer that lost the length of its instructions", () => {
  test("is said by edit, evaluate and train", async () => {
    await writeTinyCheckpoint("lost");
    const file = "lost/tokenizer_config.json";
    const { earl_instruction_length: _, ...kept } = JSON.parse(readFileSync(file, "utf8")) as Record<
      string,
      unknown
    >;
    writeFileSync(file, JSON.stringify({ ...kept, is_local: true }));
    const message = "does not say how long instructions are filled up";
    for (const { code, err } of [
      await edit("lost"),
      await evaluate("lost"),
      await train("lost", "--set", "name=lost"),
    ]) {
      expect(err).toContain(message);
      expect(code).toBe(0);
    }
  });
});

describe("positions that a policy was not made for", () => {
  test("are said, and the edit is made", async () => {
    await writeTinyCheckpoint("short");
    const text = readFileSync("short/config.json", "utf8");
    const short = text.replace('"max_position_embeddings": 4096', '"max_position_embeddings": 40');
    writeFileSync("short/config.json", short);
    const { code, err } = await edit("short");
    expect(err).toMatch(/Sequences of up to \d+ tokens are longer than the 40 that the policy was made for/);
    expect(code).toBe(0);
    expect((await edit("sound")).err).not.toContain("was made for");
    expect((await evaluate("short")).err).toMatch(/Sequences of up to \d+ tokens are longer than the 40/);
    expect((await train("short")).err).toMatch(/Sequences of up to \d+ tokens are longer than the 40/);
  });

  test("are refused where no machine could attend to them", async () => {
    const words = ["--checkpoint", "sound", "--out", "edits", "--grid", "9999x9999"];
    expectRefused(await earl("edit", "source.png", "Make it red", ...words), "the most that earl takes");
  });
});
