import type { TestModule } from "vitest/node";
import { describe, expect, test } from "vitest";

import { closingLine, countOutcome } from "./closing-line.ts";

/** What the counter looks at in a file of vitest's: its tests' states and the errors of loading it. */
function file(states: readonly string[], errors: readonly { message: string }[] = []): TestModule {
  const tests = states.map((state) => ({ result: () => ({ state }) }));
  return { errors: () => errors, children: { allTests: () => tests } } as unknown as TestModule;
}

describe("countOutcome", () => {
  test("counts tests over all files", () => {
    const files = [file(["passed", "failed", "skipped"]), file(["passed"])];
    expect(countOutcome(files, [])).toEqual({ passed: 2, failed: 1, skipped: 1 });
  });

  test("counts a file that does not load and an error outside any test as failed", () => {
    const lost = { message: "lost", name: "Error" };
    expect(countOutcome([file([], [lost]), file(["passed"])], [lost])).toEqual({
      passed: 1,
      failed: 2,
      skipped: 0,
    });
  });
});

describe("closingLine", () => {
  test("is plain, and mentions skipped tests where there are some", () => {
    expect(closingLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
    expect(closingLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
  });
});
