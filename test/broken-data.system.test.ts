/** Data with rows that cannot be read, and data that changes: what a run does with it, from start to finish. */

import { once } from "node:events";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { comparableEvents } from "../src/runs/event-log.ts";
import { readManifest } from "../src/runs/manifest.ts";
import { earl, startEarl } from "./run-earl.ts";
import { SPOILS, spoilRows } from "./small/spoiled-rows.ts";

const CONFIG = `
name: trial
algorithm: sft-grpo
data: { directory: data, maxBrokenShare: 0.3 }
policy: { hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1, intermediateSize: 16 }
tokenizer: { textMerges: 0 }
engine: { threads: 1 }
sft: { steps: 16, batchSize: 3, warmupSteps: 1, evaluateEvery: 8, validationSize: 4, saveEvery: 4 }
grpo: { steps: 3, prompts: 3, groupSize: 2, warmupSteps: 1, evaluateEvery: 2, validationSize: 4, saveEvery: 2, maxTokens: 64 }
evaluation: { size: 6, comparisons: 2 }
`;

const shard = (folder: string, split: string): string => join(folder, `${split}-00000-of-00001.parquet`);
const kinds = Object.keys(SPOILS) as (keyof typeof SPOILS)[];

const before = process.cwd();
let data: string;
let finished: string;
let said: string;

beforeAll(async () => {
  data = join(mkdtempSync(join(tmpdir(), "earl-broken-")), "data");
  await writeScenes({ directory: data, seed: 1, counts: { train: 30, validation: 8, test: 8 } });
  await spoilRows(shard(data, "train"), Object.fromEntries(kinds.map((kind, at) => [3 * at + 1, kind])));
  await spoilRows(shard(data, "validation"), { 1: "a cut picture" });
  await spoilRows(shard(data, "test"), { 0: "an HTML page", 3: "a picture of null" });
  finished = workplace();
  process.chdir(finished);
  const { code, err } = await earl("train", "trial.yaml");
  said = err;
  if (code !== 0) throw new Error(err);
}, 300_000);

afterAll(() => process.chdir(before));

function workplace(): string {
  const folder = mkdtempSync(join(tmpdir(), "earl-broken-"));
  cpSync(data, join(folder, "data"), { recursive: true });
  writeFileSync(join(folder, "trial.yaml"), CONFIG);
  return folder;
}

const eventsIn = (folder: string): string => join(folder, "runs/trial/events.jsonl");

/** Trains in a process of its own and kills it as soon as the events hold the text. */
async function killWhen(folder: string, text: string): Promise<void> {
  const child = startEarl(folder, "train", "trial.yaml");
  const closed = once(child, "close");
  while (child.exitCode === null && child.signalCode === null) {
    if (existsSync(eventsIn(folder)) && readFileSync(eventsIn(folder), "utf8").includes(text)) {
      child.kill("SIGKILL");
    }
    await wait(1);
  }
  await closed;
  expect(child.signalCode).toBe("SIGKILL");
}

const STEP = `"kind":"step-end","stage":"sft","step":10`;

describe("a run on data of which some rows cannot be read", () => {
  test("goes through, names each row once and lists it in the manifest", () => {
    const { rows = [] } = readManifest("runs/trial/manifest.json");
    expect(rows.map(({ split, broken }) => [split, broken])).toEqual([
      ["train", kinds.length],
      ["validation", 1],
      ["test", 2],
    ]);
    for (const { listed } of rows) {
      for (const { origin, broken } of listed) expect(said.split(`${origin}: ${broken}.`)).toHaveLength(2);
    }
    expect(said).toContain("Left out: train-00000-of-00001.parquet, row 1: ");
    expect(said).toContain("is a Git LFS pointer");
    expect(said).not.toContain("defect");
  });

  test("evaluates as many edits as asked, none of them twice", () => {
    const results = comparableEvents(eventsIn(finished)).find(({ kind }) => kind === "arms-evaluated");
    const counts = ((results?.["results"] ?? []) as { task: string; count: number }[])
      .filter(({ task }) => task === "all")
      .map(({ count }) => count);
    expect(new Set(counts)).toEqual(new Set([6]));
  });

  test.each(["2", "10"])(
    "killed after step %s and resumed, writes the same events",
    async (step) => {
      const folder = workplace();
      await killWhen(folder, `"kind":"step-end","stage":"sft","step":${step}`);
      process.chdir(folder);
      const { code, err } = await earl("train", "trial.yaml", "--resume");
      expect(err).not.toContain("defect");
      expect(code).toBe(0);
      expect(comparableEvents(eventsIn(folder))).toEqual(comparableEvents(eventsIn(finished)));
      const listed = (place: string): unknown =>
        readManifest(join(place, "runs/trial/manifest.json")).rows?.map((one) => one.listed);
      expect(listed(folder)).toEqual(listed(finished));
    },
    300_000,
  );

  test("stops before it trains where too many cannot, names some, and leaves no run behind", async () => {
    process.chdir(workplace());
    const { code, err } = await earl("train", "trial.yaml", "--set", "data.maxBrokenShare=0.1");
    expect(err).toMatch(/rows seen of the split train of data cannot be read, more than data.maxBrokenShare/);
    expect(err).toMatch(/train-00000-of-00001.parquet, row \d+: /);
    expect(code).toBe(2);
    expect(existsSync("runs/trial")).toBe(false);
  });

  test("is evaluated from a checkpoint just so", async () => {
    process.chdir(finished);
    const { code, out, err } = await earl("evaluate", "trial", "--data", "data", "--size", "6");
    expect(err).toContain("Left out: test-00000-of-00001.parquet, row 0: ");
    expect(code, err).toBe(0);
    expect(out).toMatch(/source copied .* 6 /);
  });
});

describe("a run that is resumed", () => {
  test("refuses data that changed, and says what", async () => {
    const folder = workplace();
    await killWhen(folder, STEP);
    const events = readFileSync(eventsIn(folder));
    process.chdir(folder);
    await spoilRows(shard("data", "train"), { 5: "an empty picture" });
    appendFileSync(shard("data", "validation"), "");
    const { code, err } = await earl("train", "trial.yaml", "--resume");
    expect(err).toContain("runs/trial changed since it began:");
    expect(err).toMatch(/data\/train-00000-of-00001.parquet had \d+ bytes and has \d+/);
    expect(err).not.toContain("validation");
    expect(code).toBe(2);
    expect(readFileSync(eventsIn(folder))).toEqual(events);
  }, 300_000);

  test("refuses a file of which a byte changed, and takes one that was only touched", async () => {
    const folder = workplace();
    await killWhen(folder, STEP);
    process.chdir(folder);
    const path = shard("data", "train");
    const content = readFileSync(path);
    content[500]! ^= 1;
    writeFileSync(path, content);
    const changed = await earl("train", "trial.yaml", "--resume");
    expect(changed.err).toContain("data/train-00000-of-00001.parquet has other content");
    content[500]! ^= 1;
    writeFileSync(path, content);
    utimesSync(path, 1, 1);
    const touched = await earl("train", "trial.yaml", "--resume");
    expect(touched.code, touched.err).toBe(0);
    expect(comparableEvents(eventsIn(folder))).toEqual(comparableEvents(eventsIn(finished)));
  }, 300_000);
});
