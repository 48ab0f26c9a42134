/**
 * What a judge costs: how busy the client keeps a judge of 64 slots that takes 50 ms a request, what a call costs beside
 * that, how long calls take with 100, 500 and 2,000 in flight, and a GRPO step with and without such a judge. The judge is
 * a process of its own on loopback, lean enough that the client is what is measured. Medians of all rounds, with the
 * least and the greatest.
 *
 *   node src/from-source.mjs bench/judge.ts [--rounds 2] [--steps 6] [--only load,step] [--cells 4,6,8] [--milliseconds 50]
 */

import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { quantile } from "../src/algorithms/statistics.ts";
import { judgeLoad, type Judge, type LoadFigures } from "./judge/judge-load.ts";
import { spread } from "./judge/spread.ts";
import { startJudge } from "./judge/start-judge.ts";
import { drawScenes, measuredRun, STEP_SIZES, type MeasuredRun } from "./judge/step-time.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "2" },
    steps: { type: "string", default: "6" },
    sides: { type: "string", default: "32,256" },
    inFlight: { type: "string", default: "2,100,500,2000" },
    /** Of the endpoint: as many as the judge has slots, and a quarter more. */
    concurrency: { type: "string", default: "64,80" },
    seconds: { type: "string", default: "2" },
    /** Of steps: cells of a picture's side; 8 takes minutes. */
    cells: { type: "string", default: "4,6" },
    milliseconds: { type: "string", default: "50" },
    only: { type: "string", default: "load,step" },
  },
});
const rounds = Array.from({ length: Number(values.rounds) }, (_, round) => round);
const SLOTS = 64;
const MILLISECONDS = Number(values.milliseconds);
const CONCURRENCY = values.concurrency.split(",").map(Number);
const CELLS = values.cells.split(",").map(Number);
const IN_FLIGHT = values.inFlight.split(",").map(Number);

const COLUMNS: readonly (readonly [string, keyof LoadFigures, factor: number, digits: number])[] = [
  ["occupancy %", "occupancy", 100, 1],
  ["slots taken %", "busy", 100, 1],
  ["p50 ms", "p50", 1000, 0],
  ["p95 ms", "p95", 1000, 0],
  ["p99 ms", "p99", 1000, 0],
  ["CPU ms a call", "cpu", 1000, 2],
  ["judge's", "serverCpu", 1000, 2],
];

async function measureLoad(judge: Judge): Promise<void> {
  const head = ["pictures", "slots asked", "in flight", ...COLUMNS.map(([title]) => title.padEnd(18))];
  process.stdout.write(`${head.join("  ").trimEnd()}\n`);
  for (const side of values.sides.split(",").map(Number)) {
    for (const concurrency of CONCURRENCY) {
      for (const inFlight of IN_FLIGHT) {
        // What a lone caller waits for has nothing to do with slots.
        if (inFlight < SLOTS && concurrency !== CONCURRENCY[0]) continue;
        const figures: LoadFigures[] = [];
        const load = { inFlight, concurrency, side, seconds: Number(values.seconds) };
        for (const seed of rounds) figures.push(await judgeLoad(judge, { ...load, seed }));
        const cells = [
          `${side}²`.padEnd(8),
          String(concurrency).padStart(11),
          String(inFlight).padStart(9),
          ...COLUMNS.map(([, name, factor, digits]) =>
            spread(
              figures.map((one) => one[name]),
              factor,
              digits,
            ).padEnd(18),
          ),
        ];
        process.stdout.write(`${cells.join("  ").trimEnd()}\n`);
      }
    }
  }
}

async function measureStep(judge: Judge): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "earl-judge-bench-"));
  const endpoints = [{ url: judge.url, concurrency: Math.max(...CONCURRENCY) }];
  const arms = {
    without: [{ kind: "reference" }],
    with: [{ kind: "viescore", model: "judge", endpoints, cache: { isUsed: false } }],
  };
  process.stdout.write(
    "\nGRPO step, 128 completions, 256 questions, seconds (judging: from the last completion to the last verdict)\n",
  );
  try {
    for (const size of STEP_SIZES.filter(({ cells }) => CELLS.includes(cells))) {
      const runs: Record<keyof typeof arms, MeasuredRun[]> = { without: [], with: [] };
      await drawScenes(folder, size);
      const before = await judge.figures();
      for (const round of rounds) {
        for (const arm of ["without", "with"] as const) {
          const asked = { size, rewards: arms[arm], steps: Number(values.steps) };
          runs[arm].push(await measuredRun(folder, `${arm}-${size.cells}-${round}`, asked));
        }
      }
      const after = await judge.figures();
      const questions = after.served - before.served;
      printStep(size.name, runs, (QUESTIONS_A_STEP * (after.cpu - before.cpu)) / questions);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const QUESTIONS_A_STEP = 256;

function printStep(
  name: string,
  runs: { readonly without: readonly MeasuredRun[]; readonly with: readonly MeasuredRun[] },
  serverCpu: number,
): void {
  const secondsOf = (arm: keyof typeof runs, part: "step" | "rollout" | "judging"): number[] =>
    runs[arm].flatMap(({ steps }) => steps.map((one) => one[part]));
  const more = quantile(secondsOf("with", "step"), 0.5) / quantile(secondsOf("without", "step"), 0.5) - 1;
  process.stdout.write(`${name}: ${(100 * more).toFixed(1)} % more with the judge\n`);
  for (const arm of ["without", "with"] as const) {
    const cells = (["step", "rollout", "judging"] as const).map(
      (part) => `${part} ${spread(secondsOf(arm, part), 1, 2)}`,
    );
    process.stdout.write(`  ${arm.padEnd(8)} ${cells.join(", ")}\n`);
  }
  const [without, withJudge] = [runs.without, runs.with].map((arm) =>
    quantile(
      arm.map(({ cpuAStep }) => cpuAStep),
      0.5,
    ),
  );
  const client = withJudge! - without!;
  process.stdout.write(
    `  CPU a step: ${without!.toFixed(2)} s without; with the judge ${client.toFixed(2)} s more here, and ${serverCpu.toFixed(2)} s in the judge's own process\n`,
  );
}

const load = (): string =>
  loadavg()
    .map((one) => one.toFixed(1))
    .join(" ");
process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model}, node ${process.version}, load before ${load()}\n\n`,
);
const { judge, child } = await startJudge(SLOTS, MILLISECONDS);
try {
  if (values.only.includes("load")) await measureLoad(judge);
  if (values.only.includes("step")) await measureStep(judge);
} finally {
  child.kill();
}
process.stdout.write(`load after ${load()}\n`);
