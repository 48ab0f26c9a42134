/** Which kind of dataset lies in a folder, told by opening it. */

import { DataError } from "../errors.ts";
import type { DatasetSplit } from "./edit-dataset.ts";
import { DATASETS, openDataset, type DatasetSettings, type OpenDataset } from "./open-dataset.ts";

type Kind = keyof typeof DATASETS;

/** In the order in which they are tried: what takes any columns comes last, what has no folder not at all. */
const TRIED = (Object.keys(DATASETS) as Kind[]).filter((kind) => kind !== "mixture" && kind !== "folder");

export interface Detected {
  readonly kind: Kind;
  readonly dataset: OpenDataset;
}

/**
 * The first kind of which the folder has one of the splits, opened. Throws DataError where it is none: what `kind:
 * folder`, which takes the most, says of it.
 */
export async function detectDataset(directory: string, splits: readonly DatasetSplit[]): Promise<Detected> {
  for (const kind of [...TRIED, "folder" as const]) {
    for (const split of splits) {
      const dataset = await openedOrNot(settingsOf(kind, directory), split);
      if (dataset !== undefined) return { kind, dataset };
    }
  }
  return {
    kind: "folder",
    dataset: await openDataset(settingsOf("folder", directory), splits[0] ?? "train"),
  };
}

/** With every option as it is unless given. */
function settingsOf(kind: Kind, directory: string): DatasetSettings {
  const { options } = DATASETS[kind];
  return { kind, ...options.parse({ directory }) } as DatasetSettings;
}

async function openedOrNot(settings: DatasetSettings, split: DatasetSplit): Promise<OpenDataset | undefined> {
  try {
    return await openDataset(settings, split);
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
}
