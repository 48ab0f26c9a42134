/**
 * When to stop: after `patience` evaluations in a row that are on the plateau of what was reached. A pure reducer over evaluations, whose
 * state is plain JSON and goes into the checkpoint, so that a resumed run stops where an uninterrupted one would.
 */

export interface StoppingRule {
  readonly patience: number;
  /** `lower` for a loss, `higher` for a reward. */
  readonly better: "lower" | "higher";
  /** What is better by no more than this is a plateau still; 0 unless given. */
  readonly minImprovement?: number;
}

export interface StoppingState {
  /** Null before the first evaluation. */
  readonly best: number | null;
  /** Step of the best evaluation. */
  readonly bestStep: number;
  /** Evaluations since the plateau was left last. */
  readonly stale: number;
  /** Height of the plateau: what the next score is compared with. Absent where it is `best`. */
  readonly plateau?: number | undefined;
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

/**
 * Takes one evaluation. A tie is not better, and a score that is not a number never is. Small gains that add up to more
 * than `minImprovement` leave the plateau: they are counted from its height, not from the best score so far.
 */
export function observe(state: StoppingState, seen: Evaluation, rule: StoppingRule): Observation {
  const isBest =
    Number.isFinite(seen.score) && (state.best === null || isBetter(seen.score, state.best, rule));
  const { minImprovement = 0 } = rule;
  const plateau = state.plateau ?? state.best;
  const isAbove =
    isBest && (plateau === null || isBetter(seen.score, raised(plateau, minImprovement, rule), rule));
  const reached = isBest ? { best: seen.score, bestStep: seen.step } : {};
  const next = {
    ...state,
    ...reached,
    stale: isAbove ? 0 : state.stale + 1,
    ...(minImprovement > 0 && { plateau: isAbove ? seen.score : (plateau ?? undefined) }),
  };
  return { state: next, isBest, shouldStop: next.stale >= rule.patience };
}

/** Why a stage was stopped, for people; `score` says what was scored. */
export function stopReason(
  { best, bestStep, stale, plateau }: StoppingState,
  { better, minImprovement = 0, score }: StoppingRule & { readonly score: string },
): string {
  if (best === null) return `none of ${stale} evaluations had a ${score}`;
  const height = Number((plateau ?? best).toPrecision(4));
  const least = minImprovement > 0 ? ` by more than ${minImprovement}` : "";
  return `${stale} evaluations without a ${score} ${better === "lower" ? "below" : "above"} ${height}${least}; the best was at step ${bestStep}`;
}

function raised(plateau: number, by: number, rule: StoppingRule): number {
  return rule.better === "lower" ? plateau - by : plateau + by;
}

function isBetter(score: number, best: number, rule: StoppingRule): boolean {
  return rule.better === "lower" ? score < best : score > best;
}
