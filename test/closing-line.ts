/**
 * Ends a test run with one plain line, "12 passed, 0 failed, 1 skipped", for whoever reads the log with a program.
 * A file that cannot be loaded and an error outside any test count as failed: neither may look like success.
 */

import type { Reporter, SerializedError, TestModule } from "vitest/node";

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function countOutcome(modules: readonly TestModule[], errors: readonly SerializedError[]): Outcome {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const inState = (state: string): number => tests.filter((test) => test.result().state === state).length;
  const broken = modules.filter((module) => module.errors().length > 0).length;
  return {
    passed: inState("passed"),
    failed: inState("failed") + broken + errors.length,
    skipped: inState("skipped"),
  };
}

export function closingLine({ passed, failed, skipped }: Outcome): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    process.stdout.write(`${closingLine(countOutcome(modules, errors))}\n`);
  }
}
