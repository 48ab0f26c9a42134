/** VisMin: originals and their minimal changes are rows of one table; an edit joins two of them. */

import { z } from "zod";

import { DataError } from "../../errors.ts";
import { captionsOf, instructionOf, nameOf, pictureOf, textOf } from "../cells.ts";
import { DamagedRow, type TableRecord } from "../containers/row-table.ts";
import type { TableSeries } from "../containers/table-series.ts";
import type { DatasetKind } from "../dataset-kind.ts";
import type { BrokenRow, EditDataset, EditExample } from "../edit-dataset.ts";
import { damaged, repeatedNotice, type TableSplit } from "../table-dataset.ts";
import { directoryOption } from "./directory.ts";

const CATEGORIES = ["object", "attribute", "counting", "relation"] as const;

const Options = z.strictObject({
  ...directoryOption,
  categories: z
    .array(z.enum(CATEGORIES))
    .min(1)
    .optional()
    .describe("Categories of edits to read; all unless given."),
});

/** The column with the instruction was added later, under a name that its authors do not write down. */
const INSTRUCTIONS = ["edit_instruction", "instruction", "edit"];
const PICTURE_COLUMNS = ["image_id", "image", "caption"];

export const VISMIN: DatasetKind<typeof Options> = {
  about: "VisMin's Arrow files, as save_to_disk writes them: pairs of a picture and its minimal change.",
  options: Options,
  card: {
    title: "VisMin",
    hub: "mair-lab/vismin",
    page: "https://huggingface.co/datasets/mair-lab/vismin",
    licence: "CC-BY-SA-4.0",
    size: "train about 114,000 rows, 64,392 pairs (75 shards)",
  },
  open: async ({ directory, categories }, { split }) => {
    const { openArrowSplit } = await import("../split-tables.ts");
    return openPairs(await openArrowSplit(directory, split), categories);
  },
};

/** Rows of the two pictures of an edit; the source's is −1 where no row has the id that the edit names. */
interface PairRows {
  readonly source: Int32Array;
  readonly target: Int32Array;
  /** Ids of edits that are there already. */
  readonly repeated: readonly string[];
}

async function openPairs(
  { split, directory, series, notices = [] }: TableSplit,
  categories: readonly string[] | undefined,
): Promise<EditDataset> {
  series.requireColumns(["image_id", "image", "source_image_id", "category"]);
  const instruction = INSTRUCTIONS.find((name) => series.columns.includes(name));
  if (instruction === undefined) {
    throw new DataError(`${directory} has no column with instructions (${INSTRUCTIONS.join(", ")}).`, {
      hint: "Fetch the revision of mair-lab/vismin that has edit_instruction.",
    });
  }
  const { source, target, repeated } = await pairsOf(series, categories);
  if (target.length === 0) {
    throw new DataError(`${directory}, split ${split}: no row is an edit.`, {
      hint: "Edits are rows whose source_image_id names another row.",
    });
  }
  return {
    split,
    directory,
    count: target.length,
    repeated: repeated.length,
    files: series.tables.map(({ path, rows }) => ({ path, rows })),
    notices: [
      ...notices,
      ...repeatedNotice({
        repeated: repeated.length,
        rows: target.length + repeated.length,
        example: repeated[0],
      }),
    ],
    async read(indices) {
      for (const index of indices) {
        if (!(index >= 0 && index < target.length)) {
          throw new RangeError(`There are ${target.length} rows, no row ${index}.`);
        }
      }
      const edits = await series.read(
        indices.map((index) => target[index]!),
        [...PICTURE_COLUMNS, "source_image_id", "category", instruction],
      );
      const there = indices.map((index) => source[index]!).filter((row) => row >= 0);
      const originals = await series.read(there, PICTURE_COLUMNS);
      const originalOf = new Map(there.map((row, at) => [row, originals[at]!]));
      return indices.map((index, at) =>
        exampleOf(series.originOf(target[index]!), edits[at]!, originalOf.get(source[index]!), instruction),
      );
    },
  };
}

async function pairsOf(series: TableSeries, categories: readonly string[] | undefined): Promise<PairRows> {
  const rows = new Map<string, number>();
  const [targets, sources, repeated]: [number[], string[], string[]] = [[], [], []];
  let number = -1;
  for await (const record of series.scan(["image_id", "source_image_id", "category"])) {
    number += 1;
    if (record instanceof DamagedRow) continue;
    const id = nameOf(record["image_id"]);
    if (id !== undefined && !rows.has(id)) rows.set(id, number);
    const source = nameOf(record["source_image_id"]);
    if (source === undefined) continue;
    const category = textOf(record["category"]);
    if (categories !== undefined && !categories.includes(category ?? "")) continue;
    if (id !== undefined && rows.get(id) !== number) {
      repeated.push(id);
      continue;
    }
    targets.push(number);
    sources.push(source);
  }
  return {
    target: Int32Array.from(targets),
    source: Int32Array.from(sources, (id) => rows.get(id) ?? -1),
    repeated,
  };
}

function exampleOf(
  origin: string,
  edit: TableRecord | DamagedRow,
  original: TableRecord | DamagedRow | undefined,
  column: string,
): EditExample | BrokenRow {
  if (edit instanceof DamagedRow) return damaged(origin, edit);
  const [id, sourceKey] = [nameOf(edit["image_id"]), nameOf(edit["source_image_id"])];
  const task = textOf(edit["category"]);
  const instruction = instructionOf(edit[column]);
  const target = pictureOf(edit["image"]);
  if (id === undefined) return { origin, broken: "image_id is not a text" };
  if (task === undefined) return { origin, broken: "category is not a text" };
  if (instruction === undefined) return { origin, broken: `${column} is empty` };
  if (target === undefined) return { origin, broken: "image holds no picture" };
  if (original === undefined)
    return { origin, broken: `no row has its source_image_id ${String(sourceKey)}` };
  if (original instanceof DamagedRow)
    return { origin, broken: `its original cannot be decoded (${original.reason})` };
  const source = pictureOf(original["image"]);
  if (source === undefined) return { origin, broken: `its original ${String(sourceKey)} holds no picture` };
  const [before, after] = [textOf(original["caption"]), textOf(edit["caption"])];
  return {
    id,
    task,
    instruction,
    source,
    target,
    ...captionsOf(before, after),
    ...(sourceKey !== undefined && { sourceKey }),
    origin,
  };
}
