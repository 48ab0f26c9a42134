import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { saying } from "../../test/small/small-reward.ts";
import { ConfigError } from "../errors.ts";
import { picture } from "../images/picture.ts";
import { askReward } from "./ask-reward.ts";
import { geometricMean } from "./geometric-mean.ts";
import { openRewards, RewardList } from "./open-reward.ts";
import { referenceReward } from "./reference.ts";
import { rewardContract } from "./reward.contract.ts";
import type { RewardPart } from "./reward-part.ts";
import type { DecodedEdit, Reward } from "./reward.ts";
import { openScoreMap, ScoreMapChoice } from "./score-map.ts";
import { weightedSum } from "./weighted-sum.ts";

function open(list: readonly object[]): Promise<Reward> {
  return openRewards(RewardList.parse(list));
}

function part(name: string, reward: Reward, own: { weight?: number; map?: object } = {}): RewardPart {
  const { weight = 1, map = {} } = own;
  return { name, reward, weight, map: openScoreMap(ScoreMapChoice.parse(map), reward.range) };
}

const edit: DecodedEdit = {
  exampleId: "a",
  instruction: "paint it",
  source: picture(8, 8),
  edited: picture(8, 8),
};
const options = { signal: new AbortController().signal };

async function scoreOf(reward: Reward): Promise<number | string> {
  const [verdict] = await reward.score([edit], options);
  return verdict?.kind === "scored" ? verdict.score : `${verdict?.kind}: ${verdict?.reason}`;
}

const REFERENCE = { kind: "reference" };
const SHARE = { kind: "linear" };

rewardContract("reference", { open: () => open([REFERENCE]) });
rewardContract("a mapped reference", {
  open: () => open([{ ...REFERENCE, map: { kind: "linear", to: [-1, 1] } }]),
});
rewardContract("sum", {
  open: () =>
    open([{ kind: "sum", parts: [REFERENCE, { ...REFERENCE, name: "again", weight: -0.3, map: SHARE }] }]),
});
rewardContract("product", {
  open: () =>
    open([{ kind: "product", parts: [REFERENCE, { ...REFERENCE, name: "again", weight: 2, map: SHARE }] }]),
});
rewardContract("a sum of products, in a list with another", {
  open: () =>
    open([
      { ...REFERENCE, weight: 0.5 },
      {
        kind: "sum",
        name: "both",
        parts: [
          { kind: "product", parts: [REFERENCE] },
          { ...REFERENCE, weight: 0 },
        ],
      },
    ]),
});

describe("openRewards", () => {
  test("a list of one with weight 1 and no map is that reward itself", async () => {
    expect(await open([REFERENCE])).toBe(referenceReward);
  });

  test("a name of its own is all that changes", async () => {
    const reward = await open([{ ...REFERENCE, name: "likeness" }]);
    expect(reward).toMatchObject({ name: "likeness", range: [0, 10], needs: ["target"] });
  });

  test("a weight or a map makes rewards of scores, and the score itself stays to be seen", async () => {
    const reward = await open([{ ...REFERENCE, weight: 2, map: SHARE }]);
    expect(reward.range).toEqual([0, 2]);
    const [verdict] = await reward.score([{ ...edit, target: edit.source }], options);
    expect(verdict).toEqual({
      kind: "scored",
      score: 2,
      subscores: { reference: 10, "reference/success": 1, "reference/preservation": 1 },
    });
  });

  test("two rewards of one name are refused where the second stands", () => {
    const doubled = [REFERENCE, { kind: "sum", parts: [REFERENCE] }, REFERENCE];
    for (const [list, path] of [
      [doubled, "2.name"],
      [[{ kind: "sum", parts: doubled }], "0.parts.2.name"],
    ] as const) {
      const { error } = RewardList.safeParse(list);
      expect(error?.issues.map((issue) => issue.path.join("."))).toEqual([path]);
    }
  });

  test("names that metrics cannot have are refused", () => {
    for (const name of ["a/b", "", "two words", "total"]) {
      expect(RewardList.safeParse([{ ...REFERENCE, name }]).success).toBe(false);
    }
    expect(RewardList.safeParse([]).success).toBe(false);
  });
});

