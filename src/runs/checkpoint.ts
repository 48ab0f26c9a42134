/**
 * The checkpoints of a run: folders checkpoints/<stage>-<step>/ in Hugging Face layout, each with a state.json that
 * says where the run was. Pointers beside them name the latest one and the best of each stage.
 */

import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { z } from "zod";

import { CheckpointError } from "../errors.ts";
import { StageName, STAGES, type Stage } from "./event.ts";
import { readJson, RunDirectory } from "./run-directory.ts";

/** Name of the best checkpoint of each stage that has one. */
export type BestCheckpoints = Readonly<Partial<Record<Stage, string>>>;

const CheckpointState = z.object({
  stage: StageName,
  step: z.int().min(0),
  /** Whatever the loop gave. */
  loop: z.unknown(),
  best: z.partialRecord(StageName, z.string()),
  /** Length of events.jsonl when this checkpoint was saved, its own event included. */
  eventsBytes: z.int().min(0),
});
export type CheckpointState = z.infer<typeof CheckpointState>;

export interface Checkpoint {
  readonly name: string;
  readonly path: string;
  readonly state: CheckpointState;
}

const CHECKPOINT_NAME = new RegExp(`^(${STAGES.join("|")})-\\d+$`);

export function checkpointName(stage: Stage, step: number): string {
  return `${stage}-${String(step).padStart(6, "0")}`;
}

/** The complete checkpoints of a run, oldest first. A folder whose state.json is missing or damaged is not one. */
export function listCheckpoints(directory: RunDirectory): Checkpoint[] {
  if (!existsSync(directory.checkpoints)) return [];
  return readdirSync(directory.checkpoints)
    .filter((name) => CHECKPOINT_NAME.test(name))
    .flatMap((name): Checkpoint[] => {
      const path = join(directory.checkpoints, name);
      const state = readState(path);
      return state === undefined ? [] : [{ name, path, state }];
    })
    .toSorted((left, right) => left.state.eventsBytes - right.state.eventsBytes);
}

function readState(path: string): CheckpointState | undefined {
  try {
    return CheckpointState.parse(readJson(join(path, "state.json")));
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
  return best === undefined ? newest.path : join(run.checkpoints, best);
}

/** The run that a checkpoint folder belongs to, where it still lies in one. */
export function runOfCheckpoint(path: string): RunDirectory | undefined {
  const parent = dirname(path);
  if (basename(parent) !== "checkpoints") return undefined;
  const run = new RunDirectory(dirname(parent));
  return run.exists() ? run : undefined;
}
