/** Offsets of a packed batch, against what each entry says of itself. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { FORCED } from "../../tokens/constraints.ts";
import type { Segment } from "../../tokens/grammar.ts";
import { MASKED } from "./attention.ts";
import { bucket } from "../bucket.ts";
import { packBatch, type PackedBatch, type PackedGroup } from "./packed-batch.ts";

const SEGMENTS: readonly Segment[] = [
  { name: "image", start: 100, end: 110, banned: [] },
  { name: "text", start: 0, end: 50, banned: [] },
  { name: "never", start: 0, end: 5, banned: [] },
];

/** "f" is a forced id, "i" an image id, "t" a text id. */
function completion(kinds: string, weight = 1, seed = 0): PackedGroup["completions"][0] {
  const letters = kinds.split("");
  const ids = letters.map((kind, at) => ({ f: 60 + at, i: 100 + ((at + seed) % 10), t: at + seed })[kind]!);
  return {
    ids: Int32Array.from(ids),
    constraints: Int8Array.from(letters, (kind) => ({ f: FORCED, i: 0, t: 1 })[kind]!),
    advantage: seed + 0.5,
    weights: Float32Array.from(letters, (_, at) => (at === 0 && weight === 0 ? 0 : weight + at)),
    oldLogprobs: Float32Array.from(letters, (_, at) => -at - seed),
    refLogprobs: Float32Array.from(letters, (_, at) => -2 * at - seed),
  };
}

function group(promptIds: readonly number[], ...completions: PackedGroup["completions"]): PackedGroup {
  const grid = { rows: 1, columns: 1 };
  return { prompt: { ids: Int32Array.from(promptIds), grid, writes: "image" }, completions };
}

const list = (batch: PackedBatch, name: string): number[] =>
  Array.from(batch.feeds[name] as Float32Array, Number);

