/** Peak resident size of `earl edit` with the arguments given, which must name an empty `--out`. */

import { createProgram } from "../../src/cli/program.ts";
import { systemClock } from "../../src/runs/clock.ts";
import { printFigures } from "./workload.ts";

const program = createProgram({
  stdout: process.stderr,
  stderr: process.stderr,
  clock: systemClock,
  isLive: false,
  commandLine: ["earl", "edit", ...process.argv.slice(2)].join(" "),
});
const start = performance.now();
await program.parseAsync(["edit", ...process.argv.slice(2)], { from: "user" });
printFigures({
  seconds: (performance.now() - start) / 1000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
});
