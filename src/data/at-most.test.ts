import { setImmediate as turn } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { atMost } from "./at-most.ts";

describe("atMost", () => {
  test("works on no more than so many at once, and gives the results in order", async () => {
    let running = 0;
    let most = 0;
    const results = await atMost(3, [5, 1, 4, 2, 3, 0], async (item, index) => {
      running += 1;
      most = Math.max(most, running);
      for (let waited = 0; waited < item; waited += 1) await turn();
      running -= 1;
      return `${index}: ${item}`;
    });
    expect(most).toBe(3);
    expect(results).toEqual(["0: 5", "1: 1", "2: 4", "3: 2", "4: 3", "5: 0"]);
  });

  test("begins nothing new once something failed", async () => {
    const begun: number[] = [];
    const attempt = atMost(2, [0, 1, 2, 3, 4], async (item) => {
      begun.push(item);
      await turn();
      if (item === 1) throw new Error("no 1");
    });
    await expect(attempt).rejects.toThrow("no 1");
    await turn();
    expect(begun).not.toContain(4);
  });
});
