import { describe, expect, test } from "vitest";

import { RecentValues } from "./recent-values.ts";

/** What is made, in order, by gets of these keys. */
async function made(most: number, keys: readonly string[], bytes = 10): Promise<string[]> {
  const values = new RecentValues<string>(most);
  const log: string[] = [];
  for (const key of keys) {
    expect(
      await values.get(key, bytes, async () => {
        log.push(key);
        return `value of ${key}`;
      }),
    ).toBe(`value of ${key}`);
  }
  return log;
}

describe("RecentValues", () => {
  test("makes a value once while there is room", async () => {
    expect(await made(30, ["a", "b", "c", "a", "b", "c"])).toEqual(["a", "b", "c"]);
  });

  test("gives up the value that was unused for longest", async () => {
    expect(await made(20, ["a", "b", "a", "c", "a", "b"])).toEqual(["a", "b", "c", "b"]);
  });

  test("keeps nothing that is too large alone", async () => {
    expect(await made(9, ["a", "a"])).toEqual(["a", "a"]);
  });

  test("makes a value for two who ask at once", async () => {
    const values = new RecentValues<number>(10);
    let count = 0;
    const make = async (): Promise<number> => (count += 1);
    expect(await Promise.all([values.get("a", 1, make), values.get("a", 1, make)])).toEqual([1, 1]);
  });

  test("tries again what failed", async () => {
    const values = new RecentValues<number>(10);
    const failing = async (): Promise<number> => Promise.reject(new Error("EIO"));
    await expect(values.get("a", 1, failing)).rejects.toThrow("EIO");
    expect(await values.get("a", 1, async () => 7)).toBe(7);
  });
});
