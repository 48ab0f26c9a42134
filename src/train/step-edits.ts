/**
 * The edits that each training step works on. Every epoch is a fresh shuffle of all of them, derived from the seed, the
 * phase and the epoch's number: what a step gets is a function of its number, so a resumed run needs no place in a stream.
 */

import { DataError } from "../errors.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import { Rng } from "../random.ts";
import { phaseAt, type TrainingEdits } from "./phases.ts";

export interface StepEditsOrder {
  /** Edits a step. */
  readonly size: number;
  /** Steps of the stage; none is made ready beyond them. */
  readonly steps: number;
  readonly seed: number;
  /** What the order is for; another purpose has another order. */
  readonly purpose: string;
}

/** What the stages' orders are for. */
export const ORDER_OF = { sft: "sft/epoch", grpo: "grpo/epoch" } as const;

/**
 * The edits of a step, counted from 0. Those of the step after it are made ready meanwhile; where that fails, it shows
 * when their step comes. Throws DataError where there are no edits.
 */
export function stepEdits(
  training: TrainingEdits,
  order: StepEditsOrder,
): (step: number) => Promise<PreparedEdit[]> {
  const numbersOf = stepNumbers((step) => phaseAt(training, step), order);
  const taken = (step: number): Promise<PreparedEdit[]> =>
    phaseAt(training, step).edits.take(numbersOf(step));
  let ahead: { readonly step: number; readonly batch: Promise<PreparedEdit[]> } | undefined;
  return (step) => {
    const batch = ahead?.step === step ? ahead.batch : taken(step);
    ahead = undefined;
    if (step + 1 < order.steps) {
      const next = taken(step + 1);
      next.catch(() => undefined);
      ahead = { step: step + 1, batch: next };
    }
    return batch;
  };
}

/** What the order needs to know of a phase. */
interface OrderedPhase {
  readonly edits: { readonly count: number };
  readonly index: number;
  readonly start: number;
}

/** The numbers of the edits of a step, within its phase. Throws DataError where a phase has no edits. */
export function stepNumbers(
  phaseOf: (step: number) => OrderedPhase,
  { size, seed, purpose }: Omit<StepEditsOrder, "steps">,
): (step: number) => number[] {
  let known: { readonly key: string; readonly shuffled: readonly number[] } | undefined;
  const shuffledOf = (phase: number, count: number, epoch: number): readonly number[] => {
    const key = `${phase} ${epoch}`;
    if (known?.key !== key) {
      const numbers = Array.from({ length: count }, (_, number) => number);
      const name = phase === 0 ? purpose : `${purpose}/${phase}`;
      known = { key, shuffled: Rng.from(seed, name, epoch).shuffled(numbers) };
    }
    return known.shuffled;
  };
  requireSome(phaseOf(0));
  return (step) => {
    const phase = phaseOf(step);
    requireSome(phase);
    const { count } = phase.edits;
    return Array.from({ length: size }, (_, index) => {
      const position = (step - phase.start) * size + index;
      return shuffledOf(phase.index, count, Math.floor(position / count))[position % count]!;
    });
  };
}

function requireSome({ edits }: OrderedPhase): void {
  if (edits.count > 0) return;
  throw new DataError("There are no training examples.", {
    hint: "Check data.directory: it needs train-* files with rows.",
  });
}
