/** What a resume takes and what it refuses, at the command line; whatever is refused stays as it was. */

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

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { picture } from "../src/images/picture.ts";
import { encodePng } from "../src/images/png.ts";
import { readPolicyConfig } from "../src/policy/config-file.ts";
import { saveLoraDirectory } from "../src/policy/lora-files.ts";
import { initialLora, type LoraSettings } from "../src/policy/lora.ts";
import { comparableEvents, readEvents } from "../src/runs/event-log.ts";
import { earl, type EarlResult } from "./run-earl.ts";

// At this share the learning rate is the same however many steps there are.
const CONFIG = `
name: trial
algorithm: sft
data: { directory: data }
policy: { hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1, intermediateSize: 16 }
tokenizer: { textMerges: 8 }
engine: { threads: 1 }
sft: { steps: 3, batchSize: 2, warmupSteps: 1, minLearningRateShare: 1, evaluateEvery: 2, validationSize: 2, saveEvery: 2 }
evaluation: { size: 2, comparisons: 1 }
`;

const before = process.cwd();

beforeAll(async () => {
  process.chdir(mkdtempSync(join(tmpdir(), "earl-resume-")));
  await writeScenes({ directory: "data", seed: 1, counts: { train: 12, validation: 4, test: 4 } });
  writeFileSync("trial.yaml", CONFIG);
  writeFileSync("source.png", encodePng(picture(32, 32)));
  const { code, err } = await earl("train", "trial.yaml");
  if (code !== 0) throw new Error(err);
}, 120_000);

afterAll(() => process.chdir(before));

const settings = (...pairs: string[]): string[] => pairs.flatMap((pair) => ["--set", pair]);
const resume = (...pairs: string[]): Promise<EarlResult> =>
  earl("train", "trial.yaml", "--resume", ...settings(...pairs));
const events = (name: string): string => join("runs", name, "events.jsonl");

/** A copy of the finished run, cut back to where a kill after its second step left it. */
function killedCopy(name: string): string {
  const run = join("runs", name);
  cpSync("runs/trial", run, { recursive: true });
  const config = readFileSync(join(run, "config.yaml"), "utf8");
  writeFileSync(join(run, "config.yaml"), config.replace("name: trial", `name: ${name}`));
  rmSync(join(run, "checkpoints", "sft-000003"), { recursive: true });
  const lines = readFileSync(events(name), "utf8").split("\n");
  const end = lines.findIndex((line) => line.includes('"checkpoint-saved"') && line.includes('"step":2'));
  writeFileSync(events(name), `${lines.slice(0, end + 1).join("\n")}\n`);
  return run;
}

/** Every file of a folder with its content. */
function contentOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [
      join(parentPath, name),
      readFileSync(join(parentPath, name), "latin1"),
    ]),
  );
}

function expectRefused({ code, err }: EarlResult, message: string): void {
  expect(err).toContain(message);
  expect(err).not.toContain("defect");
  expect(code).toBe(2);
}

