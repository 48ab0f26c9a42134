/** What stands beside an encoder's weights, checked against each other. Throws CheckpointError where something is missing. */

import { readClipConfig, type ClipConfig } from "./clip-config.ts";
import { ClipTokenizer } from "./clip-tokenizer.ts";
import type { Preprocessing } from "./preprocessing.ts";
import { clipPreprocessing, dinoPreprocessing } from "./preprocessor-file.ts";
import { requireSide } from "./require-side.ts";
import { readVitConfig, type VitConfig } from "./vit-config.ts";

export interface ClipFiles {
  readonly config: ClipConfig;
  readonly rule: Preprocessing;
  readonly tokenizer: ClipTokenizer;
}

export async function readClipFiles(directory: string): Promise<ClipFiles> {
  const config = await readClipConfig(directory);
  const rule = await clipPreprocessing(directory);
  requireSide(rule, config.vision.side, directory);
  return { config, rule, tokenizer: await ClipTokenizer.open(directory) };
}

export interface VitFiles {
  readonly config: VitConfig;
  readonly rule: Preprocessing;
}

export async function readVitFiles(directory: string): Promise<VitFiles> {
  const config = await readVitConfig(directory);
  const rule = await dinoPreprocessing(directory, config.side);
  requireSide(rule, config.side, directory);
  return { config, rule };
}
