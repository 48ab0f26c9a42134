/** `earl edit IMAGE "instruction"`: lets a checkpoint edit one picture, in several tries. */

import { mkdirSync, readFileSync } from "node:fs";
import { basename, extname, join } from "node:path";

import type { Command } from "commander";

import { EngineSettings, OptimizerSettings } from "../config/schema.ts";
import type { Completion } from "../engine/policy-engine.ts";
import { DataError } from "../errors.ts";
import { encodePng } from "../images/png.ts";
import { writeFault, writeFileAtomically } from "../runs/atomic-write.ts";
import { resolveCheckpoint } from "../runs/checkpoint.ts";
import { deviceOption, numberBetween, required, wholeNumber } from "./arguments.ts";
import { locateRun } from "./locate-run.ts";
import type { Surroundings } from "./surroundings.ts";

interface EditFlags {
  readonly checkpoint?: string;
  readonly n: number;
  readonly seed: number;
  readonly device?: string;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly thought?: true;
  readonly out: string;
}

/** Longest thought, in tokens. */
const THOUGHT_TOKENS = 1024;

export function addEdit(program: Command, surroundings: Surroundings): void {
  program
    .command("edit")
    .description("edit a picture with a checkpoint")
    .argument("<image>", "PNG, JPEG or WebP")
    .argument("<instruction>", "what should change, in words")
    .option("--checkpoint <dir>", "checkpoint folder, or a run (its best checkpoint is taken) (required)")
    .option("-n <n>", "how many tries to write", wholeNumber(1), 4)
    .addOption(deviceOption())
    .option("--seed <n>", "the same seed gives the same pictures", wholeNumber(0), 0)
    .option("--temperature <t>", "0 takes the likeliest", numberBetween(0, 100), 1)
    .option("--top-k <k>", "keep the k likeliest; 0 keeps all", wholeNumber(0), 0)
    .option("--top-p <p>", "keep the likeliest that reach this probability", numberBetween(0.000_001, 1), 1)
    .option("--thought", "let the policy write a thought before the picture, and print it")
    .option("--out <dir>", "folder for the pictures", ".")
    .action((image: string, instruction: string, flags: EditFlags) =>
      edit({ image, instruction }, flags, surroundings),
    );
}

async function edit(
  { image, instruction }: { image: string; instruction: string },
  flags: EditFlags,
  { stdout, stderr }: Surroundings,
): Promise<void> {
  const checkpoint = resolveCheckpoint(locateRun(required(flags.checkpoint, "--checkpoint DIR")));
  const bytes = readPicture(image);
  const { decodePicture } = await import("../images/codec.ts");
  const { openEngine, openPolicy } = await import("./policy-start.ts");
  const { promptOf } = await import("../tokens/sequence.ts");
  const { readCompletion } = await import("../rollout/read-completion.ts");

  const source = await decodePicture(bytes, image);
  const policy = await openPolicy(checkpoint);
  const [grid] = await policy.vision.encode([source]);
  if (grid === undefined) throw new DataError(`${image} could not be encoded.`);
  const writes = flags.thought === true ? "thought" : "image";
  const prompt = promptOf(policy.tokens, { source: grid, instruction, writes });
  const { n: groupSize, temperature, topK, topP, seed } = flags;
  const room = grid.rows * (grid.columns + 1) + 64 + (writes === "thought" ? THOUGHT_TOKENS : 0);
  const sampling = { groupSize, temperature, topK, topP, maxTokens: room };

  const settings = {
    engine: EngineSettings.parse({ device: flags.device }),
    optimizer: OptimizerSettings.parse({}),
  };
  const engine = await openEngine(policy, settings, await policy.parameters(), "inference");
  const completions: Completion[] = [];
  try {
    for await (const completion of engine.generate([prompt], sampling, seed)) completions.push(completion);
  } finally {
    await engine.close();
  }

  makeFolder(flags.out);
  const stem = basename(image, extname(image));
  let written = 0;
  for (const completion of completions.toSorted((left, right) => left.index - right.index)) {
    const read = readCompletion(policy.tokens, prompt, completion);
    const attempt = completion.index + 1;
    if (read.kind === "unreadable") {
      stderr.write(`Try ${attempt}: ${read.problem}\n`);
      continue;
    }
    const [picture] = await policy.vision.decode([read.codes]);
    if (picture === undefined) continue;
    const path = join(flags.out, `${stem}-edit-${attempt}.png`);
    writeFileAtomically(path, encodePng(picture));
    if (read.thought !== undefined) stdout.write(`${read.thought}\n`);
    stdout.write(`${path}\n`);
    written += 1;
  }
  if (written === 0) {
    throw new DataError("None of the tries gave a picture.", {
      hint: "Use a checkpoint that was trained longer, or a lower --temperature.",
    });
  }
}

function readPicture(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new DataError(`Cannot read the picture ${path}.`, { hint: "Check the path.", cause });
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw writeFault(error, path);
  }
}
