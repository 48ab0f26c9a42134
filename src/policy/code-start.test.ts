import { describe, expect, test } from "vitest";

import { Rng } from "../random.ts";
import { startFromLooks } from "./code-start.ts";
import { EMBEDDING, HEAD } from "./parameters.ts";

const [HIDDEN, FIRST, CODES] = [64, 5, 3];
/** The first two look alike. */
const LOOKS = [
  [200, 10, 10],
  [190, 10, 20],
  [10, 200, 220],
];

function drawn(): Map<string, Float32Array> {
  const rng = Rng.from(1, "rows");
  const rows = (): Float32Array =>
    Float32Array.from({ length: (FIRST + CODES + 2) * HIDDEN }, () => 2 * rng.normal());
  return new Map([
    [EMBEDDING, rows()],
    [HEAD, rows()],
  ]);
}

const row = (values: Float32Array, code: number): Float32Array =>
  values.subarray((FIRST + code) * HIDDEN, (FIRST + code + 1) * HIDDEN);
const dot = (left: Float32Array, right: Float32Array): number =>
  left.reduce((sum, value, at) => sum + value * (right[at] as number), 0);
const cosine = (left: Float32Array, right: Float32Array): number =>
  dot(left, right) / Math.sqrt(dot(left, left) * dot(right, right));

function started(share: number, looks: readonly number[][] = LOOKS): Map<string, Float32Array> {
  const parameters = drawn();
  startFromLooks(parameters, { looks, first: FIRST, hiddenSize: HIDDEN, share, seed: 4 });
  return parameters;
}

describe("startFromLooks", () => {
  test.each([EMBEDDING, HEAD])("brings alike codes beside each other in %s and leaves other rows", (name) => {
    const values = started(0.9).get(name) as Float32Array;
    const before = drawn().get(name) as Float32Array;
    expect(cosine(row(before, 0), row(before, 1))).toBeLessThan(0.4);
    expect(cosine(row(values, 0), row(values, 1))).toBeGreaterThan(0.6);
    expect(cosine(row(values, 0), row(values, 2))).toBeLessThan(0);
    expect(values.subarray(0, FIRST * HIDDEN)).toEqual(before.subarray(0, FIRST * HIDDEN));
    expect(values.subarray((FIRST + CODES) * HIDDEN)).toEqual(before.subarray((FIRST + CODES) * HIDDEN));
  });

  test("keeps the mean square of what it turns, about", () => {
    const [after, before] = [started(0.7), drawn()].map((parameters) =>
      parameters.get(EMBEDDING)!.subarray(FIRST * HIDDEN, (FIRST + CODES) * HIDDEN),
    ) as [Float32Array, Float32Array];
    expect(dot(after, after) / dot(before, before)).toBeGreaterThan(0.7);
    expect(dot(after, after) / dot(before, before)).toBeLessThan(1.3);
  });

  test("leaves all as drawn where the share is 0, and where every code looks the same", () => {
    expect(started(0)).toEqual(drawn());
    expect(started(0.9, [[7], [7], [7]])).toEqual(drawn());
  });

  test("is the same for the same seed, and without a head for tied embeddings", () => {
    expect(started(0.5)).toEqual(started(0.5));
    const tied = new Map([[EMBEDDING, drawn().get(EMBEDDING)!]]);
    startFromLooks(tied, { looks: LOOKS, first: FIRST, hiddenSize: HIDDEN, share: 0.5, seed: 4 });
    expect(tied.get(EMBEDDING)).toEqual(started(0.5).get(EMBEDDING));
  });
});
