/** The datasets of a run: each split is opened once and has one ledger and one cache, whoever reads it. */

import type { BrokenRowsRecord } from "../data/broken-rows.ts";
import type { DataSettings } from "../data/data-settings.ts";
import type { DatasetSplit, EditDataset, OpeningListener } from "../data/edit-dataset.ts";
import { openDataset, withLedger, type DatasetSettings, type OpenDataset } from "../data/open-dataset.ts";
import { describeDataset, type DatasetDescription } from "./dataset-description.ts";
import { HubNames } from "./hub-names.ts";
import { prepareEdits, type PreparationParts } from "../edits/prepare-edits.ts";
import type { PreparedEdits } from "../edits/prepared-edit.ts";

export interface RunDatasetsOptions {
  /** What the run had found before it was resumed. */
  readonly earlier?: readonly BrokenRowsRecord[] | undefined;
  /** Hears of long work while a dataset is opened. */
  readonly onProgress?: OpeningListener | undefined;
  /** Finds folders that are named on the hub. */
  readonly names?: HubNames;
}

/** Settings beside a dataset that say nothing about it: it is opened once whatever they are. */
const NOT_ITS_OWN = {
  rlDirectory: undefined,
  thoughts: undefined,
  maxBrokenShare: undefined,
  steps: undefined,
};

export class RunDatasets {
  readonly #settings: DataSettings;
  readonly #onNotice: (notice: string) => void;
  readonly #earlier: readonly BrokenRowsRecord[];
  readonly #onProgress: OpeningListener | undefined;
  readonly #names: HubNames;
  readonly #opened = new Map<string, OpenDataset>();
  readonly #declared = new Map<OpenDataset, DatasetSettings>();
  readonly #prepared = new Map<EditDataset, PreparedEdits>();

  /**
   * `onNotice` hears what the user should know of the data, in sentences.
   */
  constructor(
    settings: DataSettings,
    onNotice: (notice: string) => void,
    { earlier = [], onProgress, names = new HubNames() }: RunDatasetsOptions = {},
  ) {
    this.#settings = settings;
    this.#onNotice = onNotice;
    this.#earlier = earlier;
    this.#onProgress = onProgress;
    this.#names = names;
  }

  /** A split of the run's dataset, or of another one. */
  async open(split: DatasetSplit, settings: DatasetSettings = this.#settings): Promise<OpenDataset> {
    const { maxBrokenShare } = this.#settings;
    const key = JSON.stringify([{ ...settings, ...NOT_ITS_OWN }, split]);
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    const dataset = await openDataset(
      { ...(await this.#names.dataset(settings)), maxBrokenShare },
      split,
      this.#onNotice,
      this.#onProgress,
    );
    this.#opened.set(key, dataset);
    this.#declared.set(dataset, settings);
    const before = this.#earlier.find(
      (one) =>
        one.directory === dataset.directory &&
        one.split === split &&
        one.rows === dataset.brokenRows.record.rows,
    );
    if (before !== undefined) dataset.brokenRows.restore(before);
    return dataset;
  }

  /** All that were opened so far. */
  get opened(): readonly OpenDataset[] {
    return [...this.#opened.values()];
  }

  /** What is known of the rows of each, for the manifest. */
  get records(): BrokenRowsRecord[] {
    return this.opened.map(({ brokenRows }) => brokenRows.record);
  }

  /** What each is, where from and on which terms, for the manifest. */
  get descriptions(): DatasetDescription[] {
    return this.opened.map((dataset) => describeDataset(dataset, this.#declared.get(dataset)!));
  }

  /** A dataset made ready for the run's policy; one that was opened elsewhere gets a ledger here. */
  prepare(dataset: EditDataset | OpenDataset, parts: PreparationParts): PreparedEdits {
    const known = this.#prepared.get(dataset);
    if (known !== undefined) return known;
    const { maxBrokenShare: maxShare } = this.#settings;
    const rows =
      "brokenRows" in dataset ? dataset : withLedger(dataset, { maxShare, onNotice: this.#onNotice });
    const edits = prepareEdits(rows, parts);
    this.#prepared.set(dataset, edits);
    return edits;
  }
}