describe("earl train --resume", () => {
  test("refuses a run that never was, and leaves nothing", async () => {
    expectRefused(await resume("name=never"), "There is no run");
    expect(existsSync("runs/never")).toBe(false);
  });

  test("goes on with the codebook and the merges of the checkpoint", async () => {
    const run = killedCopy("goes-on");
    const { code, err } = await resume("name=goes-on");
    expect(code).toBe(0);
    expect(err).toContain("codebook and merges of sft-000002");
    const rest = comparableEvents(events("trial")).slice(1);
    expect(comparableEvents(events("goes-on")).slice(1)).toEqual(rest);
    for (const file of ["model.safetensors", "tokenizer.json", "vision_tokenizer.json", "config.json"]) {
      const path = join("checkpoints", "sft-000003", file);
      expect(readFileSync(join(run, path))).toEqual(readFileSync(join("runs/trial", path)));
    }
  });

  test("refuses other data, says what changed, and changes nothing", async () => {
    const run = killedCopy("other-data");
    const kept = contentOf(run);
    cpSync("data", "kept-data", { recursive: true });
    try {
      rmSync("data", { recursive: true });
      await writeScenes({ directory: "data", seed: 2, counts: { train: 12, validation: 4, test: 4 } });
      expectRefused(await resume("name=other-data"), "changed since it began");
      expect(contentOf(run)).toEqual(kept);
    } finally {
      rmSync("data", { recursive: true });
      cpSync("kept-data", "data", { recursive: true });
    }
  });

  test.each(["model.safetensors", "optimizer.safetensors", "optimizer.json", "tokenizer.json", "state.json"])(
    "refuses a %s that was damaged, by name, and changes nothing",
    async (file) => {
      const name = `damaged-${file.replace(".", "-")}`;
      const run = killedCopy(name);
      const path = join(run, "checkpoints", "sft-000002", file);
      const bytes = readFileSync(path);
      bytes[Math.floor(bytes.length / 2)]! ^= 4;
      writeFileSync(path, bytes);
      const kept = contentOf(run);
      expectRefused(await resume(`name=${name}`), `${path} is damaged`);
      expect(contentOf(run)).toEqual(kept);
    },
  );

  test("prints the table of a finished run, and refuses other settings for it", async () => {
    const kept = contentOf("runs/trial");
    const again = await resume();
    expect(again).toMatchObject({ code: 0 });
    expect(again.err).toContain("is finished already");
    expectRefused(
      await resume("algorithm=sft-grpo", "data.directory=nowhere"),
      'algorithm was "sft", is "sft-grpo"',
    );
    expectRefused(await resume("sft.steps=2"), "sft.steps was 3, is 2");
    delete kept["runs/trial/report.html"];
    expect(contentOf("runs/trial")).toMatchObject(kept);
  });

  test("makes more steps of a finished run, as if it had been asked for them at once", async () => {
    cpSync("runs/trial", "runs/longer", { recursive: true });
    const config = readFileSync("runs/longer/config.yaml", "utf8").replace("name: trial", "name: longer");
    writeFileSync("runs/longer/config.yaml", config);
    expect(await resume("name=longer", "sft.steps=6")).toMatchObject({ code: 0 });
    expect(await earl("train", "trial.yaml", ...settings("name=whole", "sft.steps=6"))).toMatchObject({
      code: 0,
    });
    const steps = (name: string): unknown[] =>
      comparableEvents(events(name)).filter(({ kind }) => kind === "step-end");
    expect(steps("longer")).toEqual(steps("whole"));
    expect(steps("longer")).toHaveLength(6);
    expect(readEvents(events("longer")).at(-1)?.kind).toBe("run-end");
    const ls = await earl("ls");
    expect(ls.out).toMatch(/longer +finished +sft +6\/6/);
  });
});

describe("a checkpoint with a flipped bit", () => {
  test("is refused by every command that reads it, by name", async () => {
    cpSync("runs/trial/checkpoints/sft-000003", "flipped", { recursive: true });
    const path = join("flipped", "model.safetensors");
    const bytes = readFileSync(path);
    bytes[bytes.length - 9]! ^= 1;
    writeFileSync(path, bytes);
    const message = "flipped/model.safetensors is damaged";
    expectRefused(
      await earl("edit", "source.png", "Make it red", "--checkpoint", "flipped", "--out", "out"),
      message,
    );
    expectRefused(await earl("evaluate", "flipped", "--data", "data", "--size", "1"), message);
    expectRefused(await earl("model", "info", "flipped"), message);
    const { config } = await readPolicyConfig("flipped");
    const lora: LoraSettings = { rank: 2, alpha: 4, targets: ["self_attn.q_proj"], isRankStabilised: false };
    await saveLoraDirectory(
      "adapter",
      { config, settings: lora, pairs: initialLora(config, lora, 1) },
      "flipped",
    );
    expectRefused(await earl("model", "merge", "flipped", "adapter", "--out", "merged"), message);
    expect(existsSync("merged")).toBe(false);
    expectRefused(
      await earl("train", "trial.yaml", ...settings("name=from-flipped", "policy.checkpoint=flipped")),
      message,
    );
    expect(existsSync("runs/from-flipped")).toBe(false);
  });
});

describe("a folder that is not a run's", () => {
  test("keeps its checkpoints, whether a run is started there or resumed", async () => {
    mkdirSync("runs/big");
    cpSync("runs/trial/checkpoints", "runs/big/checkpoints", { recursive: true });
    const kept = contentOf("runs/big");
    expectRefused(
      await earl("train", "trial.yaml", ...settings("name=big")),
      "which is no file of a run of earl",
    );
    expectRefused(await resume("name=big"), "There is no run");
    expect(contentOf("runs/big")).toEqual(kept);
  });

  test("is left alone by a demo with --force", async () => {
    mkdirSync("runs/theirs/checkpoints", { recursive: true });
    writeFileSync("runs/theirs/config.yaml", "lr: 1\n");
    writeFileSync("runs/theirs/checkpoints/best.pt", "weights");
    const kept = contentOf("runs/theirs");
    const small = ["name=theirs", "data.directory=demo-data", "data.rlDirectory=demo-rl"];
    expectRefused(await earl("demo", "--force", ...settings(...small)), "nothing of it is deleted");
    expect(contentOf("runs/theirs")).toEqual(kept);
    expect(existsSync("demo-data")).toBe(false);
  });
});
