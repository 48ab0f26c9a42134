/**
 * Supervised fine-tuning: the policy learns to write the demonstrations. The loss is the mean negative log-probability
 * of the tokens that the policy could choose; forced ones (row ends, the image's end) do not count.
 */

import { SFT_LOSS } from "../algorithms/losses.ts";
import { learningRateAt } from "../algorithms/schedule.ts";
import type { SftSettings } from "./sft-settings.ts";
import type { PolicyEngine } from "../engine/policy-engine.ts";
import { firstEdits, type PreparedEdits } from "../edits/prepared-edit.ts";
import { demonstrationGroups, validationLoss } from "./demonstrations.ts";
import { lookAhead } from "./look-ahead.ts";
import { shuffledBatches } from "./shuffled-batches.ts";
import { beginStage, checkUp, finishStage, isOver, type StageResult, type StageRun } from "./stage.ts";
import { endStep, StepWatch } from "./step-record.ts";

export interface SftParts {
  /** Holds the start's weights, also when the stage is resumed. */
  readonly engine: PolicyEngine;
  readonly train: PreparedEdits;
  readonly validation: PreparedEdits;
}

/** Trains until the steps are made, the validation loss stops falling, or the run is interrupted. */
export async function sft(parts: SftParts, settings: SftSettings, run: StageRun): Promise<StageResult> {
  const { engine, train } = parts;
  const batchOf = shuffledBatches(train.count, settings.batchSize, { seed: run.seed, purpose: "sft/epoch" });
  const batchAt = lookAhead(train, batchOf);
  const stage = {
    name: "sft",
    engine,
    run,
    ...settings,
    stopping: { patience: settings.patience, better: "lower" },
    evaluate: async () => validationLoss(engine, await firstEdits(parts.validation, settings.validationSize)),
  } as const;

  let state = await beginStage(stage);
  while (!isOver(stage, state)) {
    const watch = new StepWatch(run.clock);
    const groups = demonstrationGroups(await batchAt(state.step));
    const learning_rate = learningRateAt(settings, state.step);
    const { loss, gradNorm, entropy, tokens, flops } = await engine.step(groups, SFT_LOSS, learning_rate);
    const metrics = { loss, grad_norm: gradNorm, entropy, learning_rate };
    state = endStep(stage, state, watch, { tokens, flops, metrics });
    state = await checkUp(stage, state);
  }
  return finishStage(stage, state);
}
