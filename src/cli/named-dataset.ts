/** A dataset as it is named on the command line. */

import { existsSync, statSync } from "node:fs";

import { z } from "zod";

import { choiceOf } from "../config/choice.ts";
import type { Declaration } from "../config/declaration.ts";
import { parseConfig } from "../config/load-config.ts";
import { readTextFile } from "../config/read-yaml.ts";
import { detectDataset } from "../data/detect-kind.ts";
import type { DatasetSplit, OpeningListener } from "../data/edit-dataset.ts";
import { DATASETS, openDataset, type DatasetSettings, type OpenDataset } from "../data/open-dataset.ts";
import { ConfigError } from "../errors.ts";
import { loadRunConfig } from "../experiment/run-config.ts";
import { DATASET_NAMES } from "./arguments.ts";

export interface NamedDataset {
  readonly settings: DatasetSettings;
  readonly split: DatasetSplit;
}

const NAMED_SPLIT = /^(.+)@(train|validation|test)$/;

const DATASET: Declaration<DatasetSettings> = {
  title: "Dataset",
  schema: choiceOf(DATASETS, { standard: "omniedit" }) as z.ZodType<DatasetSettings>,
  crossFaults: () => [],
  standIns: {},
};

/**
 * The dataset of `FOLDER`, `KIND:FOLDER` or a YAML file, and the split behind an @, or else the one given. Throws
 * ConfigError for what is none.
 */
export function namedDataset(text: string, standard: DatasetSplit): NamedDataset {
  const [, place = text, split] = NAMED_SPLIT.exec(text) ?? [];
  return { settings: settingsOf(place), split: (split as DatasetSplit | undefined) ?? standard };
}

/** What opening a dataset says. */
export interface OpeningListeners {
  readonly onNotice: (notice: string) => void;
  readonly onProgress: OpeningListener;
}

/** As `namedDataset`, opened; a folder alone is of the kind that its files are. */
export async function openNamedDataset(
  text: string,
  standard: DatasetSplit,
  { onNotice, onProgress }: OpeningListeners,
): Promise<OpenDataset> {
  const [, place = text, split = standard] = NAMED_SPLIT.exec(text) ?? [];
  if (existsSync(place) && statSync(place).isDirectory()) {
    const { dataset } = await detectDataset(place, [split as DatasetSplit]);
    for (const notice of dataset.notices) onNotice(`${place}, ${dataset.split}: ${notice}`);
    return dataset;
  }
  const named = namedDataset(text, standard);
  return openDataset(named.settings, named.split, onNotice, onProgress);
}

function settingsOf(place: string): DatasetSettings {
  if (/\.ya?ml$/i.test(place)) {
    if (/^algorithm\s*:/m.test(textOf(place))) return loadRunConfig(place).data;
    return parseConfig(DATASET, textOf(place), place);
  }
  const [, kind, directory] = /^([a-z0-9-]+):(.+)$/s.exec(place) ?? [];
  if (kind !== undefined && Object.hasOwn(DATASETS, kind)) {
    return parseConfig(DATASET, JSON.stringify({ kind, directory }), place);
  }
  if (existsSync(place)) return parseConfig(DATASET, JSON.stringify({ directory: place }), place);
  throw new ConfigError(`${place} is no dataset: there is no such folder or file.`, {
    hint: `Name ${DATASET_NAMES}. Kinds: ${Object.keys(DATASETS).join(", ")}.`,
  });
}

function textOf(file: string): string {
  try {
    return readTextFile(file);
  } catch (cause) {
    throw new ConfigError(`Cannot read ${file}.`, { hint: "Check the path.", cause });
  }
}
