/** `earl data mix` and `earl data overlap` as a person meets them, on scenes. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { earl } from "./run-earl.ts";

let folder: string;
const at = (name: string): string => join(folder, name);

const CONFIG = `
name: mixed
algorithm: sft-grpo
data:
  kind: mixture
  upsampleTo: largest
  sources:
    - { name: one, directory: ONE }
    - { name: two, directory: TWO, weight: 1.5, holdOut: { validation: 0.2, test: 0.2 } }
sft:
  steps: 10
  batchSize: 6
  data:
    - { directory: ONE, steps: 4 }
    - { kind: mixture, weights: shares, sources: [{ name: a, directory: ONE, weight: 3 }, { name: b, directory: TWO }] }
grpo: { steps: 5, prompts: 4 }
`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "earl data mix "));
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  const small = ["--validation", "8", "--test", "8"];
  await earl("data", "scenes", "--out", at("one"), "--train", "60", ...small);
  await earl("data", "scenes", "--out", at("two"), "--train", "40", "--seed", "5", ...small);
  writeFileSync(at("run.yaml"), CONFIG.replaceAll("ONE", at("one")).replaceAll("TWO", at("two")));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe("earl data mix", () => {
  test("--dry-run prints what each stage takes of each source, and the edits of the first steps", async () => {
    const { code, out } = await earl("data", "mix", at("run.yaml"), "--dry-run", "--batches", "1");
    expect(code).toBe(0);
    expect(out).toContain("SFT, steps 1 to 4: 4 steps of 6 edits, 24 drawn of 60: 0.40 epochs");
    expect(out).toContain("SFT, steps 5 to 10: 6 steps of 6 edits, 36 drawn of 160: 0.23 epochs");
    expect(out).toMatch(/^a +60 +3 +120 +75\.0 % +4\.5 +0\.45$/m);
    expect(out).toMatch(/^b +40 +1 +40 +25\.0 % +1\.5 +0\.2/m);
    expect(out).toMatch(/^GRPO: 5 steps of 4 edits, 20 drawn of 120: /m);
    expect(out).toMatch(/^two +\d\d +1\.5 +60 +50\.0 % +2\.0/m);
    expect(out.match(/^step \d+$/gm)).toEqual(["step 1", "step 5", "step 1"]);
    expect(out.match(/^ {2}(?:(?:a|b|one|two)\/)?scene_\w+ {2}\w+ {2}"/gm)).toHaveLength(6 + 6 + 4);
    expect(out).toMatch(/^one +validation +8$/m);
    const again = await earl("data", "mix", at("run.yaml"), "--dry-run", "--batches", "1");
    expect(again.out).toBe(out);
  });

  test("lists every row with its split, its source and how often it comes", async () => {
    const { code } = await earl(
      "data",
      "mix",
      at("run.yaml"),
      "--set",
      "algorithm=grpo",
      "--set",
      "policy.checkpoint=x",
      "--out",
      at("rows.jsonl"),
    );
    expect(code).toBe(0);
    const rows = readFileSync(at("rows.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { split: string; source: string; id: string; times: number });
    const times = (split: string, source: string): number =>
      rows.reduce((sum, row) => sum + (row.split === split && row.source === source ? row.times : 0), 0);
    expect([times("train", "one"), times("train", "two")]).toEqual([60, 60]);
    // Those of two are divided, and all of them are somewhere.
    const idsOfTwo = rows.filter(({ source }) => source === "two").map(({ id }) => id);
    expect(new Set(idsOfTwo).size).toBe(40);
    expect(idsOfTwo).toHaveLength(40);
  });

  test("wants to know what to do, and says which source cannot be read", async () => {
    expect((await earl("data", "mix", at("run.yaml"))).err).toContain("--dry-run");
    const nowhere = ["--set", `data.sources.0.directory=${at("nowhere")}`];
    const { code, err } = await earl("data", "mix", at("run.yaml"), "--dry-run", ...nowhere);
    expect(code).toBe(2);
    expect(err).toContain("one: ");
    expect(err).toContain("nowhere");
  });
});

describe("earl data overlap", () => {
  test("finds a dataset in itself, shows the pairs, and lists them", async () => {
    const { code, out, err } = await earl(
      "data",
      "overlap",
      `${at("one")}@test`,
      at("one"),
      "--out",
      at("pairs"),
    );
    expect(code).toBe(0);
    expect(out).toContain("8 rows of");
    expect(out).toMatch(/^1 .* 0 +0$/m);
    expect(err).toContain("comparisons instead of");
    const listed = readFileSync(at("pairs/pairs.jsonl"), "utf8").trimEnd().split("\n");
    expect(listed.length).toBeGreaterThanOrEqual(8);
    expect(JSON.parse(listed[0]!)).toMatchObject({ one: { row: 0 }, other: { row: 0 }, distance: 0 });
    expect(existsSync(at("pairs/pairs.png"))).toBe(true);
  });

  test("lists pairs that a run then leaves out", async () => {
    await earl("data", "overlap", at("one"), `${at("one")}@train`, "--out", at("all"), "--show", "0");
    const lines = readFileSync(at("all/pairs.jsonl"), "utf8").trimEnd().split("\n");
    const few = new Set(
      lines.slice(0, 5).map((line) => (JSON.parse(line) as { one: { id: string } }).one.id),
    );
    writeFileSync(at("few.jsonl"), `${lines.slice(0, 5).join("\n")}\n`);
    const leaveOut = ["--set", `data.sources.0.leaveOut=${at("few.jsonl")}`];
    const grpo = ["--set", "algorithm=grpo", "--set", "policy.checkpoint=x", "--batches", "0", "--dry-run"];
    const { code, out, err } = await earl("data", "mix", at("run.yaml"), ...leaveOut, ...grpo);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^one +${60 - few.size} `, "m"));
    expect(err).toContain(`${few.size} of 60 rows are left out`);
  });

  test("takes a run's config and a kind's name, and says what else it takes", async () => {
    const { code, out } = await earl(
      "data",
      "overlap",
      `${at("run.yaml")}@validation`,
      `omniedit:${at("one")}@validation`,
    );
    expect(code).toBe(0);
    expect(out).toContain("one/scene_");
    const { code: wrong, err } = await earl("data", "overlap", at("nothing"), at("one"));
    expect(wrong).toBe(2);
    expect(err).toContain("KIND:FOLDER");
  });
});
