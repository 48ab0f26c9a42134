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

/** A sentence for each flag that lets the checkpoint write as it was taught to, and was not given. */
export function unaskedWriting(
  checkpoint: string,
  { thought = false, freeGridText = false }: { readonly thought?: boolean; readonly freeGridText?: boolean },
): string[] {
  const taught = taughtWriting(checkpoint);
  return [
    ...(taught.thought && !thought
      ? ["Its run taught this checkpoint to write a thought before the picture: --thought lets it."]
      : []),
    ...(taught.freeGridText && !freeGridText
      ? ["Its run taught this checkpoint to write the grid itself: --free-grid-text lets it."]
      : []),
  ];
}
