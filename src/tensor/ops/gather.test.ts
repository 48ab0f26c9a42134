import { describe, expect, test } from "vitest";

import { Rng } from "../../random.ts";
import { compile } from "../compile.ts";
import { Session } from "../session.ts";
import { scatterAdd } from "./gather.ts";
import { input } from "./leaves.ts";

/** The sums of rows by index, plainly. Whole numbers, so that they are exact in any order. */
function plainSums(rows: Float32Array, ids: BigInt64Array, width: number, count: number): Float32Array {
  const sums = new Float32Array(count * width);
  for (const [row, id] of ids.entries()) {
    for (let column = 0; column < width; column += 1) {
      sums[Number(id) * width + column]! += rows[row * width + column] as number;
    }
  }
  return sums;
}

describe("scatterAdd", () => {
  test.each([
    { threads: 1, tokens: 40, width: 8 },
    { threads: 2, tokens: 5000, width: 96 },
    { threads: 4, tokens: 5000, width: 96 },
    { threads: 4, tokens: 7, width: 120_000 },
  ])(
    "loses no row of the same index: $tokens × $width with $threads threads",
    async ({ threads, tokens, width }) => {
      const count = 5;
      const rng = Rng.from(1, "scatter");
      const rows = Float32Array.from({ length: tokens * width }, () => rng.integer(16));
      const ids = BigInt64Array.from({ length: tokens }, () => BigInt(rng.integer(count - 1)));
      const out = scatterAdd(input("rows", [tokens, width]), input("ids", [tokens], "int64"), count);
      await using session = await Session.open(compile({ out }), { threads });
      const expected = plainSums(rows, ids, width, count);
      // A race shows itself sooner or later.
      for (let round = 0; round < 3; round += 1) {
        const { out: sums } = await session.run({ rows, ids });
        expect(Buffer.compare(Buffer.from(sums!.buffer), Buffer.from(expected.buffer))).toBe(0);
      }
    },
  );
});
