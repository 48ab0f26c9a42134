/** What a benchmark is: edits, what judges them, and what is measured. Kinds are in open-benchmark.ts. */

import type { z } from "zod";

import type { Interval } from "../algorithms/statistics.ts";
import type { Variant } from "../config/choice.ts";
import type { DatasetSplit, EditDataset, ExpectedEdit } from "../data/edit-dataset.ts";
import type { PreparedEdit, PreparedEdits } from "../edits/prepared-edit.ts";
import type { PictureEncoder, PictureTextEncoder } from "../encoders/encoder.ts";
import type { Picture } from "../images/picture.ts";
import type { Verdict } from "../judge/verdict.ts";
import type { Reward } from "../rewards/reward.ts";
import type { LoggedMeasure } from "../runs/arm-result.ts";

/** What measures see of an edit. An edit made ready for a policy is one. */
export interface MeasuredEdit extends Pick<
  PreparedEdit,
  "id" | "task" | "instruction" | "source" | "target" | "captions" | "expected"
> {
  /** Where something changes; of the source's shape. */
  readonly mask?: Picture;
}

/** An edit with what an arm made of it. */
export interface WrittenEdit {
  readonly edit: MeasuredEdit;
  /** Absent where nothing could be decoded. */
  readonly picture?: Picture;
  readonly verdict: Verdict;
  /** Whether every code equals the target's; absent where there are none to compare. */
  readonly isExact?: boolean;
}

/** A figure of a table: taken of each edit, estimated over many. */
export interface Measure extends LoggedMeasure {
  /** Undefined where it cannot be taken; the edit then counts in no estimate of it. */
  readonly of: (written: WrittenEdit) => number | undefined | Promise<number | undefined>;
  /** The mean of at least one value with its 95 % interval. */
  readonly estimate: (values: readonly number[]) => Interval;
}

/** Whether a question about a picture is answered as it should be; a failed judge is no answer. */
export interface QuestionAsker {
  isRight(picture: Picture, question: NonNullable<ExpectedEdit["question"]>): Promise<boolean | undefined>;
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
  /** Its own measures that are not taken, as nobody named what they are taken with. */
  readonly leftOut?: readonly LeftOutMeasure[];
  readonly open: () => Promise<BenchmarkEdits>;
  /** True where its rows need not be those that everybody measures on: its figures compare with no others. */
  readonly isPartial?: boolean;
  /** The same edits as they are published, pictures at their own size; absent where they belong to a run. */
  readonly examples?: () => Promise<EditDataset>;
}

/** What a benchmark is made from. */
export interface BenchmarkContext {
  /** A split of the run's dataset, made ready for the policy. */
  readonly edits: (split: DatasetSplit) => Promise<PreparedEdits>;
  /** Another dataset, made ready for the policy. Throws ConfigError where it lacks what the reward needs. */
  readonly prepare: (dataset: EditDataset) => Promise<PreparedEdits>;
  /** The run's. */
  readonly reward: Reward;
  /** What pictures and texts are compared with; measures that need what is not there are not taken. */
  readonly instruments?: Instruments;
}

/** Opened by whoever opens benchmarks, and closed by them. */
export interface Instruments {
  readonly clip?: PictureTextEncoder;
  readonly dino?: PictureEncoder;
  /** Answers I2EBench's questions. */
  readonly questions?: QuestionAsker;
}
export type InstrumentKind = keyof Instruments;

/** A measure that a benchmark has and that is not taken. */
export interface LeftOutMeasure {
  readonly label: string;
  readonly needs: InstrumentKind;
}

/** An entry of the table of benchmarks. */
export type BenchmarkVariant<Options extends z.ZodObject> = Variant<BenchmarkContext, Benchmark, Options> & {
  /** What some of its measures are taken with. */
  readonly uses: readonly InstrumentKind[];
};
