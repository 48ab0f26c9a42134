import { describe, expect, test } from "vitest";

import { hashDistance, type PictureHash } from "../../images/likeness.ts";
import { Rng } from "../../random.ts";
import { HashIndex } from "./hash-index.ts";

const rng = Rng.from(0, "hashes");
const hashes: PictureHash[] = Array.from({ length: 2000 }, () => [rng.word(), rng.word()]);

/** The hash with so many different bits flipped. */
function flipped([high, low]: PictureHash, bits: number): PictureHash {
  const places = rng.shuffled(Array.from({ length: 64 }, (_, place) => place)).slice(0, bits);
  const words = [high, low];
  for (const place of places) words[place >> 5] = (words[place >> 5]! ^ (1 << (place % 32))) >>> 0;
  return [words[0]!, words[1]!];
}

describe("HashIndex", () => {
  test.each([0, 1, 4, 6, 10, 20])("finds what comparing all would find, at %i bits", (distance) => {
    const index = new HashIndex(distance);
    for (const hash of hashes) index.add(hash);
    for (let query = 0; query < 40; query += 1) {
      const hash = flipped(hashes[query]!, query % 12);
      const all = hashes.flatMap((one, number) => {
        const bits = hashDistance(one, hash);
        return bits <= distance ? [{ number, distance: bits }] : [];
      });
      expect(index.near(hash)).toEqual(all);
    }
  });

  test("compares a small part of the pairs", () => {
    const index = new HashIndex(6);
    for (const hash of hashes) index.add(hash);
    for (const hash of hashes) index.near(hash);
    expect(index.compared).toBeLessThan(hashes.length ** 2 / 40);
  });
});
