import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ArmResult } from "../runs/arm-result.ts";
import type { RunEvent } from "../runs/event.ts";
import { armClass } from "./arm-names.ts";
import { axisOf } from "./arms-table.ts";
import { byTurns } from "./comparison-grid.ts";
import { duration, fixed, signed, tick } from "./format.ts";
import { groupMoments } from "./groups.ts";
import { mainResult, wallSeconds } from "./headline.ts";
import { flattened } from "./manifest-section.ts";
import { metricPoints, type Comparison, type ResultTable, type RunRecord } from "./read-run.ts";
import { smoothed } from "./smoothing.ts";
import { TEST_MEASURES, testArms } from "../../test/report/written-run.ts";
import { worstCases } from "./worst-cases.ts";

function record(...events: RunEvent[]): RunRecord {
  return { names: ["x"], events, documents: [] };
}

function row(exampleId: string, task: string, last: Partial<Comparison["arms"][number]>): Comparison {
  const arms = [
    { arm: "SFT", reward: 1 },
    { arm: "SFT → RL", ...last },
  ];
  return {
    kind: "comparison-logged",
    benchmark: "held-out",
    v: 1,
    attempt: 0,
    exampleId,
    task,
    instruction: "",
    source: "",
    target: "",
    arms,
    time: 0,
  };
}

describe("mainResult", () => {
  const overall = testArms().filter((result) => result.task === "all");
  const tableOf = (results: readonly ArmResult[], measures = TEST_MEASURES): ResultTable => ({
    benchmark: "held-out",
    measures,
    results,
  });
  const withRewards = (from: number, to: number): ResultTable =>
    tableOf(
      overall.map((result) => {
        const mean = result.arm === "SFT" ? from : to;
        const reward = { mean, low: mean - 0.2, high: mean + 0.2 };
        return { ...result, figures: { ...result.figures, reward } };
      }),
    );

  test("says lifted, lowered or no clear difference by the intervals", () => {
    expect(mainResult(withRewards(5, 6))).toMatch(
      /^RL lifted .* from 5\.00 to 6\.00 \(95 % intervals apart\)/,
    );
    expect(mainResult(withRewards(6, 5))).toMatch(/^RL lowered/);
    expect(mainResult(withRewards(5, 5.3))).toMatch(/^RL made no clear difference.*overlap/);
  });

  test("without an RL arm it states what there is, without any policy nothing", () => {
    const sft = tableOf(overall.filter((result) => result.arm !== "SFT → RL"));
    expect(mainResult(sft)).toContain("SFT reaches a mean reward of 6.17 at temperature 1");
    expect(mainResult(sft)).toContain("copying the source unchanged reaches 3.10");
    expect(mainResult(tableOf(overall.filter((result) => result.role === "copy")))).toBeUndefined();
  });

  test("an arm's role decides, whatever it is called, and measures are those that were declared", () => {
    const renamed = overall.map((result) => ({ ...result, arm: `copied RL ${result.role}` }));
    const exactFirst = TEST_MEASURES.toReversed();
    expect(mainResult(tableOf(renamed, exactFirst))).toMatch(
      /^RL lifted the mean exact match at temperature 1 from 45\.0 % to 70\.0 % .*; reward went from 6\.17 to 8\.51\.$/,
    );
  });
});

describe("wallSeconds", () => {
  test("leaves out the gap before a run-start", () => {
    const start = (time: number): RunEvent => ({
      kind: "run-start",
      v: 1,
      attempt: 0,
      name: "x",
      seed: 0,
      time,
    });
    const end = (time: number): RunEvent => ({ kind: "run-end", v: 1, attempt: 0, time });
    expect(wallSeconds(record(start(1000), end(3000), start(90_000), end(91_500)))).toBe(3.5);
  });
});

describe("metricPoints", () => {
  test("a step said twice counts as last said, and null is no point", () => {
    const step = (number: number, kl: number | null): RunEvent =>
      ({
        kind: "step-end",
        v: 1,
        attempt: 0,
        stage: "grpo",
        step: number,
        metrics: { kl },
        time: 0,
      }) as RunEvent;
    const run = record(step(2, 5), step(1, 1), step(2, 7), step(3, null));
    expect(metricPoints(run, "grpo", "kl")).toEqual([
      { step: 1, value: 1 },
      { step: 2, value: 7 },
    ]);
    expect(metricPoints(run, "sft", "kl")).toEqual([]);
  });
});