describe("packBatch", () => {
  test("moves forced ids that all begin with into the prefix, and drops those that all end with", () => {
    const { shape, feeds } = packBatch(
      [group([1, 2, 3], completion("ffiifif"), completion("ffiififf"))],
      SEGMENTS,
    );
    // 1 2 3 and two forced ids, of which the last is each completion's first token.
    expect(shape).toMatchObject({ prompts: 1, groupSize: 2, prefix: 4, completion: 4 });
    expect(Array.from(feeds["tokens"] as BigInt64Array, Number)).toEqual([
      1, 2, 3, 60, 61, 102, 103, 64, 61, 102, 103, 64,
    ]);
    expect(Array.from(feeds["positions"] as BigInt64Array, Number)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7,
    ]);
  });

  test("lists free tokens segment by segment, with the row that predicts each", () => {
    const batch = packBatch(
      [group([1, 2], completion("ttfi", 1, 0)), group([7], completion("fii", 1, 3), completion("ftf", 1, 4))],
      SEGMENTS,
    );
    expect(batch.shape).toMatchObject({ prompts: 2, groupSize: 2, prefix: 1, completion: 4 });
    expect(batch.shape.counts).toEqual([3, 3, 0]);
    // Completion (g, c) has its rows from (2 g + c) · 4 on; the second group's forced lead is in its prefix.
    expect(list(batch, "rows.0")).toEqual([3, 8, 9]);
    expect(list(batch, "targets.0")).toEqual([3, 4, 5]);
    expect(list(batch, "rows.1")).toEqual([0, 1, 12]);
    expect(list(batch, "targets.1")).toEqual([0, 1, 5]);
    expect(list(batch, "rows.2")).toEqual([]);
    expect(batch.places).toEqual([
      { group: 0, completion: 0, token: 3 },
      { group: 1, completion: 0, token: 1 },
      { group: 1, completion: 0, token: 2 },
      { group: 0, completion: 0, token: 0 },
      { group: 0, completion: 0, token: 1 },
      { group: 1, completion: 1, token: 1 },
    ]);
    expect(list(batch, "advantages")).toEqual([0.5, 3.5, 3.5, 0.5, 0.5, 4.5]);
    expect(list(batch, "oldLogprobs")).toEqual([-3, -4, -5, -0, -1, -5]);
    expect(list(batch, "refLogprobs")).toEqual([-6, -5, -7, -0, -2, -6]);
    expect(list(batch, "completion")).toEqual([0, 2, 2, 0, 0, 3]);
    expect(list(batch, "weights")).toEqual([4, 2, 3, 1, 2, 2]);
    for (const [at, share] of [1 / 3, 1 / 2, 1 / 2, 1 / 3, 1 / 3, 1].entries())
      expect(list(batch, "shares")[at]).toBeCloseTo(share, 6);
    expect(batch.counted).toBe(6);
  });

  test("importance weights scale a token's advantage, and leave its weight to the KL term", () => {
    const one = { ...completion("iif"), importance: Float32Array.of(0.5, 2, 1) };
    const batch = packBatch([group([1], one)], SEGMENTS);
    expect(list(batch, "advantages")).toEqual([0.25, 1]);
    expect(list(batch, "weights")).toEqual([1, 2]);
  });

  test("counts what has a weight: a share is of the counted tokens, and 0 for the others", () => {
    const batch = packBatch([group([1], completion("iii", 0))], SEGMENTS);
    expect(list(batch, "counted")).toEqual([0, 1, 1]);
    expect(list(batch, "shares")).toEqual([0, 0.5, 0.5]);
    expect(batch.counted).toBe(2);
  });

  test("pads with zeros that count nothing and say where they came from: nowhere", () => {
    const letters = "i".repeat(17);
    const batch = packBatch([group([1], completion(letters))], SEGMENTS);
    expect(batch.shape.counts[0]).toBe(18);
    for (const name of ["weights", "counted", "advantages", "oldLogprobs", "refLogprobs", "shares"])
      expect(list(batch, name).at(-1)).toBe(0);
    expect(batch.places).toHaveLength(18);
    expect(batch.places.at(-1)).toBeUndefined();
    expect(batch.counted).toBe(17);
  });

  test("masks what a shorter prompt lacks, and has no mask where no prompt has a prefix", () => {
    const { feeds } = packBatch(
      [group([1, 2, 3, 4], completion("i")), group([5, 6], completion("i"))],
      SEGMENTS,
    );
    expect(Array.from(feeds["prefixMask"] as Float32Array)).toEqual([0, 0, 0, 0, MASKED, MASKED]);
    expect(packBatch([group([1], completion("i"))], SEGMENTS).feeds).not.toHaveProperty("prefixMask");
  });

  test("packs a completion without any free id", () => {
    const batch = packBatch([group([1, 2], completion("ff"), completion("fi"))], SEGMENTS);
    expect(batch.places).toEqual([{ group: 0, completion: 1, token: 1 }]);
    expect(packBatch([group([1, 2], completion("ff"))], SEGMENTS).shape.counts).toEqual([0, 0, 0]);
  });

  test("puts every free token once, at a row whose token comes just before it", () => {
    const kinds = fc.array(fc.constantFrom("f", "i", "t"), { minLength: 1, maxLength: 24 });
    const groups = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 9 }), fc.array(kinds, { minLength: 1, maxLength: 3 })),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(groups, (drawn) => {
        const given = drawn.map(([length, completions], number) =>
          group(
            Array.from({ length }, (_, at) => 200 + 10 * number + at),
            // What comes before the first free id must be forced to the same ids, as by a grammar.
            ...completions.map((one, at) => completion(one.join(""), 1, at)),
          ),
        );
        const batch = packBatch(given, SEGMENTS);
        const { prompts, prefix, completion: length } = batch.shape;
        const tokens = list(batch, "tokens");
        const rows = [0, 1, 2].flatMap((segment) => list(batch, `rows.${segment}`));
        const targets = [0, 1, 2].flatMap((segment) =>
          list(batch, `targets.${segment}`).map((target) => target + SEGMENTS[segment]!.start),
        );
        const seen = new Set<string>();
        for (const [at, place] of batch.places.entries()) {
          if (place === undefined) continue;
          seen.add(`${place.group} ${place.completion} ${place.token}`);
          const { prompt, completions } = given[place.group]!;
          const { ids } = completions[place.completion]!;
          expect(targets[at]).toBe(ids[place.token]);
          const before = place.token === 0 ? prompt.ids.at(-1) : ids[place.token - 1];
          expect(tokens[prompts * prefix + rows[at]!]).toBe(before);
          expect(rows[at]! % length).toBeLessThan(ids.length);
        }
        const free = given.flatMap(({ completions }) =>
          completions.flatMap(({ constraints }) => [...constraints].filter((segment) => segment >= 0)),
        );
        expect(seen.size).toBe(free.length);
      }),
    );
  });
});

describe("bucket", () => {
  test("is at most an eighth above, never below, and the same for its own result", () => {
    for (let size = 0; size < 5000; size += 1) {
      const found = bucket(size);
      expect(found).toBeGreaterThanOrEqual(size);
      expect(found).toBeLessThanOrEqual(size * 1.125);
      expect(bucket(found)).toBe(found);
    }
  });
});
