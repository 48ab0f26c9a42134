/** Attention within a prefix, which goes block by block where it is long. */

import { describe, expect, test } from "vitest";

import { expectFiniteDifferences } from "../../../test/small/finite-differences.ts";
import { EMU3_CONFIG } from "../../policy/config.ts";
import { Rng } from "../../random.ts";
import { compile } from "../../tensor/compile.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { Session } from "../../tensor/session.ts";
import type { Value } from "../../tensor/value.ts";
import { attentionPlan, prefixAttention, prefixRows } from "./attention.ts";

const PROMPTS = 2;
const PREFIX = 7;
const SIZE = 3;
/** Two query heads for each of two key-value heads. */
const CONFIG = { ...EMU3_CONFIG, heads: 4, keyValueHeads: 2, headSize: SIZE };
const SHAPES = [
  [PROMPTS * PREFIX, 4 * SIZE],
  [PROMPTS * PREFIX, 2 * SIZE],
  [PROMPTS * PREFIX, 2 * SIZE],
] as const;

function attention([queries, keys, values]: readonly Value[], block: number): Value {
  const shape = { prompts: PROMPTS, prefix: PREFIX, groupSize: 1, completion: 0 };
  const plan = attentionPlan(CONFIG, shape, block);
  const asRows = (tokens: Value | undefined): Value =>
    prefixRows(tokens as Value, PROMPTS, PREFIX, plan.heads);
  return prefixAttention({ queries: queries as Value, keys: asRows(keys), values: asRows(values) }, plan);
}

function randomRows(): Float32Array[] {
  const rng = Rng.from(2, "attention");
  return SHAPES.map(([rows, width]) => Float32Array.from({ length: rows * width }, () => rng.normal()));
}

/** softmax(q·k / √size) · v over the keys up to the query's own, by the book. */
function plainAttention([queries, keys, values]: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(PROMPTS * PREFIX * 4 * SIZE);
  const part = (rows: Float32Array | undefined, token: number, heads: number, head: number): Float32Array =>
    (rows as Float32Array).subarray((token * heads + head) * SIZE, (token * heads + head + 1) * SIZE);
  for (let token = 0; token < PROMPTS * PREFIX; token += 1) {
    const first = token - (token % PREFIX);
    for (let head = 0; head < 4; head += 1) {
      const query = part(queries, token, 4, head);
      const shared = Math.floor(head / 2);
      const weights = Array.from({ length: token - first + 1 }, (_, index) => {
        const key = part(keys, first + index, 2, shared);
        return Math.exp(query.reduce((sum, value, at) => sum + value * key[at]!, 0) / Math.sqrt(SIZE));
      });
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const out = part(result, token, 4, head);
      for (const [index, weight] of weights.entries()) {
        const value = part(values, first + index, 2, shared);
        for (let at = 0; at < SIZE; at += 1) out[at]! += (weight / total) * value[at]!;
      }
    }
  }
  return result;
}

describe("attention within a prefix", () => {
  test.each([1, 2, 3, 7, 256])("in blocks of %i queries is what it is by the book", async (block) => {
    const rows = randomRows();
    const operands = SHAPES.map((shape, index) => input(`x${index}`, shape));
    await using session = await Session.open(compile({ out: attention(operands, block) }), { threads: 1 });
    const { out } = await session.run({ x0: rows[0]!, x1: rows[1]!, x2: rows[2]! });
    const expected = plainAttention(rows);
    for (const [index, value] of (out as Float32Array).entries()) {
      expect(value).toBeCloseTo(expected[index] as number, 5);
    }
  });

  test("in blocks has the gradients of small steps", async () => {
    await expectFiniteDifferences("prefix attention", SHAPES, (operands) => attention(operands, 3));
  });
});

describe("blocks of prompts", () => {
  test("cover every prompt once, in order", () => {
    const shape = { prompts: 7, groupSize: 8, prefix: 300, completion: 200 };
    const { blocks } = attentionPlan(EMU3_CONFIG, shape);
    expect(blocks.length).toBe(7);
    expect(blocks.map(({ start }) => start)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const some = attentionPlan({ ...CONFIG, heads: 8 }, { ...shape, completion: 64 }).blocks;
    expect(some.length).toBeGreaterThan(1);
    expect(
      some.flatMap(({ start, prompts }) => Array.from({ length: prompts }, (_, at) => start + at)),
    ).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});
