/** I2EBench's questions: the share of edits of which the right answer is given. */

import { wilsonInterval } from "../../algorithms/statistics.ts";
import type { Measure, QuestionAsker } from "../benchmark.ts";

/** Undefined where the edit has no question, or its judge failed: that is no wrong answer. */
export function questionScore(asker: QuestionAsker): Measure {
  return {
    name: "question",
    label: "questions",
    unit: "share",
    range: [0, 1],
    estimate: (values) => wilsonInterval(values.filter((value) => value === 1).length, values.length),
    of: async ({ edit: { expected }, picture }) => {
      if (picture === undefined || expected?.question === undefined) return undefined;
      const isRight = await asker.isRight(picture, expected.question);
      return isRight === undefined ? undefined : Number(isRight);
    },
  };
}
