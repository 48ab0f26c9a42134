/** What an entry of the table of datasets is: options, an opener, and whose the data are. */

import type { z } from "zod";

import type { Variant } from "../config/choice.ts";
import type { DatasetCard } from "./dataset-card.ts";
import type { DatasetContext, EditDataset } from "./edit-dataset.ts";

export interface DatasetKind<Options extends z.ZodObject = z.ZodObject> extends Variant<
  DatasetContext,
  Promise<EditDataset>,
  Options
> {
  /** Absent where the data are the user's own. */
  readonly card?: DatasetCard;
}
