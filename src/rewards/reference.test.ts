import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { picture, type Picture } from "../images/picture.ts";
import { referenceReward, referenceSubscores } from "./reference.ts";
import type { DecodedEdit } from "./reward.ts";

const SIZE = 8;

/** An 8 × 8 picture of one grey, with some pixels (by index) of another. */
function grey(level: number, others: Readonly<Record<number, number>> = {}): Picture {
  const pixels = new Uint8Array(SIZE * SIZE * 3).fill(level);
  for (const [pixel, other] of Object.entries(others))
    pixels.fill(other, 3 * Number(pixel), 3 * Number(pixel) + 3);
  return picture(SIZE, SIZE, pixels);
}

const options = { signal: new AbortController().signal };

function edit(source: Picture, target: Picture | undefined, edited: Picture): DecodedEdit {
  const base = { exampleId: "a", instruction: "paint it", source, edited };
  return target === undefined ? base : { ...base, target };
}

async function scoreOf(source: Picture, target: Picture, edited: Picture): Promise<number> {
  const [verdict] = await referenceReward.score([edit(source, target, edited)], options);
  if (verdict?.kind !== "scored") throw new Error("expected a score");
  return verdict.score;
}

/** Half of the edit reached, and these pixels spoilt. */
function spoiltAt(pixels: readonly number[]): Picture {
  return grey(100, { 0: 200, 1: 200, ...Object.fromEntries(pixels.map((pixel) => [pixel, 0])) });
}

const pictures = fc
  .uint8Array({ minLength: SIZE * SIZE * 3, maxLength: SIZE * SIZE * 3 })
  .map((pixels) => picture(SIZE, SIZE, pixels));
const source = grey(100);
const target = grey(100, { 0: 200, 1: 200, 2: 200, 3: 200 });

describe("reference reward", () => {
  test("the target itself scores 10", async () => {
    expect(await scoreOf(source, target, target)).toBe(10);
  });
  test("the source copied unchanged scores 0", async () => {
    expect(await scoreOf(source, target, source)).toBe(0);
  });
  test("half of the edit scores 10·√0.5", async () => {
    expect(await scoreOf(source, target, grey(100, { 0: 200, 1: 200 }))).toBeCloseTo(10 * Math.sqrt(0.5), 12);
  });
  test("damage as large as the edit halves preservation", () => {
    const damaged = grey(100, { 0: 200, 1: 200, 2: 200, 3: 200, 60: 0, 61: 0, 62: 0, 63: 0 });
    expect(referenceSubscores(source, target, damaged)).toEqual({ success: 1, preservation: 0.5 });
  });
  test("a pixel has full credit to 8, half at 20 and none from 32 on", () => {
    const successes = [192, 180, 168].map(
      (level) => referenceSubscores(source, target, grey(100, { 0: level })).success,
    );
    expect(successes).toEqual([1 / 4, 0.5 / 4, 0]);
  });
  test("an edit fainter than the tolerance's end is held to a tighter one: its source earns nothing", () => {
    const faint = grey(100, { 0: 116, 1: 116, 2: 116, 3: 116 });
    expect(referenceSubscores(source, faint, source).success).toBe(0);
    // far = 16, near = 4: a difference of 10 is half-way.
    expect(referenceSubscores(source, faint, grey(100, { 0: 106, 1: 106, 2: 106, 3: 106 })).success).toBe(
      0.5,
    );
  });
  test("where nothing was to change, only damage counts, against 1/64 of the picture", () => {
    expect(referenceSubscores(source, source, source)).toEqual({ success: 1, preservation: 1 });
    expect(referenceSubscores(source, source, grey(100, { 5: 0 }))).toEqual({
      success: 1,
      preservation: 0.5,
    });
  });
  test("where everything was to change, preservation is 1", () => {
    expect(referenceSubscores(source, grey(200), grey(200))).toEqual({ success: 1, preservation: 1 });
  });
  test("any target scores 10 for itself, and scores stay within 0…10", async () => {
    await fc.assert(
      fc.asyncProperty(pictures, pictures, pictures, async (from, to, edited) => {
        expect(await scoreOf(from, to, to)).toBe(10);
        const score = await scoreOf(from, to, edited);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(10);
      }),
    );
  });
  test("spoiling one more kept pixel never raises the score", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 4, max: 63 }), { minLength: 1 }), async (spoilt) => {
        const less = await scoreOf(source, target, spoiltAt(spoilt.slice(1)));
        expect(await scoreOf(source, target, spoiltAt(spoilt))).toBeLessThan(less);
      }),
    );
  });
  test("says why an edit cannot be scored, and scores the others", async () => {
    const small = picture(4, 4);
    const verdicts = await referenceReward.score(
      [
        edit(source, undefined, target),
        edit(source, target, small),
        edit(source, small, source),
        edit(source, target, target),
      ],
      options,
    );
    expect(verdicts.slice(0, 3)).toEqual([
      { kind: "unparsable", reason: "example a has no target picture to compare with" },
      { kind: "unparsable", reason: "the edited picture is 4 × 4, but the target 8 × 8" },
      { kind: "unparsable", reason: "the source is 8 × 8, but the target 4 × 4" },
    ]);
    expect(verdicts[3]).toMatchObject({
      kind: "scored",
      score: 10,
      subscores: { success: 1, preservation: 1 },
    });
  });
});
