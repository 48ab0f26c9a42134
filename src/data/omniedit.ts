/** OmniEdit as a kind of dataset: its options, and what opens it. What its files hold is read by omniedit-dataset.ts. */

import { z } from "zod";

import type { Variant } from "../config/choice.ts";
import { path } from "../config/ranges.ts";
import type { DatasetContext, EditDataset } from "./edit-dataset.ts";

const OmniEditOptions = z.strictObject({
  directory: path.describe(
    "Folder of the parquet files: train-*, validation-* or dev-*, and test-*, in it, in its data/ or in folders named after the splits.",
  ),
});

export const OMNIEDIT: Variant<DatasetContext, Promise<EditDataset>, typeof OmniEditOptions> = {
  about: "Parquet files with the columns of OmniEdit, as `earl data scenes` writes them.",
  options: OmniEditOptions,
  open: async ({ directory }, { split }) => {
    // A command that reads no pictures need not load what decodes them.
    const { openOmniEdit } = await import("./omniedit-dataset.ts");
    return openOmniEdit(directory, split);
  },
};
