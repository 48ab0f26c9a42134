/**
 * Peak resident memory beside the size of the weights: of opening a large policy and writing a short completion, and of
 * `earl edit` on a square picture with that policy and Emu3's vision tokenizer at its published size. The weights are
 * random and lie in a temporary folder; each row is a process of its own.
 *
 *   node src/from-source.mjs bench/memory.ts [--megabytes 1000] [--wide] [--tokens 8] [--type F32|BF16] [--rows edit,…]
 *
 * The policy is Emu3 made narrower; with --wide it has Emu3's own width (1.1 GB, and 0.9 GB a layer). --side is the
 * picture's, in pixels (256); --grid 8x8 makes what is written smaller, for policies that write a token in a second.
 */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { encodePng } from "../src/images/png.ts";
import { picture } from "../src/images/picture.ts";
import { EMU3_CONFIG, type PolicyConfig } from "../src/policy/config.ts";
import { parameterCount, parameterShapes } from "../src/policy/parameters.ts";
import { SafetensorsWriter, type FloatType } from "../src/policy/safetensors-writer.ts";
import { savePolicyDirectory } from "../src/policy/save-policy.ts";
import { Rng } from "../src/random.ts";
import { learnByteLevelBpe } from "../src/tokens/byte-level-bpe.ts";
import { EMU3_MOVQ_CONFIG } from "../src/tokens/movq/config.ts";
import { allMovqShapes, movqParameterCount } from "../src/tokens/movq/parameters.ts";
import { vocabularyOf } from "../src/tokens/special-tokens.ts";
import { randomTensors } from "./cluster/random-tensors.ts";
import { readJsonFigures } from "./speed/figures.ts";
import { runArm } from "./speed/run-arm.ts";

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "1000" },
    tokens: { type: "string", default: "8" },
    type: { type: "string", default: "F32" },
    wide: { type: "boolean", default: false },
    side: { type: "string", default: "256" },
    grid: { type: "string" },
    rows: { type: "string", default: "nothing,inference,lora,training,edit" },
  },
});

const MEGABYTE = 1e6;
const FLOAT_BYTES = 4;
const GOAL = { share: 1.3, constant: 300 };
const side = Number(values.side);
const type = values.type as FloatType;

/** Plain bytes, and the ids that Emu3's codes need. */
const tokenizer = learnByteLevelBpe([], 0, EMU3_MOVQ_CONFIG.codebookSize);

/** As many layers as the size asks for. */
function configOf(megabytes: number): PolicyConfig {
  const { bos, eos, pad, imageTokenOffset, codebookSize } = vocabularyOf(tokenizer);
  const narrow = { hiddenSize: 1024, intermediateSize: 3584, heads: 8, keyValueHeads: 2 };
  const shape = {
    ...EMU3_CONFIG,
    ...(values.wide ? {} : narrow),
    vocabularySize: imageTokenOffset + codebookSize,
    bosId: bos,
    eosId: eos,
    padId: pad,
  };
  const bytes = (layers: number): number => parameterCount({ ...shape, layers }) * FLOAT_BYTES;
  let layers = 1;
  while (bytes(layers + 1) <= megabytes * MEGABYTE) layers += 1;
  return { ...shape, layers };
}

/** Writes Emu3's vision tokenizer with random weights. */
async function writeVisionTokenizer(directory: string): Promise<void> {
  await mkdir(directory);
  // A config that says nothing but its kind is the published one.
  await writeFile(join(directory, "config.json"), JSON.stringify({ model_type: "Emu3VisionVQ" }));
  const shapes = allMovqShapes(EMU3_MOVQ_CONFIG);
  const planned = [...shapes].map(([name, shape]) => ({ name, shape }));
  const writer = await SafetensorsWriter.create(join(directory, "model.safetensors"), planned, type);
  for (const [name, tensor] of randomTensors(shapes)) await writer.write(name, tensor);
  await writer.finish();
}

interface Places {
  readonly policy: string;
  readonly vision: string;
  readonly picture: string;
  readonly out: string;
}

async function write(places: Places, config: PolicyConfig): Promise<void> {
  const shapes = parameterShapes(config).map(({ name, shape }) => [name, shape] as const);
  await savePolicyDirectory(places.policy, config, randomTensors(shapes), {
    type,
    tokenizerFiles: tokenizer.files(),
  });
  const rng = Rng.from(0, "picture");
  const pixels = Uint8Array.from({ length: 3 * side * side }, () => rng.integer(256));
  await writeFile(places.picture, encodePng(picture(side, side, pixels)));
  await writeVisionTokenizer(places.vision);
}

function argumentsOf(row: string, places: Places): string[] {
  if (row !== "edit") {
    const flags = ["--purpose", row, "--tokens", values.tokens];
    return ["src/from-source.mjs", "bench/ours/memory.ts", places.policy, ...flags];
  }
  const { policy, vision, picture: source, out } = places;
  const flags = ["--checkpoint", policy, "--vision-tokenizer", vision, "--out", out, "-n", "1"];
  flags.push("--area", String(side ** 2));
  if (values.grid !== undefined) flags.push("--grid", values.grid);
  const program = ["--import", "./bench/ours/print-peak.mjs", "src/from-source.mjs", "src/cli/main.ts"];
  return [...program, "edit", source, "Turn the sky orange", ...flags];
}

const config = configOf(Number(values.megabytes));
const sizes = {
  policy: (parameterCount(config) * FLOAT_BYTES) / MEGABYTE,
  vision: (movqParameterCount(EMU3_MOVQ_CONFIG) * FLOAT_BYTES) / MEGABYTE,
};
const root = join(import.meta.dirname, "..");
const folder = await mkdtemp(join(tmpdir(), "earl-memory-"));
const at = (name: string): string => join(folder, name);
const places = { policy: at("policy"), vision: at("vision"), picture: at("picture.png"), out: at("out") };
try {
  await write(places, config);
  process.stdout.write(
    `weights in float32, stored as ${type}: policy ${sizes.policy.toFixed(0)} MB, vision tokenizer ${sizes.vision.toFixed(0)} MB\n\n`,
  );
  process.stdout.write(`row         weights    peak MB   ratio   ${GOAL.share} × + ${GOAL.constant} MB\n`);
  for (const row of values.rows.split(",")) {
    const args = argumentsOf(row, places);
    const arm = { name: row, command: process.execPath, args, read: readJsonFigures, skip: 0 };
    const [figures] = await runArm(arm, root);
    const peak = (figures?.["peakBytes"] ?? Number.NaN) / MEGABYTE;
    const weights = sizes.policy + (row === "edit" ? sizes.vision : 0);
    const goal = GOAL.share * weights + GOAL.constant;
    const cells = [
      row.padEnd(10),
      weights.toFixed(0).padStart(8),
      peak.toFixed(0).padStart(10),
      (peak / weights).toFixed(2).padStart(7),
    ];
    process.stdout.write(`${cells.join(" ")}   ${goal.toFixed(0)}: ${peak <= goal ? "within" : "over"}\n`);
  }
} finally {
  await rm(folder, { recursive: true });
}
