/**
 * Which files of a folder belong to a split. Files carry the split in their name (`train-00000-of-00002.parquet`) or in
 * the folder they lie in (`default/train/0000.parquet`, as the hub converts datasets); they lie in the folder that is
 * asked, in its `data/`, or deeper. The shallowest place that has the split is taken, and it must be the only one.
 */

import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";

import { DataError } from "../errors.ts";
import type { DatasetSplit } from "./edit-dataset.ts";
import { namedFiles } from "./named-files.ts";
import { wholeGeneration } from "./shards.ts";

/** Names of each split, the usual one first. Published datasets call the split that one tunes on any of these. */
export const SPLIT_NAMES: Readonly<Record<DatasetSplit, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "dev", "valid", "val"],
  test: ["test", "testing"],
};
const SPLITS = Object.keys(SPLIT_NAMES) as DatasetSplit[];

/** Folders are searched this deep: `snapshots/REVISION/CONFIG/SPLIT` is four. */
const DEEPEST = 4;
/** Files and folders that are looked at; a dataset has fewer, somebody's home more. */
const MOST_NAMES = 100_000;

const PARQUET: readonly string[] = [".parquet"];

const MISSING_SPLIT: Readonly<Record<DatasetSplit, string>> = {
  train:
    "Give the files of the training split names that begin with train-, or put them into a folder train.",
  validation:
    "Training is watched on a validation split: set some rows aside as validation-*.parquet, or give a split that is called otherwise that name.",
  test: "Without a held-out split, evaluation.size=0 trains and leaves the last evaluation out; `earl evaluate` takes another one with --split.",
};

export interface SplitSearch {
  /** Files and folders that are looked at before it gives up. */
  readonly mostNames?: number;
  /** How the names of the files end; parquet's unless given. */
  readonly endings?: readonly string[];
}

export interface SplitFiles {
  /** In the order in which their rows count. */
  readonly files: readonly string[];
  /** Sentences about what lies there and was not taken. */
  readonly notices: readonly string[];
}

interface Found {
  readonly path: string;
  readonly split: DatasetSplit;
  /** The name of the split in it; where there are files of several, the usual name's are taken. */
  readonly called: string;
  /** The folder that the dataset begins at, `data/` and the split's own folder left out. */
  readonly root: string;
}

/**
 * Files of a split, in order, of one kind. Where a split was published twice in different numbers of shards (OmniEdit's dev),
 * the single-file one is taken: both hold the same rows. Throws DataError where there is no folder, no such file, a shard
 * is missing, or several datasets lie there.
 */
export async function splitFiles(
  directory: string,
  split: DatasetSplit,
  { mostNames = MOST_NAMES, endings = PARQUET }: SplitSearch = {},
): Promise<SplitFiles> {
  const ownFiles = await namedFiles(directory);
  if (ownFiles !== undefined) return chosenFiles(directory, split, ownFiles, endings);
  const paths = await filesOf(directory, mostNames, endings);
  const found = [...paths, ...(await besideSplitFolder(directory, endings))].flatMap((path) =>
    placeOf(path, directory),
  );
  const wanted = found.filter((one) => one.split === split);
  if (wanted.length === 0) throw noSplit(directory, split, paths, endings);
  const [called] = SPLIT_NAMES[split].filter((name) => wanted.some((one) => one.called === name));
  const named = wanted.filter((one) => one.called === called);
  const { files, notices } = await onePlace(directory, split, named);
  return { files: wholeGeneration(files), notices };
}

/** Of files that are named one by one; those whose names say no split are for training. */
function chosenFiles(
  directory: string,
  split: DatasetSplit,
  named: readonly string[],
  endings: readonly string[],
): SplitFiles {
  const fitting = named.filter((path) => endings.some((ending) => path.endsWith(ending)));
  if (fitting.length === 0 && named.length > 0) {
    const kinds = endings.map((ending) => ending.slice(1)).join(" or ");
    throw new NoSplit(`${directory} is no ${kinds} file.`, {
      hint: "Name the folder of the dataset, its files, or another kind in data.kind.",
    });
  }
  const files = fitting.filter((path) => {
    const [place] = placeOf(path, dirname(path));
    return (place?.split ?? "train") === split;
  });
  if (files.length === 0) throw noSplit(directory, split, fitting, endings);
  return { files: [...files], notices: [] };
}

