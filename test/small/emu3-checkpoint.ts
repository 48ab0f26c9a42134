/**
 * Checkpoints of Emu3's two published layouts at toy size: its vocabulary of 184,622 ids and its recorded text
 * tokenizer, a random language model 16 wide, a random MoVQ of 2 pixels a code.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { policyConfigJson } from "../../src/policy/config-file.ts";
import { EMU3_CONFIG, type PolicyConfig } from "../../src/policy/config.ts";
import { HEAD, initialParameters, parameterShapes } from "../../src/policy/parameters.ts";
import { SafetensorsWriter } from "../../src/policy/safetensors-writer.ts";
import { EMU3_MOVQ_CONFIG, type MovqConfig } from "../../src/tokens/movq/config.ts";
import { allMovqShapes, initialMovqParameters } from "../../src/tokens/movq/parameters.ts";
import { EMU3_RANKS_FILE, EMU3_VISION_FILE } from "../../src/tokens/emu3-tiktoken.ts";
import { visualToken } from "../../src/tokens/special-tokens.ts";
import { recordedRanks, recordedVisionTokens } from "../recorded-tokenizer.ts";

const POLICY: PolicyConfig = {
  ...EMU3_CONFIG,
  hiddenSize: 16,
  intermediateSize: 16,
  layers: 1,
  heads: 2,
  keyValueHeads: 1,
  headSize: 8,
};
const MOVQ: MovqConfig = {
  ...EMU3_MOVQ_CONFIG,
  baseChannels: 32,
  multipliers: [1, 1],
  resBlocks: 1,
  attentionStages: [],
};

type Tensor = readonly [name: string, shape: readonly number[], values: Float32Array];

function policyTensors(rename: (name: string) => string): Tensor[] {
  const values = initialParameters(POLICY, { embeddingStd: 1, weightStd: 0.3, seed: 1 });
  return parameterShapes(POLICY).map(({ name, shape }) => [rename(name), shape, values.get(name)!]);
}

function movqTensors(prefix: string): Tensor[] {
  const values = initialMovqParameters(MOVQ, 1);
  return [...allMovqShapes(MOVQ)].map(([name, shape]) => [`${prefix}${name}`, shape, values.get(name)!]);
}

async function write(directory: string, config: unknown, tensors: readonly Tensor[]): Promise<void> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  const planned = tensors.map(([name, shape]) => ({ name, shape }));
  const writer = await SafetensorsWriter.create(join(directory, "model.safetensors"), planned, "F32");
  for (const [name, , values] of tensors) await writer.write(name, values);
  await writer.finish();
}

/** The recording's vision tokens end early; the published file has one for every code. */
const RECORDED_CODES = 64;

/** The text tokenizer's files alone. */
export function writeTextTokenizer(directory: string): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, EMU3_RANKS_FILE), recordedRanks());
  const missing = Array.from(
    { length: MOVQ.codebookSize - RECORDED_CODES },
    (_, index) => `\n${visualToken(RECORDED_CODES + index)}`,
  );
  writeFileSync(
    join(directory, EMU3_VISION_FILE),
    recordedVisionTokens().toString("utf8").trimEnd() + missing.join(""),
  );
}

/** As transformers keeps it: `Emu3ForConditionalGeneration`, both models in one directory. */
export async function writeTransformersCheckpoint(directory: string): Promise<void> {
  const { architectures: _, ...sizes } = policyConfigJson(POLICY);
  const config = {
    model_type: "emu3",
    architectures: ["Emu3ForConditionalGeneration"],
    text_config: sizes,
    vq_config: {
      base_channels: 32,
      hidden_size: 32,
      channel_multiplier: [1, 1],
      num_res_blocks: 1,
      attn_resolutions: [],
    },
  };
  const rename = (name: string): string => (name === HEAD ? `text_model.${HEAD}` : `text_model.${name}`);
  await write(directory, config, [...policyTensors(rename), ...movqTensors("vqmodel.")]);
  writeTextTokenizer(directory);
}

/** As BAAI published it: language model with its text tokenizer, and the vision tokenizer in a directory of its own. */
export async function writeOriginalCheckpoint(
  directory: string,
  vision: string,
  area: number,
): Promise<void> {
  const config = { ...policyConfigJson(POLICY), model_type: "Emu3", image_area: area };
  await write(
    directory,
    config,
    policyTensors((name) => name),
  );
  writeTextTokenizer(directory);
  const movq = {
    model_type: "Emu3VisionVQ",
    ch: 32,
    ch_mult: [1, 1],
    num_res_blocks: 1,
    attn_resolutions: [],
  };
  await write(vision, movq, movqTensors(""));
}
