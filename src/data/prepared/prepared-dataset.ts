/** Reads what `earl data prepare` wrote: examples whose pictures are code grids already. */

import { DataError } from "../../errors.ts";
import type { CodeGrid } from "../../tokens/vision-tokenizer.ts";
import { pictureOf, textOf } from "../cells.ts";
import type { BrokenRow, DatasetSplit, EditDataset, EditExample } from "../edit-dataset.ts";
import { openParquetSplit } from "../split-tables.ts";
import { tableDataset, type FoundRow } from "../table-dataset.ts";
import { readPreparedRecord } from "./prepared-record.ts";
import { PREPARED_COLUMNS } from "./prepared-schema.ts";

/** Opens a split. Throws DataError where it is not there, or was not prepared to its end. */
export async function openPrepared(directory: string, split: DatasetSplit): Promise<EditDataset> {
  const prepared = readPreparedRecord(directory);
  if (prepared === undefined) {
    throw new DataError(`${directory} holds no prepared edits: it has no prepared.json.`, {
      hint: "`earl data prepare CONFIG --out DIR` makes such a folder.",
    });
  }
  const about = prepared.splits[split];
  if (about !== undefined && about.prepared === undefined) {
    throw new DataError(`The split ${split} of ${directory} is not prepared to its end.`, {
      hint: "Run the same `earl data prepare` again; it goes on where it was.",
    });
  }
  const dataset = await tableDataset(await openParquetSplit(directory, split), {
    columns: [...PREPARED_COLUMNS],
    id: { columns: ["id"], of: (record) => textOf(record["id"]) },
    exampleOf,
  });
  return { ...dataset, codesOf: { directory, fingerprint: prepared.vision.fingerprint } };
}

function exampleOf({ record, origin }: FoundRow): EditExample | BrokenRow {
  const [id, instruction] = [textOf(record["id"]), textOf(record["instruction"])];
  if (id === undefined) return { origin, broken: "id is not a text" };
  if (instruction === undefined) return { origin, broken: "instruction is not a text" };
  const source = gridOf(record, "source_codes");
  const target = record["target_codes"] === null ? null : gridOf(record, "target_codes");
  if (source === undefined) return { origin, broken: "source_codes do not fill rows × columns" };
  if (target === undefined) return { origin, broken: "target_codes do not fill rows × columns" };
  const pictures = { source: pictureOf(record["source"]), target: pictureOf(record["target"]) };
  const thought = textOf(record["thought"]);
  const sourceKey = textOf(record["source_key"]);
  return {
    id,
    task: textOf(record["task"]) ?? "",
    instruction,
    codes: { source, ...(target !== null && { target }) },
    ...(pictures.source !== undefined && { source: pictures.source }),
    ...(pictures.target !== undefined && { target: pictures.target }),
    ...(thought !== undefined && { thought }),
    ...(sourceKey !== undefined && { sourceKey }),
    origin,
  };
}

function gridOf(record: FoundRow["record"], name: "source_codes" | "target_codes"): CodeGrid | undefined {
  const { rows, columns, [name]: codes } = record;
  if (typeof rows !== "number" || typeof columns !== "number" || !isCodes(codes)) return undefined;
  if (rows < 1 || columns < 1 || codes.length !== rows * columns) return undefined;
  return { rows, columns, codes: Int32Array.from(codes) };
}

function isCodes(value: unknown): value is number[] {
  return (
    Array.isArray(value) && value.every((code: unknown) => typeof code === "number" && Number.isInteger(code))
  );
}
