/**
 * The edits that each training step works on. Every epoch is a fresh shuffle of all of them, derived from the seed and the
 * epoch's number: what a step gets is a function of its number, so a resumed run needs no place in a stream.
 */

import { DataError } from "../errors.ts";
import type { PreparedEdit, PreparedEdits } from "../edits/prepared-edit.ts";
import { Rng } from "../random.ts";

export interface StepEditsOrder {
  /** Edits a step. */
  readonly size: number;
  /** Steps of the stage; none is made ready beyond them. */
  readonly steps: number;
  readonly seed: number;
  /** What the order is for; another purpose has another order. */
  readonly purpose: string;
}

/**
 * The edits of a step, counted from 0. Those of the step after it are made ready meanwhile; where that fails, it shows
 * when their step comes. Throws DataError where there are no edits.
 */
export function stepEdits(
  edits: PreparedEdits,
  order: StepEditsOrder,
): (step: number) => Promise<PreparedEdit[]> {
  const numbersOf = shuffledNumbers(edits.count, order);
  let ahead: { readonly step: number; readonly batch: Promise<PreparedEdit[]> } | undefined;
  return (step) => {
    const batch = ahead?.step === step ? ahead.batch : edits.take(numbersOf(step));
    ahead = undefined;
    if (step + 1 < order.steps) {
      const next = edits.take(numbersOf(step + 1));
      next.catch(() => undefined);
      ahead = { step: step + 1, batch: next };
    }
    return batch;
  };
}

function shuffledNumbers(count: number, { size, seed, purpose }: StepEditsOrder): (step: number) => number[] {
  if (count === 0) {
    throw new DataError("There are no training examples.", {
      hint: "Check data.directory: it needs train-* files with rows.",
    });
  }
  const numbers = Array.from({ length: count }, (_, number) => number);
  let known: { epoch: number; shuffled: number[] } | undefined;
  const epochOf = (epoch: number): number[] => {
    if (known?.epoch !== epoch) {
      known = { epoch, shuffled: Rng.from(seed, purpose, epoch).shuffled(numbers) };
    }
    return known.shuffled;
  };
  return (step) =>
    Array.from({ length: size }, (_, index) => {
      const position = step * size + index;
      return epochOf(Math.floor(position / count))[position % count]!;
    });
}
