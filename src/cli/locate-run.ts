/** Runs by name: what is no path here may be a run of runs/. */

import { existsSync } from "node:fs";
import { join } from "node:path";

/** The path itself where it exists, else runs/<path> where that does, else the path, for the reader to complain about. */
export function locateRun(path: string): string {
  const named = join("runs", path);
  return !existsSync(path) && existsSync(named) ? named : path;
}
