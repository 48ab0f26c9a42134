/** A reward: what a completion's picture is scored by. */

import type { Picture } from "../images/picture.ts";
import type { JudgeVerdict } from "../judge/verdict.ts";

/** One edit to be scored: what was asked for, and the picture that came of it. */
export interface DecodedEdit {
  readonly exampleId: string;
  readonly instruction: string;
  readonly source: Picture;
  readonly edited: Picture;
  /** Absent where the dataset has none, as is `mask`; a reward that needs one declares it in `needs`. */
  readonly target?: Picture;
  /** Where the edit is meant to happen. */
  readonly mask?: Picture;
}

/** What an edit may bring along for a reward, and what a reward may need. */
export type EditNeed = "target" | "mask";

export interface ScoreOptions {
  /** When it aborts, `score` rejects with its reason, soon, and leaves no call running. */
  readonly signal: AbortSignal;
}

export interface Reward extends AsyncDisposable {
  /** Its name in metrics. */
  readonly name: string;
  /** What every edit must have. An edit without it comes back `unparsable`, never as 0. */
  readonly needs: readonly EditNeed[];
  /** Least and greatest score. */
  readonly range: readonly [number, number];
  /** It waits for somebody else: what it is asked soon it answers while more is written. */
  readonly asksServer?: boolean;
  /** What a manifest has to say for its scores to be made again: a model's name, a hash of its prompts. */
  readonly provenance?: Readonly<Record<string, string>>;
  /**
   * One verdict an edit, in order; may call a server and take its time. A single bad edit gives a failed verdict and
   * never throws.
   */
  score(edits: readonly DecodedEdit[], options: ScoreOptions): Promise<JudgeVerdict[]>;
}
