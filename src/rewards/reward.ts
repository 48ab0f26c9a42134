/** A reward: what a completion's picture is scored by. */

import type { Picture } from "../images/picture.ts";
import type { Verdict } from "../judge/verdict.ts";

/** One edit to be scored. */
export interface ScoredEdit {
  readonly exampleId: string;
  readonly instruction: string;
  readonly source: Picture;
  /** Absent where the dataset has none; a reward that needs it says so. */
  readonly target?: Picture;
  /** Absent where the completion could not be decoded; `problem` then says why. */
  readonly edited?: Picture;
  readonly problem?: string;
}

export interface Reward {
  readonly name: string;
  /** One verdict an edit, in order; may call a server and take its time. Never throws for a single bad edit. */
  score(edits: readonly ScoredEdit[]): Promise<Verdict[]>;
}
