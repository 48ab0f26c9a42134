/** Scores one arm on one benchmark, and says what its figures are called. */

import { join } from "node:path";

import type { Measure } from "../evaluate/benchmark.ts";
import type { LoggedMeasure } from "../runs/arm-result.ts";
import { judgedAtOf, type BenchmarkSettings } from "./benchmark-settings.ts";
import type { EditArm } from "./edit-arm.ts";
import { SCORE, type ArmScores } from "./figures.ts";
import { whileLocked } from "./folder-lock.ts";
import { instrumentsHash, type Judge } from "./judges.ts";
import { SCORES_FOLDER } from "./score-files.ts";
import { scoreEdits } from "./score-edits.ts";
import { editsToShow, type ArmEdit } from "./shown-edits.ts";

export interface ScoredArm extends ArmScores {
  readonly kind: string | undefined;
  /** Whether figures may stand beside those of others. */
  readonly isWhole: boolean;
  /** Rows of the benchmark, and those of it that cannot be read. */
  readonly rows: number;
  readonly broken: number;
  readonly judge: string | undefined;
  readonly judgedAt: string;
  readonly seeds: readonly number[];
  readonly samples: number;
  /** How the edits were made, where that is known. */
  readonly recipe: Readonly<Record<string, unknown>> | undefined;
  readonly edits: readonly ArmEdit[];
}

export interface ScoringParts {
  readonly judge: Judge | undefined;
  readonly measures: readonly Measure[];
  readonly settings: Pick<BenchmarkSettings, "judgedAt" | "instruments">;
  /** Edits in work at once: enough that no slot of a server waits for pictures to be read. */
  readonly atOnce: number;
  readonly signal: AbortSignal;
  readonly onScore: (done: number, total: number, failed: number) => void;
}

export async function scoredArm(edits: EditArm, parts: ScoringParts): Promise<ScoredArm> {
  const { folder, arm, benchmark, items, lines, seeds, samples, about } = edits;
  const { judge, measures, settings, atOnce, signal, onScore } = parts;
  const judgedAt = judgedAtOf(items.kind ?? "", settings.judgedAt);
  const work = scoreEdits.bind(undefined, {
    folder,
    lines,
    items,
    seeds,
    samples,
    judge,
    judgedAt,
    measures,
    instruments: instrumentsHash(settings.instruments),
    atOnce,
    signal,
    onScore,
  });
  const scores = await whileLocked(join(folder, SCORES_FOLDER), work);
  const judged = judge === undefined ? [] : judgedMeasures(judge, scores);
  return {
    arm,
    benchmark,
    kind: items.kind,
    isWhole: items.isWhole,
    rows: items.rows,
    broken: items.broken,
    judge: judge?.title,
    judgedAt,
    seeds,
    samples,
    recipe: about?.recipe,
    edits: editsToShow(edits),
    measures: [...judged, ...measures.map(loggedMeasure)],
    scores,
  };
}

const LABELS: Readonly<Record<string, string>> = {
  sc: "SC",
  pq: "PQ",
  edit_success: "edit success",
  overedit: "over-edit",
  naturalness: "natural",
  artifacts: "no artifact",
};

/** The score itself, and the parts that verdicts have of it. */
function judgedMeasures({ reward }: Judge, scores: ArmScores["scores"]): LoggedMeasure[] {
  const parts = new Set(
    scores.flatMap(({ verdict }) => (verdict?.kind === "scored" ? Object.keys(verdict.subscores) : [])),
  );
  const isVieScore = parts.has("sc") && parts.has("pq");
  const range = reward.range.every(Number.isFinite) ? { range: reward.range } : {};
  return [
    { name: SCORE, label: isVieScore ? "O" : "score", unit: "score", ...range },
    ...[...parts].map((name) => ({ name, label: LABELS[name] ?? name.replaceAll("_", " "), unit: "score" })),
  ];
}

function loggedMeasure({ name, label, unit, range }: Measure): LoggedMeasure {
  return { name, label, unit, ...(range !== undefined && { range }) };
}
