/** A run on a mixture with phases and held-out rows, killed in its second phase: resumed, it says the same as one left alone. */

import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { comparableEvents } from "../src/runs/event-log.ts";
import { readManifest } from "../src/runs/manifest.ts";
import { earl, startEarl } from "./run-earl.ts";

const CONFIG = `
name: NAME
algorithm: sft-grpo
data:
  kind: mixture
  upsampleTo: largest
  sources:
    - { name: one, directory: one }
    - { name: two, directory: two, weight: 1.5, holdOut: { validation: 0.2, test: 0.2 } }
policy: { hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1, intermediateSize: 16 }
tokenizer: { textMerges: 0 }
engine: { threads: 1 }
sft:
  { steps: 8, batchSize: 2, warmupSteps: 1, evaluateEvery: 4, validationSize: 2, saveEvery: 2,
    data: [{ directory: one, steps: 3 }, { kind: mixture, weights: shares, sources: [{ name: a, directory: one, weight: 2 }, { name: b, directory: two }] }] }
grpo: { steps: 2, prompts: 2, groupSize: 2, warmupSteps: 1, evaluateEvery: 2, validationSize: 2, saveEvery: 2, maxTokens: 64 }
evaluation: { size: 2, comparisons: 1 }
`;

let before: string;
let folder: string;
beforeAll(async () => {
  before = process.cwd();
  folder = mkdtempSync(join(tmpdir(), "earl-mixture-"));
  process.chdir(folder);
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
  for (const [seed, directory] of ["one", "two"].entries()) {
    await writeScenes({ directory, seed, counts: { train: 12, validation: 4, test: 4 } });
  }
  for (const name of ["whole", "killed"]) writeFileSync(`${name}.yaml`, CONFIG.replace("NAME", name));
});
afterAll(() => {
  process.chdir(before);
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

test("a killed run on a mixture goes on exactly, and says what it is made of", async () => {
  expect(await earl("train", "whole.yaml")).toMatchObject({ code: 0 });

  const child = startEarl(folder, "train", "killed.yaml");
  const closed = once(child, "close");
  while (child.exitCode === null && !existsSync("runs/killed/checkpoints/sft-000004")) await wait(2);
  child.kill("SIGKILL");
  await closed;
  expect(await earl("train", "killed.yaml", "--resume")).toMatchObject({ code: 0 });
  const said = (name: string): unknown[] =>
    comparableEvents(`runs/${name}/events.jsonl`).filter(({ kind }) => kind !== "run-start");
  expect(said("killed")).toEqual(said("whole"));

  const { data, rows } = readManifest("runs/killed/manifest.json");
  expect(rows?.[0]).toMatchObject({
    split: "train",
    sources: [
      { name: "one", weight: 1, rows: 12, taken: 12 },
      { name: "two", weight: 1.5, taken: 12 },
    ],
  });
  expect(rows?.[0]?.order).toMatch(/^[0-9a-f]{64}$/);
  expect(readManifest("runs/whole/manifest.json").rows?.[0]?.order).toBe(rows?.[0]?.order);
  // The one file that two's three splits are made of.
  const splits = data.filter(({ folder: place, source }) => place === "two" && source === "two");
  expect(splits.map(({ split }) => split).toSorted()).toEqual(["test", "train", "validation"]);
  expect(readFileSync("runs/killed/config.yaml", "utf8")).toContain("holdOut");
});
