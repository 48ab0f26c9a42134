import { describe, expect, test } from "vitest";

import { EARL_KINDS } from "./benchmark-settings.ts";
import { csvOf, textOf } from "./render-tables.ts";
import { figureLines } from "./figure-lines.ts";
import { resultTables } from "./result-tables.ts";
import { resultsOf } from "./results.ts";
import type { Rewards } from "./judges.ts";
import type { ScoredArm } from "./scored-arm.ts";
import { RewardList } from "../rewards/open-reward.ts";

const rewards: Rewards = RewardList.parse([
  { kind: "viescore", model: "gpt-4o-mini-2024-07-18", endpoints: [{ url: "http://localhost:1/v1" }] },
]);

/** Three rows of a benchmark that are all it has, scored around `score`. */
function scored(arm: string, kind: string, score: number, own: Partial<ScoredArm> = {}): ScoredArm {
  const values = [score - 1, score, score + 1];
  return {
    arm,
    benchmark: kind,
    kind,
    isWhole: true,
    rows: values.length,
    broken: 0,
    judge: "viescore by gpt-4o-mini-2024-07-18",
    judgedAt: "area",
    seeds: [0],
    samples: 1,
    recipe: { temperature: 1, topK: 2048, topP: 1, guidance: 1 },
    edits: [],
    measures: [
      { name: "reward", label: "O", unit: "score" },
      { name: "clip_i", label: "CLIP-I", unit: "similarity" },
    ],
    scores: values.map((value, row) => ({
      id: String(row),
      task: "add",
      seed: 0,
      sample: 0,
      verdict: { kind: "scored", score: value, subscores: {} },
      values: { clip_i: -0.25 },
    })),
    ...own,
  };
}

const six = (arm: string, first: number): ScoredArm[] =>
  EARL_KINDS.map((kind, at) => scored(arm, kind, first + at / 2));
const overviewOf = (arms: readonly ScoredArm[]): string[] =>
  textOf(resultTables(resultsOf(arms, rewards)).slice(0, 1)).split("\n");

describe("the table over all benchmarks", () => {
  test("has the paper's rows and its AVG beside ours where all of its six are measured whole", () => {
    // The means are 3, 3.5, … 5.5.
    const lines = overviewOf([...six("ours", 3), ...six("before", 2)].toReversed());
    expect(lines[2]!.split(/ {2,}/)).toEqual(["arm", ...EARL_KINDS.map((kind) => `${kind} O`), "AVG"]);
    const ours = lines.find((line) => line.startsWith("ours"))!;
    expect(ours.match(/\d\.\d\d \[/g)).toEqual(
      ["3.00", "3.50", "4.00", "4.50", "5.00", "5.50", "4.25"].map((mean) => `${mean} [`),
    );
    const paper = lines.filter((line) => line.startsWith("paper: "));
    expect(paper).toHaveLength(8);
    const earl = paper.find((line) => line.startsWith("paper: EARL"))!;
    // Table 2 of the paper.
    expect(earl).toMatch(/^paper: EARL +6\.39 +4\.47 +4\.27 +4\.52 +4\.93 +4\.19 +4\.80$/);
    expect(lines.join(" ")).toContain("before − ours, AVG of differences of the same rows: −1.00");
  });

  test("says once what all benchmarks differ in from the paper, and shows no AVG of the paper for five", () => {
    const five = six("ours", 3).slice(0, 5);
    const lines = overviewOf([...five, scored("ours", "gedit-en", 7, { judgedAt: "source" })]);
    expect(lines[2]).toMatch(/mean of 6$/);
    const earl = lines.find((line) => line.startsWith("paper: EARL"))!;
    expect(earl.trim().split(/ {2,}/).slice(-3)).toEqual(["4.93", "—", "—"]);
    const differs = lines.filter((line) => line.includes("unlike the paper"));
    expect(differs).toEqual([
      expect.stringMatching(/^omniedit, emuedit, aurora, magicbrush, vismin, unlike the paper: /) as string,
    ]);
  });

  test("has no row of the paper where rows are missing, or another judge's rule scores", () => {
    const parts = six("ours", 3).map((one) => ({ ...one, isWhole: false }));
    expect(overviewOf(parts).join(" ")).not.toContain("paper:");
    const checklist = RewardList.parse([{ ...rewards[0], scoring: "checklist" }]);
    expect(resultsOf(six("ours", 3), checklist).paper).toBeUndefined();
  });
});

test("a benchmark's many measures have a table of their own, negative figures a minus", () => {
  const wide = ["sc", "pq", "edit_success", "overedit", "naturalness", "artifacts"].map((name) => ({
    name,
    label: name,
    unit: "score",
  }));
  const [one] = six("ours", 3);
  const measures = [...wide, ...one!.measures, { name: "ssim", label: "SSIM", unit: "similarity" }];
  const tables = resultTables(resultsOf([{ ...one!, measures, isWhole: false }], rewards));
  expect(tables.map(({ title }) => title)).toEqual(["omniedit", "omniedit, its own measures"]);
  expect(tables[1]!.head).toEqual(["arm", "CLIP-I", "SSIM"]);
  expect(tables[1]!.rows).toEqual([["ours", "−0.250 [−0.250, −0.250]", "—"]]);
});

test("results.csv has the averages and the means of seeds too", () => {
  const seeds = six("ours", 3).map((one) => ({
    ...one,
    seeds: [0, 1],
    scores: [...one.scores, ...one.scores.map((score) => ({ ...score, seed: 1 }))],
  }));
  const lines = csvOf(figureLines(resultsOf([...seeds, ...six("before", 2)], rewards))).split("\r\n");
  const line = (words: string): string => lines.find((one) => one.includes(words))!;
  expect(line(",ours,all,average,score,")).toMatch(
    /^omniedit emuedit aurora [^,]*,ours,all,average,score,4\.25,/,
  );
  expect(line(",before,all,difference_average,score,")).toContain(",score,1,1,1,18,");
  expect(line("aurora,ours,all,reward_seed_1")).toContain(",score,4,,,3,");
});
