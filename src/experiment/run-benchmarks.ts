/** The end of a run: its policies side by side on held-out edits. */

import { firstEdits } from "../edits/prepared-edit.ts";
import { DECODINGS, evaluateBenchmark, type PolicyArm } from "../evaluate/evaluate-benchmark.ts";
import { recordBenchmark } from "../evaluate/record-benchmark.ts";
import { nowAndThen } from "../runs/now-and-then.ts";
import { longestCompletion } from "../tokens/completion-length.ts";
import { trains } from "./cross-checks.ts";
import type { LiveRun } from "./run-stages.ts";
import type { OpenedBenchmark } from "./run-world.ts";

/** Scores the arms on a benchmark and records how they did. Rejects with the signal's reason when it aborts. */
export async function evaluateArms(
  { config, world, run, signal, clock }: LiveRun,
  { benchmark, edits: all }: OpenedBenchmark,
  arms: readonly PolicyArm[],
): Promise<void> {
  const kind = "benchmark-progress";
  const { recorder } = run;
  const progressOf = (part: "edits" | "arms", total: number): ((done: number) => void) => {
    const place = { benchmark: benchmark.name, part, total };
    const say = nowAndThen(clock, (done: number) => recorder.record({ kind, ...place, done }));
    say(0);
    return (done) => {
      signal.throwIfAborted();
      say(done);
    };
  };
  const { size, comparisons } = config.evaluation;
  const edits = await firstEdits(all, size, progressOf("edits", Math.min(size, all.count)));
  const prompts = edits.map(({ prompt }) => prompt);
  const results = await evaluateBenchmark({
    benchmark,
    edits,
    policy: world.start,
    arms,
    // Without GRPO nobody has said how long completions may be.
    maxTokens: trains(config, "grpo")
      ? config.grpo.maxTokens
      : longestCompletion(world.start.grammar, prompts),
    seed: config.seed,
    comparisons,
    maxFailed: config.grpo.maxFailedVerdicts,
    signal,
    onDone: progressOf("arms", arms.length * DECODINGS.length),
  });
  recordBenchmark(recorder, results);
}
