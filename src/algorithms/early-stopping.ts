/**
 * When to stop: after `patience` evaluations in a row without a better score. A pure reducer over evaluations, whose
 * state is plain JSON and goes into the checkpoint, so that a resumed run stops where an uninterrupted one would.
 */

export interface StoppingRule {
  readonly patience: number;
  /** `lower` for a loss, `higher` for a reward. */
  readonly better: "lower" | "higher";
}

export interface StoppingState {
  /** Null before the first evaluation. */
  readonly best: number | null;
  /** Step of the best evaluation. */
  readonly bestStep: number;
  /** Evaluations since then. */
  readonly stale: number;
}

export const NOTHING_SEEN: StoppingState = { best: null, bestStep: 0, stale: 0 };

export interface Evaluation {
  readonly step: number;
  readonly score: number;
}

export interface Observation {
  readonly state: StoppingState;
  readonly isBest: boolean;
  readonly shouldStop: boolean;
}

/** Takes one evaluation. A tie is not better, and a score that is not a number never is. */
export function observe(state: StoppingState, seen: Evaluation, rule: StoppingRule): Observation {
  const isBest =
    Number.isFinite(seen.score) && (state.best === null || isBetter(seen.score, state.best, rule));
  const next = isBest
    ? { best: seen.score, bestStep: seen.step, stale: 0 }
    : { ...state, stale: state.stale + 1 };
  return { state: next, isBest, shouldStop: next.stale >= rule.patience };
}

function isBetter(score: number, best: number, rule: StoppingRule): boolean {
  return rule.better === "lower" ? score < best : score > best;
}
