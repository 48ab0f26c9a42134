/** Data of one stage alone: datasets that it trains on one after another. */

import { z } from "zod";

import { choiceOf } from "../config/choice.ts";
import { steps } from "../config/ranges.ts";
import { DATASETS } from "./open-dataset.ts";
import { thoughtOptions } from "./thoughts/with-thoughts.ts";
import { leaveOutOption } from "./without-rows.ts";

const Entry = choiceOf(DATASETS, {
  standard: "omniedit",
  common: {
    ...thoughtOptions,
    ...leaveOutOption,
    steps: steps(1)
      .optional()
      .describe("Steps on it before the next one comes. The last one has none: it is trained on to the end."),
  },
});

export const StageData = z
  .array(Entry)
  .min(1)
  .check(({ value, issues }) => {
    for (const [index, { steps: asked }] of value.entries()) {
      const isLast = index === value.length - 1;
      if (isLast === (asked === undefined)) continue;
      const message = isLast
        ? "is only said where another dataset follows; the last one is trained on to the end"
        : "is missing: another dataset follows this one";
      issues.push({ code: "custom", input: value, path: [index, "steps"], message });
    }
  });
export type StageData = z.infer<typeof StageData>;
