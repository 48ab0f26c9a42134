/**
 * Removes checkpoints file by file, what was saved and nothing else: a note that somebody put beside the weights stays,
 * and its folder with it. One that is being removed is no checkpoint any more; what a kill leaves of it goes when the
 * run is opened again.
 */

import { existsSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

import { isCheckpointName } from "./checkpoint-name.ts";
import { readState, STATE_FILE, type CheckpointState } from "./checkpoint-state.ts";
import type { RunDirectory } from "./run-directory.ts";

/** What state.json is called while the other files are removed. */
const REMOVED_FILE = "removed.json";

/** Files of checkpoints that were saved before state.json listed them. */
const SAVED_FILE =
  /^((adapter_|generation_)?config\.json|(adapter_)?model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?|optimizer\.(json|safetensors)|(vision_)?tokenizer(_config)?\.json|[\w.-]+\.tiktoken|special_tokens_map\.json)$/;

/** Removes a complete checkpoint. */
export function removeCheckpoint(folder: string, state: CheckpointState): void {
  renameSync(join(folder, STATE_FILE), join(folder, REMOVED_FILE));
  removeFiles(folder, state);
}

/** Removes the rest of the run's checkpoints whose removal was interrupted. */
export function finishRemovals(directory: RunDirectory, run: string | undefined): void {
  if (!existsSync(directory.checkpoints)) return;
  for (const name of readdirSync(directory.checkpoints).filter(isCheckpointName)) {
    const folder = join(directory.checkpoints, name);
    const state = readState(folder, REMOVED_FILE);
    if (state !== undefined && state.run === run) removeFiles(folder, state);
  }
}

function removeFiles(folder: string, { files }: CheckpointState): void {
  const saved =
    files === undefined ? readdirSync(folder).filter((name) => SAVED_FILE.test(name)) : Object.keys(files);
  for (const file of saved) rmSync(join(folder, file), { force: true });
  rmSync(join(folder, REMOVED_FILE));
  const folders = new Set(saved.flatMap((file) => parentsOf(file)));
  for (const inner of [...folders].toSorted((a, b) => b.length - a.length)) removeEmpty(join(folder, inner));
  removeEmpty(folder);
}

/** The folders that a path within a checkpoint lies in: "a/b/c" lies in "a/b" and "a". */
function parentsOf(file: string): string[] {
  const parent = dirname(file);
  return parent === "." ? [] : [parent, ...parentsOf(parent)];
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Something of somebody else's is in it.
  }
}
