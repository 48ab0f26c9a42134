/** What a checkpoint was taught to write beside pictures: the config of the run that it lies in says so. */

import { existsSync, readFileSync } from "node:fs";

import { runOfCheckpoint } from "../runs/checkpoint.ts";
import { parseRunConfig } from "./run-config.ts";

export interface TaughtWriting {
  /** A thought before the picture. */
  readonly thought: boolean;
  /** The picture's "rows*columns". */
  readonly freeGridText: boolean;
}

/** Neither, of a checkpoint that lies in no run. Throws ConfigError where the run's config is not one of this version. */
export function taughtWriting(checkpoint: string): TaughtWriting {
  const path = runOfCheckpoint(checkpoint)?.config;
  if (path === undefined || !existsSync(path)) return { thought: false, freeGridText: false };
  const { data, policy } = parseRunConfig(readFileSync(path, "utf8"), path);
  return { thought: data.thoughts, freeGridText: policy.freeGridText };
}
