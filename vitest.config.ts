import { defineConfig } from "vitest/config";

import { ClosingLine } from "./test/closing-line.ts";

/** What trains, starts processes or runs whole commands for seconds says so in its name. */
const SYSTEM = "**/*.system.test.ts";

export default defineConfig({
  test: {
    pool: "forks",
    // onnxruntime brings its own threads; more test processes than cores only makes them wait for each other.
    maxWorkers: 2,
    reporters: ["default", new ClosingLine()],
    projects: [
      {
        extends: true,
        // A test that takes longer belongs to the others, even on a machine that is busy.
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: [SYSTEM],
          testTimeout: 60_000,
          // Loading modules anew for every file would take longer than the tests; those that change the folder they are
          // in go back.
          isolate: false,
        },
      },
      {
        extends: true,
        // A busy machine is slow, not wrong.
        test: {
          name: "system",
          include: [SYSTEM],
          exclude: ["node_modules/**"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
