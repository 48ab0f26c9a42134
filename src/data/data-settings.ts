/** Settings of the data: where edit examples come from. */

import { z } from "zod";

import { choiceOf } from "../config/choice.ts";
import { path, share } from "../config/ranges.ts";
import { MOST_BROKEN_SHARE } from "./broken-rows.ts";
import { DATASETS } from "./open-dataset.ts";
import { thoughtOptions } from "./thoughts/with-thoughts.ts";
import { leaveOutOption } from "./without-rows.ts";

export const DataSettings = choiceOf(DATASETS, {
  standard: "omniedit",
  common: {
    ...thoughtOptions,
    ...leaveOutOption,
    rlDirectory: path
      .optional()
      .describe(
        "Folder whose train-* files the GRPO stage takes prompts and targets from; `directory` unless given.",
      ),
    thoughts: z
      .boolean()
      .default(false)
      .describe("Teach the policy to write the thought before the picture."),
    maxBrokenShare: share
      .default(MOST_BROKEN_SHARE)
      .describe("Share of the rows seen that may be unreadable before the run stops; fewer are left out."),
  },
});

export type DataSettings = z.infer<typeof DataSettings>;
