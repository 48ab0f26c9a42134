/**
 * Peak resident memory of opening a large policy and writing a short completion, beside the size of its weights. The
 * policy has random weights and lies in a temporary folder; each way of opening it is a process of its own.
 *
 *   node --import tsx bench/memory.ts [--megabytes 1000] [--tokens 8] [--type F32|BF16]
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { EMU3_CONFIG, type PolicyConfig } from "../src/policy/config.ts";
import { parameterCount, parameterShapes, sizeOf } from "../src/policy/parameters.ts";
import type { FloatType } from "../src/policy/safetensors-writer.ts";
import { savePolicyDirectory } from "../src/policy/save-policy.ts";
import { Rng } from "../src/random.ts";
import { readJsonFigures } from "./speed/figures.ts";
import { runArm } from "./speed/run-arm.ts";

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "1000" },
    tokens: { type: "string", default: "8" },
    type: { type: "string", default: "F32" },
  },
});

const MEGABYTE = 1e6;
const FLOAT_BYTES = 4;
const GOAL = { share: 1.3, constant: 300 };

/** Emu3 made narrower, with as many layers as the size asks for. */
function configOf(megabytes: number): PolicyConfig {
  const narrow = {
    ...EMU3_CONFIG,
    hiddenSize: 1024,
    intermediateSize: 3584,
    heads: 8,
    keyValueHeads: 2,
    vocabularySize: 32_000,
    bosId: 1,
    eosId: 2,
    padId: 0,
  };
  const bytes = (layers: number): number => parameterCount({ ...narrow, layers }) * FLOAT_BYTES;
  let layers = 1;
  while (bytes(layers + 1) <= megabytes * MEGABYTE) layers += 1;
  return { ...narrow, layers };
}

/** Any values do; one row of random ones is repeated, since drawing them all takes longer than what is measured. */
function* randomParameters(config: PolicyConfig): Generator<readonly [string, Float32Array]> {
  const rng = Rng.from(0, "weights");
  const row = Float32Array.from({ length: 4093 }, () => 0.02 * rng.normal());
  for (const { name, shape } of parameterShapes(config)) {
    const tensor = new Float32Array(sizeOf(shape));
    if (shape.length === 1) tensor.fill(1);
    else
      for (let start = 0; start < tensor.length; start += row.length)
        tensor.set(row.subarray(0, Math.min(row.length, tensor.length - start)), start);
    yield [name, tensor];
  }
}

const config = configOf(Number(values.megabytes));
const weights = (parameterCount(config) * FLOAT_BYTES) / MEGABYTE;
const root = join(import.meta.dirname, "..");
const folder = await mkdtemp(join(tmpdir(), "earl-memory-"));
const goal = GOAL.share * weights + GOAL.constant;
try {
  await savePolicyDirectory(folder, config, randomParameters(config), { type: values.type as FloatType });
  process.stdout.write(
    `weights ${weights.toFixed(0)} MB in float32, stored as ${values.type}; goal ${goal.toFixed(0)} MB (${GOAL.share} × + ${GOAL.constant})\n\n`,
  );
  process.stdout.write("opened for    peak MB   ratio   within\n");
  for (const purpose of ["nothing", "inference", "lora", "training"]) {
    const arm = {
      name: purpose,
      command: process.execPath,
      args: [
        "--import",
        "tsx",
        "bench/ours/memory.ts",
        folder,
        "--purpose",
        purpose,
        "--tokens",
        values.tokens,
      ],
      read: readJsonFigures,
      skip: 0,
    };
    const [figures] = await runArm(arm, root);
    const peak = (figures?.["peakBytes"] ?? Number.NaN) / MEGABYTE;
    const cells = [purpose.padEnd(10), peak.toFixed(0).padStart(10), (peak / weights).toFixed(2).padStart(7)];
    process.stdout.write(`${cells.join(" ")}   ${peak <= goal ? "yes" : "no"}\n`);
  }
} finally {
  await rm(folder, { recursive: true });
}
