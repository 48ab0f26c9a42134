/** The experiment in sentences, for the manifest: what a methods section would say. */

import { nameOf } from "../config/named-list.ts";
import type { OptimizerSettings } from "../engine/optimizer-settings.ts";
import { REWARDS } from "../rewards/open-reward.ts";
import { trains } from "./cross-checks.ts";
import type { RunConfig } from "./run-config.ts";

/** One sentence a part; `policy` describes the policy the run starts from. */
export function describeSetup(config: RunConfig, policy: string): string[] {
  const { sft, grpo, optimizer, evaluation } = config;
  const sentences = [
    `Policy: ${policy}.`,
    `Optimizer: ${describeOptimizer(optimizer)}, weight decay ${optimizer.weightDecay}, gradient norm clipped at ${optimizer.maxGradNorm}.`,
  ];
  if (trains(config, "sft")) {
    sentences.push(
      `SFT: at most ${sft.steps} steps of ${sft.batchSize} examples, learning rate ${sft.learningRate}, ${sft.warmupSteps} steps of warm-up, then a cosine to ${sft.minLearningRateShare} of the peak; the checkpoint with the lowest loss on ${sft.validationSize} validation examples is kept${stops(sft)}.`,
    );
  }
  if (trains(config, "grpo")) {
    sentences.push(
      `GRPO (${grpo.loss.kind}): at most ${grpo.steps} steps of ${grpo.prompts} prompts × ${grpo.groupSize} completions at temperature ${grpo.temperature}, learning rate ${grpo.learningRate}, KL weight ${grpo.loss.klCoef} (${grpo.loss.klEstimator}) to the policy the stage started from; the checkpoint with the highest reward on ${chosenOn(config)} is kept${stops(grpo)}.`,
      ...config.rewards.map(
        (reward) => `Reward ${nameOf(reward)}, weight ${reward.weight}: ${REWARDS[reward.kind].about}`,
      ),
    );
  }
  if (evaluation.size > 0) {
    sentences.push(
      `Evaluation (${evaluation.benchmarks.map(nameOf).join(", ")}): the first ${evaluation.size} edits of each, sampled at temperature 1 and greedily; 95 % intervals by bootstrap (reward) and Wilson (exact match).`,
    );
  }
  return sentences;
}

function describeOptimizer(optimizer: OptimizerSettings): string {
  const adamw = `AdamW, beta ${optimizer.beta1} and ${optimizer.beta2}`;
  if (optimizer.kind === "adamw") return adamw;
  return `Muon for the matrices inside the layers, momentum ${optimizer.momentum}, ${optimizer.iterations} iterations, scale ${optimizer.matrixScale}, and elsewhere ${adamw}`;
}

/** What chooses the best checkpoint of GRPO. */
function chosenOn({ grpo }: RunConfig): string {
  const { stopOn, validationSize } = grpo;
  return stopOn === undefined
    ? `${validationSize} validation edits`
    : `${stopOn.size} edits of ${stopOn.benchmark}`;
}

function stops({
  patience,
  evaluateEvery,
  minImprovement,
}: Pick<RunConfig["grpo"], "patience" | "evaluateEvery" | "minImprovement">): string {
  const least = minImprovement > 0 ? ` by more than ${minImprovement}` : "";
  return `, and ${patience} evaluations (one every ${evaluateEvery} steps) without a better one${least} end the stage`;
}
