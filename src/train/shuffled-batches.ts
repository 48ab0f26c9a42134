/**
 * The order in which training examples come: every epoch is a fresh shuffle of all of them, derived from the seed and
 * the epoch's number. A batch is a function of its step, so a resumed run needs no place in a stream.
 */

import { DataError } from "../errors.ts";
import { Rng } from "../random.ts";

/** The numbers of a step's examples; steps count from 0. Throws DataError where there are no examples. */
export function shuffledBatches(
  count: number,
  batchSize: number,
  order: { readonly seed: number; readonly purpose: string },
): (step: number) => number[] {
  if (count === 0) {
    throw new DataError("There are no training examples.", {
      hint: "Check data.directory: it needs train-* files with rows.",
    });
  }
  const indices = Array.from({ length: count }, (_, index) => index);
  let known: { epoch: number; shuffled: number[] } | undefined;
  const epochOf = (epoch: number): number[] => {
    if (known?.epoch !== epoch) {
      known = { epoch, shuffled: Rng.from(order.seed, order.purpose, epoch).shuffled(indices) };
    }
    return known.shuffled;
  };
  return (step) =>
    Array.from({ length: batchSize }, (_, index) => {
      const position = step * batchSize + index;
      return epochOf(Math.floor(position / count))[position % count]!;
    });
}
