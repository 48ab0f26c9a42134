/** I2EBench's sixteen tasks: how many edits each has, and what is asked of an edited picture. */

import { textOf } from "../../data/cells.ts";
import type { EditExample, ExpectedEdit } from "../../data/edit-dataset.ts";

interface Task {
  readonly rows: number;
  /** Its folder of pictures that edits are compared with: the true ones, or where nothing may be seen to differ. */
  readonly beside?: "gt" | "mask";
}

export const I2EBENCH_TASKS: Readonly<Record<string, Task>> = {
  // A model answers a question about the picture.
  BGReplacement: { rows: 139 },
  ColorAlteration: { rows: 138 },
  Counting: { rows: 135 },
  DirectionPerception: { rows: 136 },
  ObjectRemoval: { rows: 139 },
  Replacement: { rows: 136 },
  // CLIP says how much it has a style.
  StyleAlteration: { rows: 140 },
  // It is as similar to the source as it can be outside a region.
  RegionAccuracy: { rows: 140, beside: "mask" },
  // It is as similar to the true picture as it can be.
  Deblurring: { rows: 140, beside: "gt" },
  HazeRemoval: { rows: 155, beside: "gt" },
  Lowlight: { rows: 140, beside: "gt" },
  NoiseRemoval: { rows: 120, beside: "gt" },
  RainRemoval: { rows: 140, beside: "gt" },
  ShadowRemoval: { rows: 140, beside: "gt" },
  SnowRemoval: { rows: 140, beside: "gt" },
  WatermarkRemoval: { rows: 140, beside: "gt" },
};

/** What is asked of the edited picture, by the keys of a published record. */
export function expectedOf(record: Readonly<Record<string, unknown>>): Pick<EditExample, "expected"> {
  const [style, text, answer] = ["style", "Evaluation", "Answer"].map((key) => textOf(record[key]));
  const expected: ExpectedEdit = {
    ...(style !== undefined && { style }),
    ...(text !== undefined && answer !== undefined && { question: { text, answer } }),
  };
  return Object.keys(expected).length === 0 ? {} : { expected };
}
