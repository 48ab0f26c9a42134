/** What a run's stages will read, worked out without a policy: for whoever wants to look before hours are spent. */

import type { OpenDataset } from "../data/open-dataset.ts";
import { STAGES, type Stage } from "../runs/event.ts";
import { ORDER_OF, stepNumbers } from "../train/step-edits.ts";
import { trains } from "./cross-checks.ts";
import type { RunConfig } from "./run-config.ts";
import type { RunDatasets } from "./run-datasets.ts";
import { openPhases, rlSettings, type OpenPhase } from "./stage-datasets.ts";

export interface PlannedPhase {
  readonly dataset: OpenDataset;
  /** Its first step, counted from 0 in its stage, and how many it has. */
  readonly start: number;
  readonly steps: number;
}

export interface PlannedStage {
  readonly name: Stage;
  readonly steps: number;
  /** Edits a step. */
  readonly size: number;
  readonly phases: readonly PlannedPhase[];
  /** Numbers of the rows of a step, within the dataset of its phase. */
  readonly rowsAt: (step: number) => { readonly dataset: OpenDataset; readonly rows: readonly number[] };
}

/** Opens what each stage of a run trains on. */
export async function planStages(config: RunConfig, datasets: RunDatasets): Promise<PlannedStage[]> {
  const stages: PlannedStage[] = [];
  for (const name of STAGES) {
    if (!trains(config, name)) continue;
    const { data, steps } = config[name];
    const size = name === "sft" ? config.sft.batchSize : config.grpo.prompts;
    const otherwise = name === "sft" ? config.data : rlSettings(config.data);
    const phases = plannedPhases(await openPhases(datasets, data, otherwise), steps);
    const phaseOf = (step: number) => {
      const index = phases.findLastIndex(({ start }) => start <= step);
      const { dataset, start } = phases[index]!;
      return { edits: dataset, index, start };
    };
    const numbersOf = stepNumbers(phaseOf, { size, seed: config.seed, purpose: ORDER_OF[name] });
    const rowsAt: PlannedStage["rowsAt"] = (step) => ({
      dataset: phaseOf(step).edits,
      rows: numbersOf(step),
    });
    stages.push({ name, steps, size, phases, rowsAt });
  }
  return stages;
}

function plannedPhases(phases: readonly OpenPhase[], steps: number): PlannedPhase[] {
  let start = 0;
  return phases.map(({ dataset, steps: own }) => {
    const left = Math.max(0, steps - start);
    const planned = { dataset, start, steps: Math.min(own ?? left, left) };
    start += own ?? left;
    return planned;
  });
}
