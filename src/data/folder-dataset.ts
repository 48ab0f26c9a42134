/** Reads a user's own pairs: finds the container, the columns, and the pictures that a column names by their paths. */

import { dirname, relative } from "node:path";

import { DataError } from "../errors.ts";
import { captionsOf, instructionOf, nameOf, textOf } from "./cells.ts";
import { ArrowStream } from "./containers/arrow-stream.ts";
import { ParquetFile } from "./containers/parquet-file.ts";
import { pictureStore, type PictureStore } from "./containers/picture-store.ts";
import type { RowTable, TableRecord } from "./containers/row-table.ts";
import { SAMPLE_KEY, SampleShard } from "./containers/sample-shard.ts";
import { TableSeries } from "./containers/table-series.ts";
import { TextTable } from "./containers/text-table.ts";
import type { BrokenRow, DatasetSplit, EditDataset, EditExample } from "./edit-dataset.ts";
import type { FolderColumns } from "./folder.ts";
import { folderNamed } from "./named-files.ts";
import { NoSplit, splitFiles, type SplitFiles } from "./split-files.ts";
import { tableDataset, type FoundRow } from "./table-dataset.ts";

interface Container {
  readonly endings: readonly string[];
  readonly open: (path: string) => Promise<RowTable>;
}

/** The first one that has the split is read. */
const CONTAINERS: readonly Container[] = [
  { endings: [".parquet"], open: (path) => ParquetFile.open(path) },
  { endings: [".jsonl", ".ndjson"], open: (path) => TextTable.open(path) },
  { endings: [".csv", ".tsv"], open: (path) => TextTable.open(path) },
  { endings: [".tar"], open: (path) => SampleShard.open(path) },
  { endings: [".arrow"], open: (path) => ArrowStream.open(path) },
  { endings: [".json"], open: (path) => TextTable.open(path) },
];

/** What published sets call their columns, in the order in which they are looked for. */
const USUAL: Readonly<Record<keyof FolderColumns, readonly string[]>> = {
  source: [
    "source",
    "source_image",
    "source_img",
    "input",
    "input_image",
    "src_img",
    "original_image",
    "image",
    "before",
    "file_name",
  ],
  target: [
    "target",
    "target_image",
    "target_img",
    "output",
    "output_image",
    "edited_image",
    "edited_img",
    "after",
  ],
  instruction: ["instruction", "edit_instruction", "edit_prompt", "edited_prompt_list", "edit", "prompt"],
  id: ["id", "edit_id", "omni_edit_id", SAMPLE_KEY],
  task: ["task", "type", "category", "edit_type"],
  mask: ["mask", "mask_img", "mask_image"],
  thought: ["thought", "thinking"],
  sourceCaption: ["source_caption", "input_caption", "original_prompt"],
  targetCaption: ["target_caption", "output_caption", "edited_prompt"],
  sourceKey: ["source_key", "img_id", "source_id"],
};

type Columns = { readonly [Key in keyof FolderColumns]?: string | undefined };

/** Throws DataError where there is no such split, or no column of pictures or instructions can be told. */
export async function openFolder(
  directory: string,
  split: DatasetSplit,
  given: FolderColumns,
): Promise<EditDataset> {
  const { container, found } = await containerOf(directory, split);
  const tables: RowTable[] = [];
  for (const path of found.files) tables.push(await container.open(path));
  const series = new TableSeries(tables);
  const columns = columnsOf(series, given);
  const folder = await folderNamed(directory);
  const within = [...new Set(found.files.map((path) => relative(folder, dirname(path))))];
  const pictures = await pictureStore(folder, {
    within: [...within, ...within.map((one) => `${one}/images`), "images"],
  });
  const required = [columns.source!, columns.instruction!];
  const { id } = columns;
  return tableDataset(
    { split, directory, series, notices: found.notices },
    {
      columns: required,
      optional: [...new Set(Object.values(columns))].filter(
        (name): name is string => name !== undefined && !required.includes(name),
      ),
      // The key of a WebDataset's sample is its own, and looking for others would read every picture.
      ...(id !== undefined &&
        !(tables[0] instanceof SampleShard) && { id: { columns: [id], of: (record) => nameOf(record[id]) } }),
      exampleOf: (row) => exampleOf(row, columns, pictures),
    },
  );
}

