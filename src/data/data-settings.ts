/** Settings of the data: where edit examples come from. */

import { z } from "zod";

export const DataSettings = z.strictObject({
  directory: z.string().describe("Folder with train-*, validation-* and test-* parquet files."),
  rlDirectory: z
    .string()
    .optional()
    .describe(
      "Folder whose train-* files the GRPO stage takes prompts and targets from; `directory` unless given.",
    ),
  thoughts: z.boolean().default(false).describe("Teach the policy to write the thought before the picture."),
});

export type DataSettings = z.infer<typeof DataSettings>;