describe("weightedSum", () => {
  const quality = saying(() => 6, { range: [0, 10] });
  const distance = saying(() => 3, { range: [0, 4] });

  test("adds weighted rewards; weights below 0 are penalties and turn the range round", async () => {
    const sum = weightedSum("sum", [
      part("quality", quality, { map: SHARE }),
      part("distance", distance, { weight: -0.5 }),
    ]);
    expect(await scoreOf(sum)).toBeCloseTo(0.6 - 1.5, 12);
    expect(sum.range).toEqual([-2, 1]);
  });

  test("a part without weight is measured and adds nothing, even without bounds", async () => {
    const sum = weightedSum("sum", [
      part("quality", quality),
      part(
        "distance",
        saying(() => 3, { range: [0, Infinity] }),
        { weight: 0 },
      ),
    ]);
    expect(sum.range).toEqual([0, 10]);
    const [verdict] = await sum.score([edit], options);
    expect(verdict).toEqual({ kind: "scored", score: 6, subscores: { quality: 6, distance: 3 } });
  });

  test("a part that fails fails the whole, with its kind and reason: never a partial sum", async () => {
    const late = saying(() => ({ kind: "unreachable", reason: "timed out" }));
    const sum = weightedSum("sum", [part("quality", quality), part("viescore", late, { weight: 0 })]);
    expect(await scoreOf(sum)).toBe("unreachable: viescore: timed out");
  });

  test("a part's score outside its own range fails the whole", async () => {
    const wrong = weightedSum("sum", [
      part(
        "wrong",
        saying(() => 11),
      ),
      part("quality", quality),
    ]);
    expect(await scoreOf(wrong)).toContain("unparsable: wrong: ");
  });

  test("a sum too large for a number is no score", async () => {
    const huge = weightedSum("huge", [part("a", quality, { weight: 1e308 })]);
    const [verdict] = await askReward(huge, [edit], options);
    expect(verdict).toMatchObject({
      kind: "unparsable",
      reason: expect.stringContaining("Infinity") as string,
    });
  });

  test("needs what its parts need, once", () => {
    const needy = saying(() => 1, { needs: ["mask", "target"] });
    const sum = weightedSum("sum", [part("a", referenceReward), part("b", needy), part("c", quality)]);
    expect(sum.needs).toEqual(["target", "mask"]);
  });

  test("keeps subscores and reasoning under the parts' names", async () => {
    const told = saying(() => ({
      kind: "scored",
      score: 4,
      subscores: { sc: 8, pq: 2 },
      reasoning: "the sky is still grey",
    }));
    const sum = weightedSum("sum", [part("viescore", told), part("quality", quality)]);
    expect(await sum.score([edit], options)).toEqual([
      {
        kind: "scored",
        score: 10,
        subscores: { viescore: 4, "viescore/sc": 8, "viescore/pq": 2, quality: 6 },
        reasoning: "viescore: the sky is still grey",
      },
    ]);
  });

  test("where a part throws, the others are told to stop and waited for", async () => {
    const ended: string[] = [];
    const slow = saying(() => 1, {
      score: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            ended.push("slow");
            reject(signal.reason as Error);
          });
        }),
    });
    const broken = saying(() => 1, { score: () => Promise.reject(new Error("no key")) });
    const sum = weightedSum("sum", [part("slow", slow), part("broken", broken)]);
    await expect(sum.score([edit], options)).rejects.toThrow("no key");
    expect(ended).toEqual(["slow"]);
  });

  test("closes every part, also where one cannot be closed", async () => {
    const closed: string[] = [];
    const closing = (name: string, fails = false): Reward =>
      saying(() => 1, {
        [Symbol.asyncDispose]: async () => {
          closed.push(name);
          if (fails) throw new Error(`${name} hangs`);
        },
      });
    const sum = weightedSum("sum", [part("a", closing("a", true)), part("b", closing("b"))]);
    await expect(sum[Symbol.asyncDispose]()).rejects.toThrow("a hangs");
    expect(closed).toEqual(["a", "b"]);
  });
});

describe("geometricMean", () => {
  const four = saying(() => 4);
  const nine = saying(() => 9);

  test("of two equal weights is the square root of the product", async () => {
    expect(await scoreOf(geometricMean("product", [part("a", four), part("b", nine)]))).toBeCloseTo(6, 12);
  });

  test("weighs: a part of weight 2 counts as two", async () => {
    const weighed = geometricMean("product", [part("a", four, { weight: 2 }), part("b", nine)]);
    expect(await scoreOf(weighed)).toBeCloseTo((4 * 4 * 9) ** (1 / 3), 12);
  });

  test("stays within its range, whatever the weights and however near to its ends the parts are", async () => {
    const near = fc.double({ min: 9.999999999999, max: 10, noNaN: true });
    const weight = fc.double({ min: 1e-3, max: 1e308, noNaN: true });
    await fc.assert(
      fc.asyncProperty(near, near, weight, weight, async (one, other, w, v) => {
        const parts = [
          part(
            "a",
            saying(() => one),
            { weight: w },
          ),
          part(
            "b",
            saying(() => other),
            { weight: v, map: { kind: "linear", to: [0, 3] } },
          ),
        ];
        const [verdict] = await askReward(geometricMean("product", parts), [edit], options);
        expect(verdict?.kind).toBe("scored");
      }),
    );
  });

  test("one part of 0 makes it 0, and full marks in all make it exactly full", async () => {
    const zero = geometricMean("product", [
      part("a", nine),
      part(
        "b",
        saying(() => 0),
        { weight: 0.01 },
      ),
    ]);
    expect(await scoreOf(zero)).toBe(0);
    for (const weight of [1, 0.3, 7]) {
      const full = ["a", "b", "c"].map((name) =>
        part(
          name,
          saying(() => 10),
          { weight },
        ),
      );
      expect(await scoreOf(geometricMean("product", full))).toBe(10);
    }
  });

  test("has the range that its parts' ends have", () => {
    const parts = [part("a", four), part("b", nine, { map: { kind: "linear", to: [1, 2] } })];
    const { range } = geometricMean("product", parts);
    expect(range[0]).toBe(0);
    expect(range[1]).toBeCloseTo(Math.sqrt(20), 12);
  });

  test("weights that are not above 0, and parts that can be negative, are refused", async () => {
    expect(() => geometricMean("product", [part("a", four, { weight: 0 })])).toThrow(ConfigError);
    const negative = { ...REFERENCE, map: { kind: "linear", to: [-1, 1] } };
    await expect(open([{ kind: "product", parts: [negative] }])).rejects.toThrow(
      'The part "reference" of a product can be as low as -1.',
    );
  });
});
