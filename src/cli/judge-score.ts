/** `earl judge score PAIRS.jsonl`: a judge's scores of pairs of pictures, as JSONL and as a table. */

import { createHash } from "node:crypto";
import { meanInterval } from "../algorithms/statistics.ts";
import { eachAtOnce } from "../each-at-once.ts";
import { Interrupted, JudgeError } from "../errors.ts";
import { formatTable } from "../format.ts";
import { tallyCalls } from "../judge/call-tally.ts";
import type { JudgeCall } from "../judge/judge-call.ts";
import { loadPair, readPairs, type Pair } from "../judge/pairs.ts";
import { PairScores, type PairScore, type PairVerdict } from "../judge/pair-scores.ts";
import { VieScoreJudge, type VieScoreSettings } from "../judge/viescore-judge.ts";
import { requireWritableFile } from "../runs/writable-place.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { judgeSettings, type JudgeFlags } from "./judge-flags.ts";
import { guardAgainstOutage } from "./judge-outage.ts";
import { tallyLines } from "./judge-tally.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface ScoreFlags extends JudgeFlags {
  readonly out?: string;
}

export async function scorePairs(path: string, flags: ScoreFlags, surroundings: Surroundings): Promise<void> {
  const out = flags.out ?? path.replace(/(\.jsonl)?$/, ".scores.jsonl");
  requireWritableFile(out);
  const pairs = await readPairs(path);
  const stopped = new Interrupted(`Stopped. What was scored is in ${out}.`, "Go on with the same command.");
  using interrupt = listenForInterrupt(surroundings, { says: "Stopping.", reason: stopped });
  const settings = await judgeSettings(flags, interrupt.signal);
  const scores = PairScores.open(out, judgeHash(settings));
  const open = pairs.filter((pair) => scores.scoreOf(pair) === undefined);

  const calls: JudgeCall[] = [];
  const progress = progressOn(surroundings);
  using guard = guardAgainstOutage(settings, {
    say: (line) => progress.say(line),
    signal: interrupt.signal,
    hint: `See what the server says, and \`earl judge check\`. What was scored is in ${out}: the same command goes on.`,
  });
  const { onOutage, signal } = guard;
  const onCall = (call: JudgeCall): void => {
    calls.push(call);
    guard.onCall(call);
  };
  await using judge = await VieScoreJudge.open(settings, { onCall, onOutage });
  progress.start("Judge", pairs.length, pairs.length - open.length);
  let [done, failed] = [pairs.length - open.length, 0];
  await eachAtOnce(open, slotsOf(settings), async (pair) => {
    const verdict = await verdictOn(path, pair, judge, signal);
    scores.add(pair, verdict);
    done += 1;
    if (verdict.kind !== "scored") failed += 1;
    progress.advance(done, failed === 0 ? "" : `${failed} without a score`);
  });
  const all = scores.finish(pairs);
  progress.finish(`${all.length - failed} of ${pairs.length} pairs scored: ${out}`);
  for (const line of tallyLines(tallyCalls(calls, settings.prices))) surroundings.stderr.write(`${line}\n`);
  surroundings.stdout.write(`${scoreTable(all)}\n`);
  refuseFailures(all);
}

/** Edits that are judged at once: enough that no slot of a server waits for pictures to be read. */
export function slotsOf({ endpoints }: Pick<VieScoreSettings, "endpoints">): number {
  return endpoints.reduce((sum, { concurrency }) => sum + concurrency, 0);
}

/** What of the settings changes a score. */
function judgeHash(settings: VieScoreSettings): string {
  const { model, temperature, maxTokens, structured, leastSide, mostPixels } = settings;
  const { scoring, repeats, prompts, questions } = settings;
  const parts = [
    model,
    temperature,
    maxTokens,
    structured,
    leastSide,
    mostPixels,
    scoring,
    repeats,
    prompts,
    questions,
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

async function verdictOn(
  path: string,
  pair: Pair,
  judge: VieScoreJudge,
  signal: AbortSignal,
): Promise<PairVerdict> {
  signal.throwIfAborted();
  try {
    return await judge.score(await loadPair(path, pair), signal);
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "unreadable", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Means with 95 % intervals, a row a task and one over all. */
export function scoreTable(scores: readonly PairScore[]): string {
  const tasks = [...new Set(scores.flatMap(({ task }) => task ?? []))].toSorted();
  const names = [
    ...new Set(
      scores.flatMap(({ verdict }) => (verdict.kind === "scored" ? Object.keys(verdict.subscores) : [])),
    ),
  ];
  const shown = names.filter(
    (name) => name === "sc" || name === "pq" || name.startsWith("question_") || name === "disagreement",
  );
  const rows = tasks.map((task) =>
    rowOf(
      task,
      scores.filter((score) => score.task === task),
      shown,
    ),
  );
  return formatTable([["task", "pairs", "failed", "score", ...shown], ...rows, rowOf("all", scores, shown)]);
}

function rowOf(name: string, scores: readonly PairScore[], shown: readonly string[]): string[] {
  const scored = scores.flatMap(({ verdict }) => (verdict.kind === "scored" ? [verdict] : []));
  const figure = (values: readonly number[]): string => {
    if (values.length === 0) return "—";
    const { mean, high } = meanInterval(values);
    return values.length === 1 ? mean.toFixed(2) : `${mean.toFixed(2)} ± ${(high - mean).toFixed(2)}`;
  };
  return [
    name,
    String(scores.length),
    String(scores.length - scored.length),
    figure(scored.map(({ score }) => score)),
    ...shown.map((part) => figure(scored.flatMap(({ subscores }) => subscores[part] ?? []))),
  ];
}

/** A score that is missing is not a zero, and must not go unnoticed. */
function refuseFailures(scores: readonly PairScore[]): void {
  const failed = scores.filter(({ verdict }) => verdict.kind !== "scored");
  const [first] = failed;
  if (first === undefined || first.verdict.kind === "scored") return;
  throw new JudgeError(
    `${failed.length} of ${scores.length} pairs have no score. First: line ${first.line}, ${first.verdict.kind}: ${first.verdict.reason}`,
    { hint: "The same command asks about these alone." },
  );
}
