/**
 * What `grpo.lookAhead: 1` hides: GRPO steps of `earl train` with a judge that takes as long as is asked, with 0 and with 1
 * taking turns, and without a judge for comparison. 128 completions are 256 questions to a judge of 64 slots, which is
 * four of its times a rollout. Medians of all steps of all rounds, with the least and the greatest; the last step of a run,
 * which writes nothing ahead, is left out.
 *
 *   node src/from-source.mjs bench/look-ahead.ts [--rounds 2] [--steps 6] [--milliseconds 200,400] [--sizes 4,6]
 */

import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { quantile } from "../src/algorithms/statistics.ts";
import { spread } from "./judge/spread.ts";
import { startJudge } from "./judge/start-judge.ts";
import { drawScenes, STEP_SIZES, stepSeconds, type StepSeconds, type StepSize } from "./judge/step-time.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "2" },
    steps: { type: "string", default: "6" },
    milliseconds: { type: "string", default: "200,400" },
    /** Cells of a picture's side. */
    sizes: { type: "string", default: "4,6" },
  },
});
const rounds = Array.from({ length: Number(values.rounds) }, (_, round) => round);
const steps = Number(values.steps);
const sizes = STEP_SIZES.filter(({ cells }) => values.sizes.split(",").includes(String(cells)));
const SLOTS = 64;
const PARTS = ["step", "rollout", "judging", "hidden", "update"] as const;

interface Arm {
  readonly name: string;
  readonly rewards: readonly object[];
  readonly lookAhead: number;
  readonly seconds: StepSeconds[];
}

async function measure(folder: string, size: StepSize, milliseconds: number): Promise<void> {
  const { judge, child } = await startJudge(SLOTS, milliseconds);
  const endpoints = [{ url: judge.url, concurrency: (5 * SLOTS) / 4 }];
  const asking = [{ kind: "viescore", model: "judge", endpoints, cache: { isUsed: false } }];
  const arms: Arm[] = [
    { name: "no judge", rewards: [{ kind: "reference" }], lookAhead: 0, seconds: [] },
    { name: "lookAhead 0", rewards: asking, lookAhead: 0, seconds: [] },
    { name: "lookAhead 1", rewards: asking, lookAhead: 1, seconds: [] },
  ];
  try {
    for (const round of rounds) {
      for (const [index, { rewards, lookAhead, seconds }] of arms.entries()) {
        const name = `arm${index}-${size.cells}-${milliseconds}-${round}`;
        const all = await stepSeconds(folder, name, { size, rewards, steps: steps + 1, grpo: { lookAhead } });
        seconds.push(...all.slice(0, -1));
      }
    }
  } finally {
    child.kill();
  }
  process.stdout.write(`\n${size.name}, ${milliseconds} ms a request\n`);
  for (const { name, seconds } of arms) {
    const cells = PARTS.map(
      (part) =>
        `${part} ${spread(
          seconds.map((one) => one[part]),
          1,
          2,
        )}`,
    );
    process.stdout.write(`  ${name.padEnd(12)} ${cells.join(", ")}\n`);
  }
  const [, now, ahead] = arms.map(({ seconds }) =>
    quantile(
      seconds.map(({ step }) => step),
      0.5,
    ),
  );
  process.stdout.write(`  a step takes ${((100 * ahead!) / now!).toFixed(0)} % with the look-ahead\n`);
}

const load = (): string =>
  loadavg()
    .map((one) => one.toFixed(1))
    .join(" ");
process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model}, node ${process.version}, load before ${load()}\n`,
);
process.stdout.write("seconds; judging: waited for verdicts; hidden: judged beside something else\n");
const folder = await mkdtemp(join(tmpdir(), "earl-look-ahead-bench-"));
try {
  for (const size of sizes) {
    await drawScenes(folder, size);
    for (const milliseconds of values.milliseconds.split(","))
      await measure(folder, size, Number(milliseconds));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.stdout.write(`load after ${load()}\n`);