/** Nothing there belongs to the split. */
export class NoSplit extends DataError {}

/** Nothing is there. */
export class NoFolder extends DataError {}

function noSplit(
  directory: string,
  split: DatasetSplit,
  paths: readonly string[],
  endings: readonly string[],
): NoSplit {
  const kinds = endings.map((ending) => ending.slice(1)).join(" or ");
  const [usual = "", ...others] = SPLIT_NAMES[split];
  const wanted = [usual, ...others.filter((name) => name === "dev")].map(
    (name) => `${name}-*${endings[0] ?? ""}`,
  );
  const message = `${directory} has no ${wanted.join(" or ")}.`;
  if (paths.length === 0) {
    return new NoSplit(`${message} There is no ${kinds} file in it.`, {
      hint: `Point data.directory at the folder that holds the ${kinds} files.`,
    });
  }
  const shown = paths.slice(0, 5).map((path) => relative(directory, path));
  const more = paths.length > shown.length ? ` and ${paths.length - shown.length} more` : "";
  return new NoSplit(`${message} It has ${shown.join(", ")}${more}.`, { hint: MISSING_SPLIT[split] });
}

/** The files of the shallowest place; those of its `data/` belong to it, each name once. */
async function onePlace(
  directory: string,
  split: DatasetSplit,
  found: readonly Found[],
): Promise<SplitFiles> {
  const depth = Math.min(...found.map(({ root }) => depthOf(root)));
  const nearest = found.filter(({ root }) => depthOf(root) === depth);
  const roots = [...new Set(nearest.map(({ root }) => root))];
  if (roots.length > 1) {
    throw new DataError(
      `${directory} has the split ${split} of several datasets, in ${roots.map((root) => relative(directory, root)).join(", ")}.`,
      { hint: `Point data.directory at one of them, as ${roots[0]}.` },
    );
  }
  const byName = new Map<string, string>();
  const twice: string[] = [];
  for (const { path } of nearest.toSorted((one, other) => depthOf(one.path) - depthOf(other.path))) {
    const name = basename(path);
    const above = byName.get(name);
    if (above === undefined) byName.set(name, path);
    else {
      await requireSameSize(above, path);
      twice.push(path);
    }
  }
  const deeper = found.filter(({ root }) => depthOf(root) > depth).map(({ path }) => path);
  return {
    files: [...byName.values()].toSorted(),
    notices: [
      ...(twice.length === 0 ? [] : [`Not read, since files of their names lie above them: ${list(twice)}.`]),
      ...(deeper.length === 0
        ? []
        : [`Not read, since the split ${split} lies above them: ${list(deeper)}.`]),
    ],
  };
}

async function requireSameSize(path: string, other: string): Promise<void> {
  const [one, two] = [await stat(path), await stat(other)];
  if (one.size === two.size) return;
  throw new DataError(`${path} and ${other} have one name and different sizes.`, {
    hint: "Keep the one that belongs to the dataset.",
  });
}

function list(paths: readonly string[]): string {
  const shown = paths.slice(0, 3).join(", ");
  return paths.length > 3 ? `${shown} and ${paths.length - 3} more` : shown;
}

function depthOf(path: string): number {
  return resolve(path).split(sep).length;
}

/** The split of a file, by its name or else by the innermost folder that has a split's name; none where it has neither. */
function placeOf(path: string, directory: string): Found[] {
  const stem = basename(path).replace(/\.[a-z]+$/i, "");
  for (const split of SPLITS) {
    const called = SPLIT_NAMES[split].find((name) => new RegExp(`^${name}([-_.].*)?$`).test(stem));
    if (called !== undefined) return [{ path, split, called, root: withoutData(dirname(path), directory) }];
  }
  let folder = dirname(resolve(path));
  const top = dirname(resolve(directory));
  while (folder !== top && folder !== dirname(folder)) {
    // The hub calls the first part of a dataset that is too large to convert "partial-train".
    const name = basename(folder).replace(/^partial-/, "");
    const split = SPLITS.find((one) => SPLIT_NAMES[one].includes(name));
    if (split !== undefined)
      return [{ path, split, called: name, root: withoutData(dirname(folder), directory) }];
    folder = dirname(folder);
  }
  return splitWithin(path, stem, directory);
}

