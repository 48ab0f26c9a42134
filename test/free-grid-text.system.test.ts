/** A policy that writes a picture's "rows*columns" itself: it learns to, and its log-probabilities count. */

import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";

import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { picture } from "../src/images/picture.ts";
import { encodePng } from "../src/images/png.ts";
import { earl } from "./run-earl.ts";

const RUN = `
name: free
algorithm: sft-grpo
data: { directory: data }
policy: { freeGridText: true, hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1, intermediateSize: 16 }
tokenizer: { textMerges: 0 }
engine: { threads: 1 }
sft: { steps: 60, batchSize: 4, learningRate: 2e-2, evaluateEvery: 60, validationSize: 2, saveEvery: 60 }
grpo: { steps: 1, prompts: 2, groupSize: 2, evaluateEvery: 1, validationSize: 2, saveEvery: 1, maxTokens: 64 }
evaluation: { size: 2 }
`;
const Record = z.object({
  completions: z.array(z.object({ file: z.string().optional(), logprobs: z.array(z.number()) })),
});

const before = process.cwd();
beforeAll(async () => {
  process.chdir(mkdtempSync(join(tmpdir(), "earl-grid-text-")));
  await writeScenes({ directory: "data", seed: 1, counts: { train: 24, validation: 4, test: 4 } });
  writeFileSync("free.yaml", RUN);
  writeFileSync("black.png", encodePng(picture(32, 32)));
});
afterAll(() => process.chdir(before));

test("is trained by both stages, and writes the text in evaluation and editing", async () => {
  expect(await earl("train", "free.yaml")).toMatchObject({ code: 0 });
  const flags = ["--checkpoint", "runs/free", "-n", "2", "--temperature", "0"];
  const written = await earl(
    "edit",
    "black.png",
    "make it red",
    ...flags,
    "--free-grid-text",
    "--out",
    "free",
  );
  expect(written).toMatchObject({ code: 0 });
  const given = await earl("edit", "black.png", "make it red", ...flags, "--out", "given");
  expect([given.code, given.err]).toEqual([0, expect.stringContaining("--free-grid-text lets it") as string]);
  expect(written.err).not.toContain("lets it");

  const firstLogprobs = (folder: string): number[] => {
    const { completions } = Record.parse(JSON.parse(readFileSync(join(folder, "edit.json"), "utf8")));
    return completions.map(({ logprobs }) => logprobs[0] as number);
  };
  // "4*4" is all it has ever seen, and all but certain; given, it is certain.
  for (const logprob of firstLogprobs("free")) {
    expect(logprob).toBeLessThan(0);
    expect(logprob).toBeGreaterThan(-0.5);
  }
  expect(firstLogprobs("given")).toEqual([0, 0]);
  expect(readFileSync("free/edit-1.png")).toEqual(readFileSync("given/edit-1.png"));

  const words = ["runs/free", "--data", "data", "--size", "2", "--max-tokens", "64", "--free-grid-text"];
  expect(await earl("evaluate", ...words)).toMatchObject({ code: 0 });

  const benchmark = await earl("benchmark", "held-out", "--checkpoint", "runs/free", "--edits-only");
  expect(benchmark).toMatchObject({ code: 0 });
  const about = readFileSync("benchmarks/free/held-out/about.json", "utf8");
  expect(JSON.parse(about)).toMatchObject({ recipe: { freeGridText: true, thought: false } });
});
