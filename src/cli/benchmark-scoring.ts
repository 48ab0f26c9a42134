/** What both commands of `earl benchmark` do with edits: score them, print tables, write results, say what failed. */

import { readEditArm, type ArmNaming, type EditArm } from "../benchmark/edit-arm.ts";
import type { BenchmarkSettings } from "../benchmark/benchmark-settings.ts";
import type { ChosenBenchmark } from "../benchmark/chosen-benchmarks.ts";
import { editsAtOnce, judgeOf } from "../benchmark/judges.ts";
import { textOf } from "../benchmark/render-tables.ts";
import { resultTables } from "../benchmark/result-tables.ts";
import { resultsOf } from "../benchmark/results.ts";
import { scoredArm, type ScoredArm } from "../benchmark/scored-arm.ts";
import { RESULT_FILES, writeResults } from "../benchmark/write-results.ts";
import { ConfigError, DataError, JudgeError } from "../errors.ts";
import { printable } from "../format.ts";
import type { OpenedScoring } from "./benchmark-settings.ts";
import type { Progress } from "./progress.ts";
import type { Surroundings } from "./surroundings.ts";

/** Throws ConfigError where a benchmark would have no figure at all: what it has needs a judge or an instrument. */
export function requireMeasures(
  benchmarks: readonly Pick<ChosenBenchmark, "name" | "choice" | "measures" | "leftOut">[],
  settings: BenchmarkSettings,
): void {
  if (settings.rewards !== undefined) return;
  const bare = benchmarks.filter(
    ({ choice, measures }) => choice.kind !== "held-out" && measures.length === 0,
  );
  if (bare.length === 0) return;
  const names = bare.map(({ name }) => name).join(", ");
  const others = bare.some(({ leftOut }) => leftOut.length > 0)
    ? " (or an instrument: --set instruments.clip=DIR)"
    : "";
  throw new ConfigError(`${names} can only be scored by a judge, and none is named.`, {
    hint: `Name one: --url http://localhost:8000/v1${others}; or make the edits alone with --edits-only and score them later.`,
  });
}

export interface ArmScoring {
  readonly folder: string;
  readonly naming: ArmNaming;
  readonly benchmark: ChosenBenchmark | undefined;
  readonly opened: OpenedScoring;
  readonly settings: BenchmarkSettings;
  readonly onScore: (done: number, total: number, failed: number) => void;
}

/** One arm on one benchmark, scored. */
export async function scoreFolder(request: ArmScoring): Promise<ScoredArm> {
  const { benchmark, opened, settings, onScore } = request;
  const edits: EditArm = readEditArm(request.folder, request.naming);
  const judge = judgeOf(edits.items.kind, settings, opened.reward);
  const measures = benchmark?.measures ?? [];
  if (judge === undefined && measures.length === 0) {
    throw new ConfigError(
      `The edits in ${request.folder} can only be scored by a judge, and none is named.`,
      {
        hint: "Name one: --url http://localhost:8000/v1.",
      },
    );
  }
  return scoredArm(edits, {
    judge,
    measures,
    settings,
    atOnce: editsAtOnce(settings.rewards),
    signal: opened.signal,
    onScore,
  });
}

export function scoreNote(failed: number): string {
  return failed === 0 ? "" : `${failed} without a score`;
}

/** Prints the tables, writes the files, and ends with an error where too little could be scored. */
export function tellResults(
  out: string,
  scored: readonly ScoredArm[],
  {
    settings,
    progress,
    surroundings,
  }: {
    readonly settings: BenchmarkSettings;
    readonly progress: Progress;
    readonly surroundings: Surroundings;
  },
): void {
  const results = resultsOf(scored, settings.rewards);
  writeResults(out, results);
  progress.clear();
  surroundings.stdout.write(`${printable(textOf(resultTables(results)))}\n`);
  surroundings.stderr.write(`${printable(`Written to ${out}: ${RESULT_FILES.join(", ")}`)}\n`);
  refuseFailures(out, scored, settings.maxFailed);
}

function refuseFailures(out: string, scored: readonly ScoredArm[], maxFailed: number): void {
  for (const { arm, benchmark, scores } of scored) {
    const where = `${arm} on ${benchmark}`;
    const failed = scores.flatMap(({ verdict }) =>
      verdict?.kind === "unparsable" || verdict?.kind === "unreachable" ? [verdict] : [],
    );
    if (failed.length > maxFailed * scores.length) {
      throw new JudgeError(
        `${where}: the judge gave no score for ${failed.length} of ${scores.length} edits. First: ${failed[0]!.kind}: ${failed[0]!.reason}`,
        { hint: `The same command asks about these alone. The tables in ${out} leave them out.` },
      );
    }
    if (scores.length > 0 && scores.every(({ verdict, values }) => noFigure(verdict?.kind, values))) {
      const [first] = scores;
      const why =
        first?.verdict === undefined || first.verdict.kind === "scored" ? "" : `: ${first.verdict.reason}`;
      throw new DataError(`${where}: none of ${scores.length} edits has a figure${why}.`, {
        hint: "Use a checkpoint that was trained longer, or check the paths in edits.jsonl.",
      });
    }
  }
}

function noFigure(verdict: string | undefined, values: ScoredArm["scores"][number]["values"]): boolean {
  return verdict !== "scored" && Object.keys(values).length === 0;
}
