import { expect, test } from "vitest";

import { Rng } from "../../random.ts";
import { compile } from "../compile.ts";
import { Session } from "../session.ts";
import { affine } from "./affine.ts";
import { multiHeadAttention } from "./attention.ts";
import { input } from "./leaves.ts";

const rng = Rng.from(1, "attention");
const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, () => rng.normal());

interface Case {
  readonly batch: number;
  readonly asking: number;
  readonly places: number;
  readonly width: number;
  readonly heads: number;
  readonly isCausal: boolean;
}

/** softmax(q kᵀ / √d) v by head, in double precision. */
function plainAttention(
  [query, key, value]: readonly [Float32Array, Float32Array, Float32Array],
  { batch, asking, places, width, heads, isCausal }: Case,
): number[] {
  const size = width / heads;
  const out: number[] = [];
  for (let row = 0; row < batch * asking; row += 1) {
    const first = Math.floor(row / asking) * places;
    const last = isCausal ? (row % asking) + 1 : places;
    for (let column = 0; column < width; column += 1) {
      const head = Math.floor(column / size) * size;
      const shares = Array.from({ length: last }, (_, place) => {
        let score = 0;
        for (let at = head; at < head + size; at += 1)
          score += query[row * width + at]! * key[(first + place) * width + at]!;
        return Math.exp(score / Math.sqrt(size));
      });
      const total = shares.reduce((sum, share) => sum + share, 0);
      out.push(
        shares.reduce((sum, share, place) => sum + share * value[(first + place) * width + column]!, 0) /
          total,
      );
    }
  }
  return out;
}

test.each<Case>([
  { batch: 2, asking: 5, places: 5, width: 12, heads: 3, isCausal: false },
  { batch: 3, asking: 1, places: 7, width: 8, heads: 1, isCausal: false },
  { batch: 2, asking: 9, places: 9, width: 8, heads: 4, isCausal: true },
  { batch: 1, asking: 1, places: 1, width: 4, heads: 2, isCausal: true },
])(
  "attention equals its equation: $asking of $places places, $heads heads, causal $isCausal",
  async (one) => {
    const { batch, asking, places, width, heads, isCausal } = one;
    const query = input("query", [batch, asking, width]);
    const [key, value] = [input("key", [batch, places, width]), input("value", [batch, places, width])];
    const out = multiHeadAttention({ query, key, value }, { heads, isCausal });
    await using session = await Session.open(compile({ out }), { threads: 1 });
    const asked = numbers(batch * asking * width);
    const [keys, values] = [numbers(batch * places * width), numbers(batch * places * width)];
    const { out: got } = await session.run({ query: asked, key: keys, value: values });
    const want = plainAttention([asked, keys, values], one);
    expect(Math.max(...want.map((number, at) => Math.abs(number - Number(got![at]))))).toBeLessThan(1e-5);
  },
);

test("affine takes each row through the weight's rows, and adds the bias", async () => {
  const out = affine(input("rows", [2, 3]), input("weight", [2, 3]), input("bias", [2]));
  await using session = await Session.open(compile({ out }), { threads: 1 });
  const { out: got } = await session.run({
    rows: Float32Array.of(1, 2, 3, 0, -1, 0),
    weight: Float32Array.of(1, 0, 2, 3, 4, 5),
    bias: Float32Array.of(10, 20),
  });
  expect(Array.from(got as Float32Array)).toEqual([17, 46, 10, 16]);
});

test("shapes that do not fit are refused", () => {
  expect(() => affine(input("rows", [2, 3]), input("weight", [2, 4]), input("bias", [2]))).toThrow("affine");
  const all = { query: input("q", [1, 2, 6]), key: input("k", [1, 3, 6]), value: input("v", [1, 3, 6]) };
  expect(() => multiHeadAttention(all, { heads: 4, isCausal: false })).toThrow("multi-head-attention");
});
