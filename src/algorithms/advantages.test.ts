import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { groupAdvantages, isZeroVariance, type AdvantageScale } from "./advantages.ts";

const SCALES: readonly AdvantageScale[] = ["population", "sample", "none", "batch"];
const reward = fc.integer({ min: 0, max: 100 }).map((tenths) => tenths / 10);
const groups = fc.array(fc.array(fc.option(reward, { nil: undefined }), { minLength: 1, maxLength: 8 }), {
  minLength: 1,
  maxLength: 5,
});

describe("groupAdvantages", () => {
  test("population: [1, 0, 0, 1] has std 0.5", () => {
    const expected = 0.5 / 0.5001;
    expect(groupAdvantages([[1, 0, 0, 1]], "population")).toEqual([
      [expected, -expected, -expected, expected],
    ]);
  });
  test("sample: [0, 10] has std √50", () => {
    const [group] = groupAdvantages([[0, 10]], "sample");
    expect(group?.[1]).toBeCloseTo(5 / (Math.sqrt(50) + 1e-4), 12);
  });
  test("none: rewards are only centred", () => {
    expect(groupAdvantages([[1, 2, 6]], "none")).toEqual([[-2, -1, 3]]);
  });
  test("batch: every group is divided by the sample std of all rewards", () => {
    // All rewards 0, 2, 4, 6: mean 3, squares 9 + 1 + 1 + 9 = 20, sample variance 20/3.
    const divisor = Math.sqrt(20 / 3) + 1e-4;
    expect(
      groupAdvantages(
        [
          [0, 2],
          [4, 6],
        ],
        "batch",
      ),
    ).toEqual([
      [-1 / divisor, 1 / divisor],
      [-1 / divisor, 1 / divisor],
    ]);
  });
  test("a failed verdict leaves its group and does not move the others", () => {
    expect(groupAdvantages([[1, undefined, 2, 6]], "none")).toEqual([[-2, undefined, -1, 3]]);
  });
  test.each(SCALES)("%s: a group of equal rewards gets exact zeros", (scale) => {
    expect(
      groupAdvantages(
        [
          [0.1, 0.1, 0.1],
          [0, 1],
        ],
        scale,
      )[0],
    ).toEqual([0, 0, 0]);
  });
  test.each(SCALES)("%s: fewer than two scored completions give zeros", (scale) => {
    expect(
      groupAdvantages(
        [
          [7, undefined],
          [undefined, undefined],
        ],
        scale,
      ),
    ).toEqual([
      [0, undefined],
      [undefined, undefined],
    ]);
  });
  test.each(SCALES)("%s: advantages of a group sum to 0 and keep the order of its rewards", (scale) => {
    fc.assert(
      fc.property(groups, (rewards) => {
        for (const [index, group] of groupAdvantages(rewards, scale).entries()) {
          let sum = 0;
          for (const value of group) sum += value ?? 0;
          expect(sum).toBeCloseTo(0, 6);
          const inOrderOfReward = group
            .map((value, at) => ({ value, reward: rewards[index]?.[at] }))
            .filter((entry) => entry.reward !== undefined)
            .toSorted((left, right) => left.reward! - right.reward!);
          for (const [at, entry] of inOrderOfReward.entries()) {
            const before = inOrderOfReward[at - 1] ?? entry;
            const rise = entry.value! - before.value!;
            expect(Math.sign(rise)).toBe(Math.sign(entry.reward! - before.reward!));
          }
        }
      }),
    );
  });
  test.each(SCALES)("%s: adding a constant to every reward changes nothing", (scale) => {
    fc.assert(
      fc.property(groups, fc.integer({ min: -5, max: 5 }), (rewards, constant) => {
        const moved = rewards.map((group) =>
          group.map((value) => (value === undefined ? value : value + constant)),
        );
        const before = groupAdvantages(rewards, scale).flat();
        for (const [index, value] of groupAdvantages(moved, scale).flat().entries()) {
          expect(value ?? 0).toBeCloseTo(before[index] ?? 0, 6);
        }
      }),
    );
  });
});

describe("isZeroVariance", () => {
  test("looks at scored rewards only", () => {
    expect(isZeroVariance([3, undefined, 3])).toBe(true);
    expect(isZeroVariance([3, undefined, 4])).toBe(false);
    expect(isZeroVariance([undefined])).toBe(true);
  });
});
