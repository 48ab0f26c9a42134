/** Learning rate over a stage: linear warm-up, then half a cosine down to a floor (Loshchilov & Hutter 2017, eq. 5). */

export interface Schedule {
  /** Highest learning rate. */
  readonly learningRate: number;
  /** Share of it that the last step has. */
  readonly minLearningRateShare: number;
  readonly warmupSteps: number;
  readonly steps: number;
}

/**
 * Learning rate of a step, counted from 0. Step `warmupSteps − 1` is the first at the peak, step `steps − 1` is at the
 * floor; no step has rate 0, which would be a step thrown away.
 *
 * @example
 * learningRateAt({ learningRate: 1, minLearningRateShare: 0, warmupSteps: 4, steps: 100 }, 0); // => 0.25
 */
export function learningRateAt(schedule: Schedule, step: number): number {
  const { learningRate, minLearningRateShare, warmupSteps, steps } = schedule;
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  const start = Math.max(0, warmupSteps - 1);
  const progress = Math.min(1, (step - start) / Math.max(1, steps - 1 - start));
  const share = (1 + Math.cos(Math.PI * progress)) / 2;
  return learningRate * (minLearningRateShare + (1 - minLearningRateShare) * share);
}
