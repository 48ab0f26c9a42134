import { describe, expect, test } from "vitest";

import { compile } from "./compile.ts";
import { GraphRunner, type Recipe } from "./graph-runner.ts";
import { add, multiply } from "./ops/elementwise.ts";
import { input, scalar } from "./ops/leaves.ts";
import { matmul } from "./ops/matmul.ts";
import type { Value } from "./value.ts";

/** n ↦ 2n + 1 for [size], and how often it was built. */
function affine(size: number, built: number[] = []): Recipe {
  return {
    key: ["affine", size],
    build: () => {
      built.push(size);
      const values = input("values", [size]);
      return { result: add(multiply(values, scalar(2)), scalar(1)) };
    },
  };
}

const feedsOf = (size: number): Record<string, Float32Array> => ({
  values: Float32Array.from({ length: size }, (_, index) => index),
});

async function expectRun(runner: GraphRunner, recipe: Recipe, size: number): Promise<void> {
  const { read } = await runner.run(recipe, feedsOf(size));
  expect(read["result"]).toEqual(feedsOf(size)["values"]!.map((value) => 2 * value + 1));
}

describe("GraphRunner", () => {
  test("compiles a graph once and runs it again and again", async () => {
    await using runner = new GraphRunner({ threads: 1 });
    const built: number[] = [];
    for (let round = 0; round < 3; round += 1) await expectRun(runner, affine(4, built), 4);
    expect(built).toEqual([4]);
    expect(runner.size).toBe(1);
  });

  test("closes what was not used for the longest, and opens it again when it is asked for", async () => {
    await using runner = new GraphRunner({ threads: 1, mostSessions: 2 });
    const built: number[] = [];
    for (const size of [1, 2, 1, 3, 1, 2]) await expectRun(runner, affine(size, built), size);
    expect(built).toEqual([1, 2, 3, 2]);
    expect(runner.size).toBe(2);
  });

  test("keeps as many as fit into the memory it may take", async () => {
    const { bytes } = compile(affine(1000).build());
    await using runner = new GraphRunner({ threads: 1, mostBytes: 2.5 * bytes });
    const built: number[] = [];
    for (const size of [1000, 1001, 1002, 1000]) await expectRun(runner, affine(size, built), size);
    expect(built).toEqual([1000, 1001, 1002, 1000]);
    expect(runner.size).toBe(2);
  });

  test("keeps one that is larger than that alone", async () => {
    await using runner = new GraphRunner({ threads: 1, mostBytes: 1 });
    const built: number[] = [];
    for (const size of [5, 5, 6]) await expectRun(runner, affine(size, built), size);
    expect(built).toEqual([5, 6]);
    expect(runner.size).toBe(1);
  });

  test("never closes a session that is in use", async () => {
    await using runner = new GraphRunner({ threads: 1, mostSessions: 1 });
    // All are begun before the first has ended: each would close the one before it.
    const sizes = [300, 301, 302, 303];
    await Promise.all(sizes.map((size) => expectRun(runner, affine(size), size)));
    expect(runner.size).toBe(1);
    await expectRun(runner, affine(300), 300);
  });

  test("tries a graph anew that could not be opened", async () => {
    await using runner = new GraphRunner({ threads: 1 });
    const values = input("values", [2]);
    const nowhere: Value = {
      ...add(values, values),
      op: { ...add(values, values).op, lower: lowerToNothing },
    };
    await expect(runner.run({ key: ["twice"], build: () => ({ nowhere }) }, feedsOf(2))).rejects.toThrow(
      "could not prepare a graph",
    );
    expect(runner.size).toBe(0);
    await expectRun(runner, { ...affine(2), key: ["twice"] }, 2);
  });

  test("counts the operations of every run, and of a graph that was not run", async () => {
    await using runner = new GraphRunner({ threads: 1 });
    const build = (): Record<string, Value> => ({
      product: matmul(input("left", [2, 3]), input("right", [3, 4])),
    });
    const feeds = { left: new Float32Array(6), right: new Float32Array(12) };
    expect((await runner.run({ key: ["product"], build }, feeds)).flops).toBe(2 * 2 * 3 * 4);
    expect(await runner.flopsOf({ key: ["product"], build })).toBe(48);
    expect(runner.size).toBe(1);
  });
});

/** The name of a tensor that no node makes. */
const lowerToNothing = (): string => "nowhere";
