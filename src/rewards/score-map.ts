/**
 * From scores to rewards: a judge's score has the judge's range, and what is trained on is made from it by a map that
 * the config declares. Each map knows the range of what it gives, so that ranges hold through sums and products.
 */

import { z } from "zod";

import { ConfigError } from "../errors.ts";
import { choiceOf, openChoice, type Variant } from "../config/choice.ts";
import { value } from "../config/ranges.ts";

/** Least and greatest value. */
export type Range = readonly [low: number, high: number];

export interface ScoreMap {
  readonly of: (score: number) => number;
  /** Of what `of` gives for scores of the range it was opened for. */
  readonly range: Range;
}

type MapVariant<Options extends z.ZodObject> = Variant<Range, ScoreMap, Options>;

const numbers = z.tuple([value, value]).readonly();

const identityOptions = z.strictObject({});

const IDENTITY: MapVariant<typeof identityOptions> = {
  about: "The score itself.",
  options: identityOptions,
  open: (_, range) => ({ of: (score) => score, range }),
};

const linearOptions = z.strictObject({
  from: numbers
    .refine(([first, second]) => first !== second, "two different scores are needed")
    .optional()
    .describe("Two scores; the ends of the reward's range unless given."),
  to: numbers
    .refine(([first, second]) => first !== second, "two different values are needed")
    .default([0, 1])
    .describe("What the two become; what lies between, and beyond, follows in proportion."),
});

const LINEAR: MapVariant<typeof linearOptions> = {
  about: "A line: one range becomes another.",
  options: linearOptions,
  open: ({ from, to }, range) => {
    const [start, end] = from ?? range;
    if (!Number.isFinite(end - start) || start === end) {
      throw new ConfigError(`A linear map cannot begin with the range ${start} to ${end} of its reward.`, {
        hint: "Say which scores are meant, for example map: { kind: linear, from: [0, 10] }.",
      });
    }
    const of = (score: number): number => to[0] + (to[1] - to[0]) * ((score - start) / (end - start));
    return { of, range: ordered(of(range[0]), of(range[1])) };
  },
};

const stepOptions = z.strictObject({
  at: value.describe("Least score that counts as reached."),
  below: value.default(0).describe("What a lower score becomes."),
  above: value.default(1).describe("What a score that reaches it becomes."),
});

const STEP: MapVariant<typeof stepOptions> = {
  about: "All or nothing: one value below a threshold, another from there on.",
  options: stepOptions,
  open: ({ at, below, above }, range) => {
    const of = (score: number): number => (score >= at ? above : below);
    return { of, range: ordered(of(range[0]), of(range[1])) };
  },
};

const clampOptions = z
  .strictObject({
    low: value.describe("What a lower score is raised to."),
    high: value.describe("What a higher score is lowered to."),
  })
  .refine(({ low, high }) => low <= high, { path: ["high"], message: "is below low" });

const CLAMP: MapVariant<typeof clampOptions> = {
  about: "The score, kept between two values.",
  options: clampOptions,
  open: ({ low, high }, range) => {
    const of = (score: number): number => Math.min(high, Math.max(low, score));
    return { of, range: ordered(of(range[0]), of(range[1])) };
  },
};

/** Every map, by kind. */
export const SCORE_MAPS = { identity: IDENTITY, linear: LINEAR, step: STEP, clamp: CLAMP };

/** How a score becomes a reward. */
export const ScoreMapChoice = choiceOf(SCORE_MAPS, { standard: "identity" });
export type ScoreMapChoice = z.infer<typeof ScoreMapChoice>;

/** The map for scores of a range. */
export function openScoreMap(choice: ScoreMapChoice, range: Range): ScoreMap {
  return openChoice<Range, ScoreMap>(SCORE_MAPS, choice, range);
}

function ordered(one: number, other: number): Range {
  return [Math.min(one, other), Math.max(one, other)];
}
