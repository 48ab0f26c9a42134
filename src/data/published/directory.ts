/** The option that every published dataset has. */

import { z } from "zod";

import { path } from "../../config/ranges.ts";

/** Where its files lie, whatever layout they have. */
export const directoryOption = {
  directory: path.describe(
    "Folder of its files as published; those of a split in it, in its data/, or deeper. Or files: a path, a pattern as data/train-*.parquet, an https:// or hf:// address.",
  ),
} satisfies z.ZodRawShape;
