/**
 * The checkpoints of a run: folders checkpoints/<stage>-<step>/ in Hugging Face layout, each with a state.json that
 * says where the run was. A folder is complete from the moment it has this file.
 */

import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { CheckpointError } from "../errors.ts";
import { isCheckpointName } from "./checkpoint-name.ts";
import { readState, type CheckpointState } from "./checkpoint-state.ts";
import { RunDirectory } from "./run-directory.ts";

export interface Checkpoint {
  readonly name: string;
  readonly path: string;
  readonly state: CheckpointState;
}

/**
 * The complete checkpoints of a run, oldest first. A folder whose state.json is missing or damaged is not one, nor is
 * one that another run saved; where the run's events are not there, all count.
 */
export function listCheckpoints(directory: RunDirectory): Checkpoint[] {
  if (!existsSync(directory.checkpoints)) return [];
  const start = directory.readStart();
  return readdirSync(directory.checkpoints)
    .filter(isCheckpointName)
    .flatMap((name): Checkpoint[] => {
      const path = join(directory.checkpoints, name);
      const state = readableState(path);
      if (state === undefined || (start !== undefined && state.run !== start.id)) return [];
      return [{ name, path, state }];
    })
    .toSorted((left, right) => left.state.eventsBytes - right.state.eventsBytes);
}

function readableState(path: string): CheckpointState | undefined {
  try {
    return readState(path);
  } catch {
    return undefined;
  }
}

/**
 * The checkpoint that a path on the command line means: a checkpoint folder itself, or of a run its best one in the
 * last stage it reached (the latest where none was called best). Throws CheckpointError when there is none.
 */
export function resolveCheckpoint(path: string): string {
  if (["config.json", "adapter_config.json"].some((file) => existsSync(join(path, file)))) return path;
  const run = new RunDirectory(path);
  const newest = listCheckpoints(run).at(-1);
  if (newest === undefined) {
    throw new CheckpointError(`${path} is neither a checkpoint nor a run with checkpoints.`, {
      hint: "Give a folder with config.json and model.safetensors, an adapter's, or runs/<name>; `earl ls` lists the runs.",
    });
  }
  const best = newest.state.best[newest.state.stage];
  if (best === undefined) return newest.path;
  const found = join(run.checkpoints, best);
  if (existsSync(found)) return found;
  throw new CheckpointError(`${found}, the best checkpoint of the run, is not there.`, {
    hint: `Copy it back, or give another folder in ${run.checkpoints} itself.`,
  });
}

/** The run that a checkpoint folder belongs to, where it still lies in one. */
export function runOfCheckpoint(path: string): RunDirectory | undefined {
  const parent = dirname(path);
  if (basename(parent) !== "checkpoints") return undefined;
  const run = new RunDirectory(dirname(parent));
  return run.exists() ? run : undefined;
}
