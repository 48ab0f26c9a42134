/** EARL's own training data as it is published: pictures tokenized already, a `.pth` file an edit, and a list of them. */

import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";

import { z } from "zod";

import { DataError } from "../../errors.ts";
import { thoughtText } from "../../tokens/sequence.ts";
import type { DatasetKind } from "../dataset-kind.ts";
import type { BrokenRow, DatasetSplit, EditDataset, EditExample } from "../edit-dataset.ts";
import { NoSplit, SPLIT_NAMES } from "../split-files.ts";
import { repeatedNotice } from "../table-dataset.ts";
import { directoryOption } from "./directory.ts";

/** Parts of a thought in the order in which EARL's scripts join them. */
const THOUGHT_KEYS = ["source_image_grounding_information", "conditioning_information", "thinking"];

const Options = z.strictObject({
  ...directoryOption,
  thoughtKeys: z
    .array(z.string().min(1))
    .min(1)
    .default(THOUGHT_KEYS)
    .describe("Keys of the stored thought that are read, in the order in which they are joined."),
});

export const EARL_CODES: DatasetKind<typeof Options> = {
  about: "EARL's tokenized dumps: list/tokenized_datalist.json and feature/*.pth with Emu3's code grids.",
  options: Options,
  card: {
    title: "EARL's tokenized data",
    hub: "mair-lab/earl-datasets",
    page: "https://huggingface.co/datasets/mair-lab/earl-datasets",
    licence: "not stated; made of OmniEdit, MagicBrush, AURORA, Something-Something v2, VisMin and HumanEdit",
    size: "seven sets, train and validation",
  },
  open: async ({ directory, thoughtKeys }, { split }) => openCodes(directory, split, thoughtKeys),
};

const LIST = join("list", "tokenized_datalist.json");
const MOST_LIST_BYTES = 512 * 2 ** 20;
/** The `prefix` in a list is a folder of whoever wrote it; EARL's own reader looks beside the list, too. */
const List = z.looseObject({ path_list: z.array(z.string().min(1)).min(1) });

async function openCodes(
  directory: string,
  split: DatasetSplit,
  thoughtKeys: readonly string[],
): Promise<EditDataset> {
  const folder = await folderOf(directory, split);
  const path = join(folder, LIST);
  const listed = await namesIn(path);
  const names = [...new Set(listed)];
  const repeated = listed.length - names.length;
  const { pictureStore } = await import("../containers/picture-store.ts");
  const { readStoredEdit } = await import("../containers/code-grid-file.ts");
  const store = await pictureStore(join(folder, "feature"));
  const readOne = async (name: string): Promise<EditExample | BrokenRow> => {
    const origin = `${basename(folder)}/feature/${name}`;
    const bytes = await store.read(name);
    if ("broken" in bytes) return { origin, broken: bytes.broken };
    try {
      const stored = await readStoredEdit(bytes);
      const instruction = stored.instruction?.trim() ?? "";
      if (instruction === "") return { origin, broken: "the instruction is empty" };
      const thought = thoughtText(stored.thought, thoughtKeys);
      return {
        id: stored.id ?? name,
        task: "edit",
        instruction,
        codes: { source: stored.source, target: stored.target },
        ...(thought !== "" && { thought }),
        origin,
      };
    } catch (cause) {
      return { origin, broken: (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "") };
    }
  };
  return {
    split,
    directory,
    count: names.length,
    repeated,
    files: [{ path, rows: listed.length }],
    notices: repeatedNotice({ repeated, rows: listed.length, example: firstTwice(listed) }),
    async read(indices) {
      const wanted = indices.map((index) => {
        const name = names[index];
        if (name === undefined) throw new RangeError(`There are ${names.length} rows, no row ${index}.`);
        return name;
      });
      const rows: (EditExample | BrokenRow)[] = [];
      for (const name of wanted) rows.push(await readOne(name));
      return rows;
    },
  };
}

function firstTwice(names: readonly string[]): string {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size) ?? "";
}

async function namesIn(path: string): Promise<string[]> {
  const { size } = await stat(path);
  if (size > MOST_LIST_BYTES) throw new DataError(`${path} is larger than 512 MiB.`);
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new DataError(`${path} is no JSON.`, { hint: "Fetch it again.", cause });
  }
  const parsed = List.safeParse(content);
  if (parsed.success) return parsed.data.path_list;
  throw new DataError(`${path} has no path_list with names of files.`, { hint: "Fetch it again." });
}

/** The folder with the split's list: one that is named after it ("train_20250208_256"), or the one that was given. */
async function folderOf(directory: string, split: DatasetSplit): Promise<string> {
  const isThere = async (folder: string): Promise<boolean> =>
    (await stat(join(folder, LIST)).catch(() => undefined)) !== undefined;
  if (await isThere(directory)) {
    const own = splitOf(basename(resolve(directory))) ?? "train";
    if (own === split) return directory;
    throw new NoSplit(`${directory} has the split ${own}, no ${split}.`, {
      hint: "Point data.directory at the folder that holds the folders of the splits.",
    });
  }
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new DataError(`There is no folder ${directory}.`, { hint: "Check data.directory.", cause });
  });
  const found: string[] = [];
  for (const name of names.toSorted()) {
    if (splitOf(name) === split && (await isThere(join(directory, name)))) found.push(join(directory, name));
  }
  const [folder] = found;
  if (folder === undefined) {
    throw new NoSplit(`${directory} has no ${SPLIT_NAMES[split].join(" or ")} with ${LIST}.`, {
      hint: "Unpack the published archive, and point data.directory at one of its datasets.",
    });
  }
  if (found.length > 1) {
    throw new DataError(`${directory} has the split ${split} more than once: ${found.join(", ")}.`, {
      hint: "Point data.directory at one of them.",
    });
  }
  return folder;
}

function splitOf(name: string): DatasetSplit | undefined {
  const splits = Object.keys(SPLIT_NAMES) as DatasetSplit[];
  return splits.find((split) =>
    SPLIT_NAMES[split].some((one) => new RegExp(`^${one}([-_.].*)?$`).test(name)),
  );
}
