/**
 * Ours beside the peers on the same work, alternately in one run (peer, ours, peer, ours …), so that whatever else
 * the machine does falls on both. Needs bench/peer/setup.sh once.
 *
 *   npm run bench:speed                                     # step, decode and memory
 *   npm run bench:speed -- --only step --beta 0.04 --rounds 3 --steps 6 --peers trl,prefix --out speed.json
 *
 * The engines of ours are --engines onnx,torch: the second where `earl engine install` made its environment.
 */

import { existsSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem, uptime } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { installedPython } from "../src/engine/torch/python-environment.ts";
import { type ArmSummary, compareArms, comparisonTable, type Rounds } from "./speed/comparison.ts";
import {
  besideOurs,
  type Measurement,
  type MeasurementName,
  MEASUREMENTS,
  type Size,
} from "./speed/measurements.ts";
import { runRounds } from "./speed/run-rounds.ts";

const root = join(import.meta.dirname, "..");

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "step,decode,memory" },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "5" },
    warmup: { type: "string", default: "2" },
    beta: { type: "string", default: "0" },
    peers: { type: "string", default: "trl,prefix" },
    engines: { type: "string" },
    python: { type: "string" },
    out: { type: "string" },
  },
});

/** Load and uptime, so that a reader sees whether the machine was quiet. */
function machineNow(): Readonly<Record<string, number>> {
  const [oneMinute = 0, fiveMinutes = 0] = loadavg();
  return { uptimeSeconds: Math.round(uptime()), load1: oneMinute, load5: fiveMinutes };
}

/** A summary of the peers beside each of ours. */
async function measure(
  measurement: Measurement,
  roundCount: number,
): Promise<{ measurement: Measurement; summaries: ArmSummary[] }[]> {
  const rounds = await runRounds(measurement.arms, {
    rounds: roundCount,
    directory: root,
    onArm: (line) => process.stderr.write(`${measurement.name}: ${line}\n`),
  });
  return besideOurs(measurement).map((own) => ({
    measurement: own,
    summaries: compareArms(own, rounds satisfies ReadonlyMap<string, Rounds>),
  }));
}

const size: Size = {
  steps: Number(values.steps),
  warmup: Number(values.warmup),
  beta: Number(values.beta),
  // The shared-prefix loop of the peer's script has no KL term, so it is no peer of a step that has one.
  peers: values.peers.split(",").filter((mode) => Number(values.beta) === 0 || mode !== "prefix"),
  engines: values.engines?.split(",") ?? ["onnx", ...(installedPython() === undefined ? [] : ["torch"])],
  python: values.python ?? join(root, ".venv/bin/python"),
};
if (!existsSync(size.python)) {
  process.stderr.write(`There is no ${size.python} with the peers: run bench/peer/setup.sh first.\n`);
  process.exit(2);
}

const before = machineNow();
process.stdout.write(
  `${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, node ${process.version}\n` +
    `before: ${JSON.stringify(before)}\n`,
);
const results: Record<string, readonly (readonly ArmSummary[])[]> = {};
for (const name of values.only.split(",") as MeasurementName[]) {
  const compared = await measure(MEASUREMENTS[name](size), Number(values.rounds));
  results[name] = compared.map(({ summaries }) => summaries);
  for (const { measurement, summaries } of compared)
    process.stdout.write(`\n${comparisonTable(measurement, summaries)}\n`);
}
const after = machineNow();
process.stdout.write(`\nafter: ${JSON.stringify(after)}\n`);
if (values.out !== undefined) {
  writeFileSync(values.out, `${JSON.stringify({ options: values, before, after, results }, null, 2)}\n`);
}
