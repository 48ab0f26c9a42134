/**
 * Supervised fine-tuning: the policy learns to write the demonstrations. The loss is the mean negative log-probability
 * of the tokens that the policy could choose; forced ones (row ends, the image's end) do not count.
 */

import { SFT_LOSS } from "../algorithms/losses.ts";
import type { PolicyEngine } from "../engine/policy-engine.ts";
import { firstEdits, type PreparedEdits } from "../edits/prepared-edit.ts";
import { demonstrationGroups, validationLoss } from "./demonstrations.ts";
import type { SftSettings } from "./sft-settings.ts";
import { Stage, type StageResult, type StageRun } from "./stage.ts";
import type { TrainingEdits } from "./phases.ts";
import { ORDER_OF, stepEdits } from "./step-edits.ts";

/** What supervised fine-tuning works with. */
export interface SftWorld {
  /** Holds the start's weights, also when the stage is resumed. */
  readonly engine: PolicyEngine;
  readonly train: TrainingEdits;
  readonly validation: PreparedEdits;
}

/**
 * Trains until the steps are made, the validation loss stops falling, or the run is interrupted. Whatever it throws, the
 * last complete step is saved before.
 */
export async function sft(world: SftWorld, settings: SftSettings, run: StageRun): Promise<StageResult> {
  const { train, validation } = world;
  const { batchSize: size, steps } = settings;
  const batchAt = stepEdits(train, { size, steps, seed: run.seed, purpose: ORDER_OF.sft });
  const stage = new Stage(
    {
      name: "sft",
      engine: world.engine,
      schedule: settings,
      evaluateEvery: settings.evaluateEvery,
      saveEvery: settings.saveEvery,
      stopping: {
        patience: settings.patience,
        minImprovement: settings.minImprovement,
        better: "lower",
        score: "validation loss",
      },
      evaluate: async () =>
        validationLoss(world.engine, await firstEdits(validation, settings.validationSize)),
    },
    run,
  );

  for await (const step of stage.steps()) {
    const groups = demonstrationGroups(await batchAt(step.index));
    const { loss, gradNorm, entropy, tokens } = await stage.engine.step(groups, SFT_LOSS, step.learningRate);
    step.report(tokens, { loss, grad_norm: gradNorm, entropy });
  }
  return stage.result();
}
