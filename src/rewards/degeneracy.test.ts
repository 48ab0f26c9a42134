import { describe, expect, test } from "vitest";
import { picture, type Picture } from "../images/picture.ts";
import { openRewards, RewardList } from "./open-reward.ts";
import { rewardContract } from "./reward.contract.ts";

const open = (own: object = {}) => openRewards(RewardList.parse([{ kind: "degeneracy", ...own }]));
const of = (...pixels: number[]): Picture => picture(pixels.length / 3, 1, Uint8Array.from(pixels));
const source = of(0, 0, 0, 100, 100, 100);

rewardContract("degeneracy", { open: () => open({ leastDistance: 100 }) });

describe("degeneracy", () => {
  test.each([
    ["a copy", of(0, 0, 0, 100, 100, 100), 1],
    ["two thirds of the least difference", of(0, 0, 0, 100, 100, 98), 1 / 3],
    ["one flat colour", of(200, 200, 200, 200, 200, 200), 1],
    ["half of the least variance", of(0, 0, 0, 16, 16, 16), 1 - 0.16 ** 2 / 0.05],
    ["an edit", of(100, 0, 0, 0, 100, 100), 0],
    ["a picture of another size", of(1, 2, 3, 100, 0, 0, 7, 7, 7), 0],
  ])("%s", async (_, edited, expected) => {
    await using reward = await open();
    const edit = { exampleId: "a", instruction: "x", source, edited };
    const [verdict] = await reward.score([edit], { signal: new AbortController().signal });
    expect(verdict).toMatchObject({ kind: "scored", score: expect.closeTo(expected, 6) as number });
  });
});
