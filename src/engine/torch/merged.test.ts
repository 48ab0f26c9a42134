import { describe, expect, test } from "vitest";

import { merged } from "./merged.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("merged streams", () => {
  test("bring every item, each stream's in its order, with so many under way at a time", async () => {
    let [open, most] = [0, 0];
    const stream = (name: number) =>
      async function* () {
        open += 1;
        most = Math.max(most, open);
        for (let item = 0; item < 3; item += 1) {
          await pause((name * 7) % 4);
          yield `${name}.${item}`;
        }
        open -= 1;
      };
    const items = await collect(merged([0, 1, 2, 3, 4].map(stream), 2));
    expect(items).toHaveLength(15);
    for (const name of [0, 1, 2, 3, 4])
      expect(items.filter((item) => item.startsWith(`${name}.`))).toEqual([
        `${name}.0`,
        `${name}.1`,
        `${name}.2`,
      ]);
    expect(most).toBe(2);
  });

  test("end all that are under way when one is left or fails, and open no other", async () => {
    const ended = new Set<number>();
    const stream = (name: number, fails = false) =>
      async function* () {
        try {
          for (;;) {
            await pause(1);
            if (fails) throw new Error(`stream ${name}`);
            yield name;
          }
        } finally {
          ended.add(name);
        }
      };
    for await (const _ of merged([stream(0), stream(1), stream(2)], 2)) break;
    expect(ended).toEqual(new Set([0, 1]));
    ended.clear();
    await expect(collect(merged([stream(0), stream(1, true), stream(2)], 2))).rejects.toThrow("stream 1");
    expect(ended).toEqual(new Set([0, 1]));
  });
});
