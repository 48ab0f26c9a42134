import { describe, expect, test } from "vitest";
import { FaultList, shownValue } from "./fault-list.ts";

describe("FaultList", () => {
  test("shows every sentence of a few", () => {
    const faults = new FaultList();
    faults.add(() => "a: missing");
    faults.add(() => "b: missing");
    expect(faults.lines()).toBe("  a: missing\n  b: missing");
  });

  test("builds the sentences that are shown, and no others", () => {
    const faults = new FaultList();
    let built = 0;
    for (let index = 0; index < 100_000; index += 1) faults.add(() => `tensor ${(built += 1)}: missing`);
    expect(built).toBe(20);
    expect(faults.count).toBe(100_000);
    expect(faults.lines().split("\n")).toHaveLength(21);
    expect(faults.lines()).toMatch(/tensor 20: missing\n {2}and 99,980 more$/);
  });

  test("cuts a sentence that a file's own name makes long", () => {
    const faults = new FaultList();
    faults.add(() => "x".repeat(1e6));
    expect(faults.lines().length).toBeLessThan(400);
  });
});

describe("shownValue", () => {
  test("is JSON, cut where it is long", () => {
    expect(shownValue({ a: [1, null] })).toBe('{"a":[1,null]}');
    expect(shownValue(undefined)).toBe("undefined");
    expect(shownValue("y".repeat(1000))).toBe(`"${"y".repeat(79)}…`);
  });

  test("survives a value nested deeper than the stack", () => {
    const nested: unknown = JSON.parse(`${"[".repeat(1e5)}${"]".repeat(1e5)}`);
    expect(shownValue(nested)).toBe("a nested value");
  });
});
