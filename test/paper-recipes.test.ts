import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

import { paperConfigs } from "../recipes/paper/generate.ts";
import { nameOf } from "../src/config/named-list.ts";
import { takenRows } from "../src/data/mixture/taken-rows.ts";
import { loadRunConfig, type RunConfig } from "../src/experiment/run-config.ts";
import { earl } from "./run-earl.ts";

const folder = new URL("../recipes/paper/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
const configOf = (name: string): RunConfig => loadRunConfig(fileURLToPath(new URL(name, folder)));

test("the files are what generate.ts writes (when not: node src/from-source.mjs recipes/paper/generate.ts)", () => {
  const files = new Map(names.map((name) => [name, readFileSync(new URL(name, folder), "utf8")]));
  expect(files).toEqual(paperConfigs());
});

test.each(names)("earl config check says that %s is sound", async (name) => {
  const { code, out } = await earl("config", "check", fileURLToPath(new URL(name, folder)));
  expect([code, out]).toEqual([0, expect.stringContaining("is sound")]);
});

describe("the configs say what the paper does", () => {
  const combinations = names.filter((name) => name.includes("-rl-"));

  test("every start with every data of RL that it reports, and the scaled run", () => {
    expect(combinations.map((name) => name.replace(".yaml", ""))).toEqual([
      "sft-s-rl-c",
      "sft-s-rl-s",
      "sft-s-rl-sc",
      "sft-sc-2stage-rl-c",
      "sft-sc-2stage-rl-sc",
      "sft-sc-rl-c",
      "sft-sc-rl-sc",
      "sft-think-s-rl-c",
      "sft-think-s-rl-s",
      "sft-think-s-rl-sc",
    ]);
    expect(names).toContain("earl.yaml");
  });

  test.each([...combinations, "earl.yaml"])("%s: GRPO as published, from the run of its start", (name) => {
    const { algorithm, grpo, optimizer, policy, data, rewards } = configOf(name);
    expect(algorithm).toBe("grpo");
    expect(grpo).toMatchObject({
      prompts: 16,
      groupSize: 8,
      updatesPerRollout: 1,
      temperature: 1,
      learningRate: 3e-6,
      minLearningRateShare: 1,
      warmupSteps: 0,
      advantageScale: "population",
      loss: { klCoef: 3e-4, klEstimator: "k3" },
    });
    expect(optimizer).toMatchObject({
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
      maxGradNorm: 1,
    });
    expect(rewards).toMatchObject([{ kind: "viescore", model: "Qwen/Qwen2.5-VL-72B-Instruct", weight: 1 }]);
    expect(data.thoughts).toBe(name.includes("think"));
    const start = name === "earl.yaml" ? "sft-s" : name.replace(/-rl-\w+\.yaml$/, "");
    expect(policy.checkpoint).toBe(`runs/${configOf(`${start}.yaml`).name}`);
  });

  test.each(names.filter((name) => !combinations.includes(name) && name !== "earl.yaml"))(
    "%s: SFT as published",
    (name) => {
      const { algorithm, sft, optimizer } = configOf(name);
      expect(algorithm).toBe("sft");
      expect(sft).toMatchObject({
        batchSize: 128,
        minLearningRateShare: 0.01,
        warmupSteps: 30,
        validationSize: 1000,
      });
      expect(sft.learningRate).toBe(name.includes("think") ? 1e-5 : 1e-4);
      expect(optimizer).toMatchObject({ beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1, maxGradNorm: 5 });
    },
  );

  test("the scaled run draws some 400,000 rows, a quarter of them simple", () => {
    const { data } = configOf("earl.yaml");
    if (data.kind !== "mixture") throw new Error(`It reads ${data.kind}.`);
    // Sizes that the coefficients imply.
    const rows = [770_000, 8300, 8300, 71_000, 32_000, 13_500, 4500];
    const sources = data.sources.map((source, at) => ({ ...source, name: nameOf(source), rows: rows[at]! }));
    const taken = takenRows(sources, data);
    expect(taken.every((one, at) => Math.abs(one - (at === 0 ? 100_000 : 50_000)) < 1000)).toBe(true);
  });
});
