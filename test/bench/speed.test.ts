/** The arithmetic of the speed comparison; the measurement itself is `npm run bench:speed`. */

import { describe, expect, test } from "vitest";

import { compareArms, comparisonTable, type Rounds } from "../../bench/speed/comparison.ts";
import { readJsonFigures, readPeerStep } from "../../bench/speed/figures.ts";
import type { Arm, Measurement } from "../../bench/speed/measurements.ts";
import { runArm } from "../../bench/speed/run-arm.ts";

const program = (name: string, code: string, skip = 0): Arm => ({
  name,
  command: process.execPath,
  args: ["-e", code],
  read: readJsonFigures,
  skip,
});

const measurement = (better: "lower" | "higher"): Measurement => ({
  name: "step",
  about: "seconds a step",
  figure: "total",
  better,
  arms: [program("peer", ""), program("earl", "")],
});

describe("readPeerStep", () => {
  test("counts everything that is not generation as training", () => {
    const line =
      "[trl] step  3 generation=2.486 score=0.011 loss_fwd=1.413 other=0.045 total=5.872 ext=0.024 ";
    expect(readPeerStep(line)).toEqual({ generation: 2.486, training: 5.872 - 2.486, total: 5.872 });
  });

  test("passes over chatter", () => {
    expect(readPeerStep("params 5360896")).toBeUndefined();
    expect(readPeerStep('RESULT {"mode": "trl", "total": 5.3}')).toBeUndefined();
  });
});

describe("readJsonFigures", () => {
  test("takes objects of numbers alone", () => {
    expect(readJsonFigures('{"seconds": 2.5}')).toEqual({ seconds: 2.5 });
    expect(readJsonFigures("{'loss': '0.1'}")).toBeUndefined();
    expect(readJsonFigures('{"loss": "0.1"}')).toBeUndefined();
  });
});

describe("runArm", () => {
  test("collects what a program prints after its warm-up", async () => {
    const code = `for (const total of [9, 1, 2]) process.stdout.write(JSON.stringify({ total }) + "\\nchatter\\n")`;
    expect(await runArm(program("earl", code, 1), ".")).toEqual([{ total: 1 }, { total: 2 }]);
  });

  test("refuses a program that fails, and shows what it said", async () => {
    const code = `process.stdout.write('{"total": 1}\\n'); throw new Error("out of paper")`;
    await expect(runArm(program("earl", code), ".")).rejects.toThrow("out of paper");
  });

  test("refuses a program that measured nothing", async () => {
    await expect(runArm(program("earl", ""), ".")).rejects.toThrow("0 figures");
  });
});

describe("compareArms", () => {
  const rounds = new Map([
    ["peer", [[{ total: 4 }, { total: 6 }], [{ total: 9 }]]],
    ["earl", [[{ total: 2 }, { total: 2 }], [{ total: 3 }]]],
  ]);

  test("gives the ratio of medians, and of each round's medians", () => {
    const [peer, earl] = compareArms(measurement("lower"), rounds);
    expect(peer).toMatchObject({ arm: "peer", count: 3, ratio: 3, ratioLow: 2.5, ratioHigh: 3 });
    expect(earl).toMatchObject({ ratio: 1, ratioLow: 1, ratioHigh: 1 });
  });

  test("turns the ratio round where more is better", () => {
    expect(compareArms(measurement("higher"), rounds)[0]?.ratio).toBeCloseTo(1 / 3);
  });

  test("says which arm or figure is missing", () => {
    expect(() => compareArms(measurement("lower"), new Map([["peer", [[{ total: 1 }]]]]))).toThrow('"earl"');
    const wrong = new Map<string, Rounds>([...rounds, ["peer", [[{ seconds: 1 }]]]]);
    expect(() => compareArms(measurement("lower"), wrong)).toThrow('lacks "total"');
  });
});

describe("comparisonTable", () => {
  test("puts the ratio beside the peer alone", () => {
    const rounds = new Map([
      ["peer", [[{ total: 4 }]]],
      ["earl", [[{ total: 2 }]]],
    ]);
    const lines = comparisonTable(measurement("lower"), compareArms(measurement("lower"), rounds)).split(
      "\n",
    );
    expect(lines[1]).toContain("earl is better by a factor of 2.00");
    expect(lines[2]).not.toContain("better");
  });
});
