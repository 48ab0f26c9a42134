/** Saving beside the work: files hold what was copied, and one that cannot be written is told of without ending the engine. */

import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { SFT_LOSS } from "../../algorithms/losses.ts";
import { WORLDS } from "../engine-worlds.contract.ts";
import type { PolicyEngine, StepMetrics, TrainingGroup } from "../policy-engine.ts";
import { Cluster } from "./cluster.ts";
import { pythonForTests, SMALL_LORA, smallOptions, TEST_SETTINGS } from "./small-torch.contract.ts";
import { openTorchEngine } from "./torch-engine.ts";

const python = pythonForTests();
const [world] = WORLDS as [(typeof WORLDS)[0]];
const BATCH: TrainingGroup[] = world.prompts.map((prompt) => ({
  prompt,
  completions: [1, 2].map((first) => ({
    ids: Int32Array.from({ length: 7 }, (_, place) => first + place),
    constraints: new Int8Array(7),
    advantage: 1,
    weights: new Float32Array(7).fill(1 / 42),
  })),
}));
const step = (engine: PolicyEngine): Promise<StepMetrics> => engine.step(BATCH, SFT_LOSS, 0.05);

function filesIn(folder: string): Map<string, string> {
  return new Map(
    readdirSync(folder)
      .toSorted()
      .map((name) => [name, readFileSync(join(folder, name), "base64")]),
  );
}

describe.skipIf(python === undefined)("a save on two ranks", () => {
  const folder = mkdtempSync(join(tmpdir(), "earl-saves-"));
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start({ ...TEST_SETTINGS, workers: 2, python: python ?? "" });
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  test.each([
    { name: "all weights", trained: "all" as const },
    { name: "an adapter", trained: SMALL_LORA },
  ])("holds $name as they were when steps went on, and the next save what they are", async ({ trained }) => {
    await using engine = await openTorchEngine(cluster, { ...smallOptions(world), trained });
    await step(engine);
    const [still, moving, after] = ["still", "moving", "after"].map((name) =>
      join(folder, `${name}-${typeof trained}`),
    ) as [string, string, string];
    for (const place of [still, moving, after]) await mkdir(place);
    await engine.save(still);
    const steps: Promise<StepMetrics>[] = [];
    let second: Promise<void> | undefined;
    await engine.save(moving, () => {
      steps.push(step(engine), step(engine));
      second = engine.save(after);
    });
    const [one, two] = await Promise.all(steps);
    await second;
    expect(two!.loss).toBeLessThan(one!.loss);
    expect(filesIn(moving)).toEqual(filesIn(still));
    expect(filesIn(after)).not.toEqual(filesIn(still));
    await engine.load(moving);
    expect(await step(engine)).toEqual(one);
  });

  test("says why a file could not be written, and the engine goes on", async () => {
    await using engine = await openTorchEngine(cluster, smallOptions(world));
    const place = join(folder, "taken");
    await mkdir(join(place, "model.safetensors", "in the way"), { recursive: true });
    const heard: string[] = [];
    const saved = engine.save(place, () => heard.push("copied")).catch((fault: unknown) => fault);
    const fault = await saved;
    expect(heard).toEqual(["copied"]);
    expect(fault).toMatchObject({ code: "EISDIR", message: expect.stringContaining("Is a directory") });
    const { loss } = await step(engine);
    expect(Number.isFinite(loss)).toBe(true);
    await engine.save(join(folder, "free"));
    expect(readdirSync(join(folder, "free"))).toContain("optimizer.safetensors");
  });
});
