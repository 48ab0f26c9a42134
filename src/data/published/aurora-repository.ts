/**
 * AURORA as its GitHub repository lies on a disk: `data/PART/train.json` a part, pictures in folders or in the archives
 * that they are published in (ag_images.zip and its like).
 */

import { stat } from "node:fs/promises";
import { join } from "node:path";

import { instructionOf, nameOf, textOf } from "../cells.ts";
import { pictureStore, type PictureStore } from "../containers/picture-store.ts";
import { TableSeries } from "../containers/table-series.ts";
import { TextTable } from "../containers/text-table.ts";
import type { BrokenRow, DatasetSplit, EditDataset, EditExample } from "../edit-dataset.ts";
import { SPLIT_NAMES } from "../split-files.ts";
import { tableDataset, type FoundRow } from "../table-dataset.ts";

interface Part {
  readonly name: string;
  readonly table: TextTable;
  readonly pictures: PictureStore;
}

/** The split, or undefined where no list of it lies there. Throws DataError for a list that cannot be read. */
export async function openRepository(
  directory: string,
  split: DatasetSplit,
  parts: readonly string[],
): Promise<EditDataset | undefined> {
  const found: Part[] = [];
  for (const name of parts) {
    const path = await listOf(directory, split, name);
    if (path === undefined) continue;
    const within = ["data", `data/${name}`, name, `data/${name}/images`, `${name}/images`, "images"];
    const archived = new RegExp(`^${name}`, "i");
    found.push({
      name,
      table: await TextTable.open(path),
      pictures: await pictureStore(directory, { within, archived }),
    });
  }
  if (found.length === 0) return undefined;
  const series = new TableSeries(found.map(({ table }) => table));
  return tableDataset(
    { split, directory, series },
    {
      columns: ["instruction", "input"],
      optional: ["output", "mask", "img_id"],
      exampleOf: (row) => {
        const { table, row: index } = series.placeOf(row.number);
        return exampleOf(
          row,
          index,
          found.find((part) => part.table === table)!,
        );
      },
    },
  );
}

async function listOf(directory: string, split: DatasetSplit, part: string): Promise<string | undefined> {
  for (const folder of [join(directory, "data", part), join(directory, part)]) {
    for (const name of SPLIT_NAMES[split]) {
      const path = join(folder, `${name}.json`);
      if ((await stat(path).catch(() => undefined)) !== undefined) return path;
    }
  }
  return undefined;
}

/** Rows have no id; the part and the row's number in its list stand for one. */
async function exampleOf(
  { record, origin: row }: FoundRow,
  index: number,
  { name, pictures }: Part,
): Promise<EditExample | BrokenRow> {
  const origin = `${name}/${row}`;
  const instruction = instructionOf(record["instruction"]);
  const [input, output, mask] = ["input", "output", "mask"].map((key) => textOf(record[key]));
  if (instruction === undefined) return { origin, broken: "the instruction is empty" };
  if (input === undefined) return { origin, broken: "input is not a text" };
  if (output === undefined && "output" in record) return { origin, broken: "output is not a text" };
  const source = await pictures.read(input);
  if ("broken" in source) return { origin, broken: source.broken };
  const target = output === undefined ? undefined : await pictures.read(output);
  if (target !== undefined && "broken" in target) return { origin, broken: target.broken };
  const drawn = mask === undefined ? undefined : await pictures.read(mask);
  const session = nameOf(record["img_id"]);
  return {
    id: `${name}-${index}`,
    task: name,
    instruction,
    source,
    ...(target !== undefined && { target }),
    ...(drawn !== undefined && !("broken" in drawn) && { mask: drawn }),
    sourceKey: session ?? `${name}/${input}`,
    origin,
  };
}
