/** Directories of seeded random weights, written tensor by tensor: a policy in bfloat16, and Emu3's vision tokenizer. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { EMU3_CONFIG, type PolicyConfig } from "../../src/policy/config.ts";
import { parameterShapes } from "../../src/policy/parameters.ts";
import { SafetensorsWriter } from "../../src/policy/safetensors-writer.ts";
import { savePolicyDirectory } from "../../src/policy/save-policy.ts";
import { parseMovqConfig } from "../../src/tokens/movq/config-file.ts";
import { allMovqShapes } from "../../src/tokens/movq/parameters.ts";
import { randomTensors } from "./random-tensors.ts";

/** The published sizes; and some that two cores get through, to see that the program works. */
export const SHAPES: Readonly<Record<"emu3" | "tiny", PolicyConfig>> = {
  emu3: EMU3_CONFIG,
  tiny: {
    ...EMU3_CONFIG,
    vocabularySize: 1200,
    hiddenSize: 64,
    intermediateSize: 128,
    layers: 2,
    heads: 4,
    keyValueHeads: 2,
    headSize: 16,
    bosId: 1,
    eosId: 2,
    padId: 0,
  },
};

export async function writeRandomPolicy(directory: string, config: PolicyConfig): Promise<void> {
  const shapes = parameterShapes(config).map(({ name, shape }) => [name, shape] as const);
  await savePolicyDirectory(directory, config, randomTensors(shapes), { type: "BF16" });
}

const MOVQ_FILES = {
  emu3: { model_type: "Emu3VisionVQ" },
  tiny: {
    model_type: "Emu3VisionVQ",
    codebook_size: 50,
    ch: 32,
    ch_mult: [1, 1],
    num_res_blocks: 1,
    attn_resolutions: [],
  },
} as const;

export async function writeRandomMovq(directory: string, size: "emu3" | "tiny"): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "config.json"), JSON.stringify(MOVQ_FILES[size]));
  const { config } = parseMovqConfig(MOVQ_FILES[size], "config.json");
  const shapes = allMovqShapes(config);
  const planned = Array.from(shapes, ([name, shape]) => ({ name, shape }));
  const writer = await SafetensorsWriter.create(join(directory, "model.safetensors"), planned, "F32");
  for (const [name, values] of randomTensors(shapes)) await writer.write(name, values);
  await writer.finish();
}
