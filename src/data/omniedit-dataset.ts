/**
 * OmniEdit (TIGER-Lab/OmniEdit-Filtered-1.2M), and every dataset of ours, which has its columns. The first entry of
 * `edited_prompt_list` is the instruction, as in EARL's evaluation. Of rows that share an id the first is kept: the split
 * that was published twice holds the same rows twice.
 */

import { DataError } from "../errors.ts";
import type { BrokenRow, DatasetSplit, EditDataset, EditExample, EncodedPicture } from "./edit-dataset.ts";
import { DamagedRow, ParquetFile, type ParquetRecord } from "./parquet.ts";
import { splitFiles } from "./split-files.ts";

const COLUMNS = ["omni_edit_id", "task", "src_img", "edited_img", "edited_prompt_list"];
/** Read where the file has it. */
const THOUGHT = "thought";

interface Place {
  readonly file: ParquetFile;
  readonly row: number;
}

/** Opens a split in a folder. Throws DataError where there is no such split, or a file is not OmniEdit's. */
export async function openOmniEdit(directory: string, split: DatasetSplit): Promise<EditDataset> {
  const found = await splitFiles(directory, split);
  const files: ParquetFile[] = [];
  for (const path of found.files) files.push(await ParquetFile.open(path));
  const { places, repeated, notices } = await distinctRows(files);
  return {
    split,
    directory,
    count: places.length,
    repeated,
    files: files.map(({ path, rows }) => ({ path, rows })),
    notices: [...found.notices, ...notices],
    read: (indices) => readRows(places, indices),
  };
}

async function readRows(
  places: readonly Place[],
  indices: readonly number[],
): Promise<(EditExample | BrokenRow)[]> {
  const slots = new Map<ParquetFile, number[]>();
  for (const [slot, index] of indices.entries()) {
    const place = places[index];
    if (place === undefined) throw new RangeError(`There are ${places.length} rows, no row ${index}.`);
    const wanted = slots.get(place.file);
    if (wanted === undefined) slots.set(place.file, [slot]);
    else wanted.push(slot);
  }
  const rows: (EditExample | BrokenRow)[] = [];
  for (const [file, wanted] of slots) {
    const numbers = wanted.map((slot) => places[indices[slot]!]!.row);
    const records = await file.read(numbers, columnsOf(file));
    for (const [order, record] of records.entries()) {
      rows[wanted[order]!] = exampleOf(record, `${file.name}, row ${numbers[order]}`);
    }
  }
  return rows;
}

function columnsOf(file: ParquetFile): string[] {
  return file.columns.includes(THOUGHT) ? [...COLUMNS, THOUGHT] : COLUMNS;
}

interface DistinctRows {
  readonly places: readonly Place[];
  readonly repeated: number;
  readonly notices: readonly string[];
}

/** Every row but those that share an id with an earlier one. Rows whose id cannot be read are theirs alone. */
async function distinctRows(files: readonly ParquetFile[]): Promise<DistinctRows> {
  const places: Place[] = [];
  const seen = new Set<string>();
  let rows = 0;
  let example: string | undefined;
  for (const file of files) {
    file.requireColumns(COLUMNS);
    for await (const { row, cell } of file.column("omni_edit_id")) {
      rows += 1;
      if (typeof cell === "string") {
        if (seen.has(cell)) {
          example ??= cell;
          continue;
        }
        seen.add(cell);
      }
      places.push({ file, row });
    }
  }
  const where = files.map(({ path }) => path).join(", ");
  if (places.length === 0) {
    throw new DataError(`${where}: there is no row.`, { hint: "Fetch or write the dataset again." });
  }
  if (rows > 1 && places.length === 1) {
    throw new DataError(`${where}: all ${rows} rows share the id ${JSON.stringify(example)}.`, {
      hint: "Rows that share an id count once; give each its own in omni_edit_id.",
    });
  }
  const repeated = rows - places.length;
  return {
    places,
    repeated,
    notices:
      repeated === 0
        ? []
        : [
            `${repeated} of ${rows} rows share the id of an earlier row (as ${JSON.stringify(example)}) and are left out; the first is kept.`,
          ],
  };
}

function exampleOf(record: ParquetRecord | DamagedRow, origin: string): EditExample | BrokenRow {
  if (record instanceof DamagedRow) return { origin, broken: `it cannot be decoded (${record.reason})` };
  const id = textOf(record["omni_edit_id"]);
  const task = textOf(record["task"]);
  const instruction = instructionOf(record["edited_prompt_list"]);
  const source = pictureOf(record["src_img"]);
  const target = pictureOf(record["edited_img"]);
  if (id === undefined) return { origin, broken: "omni_edit_id is not a text" };
  if (task === undefined) return { origin, broken: "task is not a text" };
  if (instruction === undefined) {
    return { origin, broken: "the instruction is empty (edited_prompt_list needs a text in first place)" };
  }
  if (source === undefined) return { origin, broken: "src_img holds no picture" };
  if (target === undefined) return { origin, broken: "edited_img holds no picture" };
  const thought = record[THOUGHT];
  return {
    id,
    task,
    instruction,
    source,
    target,
    ...(typeof thought === "string" && thought !== "" ? { thought } : {}),
    origin,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function instructionOf(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  return typeof first === "string" && first.trim() !== "" ? first.trim() : undefined;
}

/** Looks whether there are bytes; what they are is seen when the picture is decoded. */
function pictureOf(value: unknown): EncodedPicture | undefined {
  const bytes: unknown =
    typeof value === "object" && value !== null && "bytes" in value ? value.bytes : undefined;
  return bytes instanceof Uint8Array && bytes.length > 0 ? bytes : undefined;
}
