/** The front door of datasets: a table of kinds, each with its options, and what every split of one is opened with. */

import { openChoice, type Choice } from "../config/choice.ts";
import { BrokenRows, MOST_BROKEN_SHARE, type BrokenRowsOptions } from "./broken-rows.ts";
import type { DatasetCard } from "./dataset-card.ts";
import type { DatasetContext, DatasetSplit, EditDataset } from "./edit-dataset.ts";
import { OMNIEDIT } from "./omniedit.ts";

export const DATASETS = {
  omniedit: OMNIEDIT,
};

/** Where a dataset lies and how much of it may be broken: a run's `data` is one of these. */
export type DatasetSettings = Choice<typeof DATASETS> & {
  /** 0…1, of the rows seen. */
  readonly maxBrokenShare?: number;
};

/** A dataset with the ledger of its rows that cannot be read; all that read it share the ledger. */
export interface OpenDataset extends EditDataset {
  readonly brokenRows: BrokenRows;
}

/**
 * Opens a split. `onNotice` hears, in sentences, what its user should know: rows that are left out, now or when they are
 * met. Throws DataError where there is no such split, or its files are none of this kind.
 */
export async function openDataset(
  settings: DatasetSettings,
  split: DatasetSplit,
  onNotice?: (notice: string) => void,
): Promise<OpenDataset> {
  const { maxBrokenShare: maxShare = MOST_BROKEN_SHARE } = settings;
  const dataset = await openChoice<DatasetContext, Promise<EditDataset>>(DATASETS, settings, { split });
  const card = cardOf(settings.kind);
  return withLedger({ ...dataset, ...(card !== undefined && { card }) }, { maxShare, onNotice });
}

/** Whose the datasets of a kind are; undefined for a user's own. */
export function cardOf(kind: keyof typeof DATASETS): DatasetCard | undefined {
  const entry: { readonly card?: DatasetCard } = DATASETS[kind];
  return entry.card;
}

/** The dataset with a fresh ledger; says what it has to say. */
export function withLedger(dataset: EditDataset, options: BrokenRowsOptions): OpenDataset {
  for (const notice of dataset.notices) {
    options.onNotice?.(`${dataset.directory}, ${dataset.split}: ${notice}`);
  }
  return { ...dataset, brokenRows: new BrokenRows(dataset, options) };
}
