/** A width that its heads share evenly: everything else about a config shows in the shapes of its weights. */

import { CheckpointError } from "../errors.ts";
import type { TransformerConfig } from "./transformer.ts";

/** Throws CheckpointError that names the file where heads do not divide the width. */
export function requireHeads({ width, heads }: TransformerConfig, path: string): void {
  if (width % heads === 0) return;
  throw new CheckpointError(`${path}: ${heads} heads do not divide a width of ${width}.`, {
    hint: "Download the config again.",
  });
}
