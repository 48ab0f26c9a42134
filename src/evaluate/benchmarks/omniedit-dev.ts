/** OmniEdit's dev split, as EARL measures on it: all 700 rows, the first instruction of each. */

import { openOmniEdit } from "../../data/omniedit-dataset.ts";
import { openParquetSplit } from "../../data/split-tables.ts";
import { clipI } from "../measures/picture-likeness.ts";
import { publishedBenchmark } from "./published-benchmark.ts";

const counts = { addition: 100, removal: 100, swap: 200, attribute_modification: 100, env: 100, style: 100 };

export const OMNIEDIT_DEV = publishedBenchmark({
  name: "omniedit",
  about: "OmniEdit dev (TIGER-Lab/OmniEdit-Filtered-1.2M): 700 edits of six kinds.",
  home: "hf://TIGER-Lab/OmniEdit-Filtered-1.2M",
  examples: async (directory, check) => {
    await check(await openParquetSplit(directory, "validation"), {
      title: "OmniEdit dev",
      rows: 700,
      by: { column: "task", counts },
    });
    return openOmniEdit(directory, "validation");
  },
  measures: { clip: [clipI] },
});
