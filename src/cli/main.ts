#!/usr/bin/env node
/** Runs the command line: `earl <command> …`. */

import { terminalEnvironment } from "../config/env.ts";
import { systemClock } from "../runs/clock.ts";
import { outliveReaders } from "./outlive-readers.ts";
import { createProgram } from "./program.ts";
import { reportFault } from "./report-fault.ts";
import { progressOn } from "./surroundings.ts";

outliveReaders(process.stdout, process.stderr);

const surroundings = {
  stdout: process.stdout,
  stderr: process.stderr,
  clock: systemClock,
  isLive: process.stderr.isTTY && !terminalEnvironment().isDumb,
  commandLine: ["earl", ...process.argv.slice(2)].join(" "),
};

try {
  await createProgram(surroundings).parseAsync(process.argv);
} catch (fault) {
  // What failed may have left a line that was being redrawn.
  progressOn(surroundings).clear();
  process.exitCode = reportFault(fault, process.stderr, process.argv.includes("--debug"));
}
