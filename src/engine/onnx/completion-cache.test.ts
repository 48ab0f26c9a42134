import { describe, expect, test } from "vitest";

import { Rng } from "../../random.ts";
import { CompletionCache } from "./completion-cache.ts";

const SHAPE = { layers: 2, rows: 3, size: 2, capacity: 24 };
const NAMES = ["keys.0", "keys.1", "values.0", "values.1"];
const FED = new Map([
  ["keys", "pastKeys"],
  ["values", "pastValues"],
]);

/** What a run brings, [rows, steps, size] a name. */
function freshRun(rng: Rng, steps: number): Record<string, Float32Array> {
  const length = SHAPE.rows * steps * SHAPE.size;
  return Object.fromEntries(NAMES.map((name) => [name, Float32Array.from({ length }, () => rng.uniform())]));
}

/** The tokens of a row as the cache feeds them, without what lies behind them. */
function fedRow(cache: CompletionCache, name: string, row: number, room: number): number[] {
  const [kind, layer] = name.split(".");
  const fed = cache.feeds(room)[`${FED.get(kind as string)}.${layer}`] as Float32Array;
  expect(fed).toHaveLength(SHAPE.rows * room * SHAPE.size);
  const start = row * room * SHAPE.size;
  return [...fed.subarray(start, start + cache.length * SHAPE.size)];
}

describe("CompletionCache", () => {
  test.each([1, 2, 3, 4, 5])("keeps every row's tokens in order while rooms grow, seed %i", (seed) => {
    const rng = Rng.from(seed, "cache");
    const cache = new CompletionCache(SHAPE);
    const rows = new Map(NAMES.map((name) => [name, Array.from({ length: SHAPE.rows }, (): number[] => [])]));
    let room = 0;
    while (cache.length < 16) {
      const steps = 1 + rng.integer(4);
      const run = freshRun(rng, steps);
      cache.append(run, steps);
      for (const [name, written] of rows) {
        for (const [row, tokens] of written.entries()) {
          const width = steps * SHAPE.size;
          tokens.push(...(run[name] as Float32Array).subarray(row * width, (row + 1) * width));
        }
      }
      room = Math.max(room, cache.length + rng.integer(4));
      for (const [name, written] of rows) {
        for (const [row, tokens] of written.entries()) {
          expect(fedRow(cache, name, row, room)).toEqual(tokens);
        }
      }
    }
  });

  test("is used again for the same shape, empty, and made anew for another", () => {
    const cache = new CompletionCache(SHAPE);
    cache.append(freshRun(Rng.from(1, "cache"), 3), 3);
    const again = CompletionCache.reuse(cache, { ...SHAPE });
    expect(again).toBe(cache);
    expect(again.length).toBe(0);
    expect(CompletionCache.reuse(cache, { ...SHAPE, rows: 4 })).not.toBe(cache);
    expect(CompletionCache.reuse(undefined, SHAPE).length).toBe(0);
  });
});
