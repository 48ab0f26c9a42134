/** recipes/emu3: as far as configs can be held without a GPU. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

import { loadRunConfig, type RunConfig } from "../src/experiment/run-config.ts";
import { PAPER_STEP, planMemory, type ClusterStep, type GpuMemory } from "../src/policy/cluster-memory.ts";
import { EMU3_CONFIG } from "../src/policy/config.ts";
import { earl } from "./run-earl.ts";

const pathOf = (folder: string, name: string): string =>
  fileURLToPath(new URL(`../recipes/${folder}/${name}.yaml`, import.meta.url));
const configOf = (name: string): RunConfig => loadRunConfig(pathOf("emu3", name));
const NAMES = ["sft", "grpo", "lora-sft", "lora-grpo"];

test.each(NAMES)("earl config check says that %s is sound", async (name) => {
  const { code, out } = await earl("config", "check", pathOf("emu3", name));
  expect([code, out]).toEqual([0, expect.stringContaining("is sound")]);
});

describe("with all weights they are the paper's", () => {
  test.each([
    ["sft", "sft-s", ["data", "sft", "optimizer"]],
    ["grpo", "earl", ["data", "grpo", "optimizer", "rewards"]],
  ] as const)("%s has what paper/%s has", (name, paper, sections) => {
    const [own, published] = [configOf(name), loadRunConfig(pathOf("paper", paper))];
    for (const section of sections) expect(own[section], section).toEqual(published[section]);
  });
});

describe("with an adapter they differ in what is marked", () => {
  const differences = (one: object, other: object): string[] =>
    Object.entries(one)
      .filter(
        ([key, value]) => JSON.stringify(value) !== JSON.stringify((other as Record<string, unknown>)[key]),
      )
      .map(([key]) => key);

  test("SFT", () => {
    const [own, all] = [configOf("lora-sft"), configOf("sft")];
    expect(differences(own.sft, all.sft)).toEqual(["steps"]);
    expect(differences(own.optimizer, all.optimizer)).toEqual(["weightDecay"]);
  });

  test("GRPO", () => {
    const [own, all] = [configOf("lora-grpo"), configOf("grpo")];
    expect(differences(own.grpo, all.grpo).toSorted()).toEqual(["learningRate", "steps"]);
    expect(differences(own.optimizer, all.optimizer)).toEqual([]);
  });

  test("GRPO goes on with the adapter that SFT made", () => {
    const [sft, grpo] = [configOf("lora-sft"), configOf("lora-grpo")];
    expect(grpo.policy.checkpoint).toBe(`runs/${sft.name}`);
    expect(grpo.policy.lora).toEqual(sft.policy.lora);
    expect(configOf("grpo").policy.checkpoint).toBe(`runs/${configOf("sft").name}`);
  });
});

/** What a GPU of the config's workers holds of Emu3. */
function memoryOf(config: RunConfig): GpuMemory {
  const { engine, grpo, sft, policy } = config;
  if (engine.kind !== "torch") throw new Error(`It runs on ${engine.kind}.`);
  const isRl = config.algorithm === "grpo";
  const step: ClusterStep = {
    ...PAPER_STEP,
    prompts: isRl ? grpo.prompts : sft.batchSize,
    groupSize: isRl ? grpo.groupSize : 1,
    loraRank: policy.lora?.rank ?? 0,
    generationRows: isRl ? engine.generationRows : 1,
    microbatchGroups: engine.microbatchGroups,
    isRecomputed: engine.recompute,
  };
  const trained = policy.lora === undefined ? "full" : "lora";
  const task = { trained, hasReference: isRl, isOffloaded: false } as const;
  return planMemory(EMU3_CONFIG, task, { workers: engine.workers, step });
}

describe("memory", () => {
  const page = readFileSync(new URL("../recipes/emu3/README.md", import.meta.url), "utf8");

  test.each(NAMES)("%s fits its GPUs of 80 GB, with the figures of the README", (name) => {
    const plan = memoryOf(configOf(name));
    expect(plan.needed).toBeLessThan(80e9);
    const gb = (bytes: number): string => (bytes / 1e9).toFixed(1);
    const writing = name.includes("grpo") ? gb(plan.writing) : "none";
    const line = page.split("\n").find((one) => one.startsWith(`| ${name}.yaml`));
    expect(
      line
        ?.split("|")
        .map((cell) => cell.trim())
        .slice(2, 5),
    ).toEqual([gb(plan.updateWithCopy), writing, gb(plan.needed)]);
  });
});
