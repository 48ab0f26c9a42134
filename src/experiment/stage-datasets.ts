/** What a stage of a run trains on: data of its own, or the run's. */

import type { DataSettings } from "../data/data-settings.ts";
import type { DatasetSettings, OpenDataset } from "../data/open-dataset.ts";
import type { StageData } from "../data/stage-data.ts";
import type { RunDatasets } from "./run-datasets.ts";

/** A dataset, and for how many steps it is trained on; the last one to the end. */
export interface OpenPhase {
  readonly dataset: OpenDataset;
  readonly steps: number | undefined;
}

/** A stage's own data, or else the run's. */
export async function openPhases(
  datasets: RunDatasets,
  own: StageData | undefined,
  otherwise: DatasetSettings,
): Promise<OpenPhase[]> {
  if (own === undefined) return [{ dataset: await datasets.open("train", otherwise), steps: undefined }];
  const phases: OpenPhase[] = [];
  for (const { steps, ...settings } of own) {
    phases.push({ dataset: await datasets.open("train", settings), steps });
  }
  return phases;
}

/** What GRPO trains on unless it has data of its own. */
export function rlSettings(data: DataSettings): DatasetSettings {
  const { rlDirectory } = data;
  return rlDirectory === undefined || !("directory" in data) ? data : { ...data, directory: rlDirectory };
}
