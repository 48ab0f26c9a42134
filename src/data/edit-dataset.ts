/**
 * Edit examples and the datasets that hold them, whatever container they come from. A row that cannot be read is a
 * value, not an error: at a million rows there always is one, and whoever reads decides what it costs.
 */

import type { AnyChoice } from "../config/choice.ts";
import { decodePicture } from "../images/codec.ts";
import type { Picture } from "../images/picture.ts";
import type { CodeGrid } from "../tokens/vision-tokenizer.ts";
import type { DatasetCard } from "./dataset-card.ts";

/** A picture as it lies in a file: PNG, JPEG or WebP bytes. Decoded only when needed. */
export type EncodedPicture = Uint8Array;

/**
 * One edit. Its sides are pictures, code grids of them, or both: `source` and `codes.source` are never both absent, and
 * `target` and `codes.target` both are where the dataset has no edited picture.
 */
export interface EditExample {
  readonly id: string;
  /** Kind of edit as the dataset names it ("addition", "recolour", …). */
  readonly task: string;
  readonly instruction: string;
  /** Absent where the dataset holds codes alone. */
  readonly source?: EncodedPicture;
  /** The edited picture, where the dataset has one. */
  readonly target?: EncodedPicture;
  /** What a vision tokenizer made of the pictures before; whoever reads them must know that it is the policy's own. */
  readonly codes?: ExampleCodes;
  /** Where something changes, as the dataset draws it; of the source's shape. */
  readonly mask?: EncodedPicture;
  /** What the pictures show, in words, where the dataset says it. */
  readonly captions?: EditCaptions;
  /** What a benchmark asks of the edited picture. */
  readonly expected?: ExpectedEdit;
  /** Equal for edits of one source picture, or of one session of edits: splits must be disjoint by it. The id unless given. */
  readonly sourceKey?: string;
  /** What is where and what changes, written before the picture. */
  readonly thought?: string;
  /** Width and height of the picture that boxes in the thought are counted in, where they are not those of `source` or `codes`. */
  readonly thoughtSize?: readonly [width: number, height: number];
  /** Where it was read ("train-00000-of-00001.parquet, row 12"); names it in errors. */
  readonly origin?: string;
}

export interface EditCaptions {
  readonly source?: string;
  readonly target?: string;
  /** Of the target, what was edited alone. */
  readonly local?: string;
}

/** What must be seen in the edited picture, where it is not another picture. */
export interface ExpectedEdit {
  /** The style that it must have, in words. */
  readonly style?: string;
  /** Asked of who sees the picture, and the answer that is right. */
  readonly question?: { readonly text: string; readonly answer: string };
}

export interface ExampleCodes {
  readonly source: CodeGrid;
  readonly target?: CodeGrid;
}

/** A row that is no edit example. */
export interface BrokenRow {
  /** Where it lies ("train-00000-of-00001.parquet, row 12"). */
  readonly origin: string;
  /** What is wrong with it, as a clause without a full stop ("src_img holds no picture"). */
  readonly broken: string;
}

export function isBroken(row: EditExample | BrokenRow): row is BrokenRow {
  return "broken" in row;
}

/** A file of a dataset, and how many rows it has. */
export interface DatasetFile {
  readonly path: string;
  readonly rows: number;
  /** The folder it was asked for in, where that is not the dataset's: in a mixture, its source's. */
  readonly folder?: string;
  /** Name of the source that it belongs to, in a mixture. */
  readonly source?: string;
}

/** A dataset within a mixture. */
export interface DatasetPart {
  readonly name: string;
  /** As the config says it. */
  readonly weight: number;
  /** Its rows in this split. */
  readonly rows: number;
  /** Rows that the mixture has of it, repeated ones too. */
  readonly taken: number;
  /** The number (`numberOf`) of its first row; the others follow it. */
  readonly first: number;
}

export type DatasetSplit = "train" | "validation" | "test";

/** A split of an edit dataset, read as rows are needed. What every one must do is in edit-dataset.contract.ts. */
export interface EditDataset {
  /** The split that was asked for. */
  readonly split: DatasetSplit;
  /** Where it was asked for, as the config says it. */
  readonly directory: string;
  /** Rows, those that repeat an earlier one's id left out. */
  readonly count: number;
  /** Rows that were left out because an earlier one has their id. */
  readonly repeated: number;
  /** The files the rows come from. */
  readonly files: readonly DatasetFile[];
  /** What its user should know, in sentences: rows left out, files not read. */
  readonly notices: readonly string[];
  /** Whose it is and on which terms, where its kind is a published dataset. */
  readonly card?: DatasetCard;
  /** The vision tokenizer that made its examples' codes: where it lies, and what tells it from others. */
  readonly codesOf?: { readonly directory: string; readonly fingerprint: string };
  /** What it is made of, where it is a mixture. */
  readonly parts?: readonly DatasetPart[];
  /** In a mixture: SHA-256 of the numbers of its rows, in their order (32 bits each, little endian), in hex. */
  readonly order?: string;
  /** In a mixture: equal for rows that repeat one row, and within the range of the part that it comes from. */
  numberOf?(index: number): number;
  /**
   * Rows by number, in the order asked. What a number gives depends on the files alone, not on what was read before.
   * Throws DataError where a file is gone or its disk fails, RangeError for a number that is no row's.
   */
  read(indices: readonly number[]): Promise<(EditExample | BrokenRow)[]>;
}

/** What a kind of dataset is opened with, besides its options. */
export interface DatasetContext {
  readonly split: DatasetSplit;
  /** Opens datasets of any kind, for those that are made of others. */
  readonly open: (choice: AnyChoice, split: DatasetSplit) => Promise<EditDataset>;
  /** Hears of long work while a dataset is opened: what is read, and how much of it is. */
  readonly onProgress?: OpeningListener | undefined;
}

export type OpeningListener = (what: string, done: number, total: number) => void;

export interface ExamplePictures {
  /** Absent where the example has codes alone. */
  readonly source?: Picture;
  /** Absent where the example has none. */
  readonly target?: Picture;
}

/** The pictures of an example. Throws DataError that names file, row and picture where one is corrupt. */
export async function decodeExample({ source, target, ...example }: EditExample): Promise<ExamplePictures> {
  const label = `${example.origin ?? "example"} (${example.id})`;
  return {
    ...(source !== undefined && { source: await decodePicture(source, `${label}, source`) }),
    ...(target !== undefined && { target: await decodePicture(target, `${label}, target`) }),
  };
}
