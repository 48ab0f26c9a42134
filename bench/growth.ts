/**
 * How time and memory of a GRPO step grow: with prompts, group size, the picture's codes, the codebook and layers, one
 * at a time. Exponents are slopes of least squares between logarithms, so 1 is linear; arithmetic has its own, fitted to
 * the operations that the engine counted. Each size is a process of its own.
 *
 *   node src/from-source.mjs bench/growth.ts [--steps 5] [--parts prompts,group,…] [--points 4] [--plot docs/growth.svg]
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { quantile } from "../src/algorithms/statistics.ts";
import { drawGrowth } from "./growth/draw-growth.ts";
import { exponent, growthLine, type Point } from "./growth/exponent.ts";
import { readJsonFigures, type Figures } from "./speed/figures.ts";
import { runArm } from "./speed/run-arm.ts";

const root = join(import.meta.dirname, "..");

/** Sizes of each part; the others stay at 8 prompts, 8 completions, 8 × 8 codes of 1,000, 4 layers. */
const PARTS: Readonly<Record<string, { readonly about: string; readonly sizes: readonly number[] }>> = {
  prompts: { about: "prompts", sizes: [4, 8, 16, 32] },
  group: { about: "completions a prompt", sizes: [4, 8, 16, 32] },
  side: { about: "codes a picture", sizes: [6, 8, 12, 16] },
  codes: { about: "codes of the codebook", sizes: [500, 1000, 2000, 4000] },
  layers: { about: "layers", sizes: [2, 4, 8, 16] },
};

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "5" },
    parts: { type: "string", default: Object.keys(PARTS).join(",") },
    points: { type: "string", default: "4" },
    plot: { type: "string" },
  },
});

/** What a process of this size printed, and its largest resident size. */
async function figuresOf(part: string, size: number, steps: number): Promise<readonly Figures[]> {
  const preload = ["--import", "./bench/ours/print-peak.mjs"];
  const flags = [`--${part}`, `${size}`, "--steps", `${steps}`, "--warmup", steps === 0 ? "0" : "1"];
  const args = [...preload, "src/from-source.mjs", "bench/ours/growth-step.ts", ...flags];
  const arm = { name: part, command: process.execPath, args, read: readJsonFigures, skip: 0 };
  return runArm(arm, root);
}

const peakOf = (figures: readonly Figures[]): number => figures.at(-1)?.["peakBytes"] ?? Number.NaN;

async function measured(part: string, size: number): Promise<Point> {
  // What the process holds with the policy, before a step.
  const idle = peakOf(await figuresOf(part, size, 0));
  const figures = await figuresOf(part, size, Number(values.steps));
  const median = (name: string): number =>
    quantile(
      figures.flatMap((one) => one[name] ?? []),
      0.5,
    );
  return {
    size: part === "side" ? size * size : size,
    seconds: median("seconds"),
    bytes: peakOf(figures) - idle,
    flops: median("flops"),
  };
}

const series: { readonly about: string; readonly points: readonly Point[] }[] = [];
for (const part of values.parts.split(",")) {
  const known = PARTS[part];
  if (known === undefined)
    throw new Error(`--parts: "${part}" is not one of ${Object.keys(PARTS).join(", ")}.`);
  const points: Point[] = [];
  for (const size of known.sizes.slice(0, Number(values.points))) points.push(await measured(part, size));
  series.push({ about: known.about, points });
  process.stdout.write(`${known.about}\n${points.map(growthLine).join("")}`);
  const [time, memory, arithmetic] = (["seconds", "bytes", "flops"] as const).map((of) =>
    exponent(points, of),
  );
  process.stdout.write(
    `  exponent: time ${time?.toFixed(2)}, memory ${memory?.toFixed(2)}, arithmetic ${arithmetic?.toFixed(2)}\n`,
  );
}
if (values.plot !== undefined) writeFileSync(values.plot, drawGrowth(series));
