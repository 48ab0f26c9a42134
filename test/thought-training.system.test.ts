/** Thoughts from end to end on scenes: a model writes them, a policy learns them, writes its own, and the report shows them. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { readEvents } from "../src/runs/event-log.ts";
import { readManifest } from "../src/runs/manifest.ts";
import { says } from "./judge-server/behaviour.ts";
import { JudgeServer } from "./judge-server/judge-server.ts";
import { earl } from "./run-earl.ts";

let folder: string;
let before: string;
beforeAll(() => {
  before = process.cwd();
  folder = mkdtempSync(join(tmpdir(), "earl-thinking-"));
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

/** One that is soon learned by heart. */
const THOUGHT = {
  describe: "Shapes.",
  locate: [{ what: "all", box: [0, 0, 32, 32] }],
  change: "As asked.",
  result: "Shapes again.",
};

const CONFIG = `
name: thinking
algorithm: sft-grpo
data: { directory: scenes, thoughts: true, thoughtsFrom: thoughts.jsonl }
engine: { threads: 1 }
policy: { hiddenSize: 48, layers: 2, heads: 2, keyValueHeads: 1, intermediateSize: 96 }
sft: { steps: 200, batchSize: 8, learningRate: 6e-3, evaluateEvery: 200, saveEvery: 200, validationSize: 4 }
grpo: { steps: 2, prompts: 2, groupSize: 4, maxTokens: 160, evaluateEvery: 1, saveEvery: 2, validationSize: 2 }
evaluation: { size: 4 }
`;

test("thoughts are written, learned, generated and shown", async () => {
  await earl("data", "scenes", "--out", "scenes", "--train", "64", "--validation", "8", "--test", "8");
  await using server = await JudgeServer.start(() => says(JSON.stringify(THOUGHT)));
  const flags = [
    "--out",
    "thoughts.jsonl",
    "--url",
    server.url,
    "--set",
    "cache.isUsed=false",
    "--show",
    "0",
  ];
  for (const split of ["train", "validation", "test"]) {
    expect((await earl("data", "think", `scenes@${split}`, ...flags)).code).toBe(0);
  }
  expect(server.count).toBe(64 + 8 + 8);

  writeFileSync("run.yaml", CONFIG);
  const trained = await earl("train", "run.yaml");
  expect(trained).toMatchObject({ code: 0 });

  const learned = "describe: Shapes. locate: all [0, 0, 32, 32] change: As asked. result: Shapes again.";
  const written = readEvents("runs/thinking/events.jsonl").flatMap((event) =>
    event.kind === "group-logged" ? event.group.completions.map(({ thought }) => thought) : [],
  );
  expect(written).toContain(learned);
  expect(readFileSync("runs/thinking/report.html", "utf8")).toContain("all [0, 0, 32, 32]");
  const { data } = readManifest("runs/thinking/manifest.json");
  expect(data).toContainEqual(expect.objectContaining({ file: "thoughts.jsonl", rows: 80 }));

  // A run stands for its best checkpoint, thoughts and all.
  const goesOn = [
    "algorithm=grpo",
    "name=on",
    "policy.checkpoint=runs/thinking",
    "grpo.steps=1",
    "evaluation.size=0",
  ];
  const on = await earl("train", "run.yaml", ...goesOn.flatMap((setting) => ["--set", setting]));
  expect(on).toMatchObject({ code: 0 });
  expect(on.err).toMatch(/Policy .*thinking.checkpoints.grpo-\d+: /);

  // Benchmarks let it write as it was taught to, unless they are told otherwise.
  const benchmark = ["benchmark", "held-out", "--checkpoint", "runs/thinking", "--size", "2"];
  const made = await earl(...benchmark, "--out", "thought");
  expect([made.code, made.err]).toEqual([0, expect.stringContaining("writes a thought") as string]);
  expect(readFileSync("thought/thinking/held-out/edits.jsonl", "utf8")).toContain('"thought":"describe: ');
  const plain = await earl(...benchmark, "--out", "plain", "--set", "reading.thought=false");
  expect([plain.code, plain.err]).toEqual([0, expect.not.stringContaining("writes a thought") as string]);
});
