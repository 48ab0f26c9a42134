/**
 * The columns of prepared edits: code grids with what belongs to them, in parquet, so that other tools read them too.
 * Described for users in docs/data.md.
 */

import type { SchemaElement } from "hyparquet";

import type { EncodedPicture } from "../edit-dataset.ts";

export interface PreparedRow {
  readonly id: string;
  readonly task: string;
  readonly instruction: string;
  /** Boxes in it are in pixels of the picture that the codes are of. */
  readonly thought: string | null;
  readonly source_key: string;
  /** Of both grids. */
  readonly rows: number;
  readonly columns: number;
  /** Row by row. */
  readonly source_codes: readonly number[];
  readonly target_codes: readonly number[] | null;
  /** Where it was read: file and row. */
  readonly origin: string;
  /** PNG of what the codes are of; null unless pictures were asked for. */
  readonly source: EncodedPicture | null;
  readonly target: EncodedPicture | null;
}

const text = (name: string): SchemaElement => ({
  name,
  type: "BYTE_ARRAY",
  repetition_type: "OPTIONAL",
  converted_type: "UTF8",
  logical_type: { type: "STRING" },
});
const whole = (name: string): SchemaElement => ({ name, type: "INT32", repetition_type: "OPTIONAL" });
/** Lists have parquet's three levels, as pyarrow writes them. */
const wholes = (name: string): SchemaElement[] => [
  {
    name,
    repetition_type: "OPTIONAL",
    num_children: 1,
    converted_type: "LIST",
    logical_type: { type: "LIST" },
  },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  whole("element"),
];
const image = (name: string): SchemaElement[] => [
  { name, repetition_type: "OPTIONAL", num_children: 2 },
  { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
  text("path"),
];

export const PREPARED_COLUMNS = [
  "id",
  "task",
  "instruction",
  "thought",
  "source_key",
  "rows",
  "columns",
  "source_codes",
  "target_codes",
  "origin",
  "source",
  "target",
] as const satisfies readonly (keyof PreparedRow)[];

/** Elements in file order. */
export const PREPARED_SCHEMA: SchemaElement[] = [
  { name: "schema", repetition_type: "REQUIRED", num_children: PREPARED_COLUMNS.length },
  text("id"),
  text("task"),
  text("instruction"),
  text("thought"),
  text("source_key"),
  whole("rows"),
  whole("columns"),
  ...wholes("source_codes"),
  ...wholes("target_codes"),
  text("origin"),
  ...image("source"),
  ...image("target"),
];

/** The same types in the `datasets` library's own words. */
export const PREPARED_FEATURES = {
  info: {
    features: Object.fromEntries(PREPARED_COLUMNS.map((name) => [name, featureOf(name)])),
  },
};

function featureOf(name: (typeof PREPARED_COLUMNS)[number]): object {
  switch (name) {
    case "source":
    case "target":
      return { _type: "Image" };
    case "source_codes":
    case "target_codes":
      return { feature: { dtype: "int32", _type: "Value" }, _type: "List" };
    case "rows":
    case "columns":
      return { dtype: "int32", _type: "Value" };
    case "id":
    case "task":
    case "instruction":
    case "thought":
    case "source_key":
    case "origin":
      return { dtype: "string", _type: "Value" };
    default:
      return name satisfies never;
  }
}

/** The cell of a column, as the writer takes it. */
export function cellOf(row: PreparedRow, name: keyof PreparedRow): unknown {
  if (name !== "source" && name !== "target") return row[name];
  const bytes = row[name];
  return bytes === null ? null : { bytes, path: `${row.id}_${name}.png` };
}
