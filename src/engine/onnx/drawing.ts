/**
 * How the ids after a decode step are found: forced ones as they are, the others drawn from the part of the vocabulary
 * that the grammar allows, with or without guidance.
 */

import type { PolicyConfig } from "../../policy/config.ts";
import {
  add,
  cast,
  equal,
  exp,
  less,
  lessOrEqual,
  minimum,
  multiply,
  subtract,
  where,
} from "../../tensor/ops/elementwise.ts";
import { gatherLast } from "../../tensor/ops/gather.ts";
import { constant, input, scalar } from "../../tensor/ops/leaves.ts";
import { logSoftmax } from "../../tensor/ops/normalize.ts";
import { sum } from "../../tensor/ops/broadcast.ts";
import { max } from "../../tensor/ops/reduce.ts";
import { cumulativeSum, largest } from "../../tensor/ops/sampling.ts";
import { reshape, slice } from "../../tensor/ops/shape.ts";
import type { Value } from "../../tensor/value.ts";
import type { Segment } from "../../tokens/grammar.ts";
import { drawnFrom, type Drawing } from "../generation-run.ts";
import { segmentLogits } from "./head.ts";

/** Of a run of decode steps, what concerns drawing. */
export interface RunShape {
  /** P prefixes; where guided, twice the prompts. */
  readonly prompts: number;
  readonly groupSize: number;
  /** N tokens that every row goes on by. */
  readonly steps: number;
  /** Indices of the segments that some row draws from; none where all tokens are forced. */
  readonly drawn: readonly number[];
  /** Prefixes come in pairs, the prompt and then the same without its instruction; both write the same token. */
  readonly isGuided: boolean;
}

/**
 * Classifier-free guidance (Ho & Salimans 2022, eq. 6): u + G · (c − u) of each pair, [P·G, D] to [P·G / 2, D]. Emu3's
 * code does this to the log-softmax of all logits, before it cuts them to the ids that may follow and divides by the
 * temperature. The head is linear and a row's normaliser is the same for every id, so combining the rows before the
 * head gives the same distribution at half of the head's cost.
 */
function guidedRows(rows: Value, guidance: Value, { prompts, groupSize }: RunShape): Value {
  const [pairs, width] = [prompts / 2, rows.shape[1] as number];
  const split = reshape(rows, [pairs, 2, groupSize * width]);
  const half = (index: number): Value =>
    reshape(slice(split, 1, index, index + 1), [pairs * groupSize, width]);
  const unconditional = half(1);
  return add(unconditional, multiply(subtract(half(0), unconditional), guidance));
}

/** What follows in each of the D rows: int64 [D], and the log-probability where it was drawn, else 0, [D]. */
export interface Choice {
  readonly ids: Value;
  readonly logprobs: Value;
}

/** How the ids after a step are found: those that are forced as they are, the others drawn from their segment. */
export function tokenChoice(
  config: PolicyConfig,
  shape: RunShape,
  segments: readonly Segment[],
  drawing: Drawing,
): (rows: Value, step: number) => Choice {
  const { steps, isGuided } = shape;
  const count = (shape.prompts * shape.groupSize) / (isGuided ? 2 : 1);
  const forced = input("forced", [steps, count], "int64");
  const ofStep = (values: Value, step: number): Value => reshape(slice(values, 0, step, step + 1), [count]);
  if (shape.drawn.length === 0) {
    return (_rows, step) => ({ ids: ofStep(forced, step), logprobs: scalar(0) });
  }
  const [uniform, inverseTemperature] = [input("uniform", [steps, count]), input("inverseTemperature", [])];
  const guidance = input("guidance", []);
  const drawn = shape.drawn.map((index) => {
    const segment = segments[index] as Segment;
    return {
      segment,
      head: input(`head.${index}`, [segment.end - segment.start, config.hiddenSize]),
      mark: constant(BigInt64Array.of(drawnFrom(index)), [1]),
      first: constant(BigInt64Array.of(BigInt(segment.start)), [1]),
    };
  });
  return (rows, step) => {
    const final = isGuided ? guidedRows(rows, guidance, shape) : rows;
    const given = ofStep(forced, step);
    let choice: Choice = { ids: given, logprobs: scalar(0) };
    for (const { segment, head, mark, first } of drawn) {
      const logprobs = logSoftmax(segmentLogits(final, head, segment, inverseTemperature));
      const place = draw(logprobs, reshape(ofStep(uniform, step), [count, 1]), drawing);
      const isHere = equal(given, mark);
      choice = {
        ids: where(isHere, add(reshape(place, [count]), first), choice.ids),
        logprobs: where(isHere, reshape(gatherLast(logprobs, place), [count]), choice.logprobs),
      };
    }
    return choice;
  };
}

/** One index a row from [R, V] log-probabilities: inverse of the cumulative distribution at a uniform number. */
function draw(logprobs: Value, uniform: Value, { isGreedy, topK, topP }: Drawing): Value {
  const choices = logprobs.shape[1] as number;
  if (isGreedy) return largest(logprobs, 1);
  if (topK === 0 && topP === 1) return invert(exp(logprobs), uniform);

  // In falling order, so that "the likeliest k" and "the likeliest that reach p" are both a beginning.
  const order = largest(logprobs, topK === 0 ? choices : Math.min(topK, choices));
  const sorted = exp(gatherLast(logprobs, order));
  const before = subtract(cumulativeSum(sorted), sorted);
  const limit = multiply(sum(sorted, [-1], true), scalar(topP));
  const kept = topP === 1 ? sorted : where(less(before, limit), sorted, scalar(0));
  return gatherLast(order, invert(kept, uniform));
}

/** How many running sums of [R, V] weights lie at or below uniform · total: int64 [R, 1], never an index of weight 0. */
function invert(weights: Value, uniform: Value): Value {
  const running = cumulativeSum(weights);
  const total = max(running, [-1]);
  const passed = sum(cast(lessOrEqual(running, multiply(total, uniform)), "float32"), [-1], true);
  // A rounded product may reach the total itself; the last weight that counts is then the answer.
  const last = sum(cast(less(running, total), "float32"), [-1], true);
  return cast(minimum(passed, last), "int64");
}
