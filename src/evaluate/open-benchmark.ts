/** The front door of benchmarks: every kind by name. A new benchmark is a file and a line in the table. */

import type { z } from "zod";

import { choiceOf, openChoice } from "../config/choice.ts";
import { label } from "../config/ranges.ts";
import { namedList, nameOf } from "../config/named-list.ts";
import type { Benchmark, BenchmarkContext, InstrumentKind } from "./benchmark.ts";
import { AURORA_BENCH } from "./benchmarks/aurora-bench.ts";
import { EMUEDIT } from "./benchmarks/emuedit.ts";
import { GEDIT_CN, GEDIT_EN } from "./benchmarks/gedit.ts";
import { I2EBENCH } from "./benchmarks/i2ebench.ts";
import { MAGICBRUSH_TEST } from "./benchmarks/magicbrush-test.ts";
import { OMNIEDIT_DEV } from "./benchmarks/omniedit-dev.ts";
import { VISMIN_EDITS } from "./benchmarks/vismin-edits.ts";
import { HELD_OUT } from "./held-out.ts";

export const BENCHMARKS = {
  "held-out": HELD_OUT,
  omniedit: OMNIEDIT_DEV,
  emuedit: EMUEDIT,
  aurora: AURORA_BENCH,
  magicbrush: MAGICBRUSH_TEST,
  vismin: VISMIN_EDITS,
  i2ebench: I2EBENCH,
  "gedit-en": GEDIT_EN,
  "gedit-cn": GEDIT_CN,
};

/** One benchmark of a list: its kind's options, and its name. */
export const BenchmarkChoice = choiceOf(BENCHMARKS, {
  common: {
    name: label.optional().describe("Its name in tables; its kind unless given."),
  },
});
export type BenchmarkChoice = z.infer<typeof BenchmarkChoice>;

/** The setting `evaluation.benchmarks`. */
export const BenchmarkList = namedList(BenchmarkChoice);

/** What some measures of these benchmarks are taken with. */
export function instrumentsOf(choices: readonly BenchmarkChoice[]): Set<InstrumentKind> {
  return new Set(choices.flatMap(({ kind }) => BENCHMARKS[kind].uses));
}

/** The benchmark that was chosen; its edits are read when it is opened. */
export function openBenchmark(choice: BenchmarkChoice, context: BenchmarkContext): Benchmark {
  const { name: _kind, ...benchmark } = openChoice<BenchmarkContext, Benchmark>(BENCHMARKS, choice, context);
  return { ...benchmark, name: nameOf(choice) };
}
