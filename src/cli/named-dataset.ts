/** A dataset as it is named on the command line. */

import { existsSync } from "node:fs";

import { z } from "zod";

import { choiceOf } from "../config/choice.ts";
import type { Declaration } from "../config/declaration.ts";
import { parseConfig } from "../config/load-config.ts";
import { readTextFile } from "../config/read-yaml.ts";
import { detectDataset } from "../data/detect-kind.ts";
import type { DatasetSplit } from "../data/edit-dataset.ts";
import {
  cardOf,
  DATASETS,
  openDataset,
  type DatasetSettings,
  type OpenDataset,
} from "../data/open-dataset.ts";
import { NoSplit } from "../data/split-files.ts";
import { ConfigError } from "../errors.ts";
import { fetchProgress, HubNames } from "../experiment/hub-names.ts";
import { openingProgress, type Progress } from "../experiment/progress.ts";
import { hubData, loadRunConfig } from "../experiment/run-config.ts";
import { isHubAddress } from "../hub/hub-address.ts";
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

/** A dataset, opened, and the kind that it is of. */
export interface OpenedByName {
  readonly kind: string;
  readonly dataset: OpenDataset;
}

/**
 * As `namedDataset`, opened; in the first of these splits that it has. A folder alone, or a stranger's on the hub, is of the kind that its files are.
 * `progress` is told what there is to know, and what takes long.
 */
export async function openNamedDataset(
  text: string,
  splits: readonly [DatasetSplit, ...DatasetSplit[]],
  progress: Progress,
): Promise<OpenedByName> {
  const onNotice = (notice: string): void => progress.say(notice);
  const [, place = text, split] = NAMED_SPLIT.exec(text) ?? [];
  const wanted = split === undefined ? splits : ([split as DatasetSplit] as const);
  const names = new HubNames({ onProgress: fetchProgress(progress) });
  const isStrangers = isHubAddress(place) && hubData(place).kind === "folder";
  if (isStrangers || isFolderOrFiles(place)) {
    const { directory } = await names.dataset({ directory: place });
    const found = await detectDataset(directory, wanted);
    for (const notice of found.dataset.notices) onNotice(`${place}, ${found.dataset.split}: ${notice}`);
    return found;
  }
  const settings = await names.dataset(settingsOf(place));
  const openSplit = async (one: DatasetSplit): Promise<OpenDataset> =>
    openDataset(settings, one, onNotice, openingProgress(progress));
  return { kind: settings.kind, dataset: await firstOf(wanted, openSplit) };
}

/** The first split that is there. Throws what is said of the first one where none is. */
async function firstOf(
  [first, ...others]: readonly [DatasetSplit, ...DatasetSplit[]],
  openSplit: (split: DatasetSplit) => Promise<OpenDataset>,
): Promise<OpenDataset> {
  try {
    return await openSplit(first);
  } catch (error) {
    if (!(error instanceof NoSplit)) throw error;
    for (const other of others) {
      try {
        return await openSplit(other);
      } catch (second) {
        if (!(second instanceof NoSplit)) throw second;
      }
    }
    throw error;
  }
}

/** A YAML file is a dataset's settings. */
function isFolderOrFiles(place: string): boolean {
  if (/\.ya?ml$/i.test(place)) return false;
  return existsSync(place) || (/[*?]/.test(place) && !/^[a-z0-9-]+:/.test(place));
}

function settingsOf(place: string): DatasetSettings {
  if (/\.ya?ml$/i.test(place)) {
    if (/^algorithm\s*:/m.test(textOf(place))) return loadRunConfig(place).data;
    return parseConfig(DATASET, textOf(place), place);
  }
  if (isHubAddress(place)) return parseConfig(DATASET, JSON.stringify(hubData(place)), place);
  const [, kind, directory] = /^([a-z0-9-]+):(.+)$/s.exec(place) ?? [];
  if (kind !== undefined && Object.hasOwn(DATASETS, kind)) {
    return parseConfig(DATASET, JSON.stringify({ kind, directory }), place);
  }
  if (existsSync(place)) return parseConfig(DATASET, JSON.stringify({ directory: place }), place);
  if (Object.hasOwn(DATASETS, place)) return publishedDataset(place as keyof typeof DATASETS);
  throw new ConfigError(`${place} is no dataset: there is no such folder or file.`, {
    hint: `Name ${DATASET_NAMES}. Kinds: ${Object.keys(DATASETS).join(", ")}.`,
  });
}

/** A kind alone is the dataset where its authors published it. */
function publishedDataset(kind: keyof typeof DATASETS): DatasetSettings {
  const card = cardOf(kind);
  if (card?.hub !== undefined) {
    return parseConfig(DATASET, JSON.stringify({ kind, directory: `hf://${card.hub}` }), kind);
  }
  if (card === undefined) {
    throw new ConfigError(`${kind} is a kind of dataset, and nobody publishes it.`, {
      hint: `Write ${kind}:FOLDER.`,
    });
  }
  throw new ConfigError(`${card.title} cannot be read where it is published, at ${card.page}.`, {
    hint: `${card.gating ?? "Fetch it."} Then write ${kind}:FOLDER.`,
  });
}

function textOf(file: string): string {
  try {
    return readTextFile(file);
  } catch (cause) {
    throw new ConfigError(`Cannot read ${file}.`, { hint: "Check the path.", cause });
  }
}
