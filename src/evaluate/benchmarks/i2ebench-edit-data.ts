/**
 * I2EBench's archive, unpacked: `EditData/TASK/TASK.json` with what is asked, `input/`, and beside it `gt/` for the tasks
 * that restore a picture or `mask/` for the one that must leave a region alone.
 */

import { readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";

import { isRecord } from "../../config/raw-settings.ts";
import { instructionOf, textOf } from "../../data/cells.ts";
import { pictureStore, type PictureStore } from "../../data/containers/picture-store.ts";
import type { BrokenRow, EditDataset, EditExample } from "../../data/edit-dataset.ts";
import { DataError } from "../../errors.ts";
import { expectedOf, I2EBENCH_TASKS } from "./i2ebench-tasks.ts";

const FOLDER = "EditData";

/** What an edit of a task is compared with, besides the source. */
type Compared = Pick<EditExample, "target" | "mask">;

export interface EditData {
  /** Nothing for the tasks that compare with nothing. `broken` where the archive lacks it or asks something else. */
  comparedWith(
    task: string,
    id: string,
    instruction: string,
  ): Promise<Compared | { readonly broken: string }>;
  /** All edits that lie there, tasks by name, each in its list's order. */
  edits(): EditDataset;
}

interface Entry {
  readonly task: string;
  readonly id: string;
  readonly asked: Readonly<Record<string, unknown>>;
}

/** Undefined where there is no such folder. Throws DataError for a list that cannot be read. */
export async function openEditData(directory: string): Promise<EditData | undefined> {
  const own = basename(resolve(directory)) === FOLDER ? directory : join(directory, FOLDER);
  if ((await stat(own).catch(() => undefined))?.isDirectory() !== true) return undefined;
  const entries = new Map<string, Entry>();
  const files: { path: string; rows: number }[] = [];
  for (const task of Object.keys(I2EBENCH_TASKS).toSorted()) {
    const path = join(own, task, `${task}.json`);
    const list = await listAt(path);
    for (const [id, asked] of list) entries.set(`${task}-${id}`, { task, id, asked });
    if (list.length > 0) files.push({ path, rows: list.length });
  }
  if (entries.size === 0) {
    throw new DataError(`${own} has no list of edits.`, {
      hint: `The archive has one a task, as ${join("Counting", "Counting.json")}.`,
    });
  }
  const pictures = await pictureStore(own);
  return {
    async comparedWith(task, id, instruction) {
      const entry = entries.get(`${task}-${id}`);
      if (entry === undefined) return { broken: `${own} has no edit ${id} of ${task}` };
      if (instructionOf(entry.asked["ori_exp"]) !== instruction) {
        return { broken: `${own} asks something else as edit ${id} of ${task}` };
      }
      return compared(entry, own, pictures);
    },
    edits: () => datasetOf({ directory, own, files, pictures, entries: [...entries.values()] }),
  };
}

async function listAt(path: string): Promise<[id: string, asked: Record<string, unknown>][]> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return [];
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${path} is no JSON.`, { hint: "Unpack the archive again.", cause });
  }
  if (!isRecord(content))
    throw new DataError(`${path} is no list of edits by number.`, { hint: "Unpack it again." });
  return Object.entries(content).map(([id, asked]) => [id, isRecord(asked) ? asked : {}]);
}

interface Opened {
  readonly directory: string;
  readonly own: string;
  readonly files: readonly { readonly path: string; readonly rows: number }[];
  readonly pictures: PictureStore;
  readonly entries: readonly Entry[];
}

function datasetOf({ directory, own, files, pictures, entries }: Opened): EditDataset {
  return {
    split: "test",
    directory,
    count: entries.length,
    repeated: 0,
    files,
    notices: [`All ${entries.length} edits of EditData are taken; EARL's 1,000 need its parquet file.`],
    read: async (indices) =>
      Promise.all(
        indices.map((index) => {
          const entry = entries[index];
          if (entry === undefined) throw new RangeError(`There are ${entries.length} rows, no row ${index}.`);
          return exampleOf(entry, own, pictures);
        }),
      ),
  };
}

async function exampleOf(
  entry: Entry,
  own: string,
  pictures: PictureStore,
): Promise<EditExample | BrokenRow> {
  const { task, id, asked } = entry;
  const origin = `${task}.json, edit ${id}`;
  const [instruction, name] = [instructionOf(asked["ori_exp"]), textOf(asked["image"])];
  if (instruction === undefined) return { origin, broken: "ori_exp is empty" };
  if (name === undefined) return { origin, broken: "image is not a text" };
  const source = await pictures.read(join(task, "input", name));
  if ("broken" in source) return { origin, broken: source.broken };
  const more = await compared(entry, own, pictures);
  if ("broken" in more) return { origin, broken: more.broken };
  return { id: `${task}-${id}`, task, instruction, source, ...more, ...expectedOf(asked), origin };
}

async function compared(
  { task, asked }: Entry,
  own: string,
  pictures: PictureStore,
): Promise<Compared | { readonly broken: string }> {
  const beside = I2EBENCH_TASKS[task]?.beside;
  if (beside === undefined) return {};
  const key = beside === "gt" ? "image" : "mask";
  const name = textOf(asked[key]);
  if (name === undefined) return { broken: `${key} of an edit of ${join(own, task)} is not a text` };
  const read = await pictures.read(join(task, beside, name));
  if ("broken" in read) return { broken: read.broken };
  return beside === "gt" ? { target: read } : { mask: read };
}
