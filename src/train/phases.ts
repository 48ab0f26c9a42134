/** What a stage trains on: the same edits throughout, or one set after another. */

import type { PreparedEdits } from "../edits/prepared-edit.ts";

/** Edits that are trained on for some steps; the last ones to the end, however long a resumed run makes the stage. */
export interface Phase {
  readonly edits: PreparedEdits;
  readonly steps?: number | undefined;
}

export type TrainingEdits = PreparedEdits | readonly Phase[];

/** The phase that a step, counted from 0, belongs to; `start` is the phase's first one. */
export function phaseAt(
  training: TrainingEdits,
  step: number,
): { readonly edits: PreparedEdits; readonly index: number; readonly start: number } {
  if ("take" in training) return { edits: training, index: 0, start: 0 };
  let start = 0;
  for (const [index, { edits, steps }] of training.entries()) {
    if (index === training.length - 1 || steps === undefined || step < start + steps) {
      return { edits, index, start };
    }
    start += steps;
  }
  throw new RangeError("A stage needs something to train on.");
}