describe("smoothed", () => {
  test("keeps steps, stays within the values, and leaves a constant alone", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1 }),
        fc.nat(9),
        (values, radius) => {
          const points = values.map((value, step) => ({ step, value }));
          const smooth = smoothed(points, radius);
          expect(smooth.map((point) => point.step)).toEqual(points.map((point) => point.step));
          for (const point of smooth) {
            expect(point.value).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
            expect(point.value).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
          }
        },
      ),
    );
    expect(
      smoothed(
        [1, 2, 6].map((value, step) => ({ step, value })),
        1,
      ).map(({ value }) => value),
    ).toEqual([1.5, 3, 4]);
  });
});

describe("groupMoments", () => {
  test("takes the first and last logged step, groups that teach something first", () => {
    const logged = (step: number, exampleId: string, rewards: number[]): RunEvent => ({
      kind: "group-logged",
      v: 1,
      attempt: 0,
      stage: "grpo",
      step,
      group: {
        exampleId,
        task: "add",
        instruction: "",
        source: "s",
        completions: rewards.map((reward) => ({ reward })),
      },
      time: 0,
    });
    const run = record(
      logged(1, "a", [5, 5]),
      logged(1, "b", [5, 6]),
      logged(4, "c", [1, 2]),
      logged(9, "d", [2, 2]),
    );
    const moments = groupMoments(run, 1).map(({ step, groups }) => [
      step,
      groups.map((one) => one.group.exampleId),
    ]);
    expect(moments).toEqual([
      [1, ["b"]],
      [9, ["d"]],
    ]);
  });
});

describe("byTurns and worstCases", () => {
  test("edit types take turns in the logged order", () => {
    const rows = [row("1", "a", {}), row("2", "a", {}), row("3", "b", {}), row("4", "c", {})];
    expect(byTurns(rows).map(({ exampleId }) => exampleId)).toEqual(["1", "3", "4", "2"]);
  });

  test("the worst are the lowest of the last arm; exact and unscored ones are left out", () => {
    const rows = [
      row("4", "a", { reward: 4 }),
      row("2", "a", { reward: 2 }),
      row("x", "a", { reward: 0, isExact: true }),
      row("y", "a", { problem: "undecodable" }),
      row("3", "a", { reward: 3 }),
    ];
    expect(worstCases(rows, 2).map(({ exampleId }) => exampleId)).toEqual(["2", "3"]);
  });
});

describe("small parts", () => {
  test("numbers have a true minus sign and no negative zero", () => {
    expect([fixed(-1.25, 1), fixed(-0.001, 2), signed(0.5, 2), signed(-0.5, 2), signed(0, 1)]).toEqual([
      "−1.3",
      "0.00",
      "+0.50",
      "−0.50",
      "0.0",
    ]);
    expect([tick(0), tick(0.0025), tick(2e-4), tick(1500), tick(-0.5)]).toEqual([
      "0",
      "0.0025",
      "2e−4",
      "1,500",
      "−0.5",
    ]);
    expect([duration(12), duration(359.7), duration(7300)]).toEqual(["12 s", "6 min 0 s", "2 h 1 min"]);
  });

  test("the copied source is grey, other arms have colours of their own", () => {
    const rows = testArms();
    const classes = new Map(rows.map((one) => [one.arm, armClass(one, rows)]));
    expect([...classes]).toEqual([
      ["source copied", "arm-grey"],
      ["SFT", "arm-orange"],
      ["SFT → RL", "arm-blue"],
    ]);
  });

  test("an axis has the measure's range; without one it ends at the first of 1, 10, 100 that holds all", () => {
    const overall = testArms().filter((result) => result.task === "all");
    const [reward] = TEST_MEASURES;
    const { range, ...unbounded } = reward!;
    expect(axisOf(reward!, [])).toEqual(range);
    expect(axisOf(unbounded, overall)).toEqual([0, 10]);
    expect(axisOf(unbounded, [])).toEqual([0, 1]);
  });

  test("a tree becomes dotted keys", () => {
    expect(flattened({ a: { b: 1, c: [1, "x"] }, d: [{ e: null }], f: {} })).toEqual([
      ["a.b", "1"],
      ["a.c", "1, x"],
      ["d.0.e", "null"],
      ["f", "{}"],
    ]);
  });
});