/** "addition-dev-00000.parquet": a split's name between dashes. */
function splitWithin(path: string, stem: string, directory: string): Found[] {
  const words = new Set(stem.split(/[-_. ]/));
  const splits = SPLITS.filter((split) => SPLIT_NAMES[split].some((name) => words.has(name)));
  const [split] = splits;
  if (split === undefined || splits.length > 1) return [];
  const called = SPLIT_NAMES[split].find((name) => words.has(name))!;
  return [{ path, split, called, root: withoutData(dirname(path), directory) }];
}

function withoutData(folder: string, directory: string): string {
  const isInside = resolve(folder) !== resolve(directory);
  return isInside && basename(folder) === "data" ? dirname(resolve(folder)) : resolve(folder);
}

/** Every file of these endings in the folder, sorted by path. Files and folders may be links, as in the hub's cache. */
async function filesOf(directory: string, mostNames: number, endings: readonly string[]): Promise<string[]> {
  const entry = await stat(directory).catch(() => undefined);
  if (entry?.isDirectory() !== true) {
    const what = entry === undefined ? `There is no folder ${directory}.` : `${directory} is no folder.`;
    throw new NoFolder(what, {
      hint: "Check data.directory, or write a dataset with: earl data scenes --out DIR",
    });
  }
  const found: string[] = [];
  const seen = new Set<string>();
  let looked = 0;
  const walk = async (folder: string, depth: number): Promise<void> => {
    const real = await realpath(folder);
    if (seen.has(real)) return;
    seen.add(real);
    // A folder within that may not be listed holds nothing for us.
    const names = depth === 0 ? await listed(folder) : await readdir(folder).catch(() => []);
    looked += names.length;
    if (looked > mostNames) {
      throw new DataError(`${directory} holds more than ${mostNames} files and folders.`, {
        hint: "Point data.directory at the dataset's own folder.",
      });
    }
    for (const name of names.toSorted()) {
      if (name.startsWith(".")) continue;
      const path = join(folder, name);
      // A link that points nowhere is a missing file: it is named when it is opened.
      const isFolder = await stat(path).then(
        (one) => one.isDirectory(),
        () => false,
      );
      if (isFolder && depth < DEEPEST) await walk(path, depth + 1);
      else if (!isFolder && endings.some((ending) => name.endsWith(ending))) found.push(path);
    }
  };
  await walk(directory, 0);
  return found.toSorted();
}

async function listed(folder: string): Promise<string[]> {
  return readdir(folder).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(`${folder} cannot be listed: ${reason}.`, {
      hint: "Check that you may read it.",
      cause,
    });
  });
}

/** Where the folder asked is a split's own (`default/train`), the files of the other splits' folders beside it. */
async function besideSplitFolder(directory: string, endings: readonly string[]): Promise<string[]> {
  const own = basename(resolve(directory)).replace(/^partial-/, "");
  if (!SPLITS.some((split) => SPLIT_NAMES[split].includes(own))) return [];
  const parent = dirname(resolve(directory));
  const folders = (await readdir(parent).catch(() => [])).filter(
    (name) => join(parent, name) !== resolve(directory),
  );
  const found: string[] = [];
  for (const name of folders) {
    if (!SPLITS.some((split) => SPLIT_NAMES[split].includes(name.replace(/^partial-/, "")))) continue;
    const names = await readdir(join(parent, name)).catch(() => []);
    found.push(
      ...names
        .filter((one) => endings.some((ending) => one.endsWith(ending)))
        .map((one) => join(parent, name, one)),
    );
  }
  return found.toSorted();
}
