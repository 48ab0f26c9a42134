/** Prepared edits as a kind of dataset: what `earl data prepare` wrote. */

import { z } from "zod";

import { path } from "../../config/ranges.ts";
import type { DatasetKind } from "../dataset-kind.ts";

const PreparedOptions = z.strictObject({
  directory: path.describe("Folder that `earl data prepare` wrote: prepared.json and parquet files."),
});

export const PREPARED: DatasetKind<typeof PreparedOptions> = {
  about: "Code grids of pictures that were encoded before, as `earl data prepare` writes them.",
  options: PreparedOptions,
  open: async ({ directory }, { split }) => {
    const { openPrepared } = await import("./prepared-dataset.ts");
    return openPrepared(directory, split);
  },
};
