/** What a benchmark is: edits, what judges them, and what is measured. Kinds are in open-benchmark.ts. */

import type { Interval } from "../algorithms/statistics.ts";
import type { DatasetSplit, EditDataset } from "../data/edit-dataset.ts";
import type { PreparedEdit, PreparedEdits } from "../edits/prepared-edit.ts";
import type { Picture } from "../images/picture.ts";
import type { Verdict } from "../judge/verdict.ts";
import type { Reward } from "../rewards/reward.ts";
import type { LoggedMeasure } from "../runs/arm-result.ts";

/** An edit with what an arm made of it. */
export interface WrittenEdit {
  readonly edit: PreparedEdit;
  /** Absent where nothing could be decoded. */
  readonly picture?: Picture;
  readonly verdict: Verdict;
  /** True where every code equals the target's. */
  readonly isExact: boolean;
}

/** A figure of a table: taken of each edit, estimated over many. */
export interface Measure extends LoggedMeasure {
  /** Undefined where it cannot be taken; the edit then counts in no estimate of it. */
  readonly of: (written: WrittenEdit) => number | undefined | Promise<number | undefined>;
  /** The mean of at least one value with its 95 % interval. */
  readonly estimate: (values: readonly number[]) => Interval;
}

/** The edits of a benchmark, in an order that stays. */
export type BenchmarkEdits = PreparedEdits;

export interface Benchmark {
  /** In tables; the only one of its name in a run. */
  readonly name: string;
  /** What judges its edits. Whoever opened the reward closes it. */
  readonly reward: Reward;
  /** The first one is the headline. */
  readonly measures: readonly Measure[];
  readonly open: () => Promise<BenchmarkEdits>;
}

/** What a benchmark is made from. */
export interface BenchmarkContext {
  /** A split of the run's dataset, made ready for the policy. */
  readonly edits: (split: DatasetSplit) => Promise<PreparedEdits>;
  /** Another dataset, made ready for the policy. */
  readonly prepare: (dataset: EditDataset) => PreparedEdits;
  /** The run's. */
  readonly reward: Reward;
}
