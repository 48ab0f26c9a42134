/** Python multiplies; what is decided stays in TypeScript. Held here, as far as names can hold it. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

const folder = join(import.meta.dirname, "../python/earl_engine");
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".py"))
  .map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));

const MOST_LINES = 1300;
/** What the driver loads; nothing in there may wait for torch, or take a GPU's memory. */
const WITHOUT_TORCH = ["__init__.py", "__main__.py", "driver.py", "faults.py", "frames.py", "worker.py"];

/** Words of what must not be written a second time. */
const FORBIDDEN: readonly (readonly [what: string, words: RegExp])[] = [
  ["grammar", /grammar|\bboi\b|\beoi\b|\beol\b|["']until["']/i],
  ["tokenizers", /tokenizer|\bbpe\b|codebook/i],
  ["losses", /\bratio|clip_?(?:low|high)\s*[=:(]|\bklcoef|surrogate|k3|advantages?\s*\*/i],
  ["schedules", /warmup|schedule(?!r|ing)|cosine/i],
  ["vision layers", /conv[123]?d|group_norm|upsample|movq/i],
  ["runs", /runs\/|events\.jsonl|manifest/i],
  ["seeds", /manual_seed|torch\.rand|np\.random|import random/i],
];

describe("the Python of the torch engine", () => {
  test(`has at most ${MOST_LINES} lines`, () => {
    const lines = files.reduce((sum, { text }) => sum + text.trimEnd().split("\n").length, 0);
    expect(lines).toBeGreaterThan(500);
    expect(lines).toBeLessThanOrEqual(MOST_LINES);
  });

  test("loads torch in workers alone", () => {
    const early = files
      .filter(({ name, text }) => WITHOUT_TORCH.includes(name) && /^(?:import|from) torch/m.test(text))
      .map(({ name }) => name);
    expect(early).toEqual([]);
    const reached = files
      .filter(({ name }) => WITHOUT_TORCH.includes(name))
      .flatMap(({ text }) => Array.from(text.matchAll(/^from \.(\w+) import/gm), ([, file]) => `${file}.py`));
    expect(reached).toContain("faults.py");
    expect(reached.filter((file) => !WITHOUT_TORCH.includes(file))).toEqual([]);
    expect(WITHOUT_TORCH.every((name) => files.some((file) => file.name === name))).toBe(true);
  });

  test.each(FORBIDDEN)("has no %s", (_what, words) => {
    const found = files.flatMap(({ name, text }) =>
      text
        .split("\n")
        .filter((line) => words.test(line))
        .map((line) => `${name}: ${line.trim()}`),
    );
    expect(found).toEqual([]);
  });

  test.each([
    ["grammar", "for row in grammar.parts(prompt):"],
    ["tokenizers", "from transformers import AutoTokenizer"],
    ["losses", "ratio = (logprobs - old).exp()"],
    ["schedules", "warmup_steps = 100"],
    ["vision layers", "self.conv_in = nn.Conv2d(3, 256, 3)"],
    ["runs", "open('runs/demo/events.jsonl')"],
    ["seeds", "torch.manual_seed(0)"],
  ])("would be found to have %s", (what, line) => {
    expect(FORBIDDEN.find(([name]) => name === what)?.[1].test(line)).toBe(true);
  });
});
