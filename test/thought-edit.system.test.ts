/** `earl edit --thought` with a policy whose every next id is known: the thought it writes is read back. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { encodePng } from "../src/images/png.ts";
import { picture } from "../src/images/picture.ts";
import { freshPolicyConfig } from "../src/policy/config.ts";
import { EMBEDDING, HEAD, initialParameters } from "../src/policy/parameters.ts";
import { savePolicyDirectory } from "../src/policy/save-policy.ts";
import { Rng } from "../src/random.ts";
import { learnByteLevelBpe } from "../src/tokens/byte-level-bpe.ts";
import { fitPatchCodebook } from "../src/tokens/fit-patch-codebook.ts";
import { THOUGHT_END, THOUGHT_START } from "../src/tokens/sequence.ts";
import { vocabularyOf } from "../src/tokens/special-tokens.ts";
import { earl } from "./run-earl.ts";

const WIDTH = 32;
let folder: string;

/**
 * Without attention and MLP an id alone decides the next one. Each id of " red<|end thinking|>" leads to the one
 * after it; the last, which is also the last of the prefill, to the first or to boi, as likely.
 */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "earl-thought-"));
  const source = picture(8, 8);
  writeFileSync(join(folder, "source.png"), encodePng(source));
  const { tokenizer: vision } = fitPatchCodebook([source], { patchSize: 4, codebookSize: 2, seed: 0 });
  const words = `${THOUGHT_START} red${THOUGHT_END}`;
  const textTokenizer = learnByteLevelBpe([words, words], 100, vision.codebookSize);
  const vocabulary = vocabularyOf(textTokenizer);
  const chain = textTokenizer.encode(` red${THOUGHT_END}`);
  const last = textTokenizer.encode(THOUGHT_START).at(-1);
  if (new Set(chain).size < chain.length || chain.at(-1) !== last)
    throw new Error(`An id would have two successors: ${chain.join()} after ${last}.`);

  const sizes = { hiddenSize: WIDTH, layers: 1, heads: 2, keyValueHeads: 1, intermediateSize: 16 };
  const settings = { ...sizes, ropeTheta: 100, normEpsilon: 1e-5, embeddingStd: 1, weightStd: 0.1 };
  const config = freshPolicyConfig(settings, vocabulary, 64);
  const parameters = initialParameters(config, { embeddingStd: 1, weightStd: 0.1, seed: 1 });
  for (const [name, values] of parameters) if (/[od]_proj|down_proj|lm_head/.test(name)) values.fill(0);
  const [embedding, head] = [parameters.get(EMBEDDING)!, parameters.get(HEAD)!];
  const rng = Rng.from(1, "directions");
  const links = chain.map((id, index) => [id, chain[(index + 1) % chain.length]!] as const);
  for (const [id, next] of links) {
    for (let at = 0; at < WIDTH; at += 1) {
      const sign = rng.uniform() < 0.5 ? -1 : 1;
      embedding[id * WIDTH + at] = sign;
      head[next * WIDTH + at] = 2 * sign;
      if (id === last) head[vocabulary.boi * WIDTH + at] = 2 * sign;
    }
  }
  const tokenizerFiles = new Map([...textTokenizer.files(), ...vision.files()]);
  await savePolicyDirectory(join(folder, "policy"), config, parameters, { tokenizerFiles });
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a thought is printed and recorded, and so is why one cannot be read", async () => {
  const paths = [join(folder, "source.png"), "paint it red"];
  const flags = ["--checkpoint", join(folder, "policy"), "--out", join(folder, "edits"), "-n", "16"];
  const { code, out } = await earl("edit", ...paths, ...flags, "--thought");
  expect(code).toBe(0);
  const { completions } = JSON.parse(readFileSync(join(folder, "edits", "edit.json"), "utf8")) as {
    completions: { file?: string; thought?: string; thoughtProblem?: string }[];
  };
  expect(completions.every(({ file }) => file !== undefined)).toBe(true);
  // Where boi came at once there is nothing to read.
  const unread = completions.filter(({ thoughtProblem }) => thoughtProblem !== undefined);
  const thoughts = completions.flatMap(({ thought }) => (thought === undefined ? [] : [thought]));
  expect(unread.every(({ thoughtProblem }) => thoughtProblem?.includes(THOUGHT_END))).toBe(true);
  expect(unread.length + thoughts.length).toBe(16);
  expect(Math.min(unread.length, thoughts.length)).toBeGreaterThan(0);
  expect(thoughts).toContain("red");
  expect(out.split("\n").filter((line) => line === "red")).toHaveLength(
    thoughts.filter((thought) => thought === "red").length,
  );
});
