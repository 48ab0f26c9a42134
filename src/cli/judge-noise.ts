/** `earl judge noise PAIRS.jsonl`: how far a judge's answers to one question differ, and what that costs a group. */

import { eachAtOnce } from "../each-at-once.ts";
import { ConfigError, Interrupted, JudgeError } from "../errors.ts";
import { formatTable } from "../format.ts";
import { tallyCalls } from "../judge/call-tally.ts";
import type { JudgeCall } from "../judge/judge-call.ts";
import { noiseOf, reliability, resolution, type Noise } from "../judge/noise.ts";
import { loadPair, readPairs } from "../judge/pairs.ts";
import { VieScoreJudge } from "../judge/viescore-judge.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { judgeSettings, type JudgeFlags } from "./judge-flags.ts";
import { slotsOf } from "./judge-score.ts";
import { guardAgainstOutage } from "./judge-outage.ts";
import { tallyLines } from "./judge-tally.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface NoiseFlags extends JudgeFlags {
  readonly repeats: number;
  readonly size: number;
}

const GROUP_SIZES = [4, 8, 16, 32];

export async function measureNoise(
  path: string,
  flags: NoiseFlags,
  surroundings: Surroundings,
): Promise<void> {
  const { repeats, size } = flags;
  const pairs = (await readPairs(path)).slice(0, size);
  const stopped = new Interrupted("Stopped.", "Answers are kept: the same command goes on.");
  using interrupt = listenForInterrupt(surroundings, { says: "Stopping.", reason: stopped });
  const settings = await judgeSettings(flags, interrupt.signal);
  if (settings.temperature === 0) {
    throw new ConfigError("At temperature 0 a judge says the same each time: there is no noise to measure.", {
      hint: "Give the temperature that you mean to train with, for example --set temperature=0.7.",
    });
  }
  const calls: JudgeCall[] = [];
  const progress = progressOn(surroundings);
  using guard = guardAgainstOutage(settings, {
    say: (line) => progress.say(line),
    signal: interrupt.signal,
    hint: "See what the server says, and `earl judge check`. Answers are kept: the same command goes on.",
  });
  const { onOutage, signal } = guard;
  const onCall = (call: JudgeCall): void => {
    calls.push(call);
    guard.onCall(call);
  };
  await using judge = await VieScoreJudge.open(settings, { onCall, onOutage });
  progress.start("Judge", pairs.length);
  const scores: number[][] = [];
  await eachAtOnce(pairs, slotsOf(settings), async (pair) => {
    signal.throwIfAborted();
    const verdicts = await Promise.all(judge.scores(await loadPair(path, pair), repeats, signal));
    scores.push(verdicts.flatMap((verdict) => (verdict.kind === "scored" ? [verdict.score] : [])));
    progress.advance(scores.length);
  });
  const given = scores.reduce((sum, { length }) => sum + length, 0);
  progress.finish(`${given} of ${repeats * pairs.length} answers about ${pairs.length} pairs`);
  for (const line of tallyLines(tallyCalls(calls, settings.prices))) surroundings.stderr.write(`${line}\n`);
  if (!scores.some(({ length }) => length > 1)) {
    const { reason } = calls.find((call) => call.reason !== undefined) ?? {};
    throw new JudgeError(`No pair got two scores. First: ${reason ?? "there was no answer"}`, {
      hint: "`earl judge check` says what is wrong.",
    });
  }
  surroundings.stdout.write(noiseReport(noiseOf(scores), repeats));
}

function noiseReport(noise: Noise, repeats: number): string {
  const { within, between, unanimous, edits, answers } = noise;
  const counts = [...new Set([1, 2, 4, repeats])].toSorted((one, other) => one - other);
  const table = formatTable([
    ["answers averaged", "told apart", "reliability", ...GROUP_SIZES.map((size) => `group of ${size}`)],
    ...counts.map((count) => [
      String(count),
      resolution(noise, count).toFixed(2),
      reliability(noise, count).toFixed(2),
      ...GROUP_SIZES.map((size) => (size * reliability(noise, count)).toFixed(1)),
    ]),
  ]);
  return `${answers} answers about ${edits} pairs: they differ by ${within.toFixed(2)} about one pair and by ${between.toFixed(2)} between pairs (standard deviations); ${Math.round(100 * unanimous)} % of the pairs got one and the same score each time.

${table}

told apart: the difference of two edits that the judge orders rightly nine times of ten. reliability: the share of a score's variance that is about the edit. group of G: as many members without noise would teach as much; completions of one prompt are more alike than these pairs, so take it as the best case.
`;
}
