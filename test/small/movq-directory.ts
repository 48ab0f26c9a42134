/** A MoVQ with seeded random weights as Emu3's is published: config.json and model.safetensors. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { SafetensorsWriter } from "../../src/policy/safetensors-writer.ts";
import { parseMovqConfig } from "../../src/tokens/movq/config-file.ts";
import { allMovqShapes, initialMovqParameters } from "../../src/tokens/movq/parameters.ts";

/** Two pixels a code, 50 codes. */
export const SMALL_MOVQ = {
  model_type: "Emu3VisionVQ",
  codebook_size: 50,
  ch: 32,
  ch_mult: [1, 1],
  num_res_blocks: 1,
  attn_resolutions: [],
  dropout: 0,
};

/** `change` may spoil the values that are written under a name. */
export async function writeMovqDirectory(
  directory: string,
  change: (name: string, values: Float32Array) => Float32Array = (_name, values) => values,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "config.json"), JSON.stringify(SMALL_MOVQ));
  const { config } = parseMovqConfig(SMALL_MOVQ, "config.json");
  const parameters = initialMovqParameters(config, 1);
  const stored = Array.from(allMovqShapes(config), ([name, shape]) => ({ name, shape }));
  const writer = await SafetensorsWriter.create(join(directory, "model.safetensors"), stored, "F32");
  for (const { name } of stored) await writer.write(name, change(name, parameters.get(name)!));
  await writer.finish();
}
