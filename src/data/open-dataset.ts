/** The front door of datasets: a table of kinds, each with its options, and what every split of one is opened with. */

import { z } from "zod";

import { choiceOf, openChoice, type AnyChoice, type Choice } from "../config/choice.ts";
import { namedList } from "../config/named-list.ts";
import { BrokenRows, MOST_BROKEN_SHARE, type BrokenRowsOptions } from "./broken-rows.ts";
import type { DatasetCard } from "./dataset-card.ts";
import type { DatasetContext, DatasetSplit, EditDataset, OpeningListener } from "./edit-dataset.ts";
import { mixtureKind, sourceOptions, type SourceChoice } from "./mixture/mixture.ts";
import { thoughtOptions, withThoughts, type ThoughtSource } from "./thoughts/with-thoughts.ts";
import { leaveOutOption, withoutRows } from "./without-rows.ts";
import { FOLDER } from "./folder.ts";
import { OMNIEDIT } from "./omniedit.ts";
import { AURORA } from "./published/aurora.ts";
import { EARL_CODES } from "./published/earl-codes.ts";
import { HUMANEDIT } from "./published/humanedit.ts";
import { INSTRUCTPIX2PIX } from "./published/instructpix2pix.ts";
import { MAGICBRUSH } from "./published/magicbrush.ts";
import { SOMETHING } from "./published/something.ts";
import { VISMIN } from "./published/vismin.ts";
import { PREPARED } from "./prepared/prepared.ts";

/** Datasets within datasets: the list below, named before it exists. */
const sources: z.ZodType<readonly SourceChoice[]> = z.lazy(() => SourceList);

export const DATASETS = {
  omniedit: OMNIEDIT,
  magicbrush: MAGICBRUSH,
  humanedit: HUMANEDIT,
  aurora: AURORA,
  vismin: VISMIN,
  something: SOMETHING,
  "earl-codes": EARL_CODES,
  instructpix2pix: INSTRUCTPIX2PIX,
  folder: FOLDER,
  prepared: PREPARED,
  mixture: mixtureKind(sources),
};

/** The setting `sources` of a mixture: each a dataset of any kind, with what every source has. */
const SourceList = namedList(
  choiceOf(DATASETS, {
    standard: "omniedit",
    common: { ...sourceOptions, ...thoughtOptions, ...leaveOutOption },
  }),
);

/** Where a dataset lies and how much of it may be broken: a run's `data` is one of these. */
export type DatasetSettings = Choice<typeof DATASETS> & {
  /** 0…1, of the rows seen. */
  readonly maxBrokenShare?: number;
  readonly leaveOut?: string | undefined;
} & ThoughtSource;

/** A dataset with the ledger of its rows that cannot be read; all that read it share the ledger. */
export interface OpenDataset extends EditDataset {
  readonly brokenRows: BrokenRows;
}

/**
 * Opens a split. `onNotice` hears, in sentences, what its user should know: rows that are left out, now or when they are
 * met; `onProgress` hears of work that takes long. Throws DataError where there is no such split, or its files are none of this kind.
 */
export async function openDataset(
  settings: DatasetSettings,
  split: DatasetSplit,
  onNotice?: (notice: string) => void,
  onProgress?: OpeningListener,
): Promise<OpenDataset> {
  const { maxBrokenShare: maxShare = MOST_BROKEN_SHARE } = settings;
  const openOf = async (choice: AnyChoice, of: DatasetSplit): Promise<EditDataset> => {
    const context = { split: of, open: openOf, onProgress };
    const dataset = await openChoice<DatasetContext, Promise<EditDataset>>(DATASETS, choice, context);
    const card = cardOf(choice.kind as keyof typeof DATASETS);
    const described = { ...dataset, ...(card !== undefined && { card }) };
    const { leaveOut, ...options } = choice as AnyChoice & { readonly leaveOut?: string };
    const onRead = (done: number, total: number): void =>
      onProgress?.(`Ids of ${dataset.directory}`, done, total);
    const fewer = await withoutRows(described, leaveOut, { options, onProgress: onRead });
    return withThoughts(fewer, choice as ThoughtSource);
  };
  return withLedger(await openOf(settings, split), { maxShare, onNotice });
}

/** Whose the datasets of a kind are; undefined for a user's own. */
export function cardOf(kind: keyof typeof DATASETS): DatasetCard | undefined {
  const entry: { readonly about: string; readonly card?: DatasetCard } = DATASETS[kind];
  return entry.card;
}

/** The dataset with a fresh ledger; says what it has to say. */
export function withLedger(dataset: EditDataset, options: BrokenRowsOptions): OpenDataset {
  for (const notice of dataset.notices) {
    options.onNotice?.(`${dataset.directory}, ${dataset.split}: ${notice}`);
  }
  return { ...dataset, brokenRows: new BrokenRows(dataset, options) };
}
