/** The end of a run: its policies side by side on held-out edits. */

import { firstEdits } from "../edits/prepared-edit.ts";
import { DECODINGS, evaluateBenchmark, type PolicyArm } from "../evaluate/evaluate-benchmark.ts";
import { recordBenchmark } from "../evaluate/record-benchmark.ts";
import { longestCompletion } from "../tokens/completion-length.ts";
import { trains } from "./cross-checks.ts";
import type { Progress } from "./progress.ts";
import type { LiveRun } from "./run-stages.ts";
import type { OpenedBenchmark } from "./run-world.ts";

/** Scores the arms on a benchmark and records how they did. Rejects with the signal's reason when it aborts. */
export async function evaluateArms(
  { config, world, run, signal }: LiveRun,
  { benchmark, edits: all }: OpenedBenchmark,
  { arms, progress }: { readonly arms: readonly PolicyArm[]; readonly progress: Progress },
): Promise<void> {
  const advance = (done: number): void => {
    signal.throwIfAborted();
    progress.advance(done);
  };
  const { size, comparisons } = config.evaluation;
  const title = benchmark.name === "held-out" ? "Held-out" : `Benchmark ${benchmark.name}:`;
  progress.start(`${title} edits`, Math.min(size, all.count));
  const edits = await firstEdits(all, size, advance);
  progress.start(`${title} evaluation`, arms.length * DECODINGS.length);
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
    onDone: advance,
  });
  progress.finish(`${edits.length} edits`);
  recordBenchmark(run.recorder, results);
}
