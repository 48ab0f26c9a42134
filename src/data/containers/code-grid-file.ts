/** A `.pth` file of EARL's tokenized data: a zip of `torch.save` with one pickle, whose arrays are code grids. */

import type { CodeGrid } from "../../tokens/vision-tokenizer.ts";
import { bytesSource } from "./byte-source.ts";
import { isPickledArray, type Pickled } from "./pickle-values.ts";
import { readPickle } from "./pickle.ts";
import { ZipArchive } from "./zip-archive.ts";

export interface StoredEdit {
  readonly id: string | undefined;
  readonly source: CodeGrid;
  readonly target: CodeGrid;
  readonly instruction: string | undefined;
  /** Parts of the thought by their key; empty where there is none. */
  readonly thought: Readonly<Record<string, string>>;
}

/** Sides of 32,767 pixels and more are none. */
const LONGEST_SIDE = 4096;
const READERS: Readonly<Record<string, { width: number; at: (bytes: Buffer, offset: number) => number }>> = {
  "<i8": { width: 8, at: (bytes, offset) => Number(bytes.readBigInt64LE(offset)) },
  "<u8": { width: 8, at: (bytes, offset) => Number(bytes.readBigUInt64LE(offset)) },
  "<i4": { width: 4, at: (bytes, offset) => bytes.readInt32LE(offset) },
  "<u4": { width: 4, at: (bytes, offset) => bytes.readUInt32LE(offset) },
  "<i2": { width: 2, at: (bytes, offset) => bytes.readInt16LE(offset) },
  "<u2": { width: 2, at: (bytes, offset) => bytes.readUInt16LE(offset) },
};

/** Throws Error where it is damaged, asks for code to be run, or holds no grids. */
export async function readStoredEdit(bytes: Uint8Array): Promise<StoredEdit> {
  const archive = await ZipArchive.of(bytesSource("the file", bytes));
  const name = [...archive.names()].find((one) => one === "data.pkl" || one.endsWith("/data.pkl"));
  if (name === undefined) throw new Error("it has no data.pkl, so torch.save did not write it");
  const record = readPickle((await archive.read(name))!);
  if (!(record instanceof Map)) throw new Error("its pickle is no dict");
  const text = (key: string): string | undefined => {
    const value = record.get(key);
    return typeof value === "string" ? value : undefined;
  };
  return {
    id: text("edit_id"),
    source: gridOf("original_image", record.get("original_image")),
    target: gridOf("edited_image", record.get("edited_image")),
    instruction: text("instruction"),
    thought: textsOf(record.get("CoT")),
  };
}

function gridOf(key: string, value: Pickled | undefined): CodeGrid {
  if (!isPickledArray(value)) throw new Error(`${key} is no array of NumPy`);
  const reader = READERS[value.type];
  if (reader === undefined) throw new Error(`${key} is of type ${value.type}, not of whole numbers`);
  const sides = value.shape.filter((_, at) => at >= value.shape.length - 2 || value.shape[at] !== 1);
  const [rows = 0, columns = 0] = sides;
  if (sides.length !== 2 || rows < 1 || columns < 1 || rows > LONGEST_SIDE || columns > LONGEST_SIDE) {
    throw new Error(`${key} has the shape ${value.shape.join(" × ")}, which is no grid`);
  }
  if (value.bytes.length !== rows * columns * reader.width) {
    throw new Error(`${key} has ${value.bytes.length} bytes for ${rows} × ${columns} codes`);
  }
  const bytes = Buffer.from(value.bytes.buffer, value.bytes.byteOffset, value.bytes.length);
  const codes = new Int32Array(rows * columns);
  for (const cell of codes.keys()) {
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    const stored = value.isFortran ? column * rows + row : cell;
    const code = reader.at(bytes, stored * reader.width);
    if (!(code >= 0 && code < 2 ** 31)) throw new Error(`${key} has the code ${code}`);
    codes[cell] = code;
  }
  return { rows, columns, codes };
}

function textsOf(value: Pickled | undefined): Record<string, string> {
  if (!(value instanceof Map)) return {};
  const texts = [...value].filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(texts.filter(([, text]) => text.trim() !== ""));
}
