/** `earl benchmark` on scenes, without a judge and without the hub: edits made, stopped, gone on with, compared. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { earl, startEarl } from "./run-earl.ts";

const RUN = `
name: tiny
algorithm: sft
data: { directory: data }
policy: { hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1, intermediateSize: 16 }
tokenizer: { textMerges: 0 }
engine: { threads: 1 }
sft: { steps: 2, batchSize: 4, evaluateEvery: 1, validationSize: 2, saveEvery: 1 }
evaluation: { size: 0 }
`;
const FIRST = ["--checkpoint", "first=runs/tiny/checkpoints/sft-000001"];
const held = (...words: string[]) =>
  earl("benchmark", "held-out", ...FIRST, "--samples", "2", "--set", "engine.threads=1", ...words);
const lines = (folder: string): string[] =>
  readFileSync(join(folder, "edits.jsonl"), "utf8").trimEnd().split("\n").toSorted();

const before = process.cwd();
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "earl benchmark "));
  process.chdir(folder);
  await writeScenes({ directory: "data", seed: 1, counts: { train: 24, validation: 4, test: 6 } });
  writeFileSync("tiny.yaml", RUN);
  await earl("train", "tiny.yaml");
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

test("makes and scores edits, compares arms, and goes on with what is missing alone", async () => {
  const whole = await held(
    "--against",
    "second=runs/tiny/checkpoints/sft-000002",
    "--copy",
    "--out",
    "whole",
  );
  expect(whole).toMatchObject({ code: 0 });
  expect(whole.out).toContain("held-out, first minus the others");
  expect(whole.out).toMatch(/^source-copied +6 +0 +0 +0\.00/m);
  expect(lines("whole/first/held-out")).toHaveLength(12);
  expect(lines("whole/first/held-out")).not.toEqual(lines("whole/second/held-out"));
  const tables = readFileSync("whole/results.json", "utf8");

  // Again: nothing is made, and all is as it was; nor elsewhere, without the checkpoint.
  const again = await held(
    "--against",
    "second=runs/tiny/checkpoints/sft-000002",
    "--copy",
    "--out",
    "whole",
  );
  expect(again).toMatchObject({ code: 0, out: whole.out });
  expect(again.err).not.toContain("Edits held-out");
  const scored = await earl("benchmark", "score", "whole");
  expect(scored.code).toBe(0);
  expect(JSON.parse(readFileSync("whole/results.json", "utf8"))).toEqual(JSON.parse(tables));

  // A kill left a line without its end, and a picture without its line.
  const path = "whole/first/held-out/edits.jsonl";
  const kept = lines("whole/first/held-out");
  const text = readFileSync(path, "utf8").split("\n");
  writeFileSync(path, `${text.slice(0, 5).join("\n")}\n${text[5]!.slice(0, 40)}`);
  expect(await held("--out", "whole")).toMatchObject({ code: 0 });
  expect(lines("whole/first/held-out")).toEqual(kept);

  const other = await held("--out", "whole", "--set", "drawing.temperature=0.5");
  expect([other.code, other.err]).toEqual([
    2,
    expect.stringContaining("temperature was 1, is 0.5") as string,
  ]);

  // More rows than at first, and one more seed.
  expect(await held("--out", "grown", "--size", "2", "--edits-only")).toMatchObject({ code: 0 });
  expect(lines("grown/first/held-out")).toHaveLength(4);
  expect(await held("--out", "grown", "--seeds", "0,1")).toMatchObject({ code: 0 });
  expect(lines("grown/first/held-out")).toHaveLength(24);
});

test("Ctrl-C half way leaves what was made, and the same command goes on", async () => {
  const words = [
    "benchmark",
    "held-out",
    ...FIRST,
    "--samples",
    "1",
    "--seeds",
    "0,1,2,3,4,5,6,7",
    "--out",
    "stopped",
  ];
  const child = startEarl(folder, ...words, "--set", "engine.threads=1");
  let err = "";
  child.stderr?.on("data", (data: Buffer) => (err += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  const watch = setInterval(() => {
    if (!existsSync("stopped/first/held-out/edits.jsonl")) return;
    child.kill("SIGINT");
    clearInterval(watch);
  }, 5);
  const code = await ended;
  clearInterval(watch);
  // On a machine that is quicker than the signal the command ends by itself.
  expect([code, err.includes("Stopped. What was made is in stopped.")]).toEqual(
    code === 0 ? [0, false] : [130, true],
  );
  expect(await earl(...words)).toMatchObject({ code: 0 });
  expect(lines("stopped/first/held-out")).toHaveLength(48);
});

test("says what is wrong before anything is made", async () => {
  const cases: [string[], string][] = [
    [["held-ot", "--checkpoint", "runs/tiny"], "Did you mean held-out?"],
    [["held-out"], "--checkpoint DIR is missing."],
    [["held-out", "--checkpoint", "runs/tny/none"], "runs/tny/none is neither a checkpoint nor a run"],
    [["aurora", "--checkpoint", "runs/tiny"], "aurora can only be scored by a judge, and none is named."],
    [["aurora:nowhere", "--checkpoint", "runs/tiny", "--edits-only"], "There is no folder nowhere."],
    [
      ["aurora:runs", "--checkpoint", "runs/tiny", "--edits-only"],
      "published as hf://McGill-NLP/aurora-bench: fetch it, or name the folder",
    ],
    [["held-out", "--checkpoint", "a=runs/tiny", "--against", "a=runs/tiny"], "Two arms are called a."],
    [["held-out", "--checkpoint", "runs/tiny", "--set", "drawing.topK=-1"], "drawing.topK"],
    [["held-out", "--checkpoint", "runs/tiny", "--samples", "2", "--set", "drawing.temperature=0"], "greedy"],
  ];
  for (const [words, message] of cases) {
    const { code, err } = await earl("benchmark", ...words, "--out", "none");
    expect([code, err], words.join(" ")).toEqual([2, expect.stringContaining(message) as string]);
    expect(existsSync("none"), words.join(" ")).toBe(false);
  }
});
