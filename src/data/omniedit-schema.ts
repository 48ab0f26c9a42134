/** The columns of OmniEdit's parquet files (TIGER-Lab/OmniEdit-Filtered-1.2M), and two of ours. */

import type { SchemaElement } from "hyparquet";

/** A picture as the `datasets` library stores it. */
export interface ImageCell {
  readonly bytes: Uint8Array;
  readonly path: string;
}

/** One row; scores and their reasons are null where no judge has looked at the pair. */
export interface OmniEditRow {
  readonly omni_edit_id: string;
  readonly task: string;
  readonly src_img: ImageCell;
  readonly edited_img: ImageCell;
  readonly edited_prompt_list: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly sc_score_1: number | null;
  readonly sc_score_2: number | null;
  readonly sc_reasoning: string | null;
  readonly pq_score: number | null;
  readonly o_score: number | null;
  readonly pq_reasoning: string | null;
  /** Ours: what is where and what changes. */
  readonly thought: string;
  /** Ours: how the edited picture is wrong on purpose, "none" where it is right. */
  readonly imperfection: string;
}

const text = (name: string): SchemaElement => ({
  name,
  type: "BYTE_ARRAY",
  repetition_type: "OPTIONAL",
  converted_type: "UTF8",
  logical_type: { type: "STRING" },
});
const whole = (name: string): SchemaElement => ({ name, type: "INT64", repetition_type: "OPTIONAL" });
const image = (name: string): SchemaElement[] => [
  { name, repetition_type: "OPTIONAL", num_children: 2 },
  { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
  text("path"),
];

export const OMNIEDIT_COLUMNS = [
  "omni_edit_id",
  "task",
  "src_img",
  "edited_img",
  "edited_prompt_list",
  "width",
  "height",
  "sc_score_1",
  "sc_score_2",
  "sc_reasoning",
  "pq_score",
  "o_score",
  "pq_reasoning",
  "thought",
  "imperfection",
] as const satisfies readonly (keyof OmniEditRow)[];

/** Schema elements in file order; lists have parquet's three levels, as pyarrow writes them. */
export const OMNIEDIT_SCHEMA: SchemaElement[] = [
  { name: "schema", repetition_type: "REQUIRED", num_children: OMNIEDIT_COLUMNS.length },
  text("omni_edit_id"),
  text("task"),
  ...image("src_img"),
  ...image("edited_img"),
  {
    name: "edited_prompt_list",
    repetition_type: "OPTIONAL",
    num_children: 1,
    converted_type: "LIST",
    logical_type: { type: "LIST" },
  },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  text("element"),
  whole("width"),
  whole("height"),
  whole("sc_score_1"),
  whole("sc_score_2"),
  text("sc_reasoning"),
  whole("pq_score"),
  { name: "o_score", type: "DOUBLE", repetition_type: "OPTIONAL" },
  text("pq_reasoning"),
  text("thought"),
  text("imperfection"),
];

/** The same types in the `datasets` library's own words, so that it decodes the pictures when it loads the file. */
export const HUGGINGFACE_FEATURES = {
  info: {
    features: Object.fromEntries(OMNIEDIT_COLUMNS.map((name) => [name, huggingFaceFeature(name)])),
  },
};

function huggingFaceFeature(name: (typeof OMNIEDIT_COLUMNS)[number]): object {
  switch (name) {
    case "src_img":
    case "edited_img":
      return { _type: "Image" };
    case "edited_prompt_list":
      return { feature: { dtype: "string", _type: "Value" }, _type: "List" };
    case "width":
    case "height":
    case "sc_score_1":
    case "sc_score_2":
    case "pq_score":
      return { dtype: "int64", _type: "Value" };
    case "o_score":
      return { dtype: "float64", _type: "Value" };
    case "omni_edit_id":
    case "task":
    case "sc_reasoning":
    case "pq_reasoning":
    case "thought":
    case "imperfection":
      return { dtype: "string", _type: "Value" };
    default:
      return name satisfies never;
  }
}
