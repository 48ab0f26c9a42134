/** Settings that would lose files, fill the machine or reach into the program: refused at once, and nothing is left. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { earl } from "./run-earl.ts";

const CONFIG = "name: trial\nalgorithm: sft-grpo\ndata: { directory: mydata }\n";
const before = process.cwd();

beforeAll(() => {
  const parent = mkdtempSync(join(tmpdir(), "earl-hostile-"));
  mkdirSync(join(parent, "here", "mydata"), { recursive: true });
  for (const mine of ["report.html", "events.jsonl", "here/report.html", "here/mydata/train-0.parquet"]) {
    writeFileSync(join(parent, mine), "mine");
  }
  process.chdir(join(parent, "here"));
  writeFileSync("trial.yaml", CONFIG);
});

afterAll(() => process.chdir(before));

/** Everything in and around the working directory. */
function everything(): string[] {
  return readdirSync("..", { recursive: true, encoding: "utf8" }).toSorted();
}

describe.each([
  ["train", ["train", "trial.yaml"]],
  ["train --resume", ["train", "trial.yaml", "--resume"]],
  ["demo", ["demo"]],
  ["demo --force", ["demo", "--force"]],
  ["config check", ["config", "check", "trial.yaml"]],
])("earl %s", (_, words) => {
  test.each([
    ["name=..", "--set name: must be "],
    ["name=.", "--set name: must be "],
    ["name=a/../..", "--set name: must be "],
    ["name=", "--set name: is empty"],
    [`name=${"x".repeat(300)}`, "--set name: must have at most 100 letters"],
    ["__proto__.x=1", "--set __proto__.x: is not a setting"],
    ["constructor.prototype.x=1", "--set constructor.prototype.x: is not a setting"],
    ["policy.hiddenSize=1e9", "--set policy.hiddenSize: must be at most "],
    ["policy.layers=1e9", "--set policy.layers: must be at most "],
    ["sft.batchSize=1e9", "--set sft.batchSize: must be at most "],
    ["grpo.prompts=1e9", "--set grpo.prompts: must be at most "],
    ["optimizer.beta2=1", "--set optimizer.beta2: must be at most "],
    ["optimizer.epsilon=1e-300", "--set optimizer.epsilon: must be at least "],
    ["data.directory=", "--set data.directory: is empty"],
    ["engine.kind=jax", '--set engine.kind: is "jax"; it must be one of: '],
  ])("refuses %s in words, and touches nothing", async (setting, message) => {
    const files = everything();
    const { code, out, err } = await earl(...words, "--set", setting);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(message);
    expect(err).not.toMatch(/defect|^ +at /m);
    expect(everything()).toEqual(files);
    expect(readFileSync("../report.html", "utf8")).toBe("mine");
  });
});

describe.each([
  ["train", ["train", "trial.yaml"]],
  ["demo", ["demo"]],
])("earl %s", (_, words) => {
  test.each([
    [["policy.layers=1000", "policy.hiddenSize=65536"], "this machine has"],
    [
      ["grpo.prompts=65536", "grpo.groupSize=4096"],
      "grpo.prompts × grpo.groupSize: 268,435,456 completions take",
    ],
  ])("refuses %j, which no machine holds, before any work", async (settings, message) => {
    const files = everything();
    const { code, err } = await earl(...words, ...settings.flatMap((setting) => ["--set", setting]));
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(everything()).toEqual(files);
    expect(existsSync("runs")).toBe(false);
  });
});
