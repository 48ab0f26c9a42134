/**
 * OmniEdit (TIGER-Lab/OmniEdit-Filtered-1.2M), and every dataset of ours, which has its columns. The first entry
 * of `edited_prompt_list` is the instruction, as in EARL's evaluation; rows that share an id count once.
 */

import { DataError } from "../errors.ts";
import type { DatasetSplit, EditDataset } from "./edit-dataset.ts";
import type { EditExample, EncodedPicture } from "./edit-example.ts";
import { ParquetFile, type ParquetRecord } from "./parquet.ts";
import { splitFiles } from "./split-files.ts";

const COLUMNS = ["omni_edit_id", "task", "src_img", "edited_img", "edited_prompt_list"];
/** Read where the file has it. */
const THOUGHT = "thought";

interface Place {
  readonly file: ParquetFile;
  readonly row: number;
}

/** Opens a split in a folder. Throws DataError where there is no such split, or a file is not OmniEdit's. */
export async function openEditDataset(directory: string, split: DatasetSplit): Promise<EditDataset> {
  return openOmniEditFiles(await splitFiles(directory, split), split);
}

/** Opens files that together are a split. */
export async function openOmniEditFiles(paths: readonly string[], split: DatasetSplit): Promise<EditDataset> {
  const files = await Promise.all(paths.map((path) => ParquetFile.open(path)));
  const places = await distinctRows(files);
  const read = async (indices: readonly number[]): Promise<EditExample[]> => {
    const examples: EditExample[] = [];
    const slots = new Map<ParquetFile, number[]>();
    for (const [slot, index] of indices.entries()) {
      const place = places[index];
      if (place === undefined) throw new RangeError(`${split} has ${places.length} rows, no row ${index}.`);
      const wanted = slots.get(place.file);
      if (wanted === undefined) slots.set(place.file, [slot]);
      else wanted.push(slot);
    }
    for (const [file, wanted] of slots) {
      const rows = wanted.map((slot) => (places[indices[slot] as number] as Place).row);
      const records = await file.read(rows, columnsOf(file));
      for (const [order, record] of records.entries()) {
        examples[wanted[order] as number] = exampleOf(record, file, rows[order] as number);
      }
    }
    return examples;
  };
  return {
    split,
    count: places.length,
    files: paths,
    read,
    readAll: () => read(places.map((_, index) => index)),
  };
}

function columnsOf(file: ParquetFile): string[] {
  return file.columns.includes(THOUGHT) ? [...COLUMNS, THOUGHT] : COLUMNS;
}

async function distinctRows(files: readonly ParquetFile[]): Promise<Place[]> {
  const places: Place[] = [];
  const seen = new Set<unknown>();
  for (const file of files) {
    file.requireColumns(COLUMNS);
    const ids = await file.readRange(0, file.rows, ["omni_edit_id"]);
    for (const [row, { omni_edit_id: id }] of ids.entries()) {
      if (seen.has(id)) continue;
      seen.add(id);
      places.push({ file, row });
    }
  }
  if (places.length === 0) {
    throw new DataError(`${files.map((file) => file.path).join(", ")}: there is no row.`, {
      hint: "Fetch or write the dataset again.",
    });
  }
  return places;
}

function exampleOf(record: ParquetRecord, file: ParquetFile, row: number): EditExample {
  const origin = `${file.name}, row ${row}`;
  const thought = record[THOUGHT];
  return {
    id: textOf(record["omni_edit_id"], `${origin}: omni_edit_id`),
    task: textOf(record["task"], `${origin}: task`),
    instruction: instructionOf(record["edited_prompt_list"], origin),
    source: pictureOf(record["src_img"], `${origin}: src_img`),
    target: pictureOf(record["edited_img"], `${origin}: edited_img`),
    ...(typeof thought === "string" && thought !== "" ? { thought } : {}),
    origin,
  };
}

function textOf(value: unknown, where: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new DataError(`${where} is not a text.`, { hint: "Repair or drop the row." });
}

function instructionOf(value: unknown, origin: string): string {
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  if (typeof first === "string" && first.trim() !== "") return first.trim();
  throw new DataError(`${origin}: the instruction is empty.`, {
    hint: "edited_prompt_list needs a text in first place; repair or drop the row.",
  });
}

/** Checks the first bytes only; what lies behind them is checked when the picture is decoded. */
function pictureOf(value: unknown, where: string): EncodedPicture {
  const bytes: unknown =
    typeof value === "object" && value !== null && "bytes" in value ? value.bytes : undefined;
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) {
    throw new DataError(`${where} holds no picture.`, { hint: "Repair or drop the row." });
  }
  return bytes;
}
