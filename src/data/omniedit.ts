/** OmniEdit as a kind of dataset: its options, and what opens it. What its files hold is read by omniedit-dataset.ts. */

import { z } from "zod";

import { path } from "../config/ranges.ts";
import type { DatasetCard } from "./dataset-card.ts";
import type { DatasetKind } from "./dataset-kind.ts";

const OmniEditOptions = z.strictObject({
  directory: path.describe(
    "Folder of the parquet files: train-*, validation-* or dev-*, and test-*, in it, in its data/ or in folders named after the splits.",
  ),
});

const CARD: DatasetCard = {
  title: "OmniEdit",
  hub: "TIGER-Lab/OmniEdit-Filtered-1.2M",
  page: "https://huggingface.co/datasets/TIGER-Lab/OmniEdit-Filtered-1.2M",
  licence: "MIT",
  size: "train 1,202,797 (2.85 TB), dev 700 (1.5 GB)",
};

export const OMNIEDIT: DatasetKind<typeof OmniEditOptions> = {
  card: CARD,
  about: "Parquet files with the columns of OmniEdit, as `earl data scenes` writes them.",
  options: OmniEditOptions,
  open: async ({ directory }, { split }) => {
    // A command that reads no pictures need not load what decodes them.
    const { openOmniEdit } = await import("./omniedit-dataset.ts");
    return openOmniEdit(directory, split);
  },
};
