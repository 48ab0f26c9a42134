/** Opens the text tokenizer of a checkpoint directory, whichever of the two published forms lies there. */

import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "../errors.ts";
import { readPublishedFile } from "../policy/published-file.ts";
import type { BytePairTokenizer } from "./byte-pair-tokenizer.ts";
import { EMU3_RANKS_FILE, EMU3_VISION_FILE, readEmu3Tiktoken } from "./emu3-tiktoken.ts";
import { TOKENIZER_CONFIG_FILE } from "./instruction-length.ts";
import { readTokenizerJson } from "./tokenizer-json.ts";

/** The first file of each form. */
const TEXT_TOKENIZER_FILES = ["tokenizer.json", EMU3_RANKS_FILE];

/** Whether one lies there, in whichever form. */
export function hasTextTokenizer(directory: string): boolean {
  return TEXT_TOKENIZER_FILES.some((name) => existsSync(join(directory, name)));
}

/** Throws CheckpointError where the directory or a file of the tokenizer is missing or damaged. */
export async function openTextTokenizer(directory: string): Promise<BytePairTokenizer> {
  const names = new Set(await namesIn(directory));
  const read = (name: string): Promise<Uint8Array> =>
    readPublishedFile(join(directory, name), "Check its permissions.");
  if (names.has(EMU3_RANKS_FILE) && names.has(EMU3_VISION_FILE)) {
    return readEmu3Tiktoken(await read(EMU3_RANKS_FILE), await read(EMU3_VISION_FILE));
  }
  if (names.has("tokenizer.json")) {
    const config = TOKENIZER_CONFIG_FILE;
    const others = new Map(names.has(config) ? [[config, await read(config)]] : []);
    return readTokenizerJson(await read("tokenizer.json"), others);
  }
  const missing = names.has(EMU3_RANKS_FILE)
    ? `${EMU3_RANKS_FILE} is there, but ${EMU3_VISION_FILE} is not`
    : `neither tokenizer.json nor ${EMU3_RANKS_FILE} with ${EMU3_VISION_FILE} is there`;
  throw new CheckpointError(`${directory} has no text tokenizer: ${missing}.`, {
    hint: "Put them beside the weights, or name their directory: --tokenizer DIR, policy.tokenizer in a config.",
  });
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    throw new CheckpointError(`Cannot read the checkpoint directory ${directory}.`, {
      hint: "Check the path; it must be a directory with config.json, weights and tokenizer files.",
      cause,
    });
  }
}