async function containerOf(
  directory: string,
  split: DatasetSplit,
): Promise<{ readonly container: Container; readonly found: SplitFiles }> {
  let fault: unknown;
  for (const container of CONTAINERS) {
    try {
      return { container, found: await splitFiles(directory, split, { endings: container.endings }) };
    } catch (error) {
      if (!(error instanceof NoSplit)) throw error;
      fault ??= error;
    }
  }
  const [usual] = split === "validation" ? ["validation or dev"] : [split];
  throw new DataError(`${directory} has no file of the split ${split}.`, {
    hint: `Give a list a name that begins with ${usual}, as ${split}.jsonl, ${split}.csv or ${split}-00000.parquet, or put it into a folder ${split}.`,
    cause: fault,
  });
}

/** The column of each part: the one that was given, or the first usual one that is there. */
function columnsOf(series: TableSeries, given: FolderColumns): Columns {
  const there = series.columns;
  const columns: Record<string, string | undefined> = {};
  for (const [part, usual] of Object.entries(USUAL)) {
    const own = given[part as keyof FolderColumns];
    if (own !== undefined && !there.includes(own)) throw noColumn(`no column ${own}`, part, series);
    columns[part] = own ?? usual.find((name) => there.includes(name));
  }
  if (columns["source"] === undefined) throw noColumn("no column of source pictures", "source", series);
  if (columns["instruction"] === undefined)
    throw noColumn("no column of instructions", "instruction", series);
  return columns;
}

function noColumn(what: string, part: string, { tables, columns }: TableSeries): DataError {
  return new DataError(`${tables[0]?.path ?? "The list"} has ${what}.`, {
    hint: `Name it in data.columns.${part}; there are ${columns.join(", ") || "none"}.`,
  });
}

async function exampleOf(
  { record, origin, number }: FoundRow,
  columns: Columns,
  pictures: PictureStore,
): Promise<EditExample | BrokenRow> {
  const cell = (part: keyof FolderColumns): unknown => {
    const name = columns[part];
    return name === undefined ? undefined : record[name];
  };
  const instruction = instructionOf(cell("instruction"));
  if (instruction === undefined) return { origin, broken: `${columns.instruction} is empty or no text` };
  const source = await pictureIn(record, columns.source!, pictures);
  if ("broken" in source) return { origin, broken: source.broken };
  const target = columns.target === undefined ? undefined : await pictureIn(record, columns.target, pictures);
  if (target !== undefined && "broken" in target) return { origin, broken: target.broken };
  const drawn = columns.mask === undefined ? undefined : await pictureIn(record, columns.mask, pictures);
  const [thought, before, after] = (["thought", "sourceCaption", "targetCaption"] as const).map((part) =>
    textOf(cell(part)),
  );
  const sourceKey = nameOf(cell("sourceKey")) ?? pathIn(cell("source"));
  return {
    id: nameOf(cell("id")) ?? String(number),
    task: textOf(cell("task")) ?? "edit",
    instruction,
    source,
    ...(target !== undefined && { target }),
    ...(drawn !== undefined && !("broken" in drawn) && { mask: drawn }),
    ...captionsOf(before, after),
    ...(sourceKey !== undefined && { sourceKey }),
    ...(thought !== undefined && { thought }),
    origin,
  };
}

/** A cell holds the picture's bytes, with or without its name beside them, or the path of its file. */
async function pictureIn(
  record: TableRecord,
  name: string,
  pictures: PictureStore,
): Promise<Uint8Array | { readonly broken: string }> {
  const cell = record[name];
  const bytes = typeof cell === "object" && cell !== null && "bytes" in cell ? cell.bytes : cell;
  if (bytes instanceof Uint8Array && bytes.length > 0) return bytes;
  const file = pathIn(cell);
  return file === undefined ? { broken: `${name} holds no picture` } : pictures.read(file);
}

function pathIn(cell: unknown): string | undefined {
  return textOf(typeof cell === "object" && cell !== null && "path" in cell ? cell.path : cell);
}
